"""Making a note say again what it said at a revision."""

from collections.abc import Mapping
from typing import Any

from noteassist.security.actors import Actor
from noteassist.services import tree_changes
from noteassist.services.note_trees import Tree
from noteassist.services.notes import Expectation, finish_change, get_note, write_fields
from noteassist.services.revisions.reading import chapters_of, read_states, tags_of
from noteassist.services.versions import begin_write


def restore_revision(actor: Actor, note_id: int, number: int, *, expect: Expectation | None = None) -> Tree:
    """Make my note say what it said at a revision, as a new revision; gives the note's detail.

    Chapters and topics that are still there keep their ids, those that are gone are made anew. The status stays.
    Raises NotFound, PreconditionFailed.
    """
    begin_write(actor.user_id)
    tree = get_note(actor, note_id)
    if expect:
        expect(tree)
    [(_, state)] = read_states(actor.user_id, note_id, {number}).values()
    tree_changes.replace_chapters(actor.user_id, tree, _with_known_ids(tree, chapters_of(state)))
    at = write_fields(actor.user_id, tree, {"title": state["title"], "tags": tags_of(state)})
    return finish_change(actor, tree, at, origin="restore", summary=f"Revision {number} restored")


def _with_known_ids(tree: Tree, chapters: list[Tree]) -> list[Mapping[str, Any]]:
    """Take the ids off what is not in the note any more."""
    known_chapters = {chapter["id"] for chapter in tree["chapters"]}
    known_topics = {topic["id"] for chapter in tree["chapters"] for topic in chapter["topics"]}
    return [
        _with_id(chapter, known_chapters)
        | {"topics": [_with_id(topic, known_topics) for topic in chapter["topics"]]}
        for chapter in chapters
    ]


def _with_id(row: Tree, known: set[int]) -> Tree:
    return row if row["id"] in known else {name: value for name, value in row.items() if name != "id"}
