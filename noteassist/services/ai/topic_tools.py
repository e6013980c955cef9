"""AI tools over a topic of one's own, and putting what they made into it."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import select

from noteassist import db
from noteassist.config import Settings
from noteassist.errors import Conflict, Unprocessable
from noteassist.models import AiOutput
from noteassist.security.actors import Actor
from noteassist.services.ai.asking import Asked, Wish, ask
from noteassist.services.ai.keeping import replacement
from noteassist.services.ai.outputs import get_output
from noteassist.services.topics import get_topic, update_topic
from noteassist.services.versions import begin_write

LONGEST = {"improve": 20_000, "summarize": 60_000}
LONGEST_TASK = 2000


def ask_about_topic(
    settings: Settings, actor: Actor, topic_id: int, tool: str, options: Mapping[str, str | None]
) -> Asked:
    """Ask a tool about my topic, in the open transaction.

    Raises NotFound, Unprocessable where the topic has nothing for this tool, and what `ask` raises.
    """
    topic = get_topic(actor, topic_id)
    fields = _fields(topic, tool, options)
    about = {
        "id": topic_id,
        "name": topic["name"],
        "digest": digest_of(topic),
        "text": current_text(topic, tool),
    }
    return ask(settings, actor, Wish(tool, fields, about))


def current_text(topic: Mapping[str, Any], tool: str) -> str:
    """Give what an output of this tool would replace."""
    part, field = ("code_snippet", "code") if tool == "code" else ("explanation", "content")
    return topic[part][field] if topic[part] else ""


def digest_of(topic: Mapping[str, Any]) -> str:
    """Make a digest of all that a topic says: SHA-256 in hexadecimal."""
    parts = [topic["name"]]
    for part, field in (("explanation", "content"), ("code_snippet", "code")):
        parts.append(topic[part][field] if topic[part] else None)
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()


def _fields(topic: Mapping[str, Any], tool: str, options: Mapping[str, str | None]) -> dict[str, str | None]:
    if tool == "generate":
        return {"topic": topic["name"], **_chosen(options, "level", "language"), "subject": None}
    if tool == "code":
        return _code_fields(topic, options)
    text = current_text(topic, tool)
    if not text.strip():
        raise Unprocessable(errors={"json": {"tool": [f"This topic has no text to {tool}."]}})
    if len(text) > LONGEST[tool]:
        message = f"The topic's text is longer than the {LONGEST[tool]} characters that {tool} takes."
        raise Unprocessable(errors={"json": {"tool": [message]}})
    if tool == "improve":
        return {"content": text, **_chosen(options, "instructions", "language")}
    return {"content": text, **_chosen(options, "length", "format", "language")}


def _code_fields(topic: Mapping[str, Any], options: Mapping[str, str | None]) -> dict[str, str | None]:
    snippet = topic["code_snippet"]
    language = options.get("programming_language") or (snippet["language"] if snippet else None)
    if language is None:
        raise Unprocessable(errors={"json": {"programming_language": ["Missing data for required field."]}})
    words = topic["name"]
    if topic["explanation"]:
        words = f"{words}\n\n{topic['explanation']['content']}"
    task = words[:LONGEST_TASK]
    return {"prompt": task, "programming_language": language, **_chosen(options, "level")}


def _chosen(options: Mapping[str, str | None], *names: str) -> dict[str, str | None]:
    usual = {"level": "intermediate", "length": "medium", "format": "paragraph"}
    return {name: options.get(name) or usual.get(name) for name in names}


def apply_to_topic(actor: Actor, output_id: int, topic_id: int) -> dict[str, Any]:
    """Put my output into the topic it was made over, as a new revision; gives the topic.

    Raises NotFound, and Conflict: `other_topic` for an output that was not made over this topic, `topic_changed`.
    """
    begin_write(actor.user_id)
    output = get_output(actor, output_id)
    topic = get_topic(actor, topic_id)
    own = (AiOutput.user_id == actor.user_id) & (AiOutput.id == output_id)
    made_over = db.rows(select(AiOutput.topic_id, AiOutput.topic_digest).where(own))[0]
    if made_over.topic_id != topic_id:
        raise Conflict("This output was not made over this topic.", code="other_topic")
    if made_over.topic_digest != digest_of(topic):
        raise Conflict("The topic has changed since; ask the tool again.", code="topic_changed")
    return update_topic(
        actor, topic_id, _change(topic, output), origin="ai", remark=f" by AI ({output['tool']})"
    )


def _change(topic: Mapping[str, Any], output: Mapping[str, Any]) -> dict[str, Any]:
    new = replacement(output["tool"], output["content"])
    if output["tool"] != "code":
        return {"explanation": {"content": new}}
    snippet = topic["code_snippet"]
    language = output["programming_language"] or (snippet["language"] if snippet else "text")
    return {"code_snippet": {"language": language, "code": new}}
