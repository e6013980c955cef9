"""What imports take and give."""

from marshmallow import fields, validate

from noteassist.api.schemas import BaseSchema


class ImportQuery(BaseSchema):
    """How to import."""

    dry_run = fields.String(
        validate=validate.OneOf(["true", "false"]), load_default="false",
        metadata={"description": "true: say what would be made, and make nothing."},
    )  # fmt: skip


class LeftOut(BaseSchema):
    """What was left out or changed, and why."""

    file = fields.String(required=True)
    reason = fields.String(required=True)


class Imported(BaseSchema):
    """What was made."""

    created = fields.List(fields.Integer(), required=True, metadata={"description": "The ids of new notes."})
    skipped = fields.List(fields.Nested(LeftOut), required=True)


class PlannedNote(BaseSchema):
    """A note that would be made."""

    title = fields.String(required=True)
    chapters = fields.Integer(required=True)
    topics = fields.Integer(required=True)


class Preview(BaseSchema):
    """What would be made."""

    would_create = fields.List(fields.Nested(PlannedNote), required=True)
    skipped = fields.List(fields.Nested(LeftOut), required=True)
