"""One line that says what a change changed."""

from collections.abc import Mapping

import orjson

LONGEST_NAME = 80
MOST_NAMED = 3
# What is said of a kind of piece that came, went or differs.
_WORDS = {"came": "added", "went": "deleted", "differs": "changed"}


def summary_of(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Say in words what differs, such as "Topic 'Mitosis' changed"; `before` and `after` are pieces of states."""
    said = [_note_said(before, after), *_chapters_said(before, after)]
    deeds = [deed for deed in said if deed] + _topics_said(before, after)
    if not deeds:
        moved = any(before.get(name) != after.get(name) for name in {**before, **after})
        return "Order changed" if moved else "Nothing changed"
    named = deeds[:MOST_NAMED]
    more = len(deeds) - len(named)
    line = ", ".join(named) + (f" and {more} more" if more else "")
    return line[0].upper() + line[1:]


def _note_said(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    if before.get("title") != after.get("title"):
        return f"title changed to {_quoted(after['title'])}"
    return "tags changed" if before.get("tags") != after.get("tags") else ""


def _chapters_said(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    said = []
    for name in _different(before, after, "chapter:"):
        old, new = before.get(name), after.get(name)
        if old is not None and new is not None:
            said.append(f"chapter {_quoted(old)} renamed {_quoted(new)}")
        else:
            said.append(f"chapter {_quoted(old or new or '')} {_what_became(old, new)}")
    return said


def _topics_said(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    said = []
    unsaid = _topics_of_new_chapters(before, after) | _topics_of_new_chapters(after, before)
    for name in _different(before, after, "topic:"):
        old, new = before.get(name), after.get(name)
        if name in unsaid and (old is None or new is None):
            continue
        shown = orjson.loads(new or old or "[]")[0]
        said.append(f"topic {_quoted(shown)} {_what_became(old, new)}")
    return said


def _topics_of_new_chapters(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """Name the pieces of topics that came with their chapter."""
    new = [
        name.removeprefix("chapter:") for name in _different(before, after, "chapter:") if name not in before
    ]
    listed = [orjson.loads(after.get(f"topics:{chapter_id}", "[]")) for chapter_id in new]
    return {f"topic:{topic_id}" for ids in listed for topic_id in ids}


def _different(before: Mapping[str, str], after: Mapping[str, str], kind: str) -> list[str]:
    names = [name for name in {**before, **after} if name.startswith(kind)]
    return [name for name in names if before.get(name) != after.get(name)]


def _what_became(old: str | None, new: str | None) -> str:
    return _WORDS["came" if old is None else "went" if new is None else "differs"]


def _quoted(name: str) -> str:
    short = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
    return f"'{short}'"
