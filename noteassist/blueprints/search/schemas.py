"""What the search takes and gives."""

from marshmallow import fields, validate

from noteassist.api.schemas import BaseSchema, PageQuery, Text

KINDS = ("note", "topic", "ai_output")
LONGEST_QUERY = 500


class SearchQuery(PageQuery):
    """What to look for."""

    q = Text(
        0,
        LONGEST_QUERY,
        load_default="",
        metadata={"description": 'Words, "phrases" and -exclusions; the last word may be half typed.'},
    )


class Hit(BaseSchema):
    """Something that was found."""

    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    id = fields.Integer(required=True, metadata={"description": "Of the note, topic or AI output."})
    note_id = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "The note it is in; null for an output in none."},
    )
    title = fields.String(required=True)
    snippet = fields.String(
        required=True,
        metadata={"description": "HTML: an excerpt, escaped, with what was found in <mark>."},
    )
    rank = fields.Float(required=True, metadata={"description": "From 0 to 1; the best first."})
