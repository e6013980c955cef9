"""Joplin's exports: JEX, a TAR archive, and RAW, the same files in a folder.

Each item is a file: title, empty line, body, empty line, and lines `key: value` which end with `type_`
(joplinapp.org/help/dev/spec/architecture and BaseItem.serialize in its source).
"""

import re
from dataclasses import dataclass, field

from noteassist.services.imports.archives import Archive
from noteassist.services.imports.drafts import Draft, Findings, clean_text, is_web_address, path_tags
from noteassist.services.imports.html_texts import to_markdown
from noteassist.services.imports.markup import outside_code
from noteassist.services.imports.outlines import outline
from noteassist.services.imports.texts import decode

NOTE, NOTEBOOK, RESOURCE, TAG, NOTE_TAG = "1", "2", "4", "5", "6"
ITEM = re.compile(r"(^|/)[0-9a-f]{32}\.md$")
FOOTER_LINE = re.compile(r"([a-z_]{1,60}):(?: (.*))?")
ITEM_LINK = re.compile(r"(!?)\[([^\[\]\n]{0,500})\]\(:/([0-9a-f]{32})[^)\n]{0,200}\)")
HTML = "2"
DEEPEST = 30


@dataclass
class Item:
    """One file of an export."""

    title: str
    body: str
    values: dict[str, str]

    def get(self, name: str) -> str:
        """Give a value, empty where there is none."""
        return self.values.get(name, "")


@dataclass
class Export:
    """All items of an export by their ids."""

    notes: dict[str, Item] = field(default_factory=dict)
    notebooks: dict[str, Item] = field(default_factory=dict)
    resources: dict[str, Item] = field(default_factory=dict)
    tags: dict[str, Item] = field(default_factory=dict)
    tagged: dict[str, list[str]] = field(default_factory=dict)

    def put(self, item: Item) -> None:
        """Sort an item in; those of other kinds (revisions, settings) say nothing about notes."""
        kinds = {NOTE: self.notes, NOTEBOOK: self.notebooks, RESOURCE: self.resources, TAG: self.tags}
        if item.get("type_") == NOTE_TAG:
            self.tagged.setdefault(item.get("note_id"), []).append(item.get("tag_id"))
        elif item.get("type_") in kinds:
            kinds[item.get("type_")][item.get("id")] = item

    def notebook_path(self, notebook_id: str) -> str:
        """Give the titles of a notebook and of those around it, from the outermost on."""
        titles: list[str] = []
        while notebook_id in self.notebooks and len(titles) < DEEPEST:
            titles.append(self.notebooks[notebook_id].title.replace("/", "-"))
            notebook_id = self.notebooks[notebook_id].get("parent_id")
        return "/".join(reversed(titles))


def looks_like_joplin(archive: Archive) -> bool:
    """Say whether an archive has Joplin's items, by what the first of them says."""
    names = [name for name in archive.entries if ITEM.search(name)]
    return bool(names) and parse_item(decode(archive.read(names[0]) or b"") or "") is not None


def read_joplin(archive: Archive, findings: Findings) -> None:
    """Make a note of each note of an export, with its notebooks and tags as tags."""
    export = Export()
    for name in archive.names():
        if ITEM.search(name):
            item = parse_item(decode(archive.read(name) or b"") or "")
            if item is None:
                findings.skip(name, "This item cannot be read.")
            else:
                export.put(item)
    for note in export.notes.values():
        _read_note(note, export, findings)
    for resource_id, resource in export.resources.items():
        findings.skip(resource.title or resource_id, "Pictures and other attachments are not imported.")


def parse_item(text: str) -> Item | None:
    """Read an item; None where it is none."""
    lines = clean_text(text).rstrip("\n").split("\n")
    values: dict[str, str] = {}
    while lines and (found := FOOTER_LINE.fullmatch(lines[-1])) is not None:
        values[found[1]] = found[2] or ""
        lines.pop()
    if "type_" not in values or ("id" not in values and values["type_"] != NOTE_TAG):
        return None
    title = lines[0].strip() if lines else ""
    return Item(title, "\n".join(lines[1:]).strip("\n"), values)


def _read_note(note: Item, export: Export, findings: Findings) -> None:
    shown = note.title or note.get("id")
    if note.get("encryption_applied") == "1":
        findings.skip(shown, "This note is encrypted; turn encryption off in Joplin and export again.")
        return
    if note.get("deleted_time") not in {"", "0"}:
        findings.skip(shown, "This note is in Joplin's trash.")
        return
    body = to_markdown(note.body) if note.get("markup_language") == HTML else note.body
    body = outside_code(body, lambda line: ITEM_LINK.sub(lambda match: _link(match, export), line))
    draft = outline(body, name=shown, title=note.title)
    tag_ids = export.tagged.get(note.get("id"), [])
    tags = [export.tags[tag_id].title for tag_id in tag_ids if tag_id in export.tags]
    draft["tags"] = [*tags, *path_tags(export.notebook_path(note.get("parent_id")))]
    draft["created_at"] = note.get("user_created_time") or note.get("created_time")
    draft["updated_at"] = note.get("user_updated_time") or note.get("updated_time")
    _add_source(draft, note.get("source_url"))
    findings.add(shown, draft)


def _link(match: re.Match[str], export: Export) -> str:
    """Of links to other items only their words are left."""
    is_picture, words, item_id = match[1], match[2], match[3]
    resource = export.resources.get(item_id)
    if is_picture or resource is not None:
        return f"*({words or (resource.title if resource else 'picture')})*"
    return words or (export.notes[item_id].title if item_id in export.notes else "")


def _add_source(draft: Draft, url: str) -> None:
    topics = [topic for chapter in draft["chapters"] for topic in chapter["topics"]]
    if topics and is_web_address(url):
        topics[0]["source"] = {"title": draft["title"], "url": url}
