"""What the AI routes take and give."""

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from noteassist.api.schemas import BaseSchema, Identifier, Moment, PageQuery, Text
from noteassist.blueprints.auth.schemas import language_tag
from noteassist.models.ai import TOOLS
from noteassist.services.ai.downloads import FORMS

LEVELS = ("beginner", "intermediate", "advanced")
LENGTHS = ("short", "medium", "long")
FORMATS = ("paragraph", "bullets")
LANGUAGE_NAME = re.compile(r"[\w+#.-][\w+#. -]{0,48}[\w+#.-]|[\w+#.-]")


def programming_language_name(value: str) -> None:
    """Accept what can be the name of a programming language; raises ValidationError."""
    if not LANGUAGE_NAME.fullmatch(value):
        raise ValidationError("Not the name of a programming language.")


def something(value: str) -> None:
    """Refuse text that is nothing but white space; raises ValidationError."""
    if not value.strip():
        raise ValidationError("Only white space.")


def one_of(choices: tuple[str, ...], usual: str) -> fields.String:
    """Make the field of a choice with a usual answer."""
    return fields.String(validate=validate.OneOf(choices), load_default=usual)


def language_field() -> Text:
    """Make the field of the language to answer in."""
    about = {"description": "BCP 47, such as en or pt-BR."}
    return Text(1, 35, validate_also=language_tag, load_default=None, metadata=about)


def programming_language_field(**options: Any) -> Text:
    """Make the field of a programming language."""
    return Text(1, 50, trim=True, validate_also=programming_language_name, **options)


class GenerateIn(BaseSchema):
    """What is to be explained."""

    topic = Text(1, 500, validate_also=something, required=True)
    level = one_of(LEVELS, "intermediate")
    language = language_field()
    subject = Text(1, 200, load_default=None)


class ImproveIn(BaseSchema):
    """A text to improve."""

    content = Text(1, 20_000, validate_also=something, required=True)
    instructions = Text(1, 2000, load_default=None)
    language = language_field()


class SummarizeIn(BaseSchema):
    """A text to summarise."""

    content = Text(1, 60_000, validate_also=something, required=True)
    length = one_of(LENGTHS, "medium")
    format = one_of(FORMATS, "paragraph")
    language = language_field()


class CodeIn(BaseSchema):
    """What is to be programmed."""

    prompt = Text(1, 2000, validate_also=something, required=True)
    programming_language = programming_language_field(required=True)
    level = one_of(LEVELS, "intermediate")


class TopicAiIn(BaseSchema):
    """Which tool is to work on a topic."""

    tool = fields.String(required=True, validate=validate.OneOf(TOOLS))
    level = fields.String(validate=validate.OneOf(LEVELS))
    language = Text(1, 35, validate_also=language_tag)
    instructions = Text(1, 2000)
    length = fields.String(validate=validate.OneOf(LENGTHS))
    format = fields.String(validate=validate.OneOf(FORMATS))
    programming_language = programming_language_field()

    @validates_schema
    def refuse_options_of_other_tools(self, body: Mapping[str, Any], **_: Any) -> None:
        """Refuse an option that the chosen tool does not have."""
        foreign = set(body) - {"tool"} - OPTIONS.get(body.get("tool", ""), set(body))
        if foreign:
            raise ValidationError(
                {name: ["This tool does not have this option."] for name in sorted(foreign)}
            )


OPTIONS = {
    "generate": {"level", "language"},
    "improve": {"instructions", "language"},
    "summarize": {"length", "format", "language"},
    "code": {"programming_language", "level"},
}


class TaskAccepted(BaseSchema):
    """A task that was made."""

    task_id = fields.UUID(required=True)
    status = fields.String(required=True)
    status_url = fields.String(required=True)
    events_url = fields.String(required=True)


class Actions(BaseSchema):
    """Where to do something with an output; null where that is not possible."""

    save_to_note = fields.String(required=True)
    download = fields.String(required=True)
    upload_to_drive = fields.String(required=True, allow_none=True)


class OutputOut(BaseSchema):
    """Something an AI tool made."""

    id = Identifier(required=True)
    tool = fields.String(required=True, validate=validate.OneOf(TOOLS))
    title = fields.String(required=True)
    content = fields.String(required=True, metadata={"description": "Markdown."})
    language = fields.String(required=True)
    programming_language = fields.String(required=True, allow_none=True)
    provider = fields.String(required=True)
    model = fields.String(required=True)
    cached = fields.Boolean(required=True)
    tokens_used = fields.Integer(required=True)
    response_time = fields.Float(required=True, metadata={"description": "Seconds from request to answer."})
    download_count = fields.Integer(required=True)
    note_id = Identifier(required=True, allow_none=True)
    topic_id = Identifier(required=True, allow_none=True)
    diff = fields.String(required=True, allow_none=True, metadata={"description": "Unified diff."})
    drive_file_id = fields.String(required=True, allow_none=True)
    created_at = Moment(required=True)
    expires_at = Moment(required=True, allow_none=True)
    actions = fields.Nested(Actions, required=True)


class HistoryQuery(PageQuery):
    """Which outputs to list."""

    tool = fields.String(validate=validate.OneOf(TOOLS))


class SaveIn(BaseSchema):
    """Where an output is to be saved: a new note, or one that is there."""

    note_id = Identifier()
    chapter_id = Identifier()
    title = Text(1, 255, trim=True)


class Saved(BaseSchema):
    """Where an output was saved."""

    note_id = Identifier(required=True)
    topic_id = Identifier(required=True)
    message = fields.String(required=True)


class DownloadQuery(BaseSchema):
    """The form of a download."""

    format = fields.String(validate=validate.OneOf(tuple(FORMS)), load_default="md")


class ApplyIn(BaseSchema):
    """The topic that an output goes into."""

    topic_id = Identifier(required=True)


class Allowance(BaseSchema):
    """What was used and what is left."""

    used = fields.Integer(required=True)
    limit = fields.Integer(required=True)
    remaining = fields.Integer(required=True)
    reset = fields.Integer(required=True, metadata={"description": "Seconds until the next call comes free."})


class QuotaOut(BaseSchema):
    """The AI calls of this hour."""

    enforced = fields.Boolean(required=True)
    total = fields.Nested(Allowance, required=True)
    tools = fields.Dict(keys=fields.String(), values=fields.Nested(Allowance), required=True)
