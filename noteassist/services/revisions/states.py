"""What a note says, in pieces, and the way back from one state to the one before.

The pieces are `title`, `tags`, `order` (of the chapters), `chapter:5` (a title), `topics:5` (their order in the
chapter), `topic:7` (what it says) and `times:7` (when it was made and changed), each as text. Whoever changes a note
needs to know only the pieces that may differ.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
import zstandard

State = dict[str, str]
# What pieces were before a change, None where they were not there.
Undo = dict[str, str | None]

LEVEL = 3


def title_piece(title: str) -> State:
    """Make the piece of a note's title."""
    return {"title": title}


def tags_piece(tags: Sequence[str]) -> State:
    """Make the piece of a note's tags."""
    return {"tags": _json(sorted(tags))}


def order_piece(chapter_ids: Sequence[int]) -> State:
    """Make the piece of the order of a note's chapters."""
    return {"order": _json(chapter_ids)}


def topics_piece(chapter_id: int, topic_ids: Sequence[int]) -> State:
    """Make the piece of the order of a chapter's topics."""
    return {f"topics:{chapter_id}": _json(topic_ids)}


def chapter_title_piece(chapter_id: int, title: str) -> State:
    """Make the piece of a chapter's title."""
    return {f"chapter:{chapter_id}": title}


def chapter_pieces(chapter: Mapping[str, Any]) -> State:
    """Make the pieces of a chapter with its topics."""
    pieces = chapter_title_piece(chapter["id"], chapter["title"])
    pieces |= topics_piece(chapter["id"], [topic["id"] for topic in chapter["topics"]])
    for topic in chapter["topics"]:
        pieces |= topic_pieces(topic)
    return pieces


def topic_pieces(topic: Mapping[str, Any]) -> State:
    """Make the pieces of a topic."""
    explanation, snippet, source = topic["explanation"], topic["code_snippet"], topic["source"]
    says = [
        topic["name"],
        explanation["content"] if explanation else None,
        [snippet["language"], snippet["code"]] if snippet else None,
        [source["title"], source["url"]] if source else None,
    ]
    times = [topic["created_at"], topic["updated_at"]]
    times += [part["updated_at"] if part else None for part in (explanation, snippet)]
    return {f"topic:{topic['id']}": _json(says), f"times:{topic['id']}": _json(times)}


def state_of(tree: Mapping[str, Any]) -> State:
    """Make the whole state of a note's detail."""
    state = title_piece(tree["title"]) | tags_piece(tree["tags"])
    state |= order_piece([chapter["id"] for chapter in tree["chapters"]])
    for chapter in tree["chapters"]:
        state |= chapter_pieces(chapter)
    return state


def undo_of(before: Mapping[str, str], after: Mapping[str, str]) -> Undo:
    """Make the way back from the pieces `after` to the pieces `before`: what each that differs was."""
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {name: before.get(name) for name in changed}


def says_otherwise(undo: Iterable[str]) -> bool:
    """Say whether more than times differs."""
    return any(not name.startswith("times:") for name in undo)


def packed_undo(undo: Mapping[str, str | None], after: Mapping[str, str]) -> bytes:
    """Write a way back for a row: the names of its pieces, and what they were, compressed against what they became.

    So an edit costs what it changed, however long the text and wherever in it.
    """
    written = orjson.dumps(undo)
    reference = _reference(undo, after)
    sizes = {"source_size": len(written), "dict_size": len(reference)}
    parameters = zstandard.ZstdCompressionParameters.from_level(LEVEL, **sizes)
    compressor = zstandard.ZstdCompressor(dict_data=_dictionary(reference), compression_params=parameters)
    return orjson.dumps(list(undo)) + b"\n" + compressor.compress(written)


def undone(state: Mapping[str, str], content: bytes) -> State:
    """Go back from a state the way that `packed_undo` wrote."""
    names, _, compressed = content.partition(b"\n")
    reference = _reference(orjson.loads(names), state)
    written = zstandard.ZstdDecompressor(dict_data=_dictionary(reference)).decompress(compressed)
    pieces = {**state, **orjson.loads(written)}
    return {name: piece for name, piece in pieces.items() if piece is not None}


def _reference(names: Iterable[str], state: Mapping[str, str]) -> bytes:
    # In the same form as what is compressed, so that the same texts are the same bytes.
    return orjson.dumps({name: state.get(name) for name in names})


def _dictionary(reference: bytes) -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict(reference, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


def packed(value: Any) -> bytes:
    """Compress a whole note for a row."""
    return zlib.compress(orjson.dumps(value))


def unpacked(content: bytes) -> Any:
    """Read what `packed` wrote."""
    return orjson.loads(zlib.decompress(content))


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
