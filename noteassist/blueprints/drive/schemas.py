"""What the routes of Google Drive take and give."""

from marshmallow import fields, validate

from noteassist.api.schemas import BaseSchema, Moment
from noteassist.services.drive.documents import NOTE_FORMATS, OUTPUT_FORMATS

FILE_ID = "^[A-Za-z0-9_-]{1,120}$"


class ConsentOut(BaseSchema):
    """Where to allow access."""

    authorization_url = fields.String(required=True)


class Connected(BaseSchema):
    """A connection that was just made."""

    connected = fields.Boolean(required=True)
    email = fields.String(required=True)


class DriveStatus(BaseSchema):
    """The connection."""

    connected = fields.Boolean(required=True)
    email = fields.String(required=True, allow_none=True)
    needs_reconnect = fields.Boolean(
        required=True, metadata={"description": "Google takes our access no more; uploads wait."}
    )
    connected_at = Moment(required=True, allow_none=True)


class ImportIn(BaseSchema):
    """A file that was picked in Drive."""

    file_id = fields.String(required=True, validate=validate.Regexp(FILE_ID))


class NoteUploadIn(BaseSchema):
    """The format of a note in Drive."""

    format = fields.String(required=True, validate=validate.OneOf(NOTE_FORMATS))


class OutputUploadIn(BaseSchema):
    """The format of an output in Drive."""

    format = fields.String(validate=validate.OneOf(OUTPUT_FORMATS), load_default="md")


class Uploaded(BaseSchema):
    """A file in Drive."""

    drive_file_id = fields.String(required=True)
    web_view_link = fields.String(required=True)
