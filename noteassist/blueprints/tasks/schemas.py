"""What the task routes take and give."""

from marshmallow import fields, validate

from noteassist.api.schemas import BaseSchema, Moment, PageQuery
from noteassist.models.tasks import TASK_STATUSES

KINDS = (
    "generate",
    "improve",
    "summarize",
    "code",
    "export",
    "import",
    "drive_upload",
    "drive_import",
    "account_erasure",
)


class TaskError(BaseSchema):
    """Why a task failed."""

    code = fields.String(required=True)
    detail = fields.String(required=True)


class TaskOut(BaseSchema):
    """A task."""

    task_id = fields.UUID(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    status = fields.String(required=True, validate=validate.OneOf(TASK_STATUSES))
    progress = fields.Integer(required=True, validate=validate.Range(0, 100))
    message = fields.String(required=True)
    attempt = fields.Integer(required=True)
    next_try_at = Moment(required=True, allow_none=True)
    waiting_for = fields.String(
        required=True, allow_none=True, validate=validate.OneOf(("provider", "drive"))
    )
    result = fields.Dict(required=True, allow_none=True)
    error = fields.Nested(TaskError, required=True, allow_none=True)
    created_at = Moment(required=True)
    started_at = Moment(required=True, allow_none=True)
    finished_at = Moment(required=True, allow_none=True)


class TaskQuery(PageQuery):
    """Which tasks to list."""

    status = fields.String(validate=validate.OneOf(TASK_STATUSES))
    kind = fields.String(validate=validate.OneOf(KINDS))
