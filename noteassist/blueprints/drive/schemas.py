"""What the routes of Google Drive take and give."""

from marshmallow import EXCLUDE, ValidationError, fields, validate, validates_schema

from noteassist.api.schemas import BaseSchema, Moment, Text
from noteassist.services.drive.documents import NOTE_FORMATS, OUTPUT_FORMATS

FILE_ID = "^[A-Za-z0-9_-]{1,120}$"


class ConsentOut(BaseSchema):
    """Where to allow access."""

    authorization_url = fields.String(required=True)


class ReturnQuery(BaseSchema):
    """What Google sends people back with; it may add more."""

    class Meta:
        """What Google adds is left alone."""

        unknown = EXCLUDE

    state = Text(1, 1024, required=True)
    code = Text(1, 2048)
    error = Text(1, 255)

    @validates_schema
    def require_code_or_error(self, query: dict[str, str], **_: object) -> None:
        """Refuse what has neither or both; raises ValidationError."""
        if ("code" in query) == ("error" in query):
            raise ValidationError({"code": ["Either code or error is needed."]})


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
