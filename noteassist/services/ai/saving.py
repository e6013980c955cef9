"""Saving an output into one's notes."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import select, update

from noteassist import db
from noteassist.errors import NotFound
from noteassist.models import AiOutput, Chapter
from noteassist.security.actors import Actor
from noteassist.services.ai.outputs import get_output
from noteassist.services.ai.titles import code_in
from noteassist.services.chapters import add_chapter, get_chapter
from noteassist.services.notes import create_note, get_note
from noteassist.services.topics import add_topic, get_topic
from noteassist.services.versions import begin_write

CHAPTER_TITLES = {
    "generate": "Explanations",
    "improve": "Texts",
    "summarize": "Summaries",
    "code": "Code",
}
LONGEST_TITLE = 255


def save_to_note(actor: Actor, output_id: int, wishes: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Put my output into a note as a topic; gives where it is, and whether it was put there just now.

    Without a note or chapter in `wishes` a note is made. The same wishes again find the topic that is there, as
    long as it says what the output says. Raises NotFound, Unprocessable.
    """
    begin_write(actor.user_id)
    output = get_output(actor, output_id)
    digest = hashlib.sha256(orjson.dumps(dict(wishes), option=orjson.OPT_SORT_KEYS)).hexdigest()
    if (topic := _saved_before(actor, output, digest)) is not None:
        return _place(topic, "It is in your notes already."), False
    topic = _add(actor, output, wishes)
    own = (AiOutput.user_id == actor.user_id) & (AiOutput.id == output_id)
    where = {"note_id": topic["note_id"], "saved_topic_id": topic["id"], "saved_digest": digest}
    db.execute(update(AiOutput).where(own).values(**where, expires_at=None))
    return _place(topic, "Saved to your notes."), True


def _place(topic: Mapping[str, Any], message: str) -> dict[str, Any]:
    return {"note_id": topic["note_id"], "topic_id": topic["id"], "message": message}


def _saved_before(actor: Actor, output: Mapping[str, Any], digest: str) -> dict[str, Any] | None:
    own = (AiOutput.user_id == actor.user_id) & (AiOutput.id == output["id"])
    saved = db.rows(select(AiOutput.saved_topic_id, AiOutput.saved_digest).where(own))[0]
    if saved.saved_topic_id is None or saved.saved_digest != digest:
        return None
    try:
        topic = get_topic(actor, saved.saved_topic_id)
    except NotFound:
        return None
    explanation = topic["explanation"]
    return topic if explanation and explanation["content"] == output["content"] else None


def _add(actor: Actor, output: Mapping[str, Any], wishes: Mapping[str, Any]) -> dict[str, Any]:
    title = wishes.get("title") or output["title"][:LONGEST_TITLE]
    body = topic_body(output, title)
    if wishes.get("chapter_id") is not None:
        chapter = get_chapter(actor, wishes["chapter_id"])
        if wishes.get("note_id") not in {None, chapter["note_id"]}:
            raise NotFound
        return add_topic(actor, chapter["id"], origin="ai", **body)
    if wishes.get("note_id") is not None:
        return add_topic(actor, _chapter_for(actor, wishes["note_id"], output["tool"]), origin="ai", **body)
    chapters = [{"title": CHAPTER_TITLES[output["tool"]], "topics": [body]}]
    note = create_note(actor, title=title, chapters=chapters, origin="ai")
    return get_topic(actor, note["chapters"][0]["topics"][0]["id"])


def _chapter_for(actor: Actor, note_id: int, tool: str) -> int:
    """Find or make the chapter of a note where such outputs go."""
    get_note(actor, note_id)
    title = CHAPTER_TITLES[tool]
    own = (Chapter.user_id == actor.user_id) & (Chapter.note_id == note_id) & (Chapter.title == title)
    found = db.row(select(Chapter.id).where(own).order_by(Chapter.position.desc()))
    return int(found.id if found else add_chapter(actor, note_id, title=title, origin="ai")["id"])


def topic_body(output: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Make a topic of an output: its text, and for code the code apart."""
    body: dict[str, Any] = {"name": name, "explanation": {"content": output["content"]}}
    code = code_in(output["content"]) if output["tool"] == "code" else None
    if code is not None:
        language = output["programming_language"] or code[0] or "text"
        body["code_snippet"] = {"language": language, "code": code[1]}
    return body
