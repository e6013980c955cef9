"""A note as plain text, for reading the difference between two states; the same state gives the same lines."""

from collections.abc import Iterator

import orjson

from noteassist.services.revisions.states import State


def rendered(state: State) -> list[str]:
    """Write a state as lines."""
    return list(_lines(state))


def _lines(state: State) -> Iterator[str]:
    yield f"# {state['title']}"
    if tags := orjson.loads(state["tags"]):
        yield f"Tags: {', '.join(tags)}"
    for chapter_id in orjson.loads(state["order"]):
        yield ""
        yield f"## {state[f'chapter:{chapter_id}']}"
        for topic_id in orjson.loads(state[f"topics:{chapter_id}"]):
            yield ""
            yield from _topic_lines(state[f"topic:{topic_id}"])


def _topic_lines(piece: str) -> Iterator[str]:
    name, text, snippet, source = orjson.loads(piece)
    yield f"### {name}"
    if text is not None:
        yield ""
        yield from text.splitlines()
    if snippet is not None:
        language, code = snippet
        yield ""
        yield f"Code ({language}):"
        yield from (f"    {line}" for line in code.splitlines())
    if source is not None:
        title, url = source
        yield ""
        yield f"Source: {title} <{url}>"
