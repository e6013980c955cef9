"""What the administration's routes take and give."""

from marshmallow import ValidationError, fields, validate, validates_schema

from noteassist.api.schemas import (
    LARGEST_ID,
    BaseSchema,
    Identifier,
    Moment,
    PageQuery,
    QueryNumber,
    Switch,
    Text,
)
from noteassist.models.ai import TOOLS
from noteassist.models.tasks import TASK_STATUSES
from noteassist.queues import CATALOGUE

ROLES = ("user", "admin")
TIERS = ("FREE", "BASIC", "PRO")


class UserNumbers(BaseSchema):
    """How many users there are."""

    total = fields.Integer(required=True)
    active_this_week = fields.Integer(required=True)
    activity_rate = fields.Float(required=True, metadata={"description": "In percent."})


class ContentNumbers(BaseSchema):
    """How much they have written; what lies in the trash does not count."""

    total_notes = fields.Integer(required=True)
    total_topics = fields.Integer(required=True)
    avg_topics_per_note = fields.Float(required=True)


class AiNumbers(BaseSchema):
    """What the AI tools have answered since the beginning."""

    total_requests = fields.Integer(required=True)
    avg_response_time = fields.Float(required=True, metadata={"description": "In seconds."})
    total_tokens = fields.Integer(required=True)


class Overview(BaseSchema):
    """The whole instance in numbers."""

    users = fields.Nested(UserNumbers, required=True)
    content = fields.Nested(ContentNumbers, required=True)
    ai_usage = fields.Nested(AiNumbers, required=True)


class UserQuery(PageQuery):
    """Which users to list."""

    q = Text(1, 100, trim=True, metadata={"description": "Part of an address or a name."})
    role = fields.String(validate=validate.OneOf(ROLES))
    tier = fields.String(validate=validate.OneOf(TIERS))
    is_active = fields.Boolean(truthy={"true", "1"}, falsy={"false", "0"})


class ManagedUser(BaseSchema):
    """A user as administrators see them."""

    id = fields.Integer(required=True)
    email = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    subscription_tier = fields.String(required=True, validate=validate.OneOf(TIERS))
    is_active = fields.Boolean(required=True)
    is_email_verified = fields.Boolean(required=True)
    created_at = Moment(required=True)
    last_login_at = Moment(required=True, allow_none=True)


class UserCounts(BaseSchema):
    """What a user has, in numbers."""

    notes = fields.Integer(required=True)
    notes_in_trash = fields.Integer(required=True)
    topics = fields.Integer(required=True)
    ai_outputs = fields.Integer(required=True)
    ai_requests = fields.Integer(required=True)
    ai_tokens = fields.Integer(required=True)
    tasks = fields.Integer(required=True)
    sessions = fields.Integer(required=True)


class ManagedUserDetail(ManagedUser):
    """A user with what is theirs, in numbers."""

    counts = fields.Nested(UserCounts, required=True)


class UserChange(BaseSchema):
    """What an administrator may change of a user."""

    is_active = Switch()
    role = fields.String(validate=validate.OneOf(ROLES))
    subscription_tier = fields.String(validate=validate.OneOf(TIERS))


class ToolUse(BaseSchema):
    """The use of one tool."""

    type = fields.String(required=True, validate=validate.OneOf(TOOLS))
    requests = fields.Integer(required=True)
    cached = fields.Integer(required=True)
    tokens = fields.Integer(required=True)
    avg_response_time = fields.Float(required=True)


class ModelUse(BaseSchema):
    """The calls to one model; `priced` says whether AI_PRICES knows what they cost."""

    provider = fields.String(required=True)
    model = fields.String(required=True)
    calls = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    prompt_tokens = fields.Integer(required=True)
    completion_tokens = fields.Integer(required=True)
    avg_duration = fields.Float(required=True)
    cost = fields.Float(required=True)
    priced = fields.Boolean(required=True)


class UserUse(BaseSchema):
    """The use of one user."""

    user_id = fields.Integer(required=True)
    email = fields.String(required=True)
    requests = fields.Integer(required=True)
    tokens = fields.Integer(required=True)
    avg_response_time = fields.Float(required=True)
    cost = fields.Float(required=True)


