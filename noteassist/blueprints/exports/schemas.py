"""What exports take and give."""

from marshmallow import fields, validate

from noteassist.api.schemas import BaseSchema, Identifier, Moment
from noteassist.services.exporting import FORMAT_NAMES, MOST_IDS


def format_field() -> fields.String:
    """Make the field of an export's format."""
    return fields.String(required=True, validate=validate.OneOf(FORMAT_NAMES))


class ExportQuery(BaseSchema):
    """The format of one note's file."""

    format = format_field()


class ExportIn(BaseSchema):
    """What is to be exported."""

    format = format_field()
    ids = fields.List(
        Identifier(),
        validate=validate.Length(1, MOST_IDS),
        metadata={"description": "Notes of the caller, in the order of the file; all of them without it."},
    )


class ExportOut(BaseSchema):
    """An export that is ready."""

    download_url = fields.String(required=True)
    expires_at = Moment(required=True)
    name = fields.String(required=True)
    size = fields.Integer(required=True, metadata={"description": "Bytes."})
