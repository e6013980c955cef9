"""What running code takes and gives."""

from marshmallow import fields, validate

from noteassist.api.schemas import BaseSchema, Text
from noteassist.blueprints.notes.schemas import LONGEST_TEXT
from noteassist.services.sandbox.languages import LANGUAGES

LONGEST_STDIN = 100_000
STOPPED_BY = ("wall_time", "cpu_time", "memory", "files", "output")


class ProgramIn(BaseSchema):
    """A program."""

    language = fields.String(required=True, validate=validate.OneOf(list(LANGUAGES)))
    code = Text(0, LONGEST_TEXT, required=True)
    stdin = Text(0, LONGEST_STDIN, load_default="", metadata={"description": "What the program reads."})


class TopicProgramIn(BaseSchema):
    """A program over a topic: what is left out is the topic's own."""

    language = fields.String(
        validate=validate.OneOf(list(LANGUAGES)), metadata={"description": "Default: the topic's."}
    )
    code = Text(0, LONGEST_TEXT, metadata={"description": "Default: the topic's."})
    stdin = Text(0, LONGEST_STDIN, load_default="", metadata={"description": "What the program reads."})


class RunOut(BaseSchema):
    """What became of a program."""

    stdout = fields.String(required=True)
    stderr = fields.String(required=True)
    exit_code = fields.Integer(
        required=True, metadata={"description": "128 and the signal's number where a signal ended it."}
    )
    timed_out = fields.Boolean(required=True)
    truncated = fields.Boolean(
        required=True, metadata={"description": "Whether it wrote more than stands here."}
    )
    stopped_by = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(STOPPED_BY),
        metadata={"description": "The limit that ended it."},
    )
    duration_ms = fields.Integer(required=True)