class DayUse(BaseSchema):
    """The use of one day (UTC), of all tools and of each."""

    date = fields.Date(required=True)
    requests = fields.Integer(required=True)
    tokens = fields.Integer(required=True)
    avg_response_time = fields.Float(required=True)
    cost = fields.Float(required=True)
    generate = fields.Integer(required=True)
    improve = fields.Integer(required=True)
    summarize = fields.Integer(required=True)
    code = fields.Integer(required=True)


class InstanceAiUsage(BaseSchema):
    """AI use of 30 days; costs in dollars, by AI_PRICES."""

    period = fields.String(required=True)
    currency = fields.String(required=True)
    total_cost = fields.Float(required=True)
    unpriced = fields.List(fields.String(), required=True)
    by_type = fields.List(fields.Nested(ToolUse), required=True)
    by_model = fields.List(fields.Nested(ModelUse), required=True)
    by_user = fields.List(fields.Nested(UserUse), required=True)
    daily = fields.List(fields.Nested(DayUse), required=True)


class SystemStats(BaseSchema):
    """How each part of the server is."""

    database = fields.Dict(required=True)
    cache = fields.Dict(required=True)
    queue = fields.Dict(required=True)
    workers = fields.Dict(required=True)
    sandbox = fields.Dict(required=True)
    providers = fields.List(fields.Dict(), required=True)
    drive = fields.Dict(required=True)
    versions = fields.Dict(required=True)


class ManagedTaskQuery(PageQuery):
    """Which tasks to list."""

    status = fields.String(validate=validate.OneOf(TASK_STATUSES))
    kind = fields.String(validate=validate.OneOf(tuple(CATALOGUE)))
    user_id = QueryNumber(1, LARGEST_ID, data_key="user")


class TaskOwner(BaseSchema):
    """Whose a task is."""

    id = Identifier(required=True)
    email = fields.String(required=True)


class ManagedTaskError(BaseSchema):
    """Why a task failed."""

    code = fields.String(required=True)
    detail = fields.String(required=True)


class ManagedTask(BaseSchema):
    """A task as administrators see it: without what it was asked and what came of it."""

    task_id = fields.UUID(required=True)
    kind = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(TASK_STATUSES))
    user = fields.Nested(TaskOwner, required=True, allow_none=True)
    attempt = fields.Integer(required=True)
    failures = fields.Integer(required=True)
    progress = fields.Integer(required=True)
    message = fields.String(required=True)
    waiting_for = fields.String(required=True, allow_none=True)
    joined_to = fields.UUID(required=True, allow_none=True)
    error = fields.Nested(ManagedTaskError, required=True, allow_none=True)
    next_try_at = Moment(required=True, allow_none=True)
    created_at = Moment(required=True)
    started_at = Moment(required=True, allow_none=True)
    finished_at = Moment(required=True, allow_none=True)


class AuditQuery(PageQuery):
    """Which entries of the audit log to list."""

    actor_id = QueryNumber(1, LARGEST_ID, data_key="actor")
    action = Text(1, 60)
    target_kind = Text(1, 40)
    target_id = Text(1, 255)
    after = Moment()
    before = Moment()

    @validates_schema
    def require_order(self, values: dict[str, object], **_: object) -> None:
        """Refuse a stretch of time that ends before it begins; raises ValidationError."""
        after, before = values.get("after"), values.get("before")
        if after is not None and before is not None and after >= before:  # type: ignore[operator]  # both are times
            raise ValidationError("This is not later than after.", "before")


class AuditEntryOut(BaseSchema):
    """Who did what to whom, from where."""

    id = fields.Integer(required=True)
    created_at = Moment(required=True)
    actor_id = fields.Integer(required=True)
    actor_email = fields.String(required=True)
    action = fields.String(required=True)
    target_kind = fields.String(required=True)
    target_id = fields.String(required=True)
    details = fields.Dict(required=True)
    ip = fields.String(required=True)
    device = fields.String(required=True)
    request_id = fields.String(required=True)
