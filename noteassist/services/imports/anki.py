"""Anki's packages (`.apkg`): each deck is a note, its sub-decks are chapters, each card is a topic.

Of our own cards each says itself which note and chapter its topic belongs to.
"""

import json
import re
from collections.abc import Sequence

import zstandard

from noteassist.services.imports import anki_own, anki_templates, limits, protobuf
from noteassist.services.imports.anki_collections import Card, deck_path, read_cards
from noteassist.services.imports.archives import Archive
from noteassist.services.imports.drafts import LONGEST_TITLE, Draft, Findings, clean_line, path_tags
from noteassist.services.imports.html_texts import to_markdown
from noteassist.services.imports.outlines import plain
from noteassist.services.imports.refusals import too_large, unreadable

# The newest first: what comes before is then only a message to update Anki.
COLLECTIONS = ("collection.anki21b", "collection.anki21", "collection.anki2")
ZSTD_SIGN = b"\x28\xb5\x2f\xfd"
# How pictures and sounds stand in the text, where they are not imported themselves.
MEDIA = re.compile(r"\*\([^()\n]{1,300}\)\*")
LARGEST_MEDIA_LIST = 5 * limits.MEBIBYTE


def is_package(archive: Archive) -> bool:
    """Say whether an archive is an Anki package."""
    return any(name in archive.entries for name in COLLECTIONS)


def read_package(archive: Archive, findings: Findings) -> None:
    """Make a note of each deck of a package; raises Refused."""
    name = next(name for name in COLLECTIONS if name in archive.entries)
    content = archive.read(name, limits.COLLECTION_BYTES, is_text=False)
    if content is None:
        raise too_large("The cards in this package are more than 96 MiB.")
    if content.startswith(ZSTD_SIGN):
        content = _decompressed(content, limits.COLLECTION_BYTES)
    decks: dict[str, list[Card]] = {}
    own_notes: dict[tuple[str, str], list[Card]] = {}
    for card in read_cards(content):
        deck = deck_path(card.deck)[0]
        if anki_own.is_own(card.note_type) and len(card.fields) >= len(anki_own.FIELDS):
            # Other templates, which people add, make more cards of the same topic.
            if card.number == 0:
                own_notes.setdefault((deck, anki_own.title_of(card)), []).append(card)
        else:
            decks.setdefault(deck, []).append(card)
    for (deck, title), cards in own_notes.items():
        tags = [tag for card in cards for tag in card.tags]
        note = {"title": title, "tags": dict.fromkeys(tags), "chapters": anki_own.chapters_of(cards)}
        findings.add(deck, note)
    for deck, cards in decks.items():
        findings.add(deck, _note(deck, cards))
    for media in _media_names(archive):
        findings.skip(media, "Pictures and sounds are not imported.")


def _note(deck: str, cards: Sequence[Card]) -> Draft:
    chapters: dict[str, list[Draft]] = {}
    tags: dict[str, int] = {}
    for card in cards:
        title = " / ".join(deck_path(card.deck)[1:]) or deck
        chapters.setdefault(title, []).append(_topic(card))
        for tag in card.tags:
            for part in path_tags(tag.replace("::", "/")):
                tags[part] = tags.get(part, 0) + 1
    # Where there are more tags than a note may have, those of most cards come first.
    common = sorted(tags, key=lambda tag: -tags[tag])
    return {
        "title": deck,
        "tags": common,
        "chapters": [{"title": title, "topics": topics} for title, topics in chapters.items()],
    }


def _topic(card: Card) -> Draft:
    front, back = _sides(card)
    shown = MEDIA.sub("", front)
    first = clean_line(plain(next((line for line in shown.split("\n") if line.strip(" -*>#`")), "")))
    name = first[: LONGEST_TITLE - 1] + "…" if len(first) > LONGEST_TITLE else first
    # The front is told again where the name, one line without marks, does not say all of it.
    is_told = clean_line(front) == name
    text = back if is_told else "\n\n---\n\n".join(part for part in (front, back) if part)
    return {"name": name or "Card", "explanation": {"content": text} if text else None}


def _sides(card: Card) -> tuple[str, str]:
    """Give both sides of a card as Markdown; without a template they are its first field and the others."""
    kind = card.note_type
    values = dict(zip(kind.fields, card.fields, strict=False)) | {"Tags": " ".join(card.tags)}
    template = kind.templates.get(0 if kind.is_cloze else card.number)
    front = back = ""
    if template is not None:
        number = card.number + 1
        front = to_markdown(anki_templates.front_side(template[0], values, number))
        back = to_markdown(anki_templates.back_side(template[1], values, number))
    if not front:
        front = to_markdown(card.fields[0])
        back = to_markdown("<br><br>".join(card.fields[1:]))
    return front, _without_repetition(front, back)


def _without_repetition(front: str, back: str) -> str:
    """Take a front off the start of a back whose template repeats its fields instead of saying FrontSide."""
    return re.sub(r"\A\s*(---\s*)?", "", back.removeprefix(front)) if front else back


def _decompressed(content: bytes, largest: int) -> bytes:
    try:
        with zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(content) as stream:
            found = bytearray()
            while chunk := stream.read(limits.MEBIBYTE):
                found += chunk
                if len(found) > largest:
                    raise too_large("The cards in this package are more than 96 MiB.")
    except zstandard.ZstdError as error:
        raise unreadable("The package is damaged.") from error
    return bytes(found)


def _media_names(archive: Archive) -> list[str]:
    """List the media of a package by their own names, as its list says (JSON, or Protocol Buffers in new ones)."""
    content = archive.read("media", LARGEST_MEDIA_LIST) if "media" in archive.entries else None
    if not content:
        return []
    if content.startswith(ZSTD_SIGN):
        content = _decompressed(content, LARGEST_MEDIA_LIST)
        entries = [value for number, value in protobuf.fields(content) if number == 1]
        return [protobuf.text_field(entry, 1) for entry in entries if isinstance(entry, bytes)]
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return []
    return [str(name) for name in found.values()] if isinstance(found, dict) else []
