"""What the dashboard shows."""

from marshmallow import fields, validate

from noteassist.api.schemas import BaseSchema, Identifier, Moment, page_of
from noteassist.models.ai import TOOLS

KINDS = ("note_created", "note_updated", *TOOLS, "export", "import", "drive_upload", "drive_import")


class Statistics(BaseSchema):
    """What there is, and what is new on the last seven days."""

    total_notes = fields.Integer(required=True)
    total_chapters = fields.Integer(required=True)
    total_topics = fields.Integer(required=True)
    notes_this_week = fields.Integer(required=True)
    topics_this_week = fields.Integer(required=True)


class AiUses(BaseSchema):
    """How often AI tools were used."""

    total = fields.Integer(required=True)
    generate = fields.Integer(required=True)
    improve = fields.Integer(required=True)
    summarize = fields.Integer(required=True)
    code = fields.Integer(required=True)


class DashboardOverview(BaseSchema):
    """What there is."""

    statistics = fields.Nested(Statistics, required=True)
    ai_usage = fields.Nested(AiUses, required=True)
    last_activity = Moment(required=True, allow_none=True)


class Activity(BaseSchema):
    """Something that was done."""

    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    title = fields.String(required=True)
    summary = fields.String(required=True, metadata={"description": "What was done, in words."})
    note_id = Identifier(required=True, allow_none=True)
    output_id = Identifier(required=True, allow_none=True)
    task_id = fields.UUID(required=True, allow_none=True)
    happened_at = Moment(required=True)


ActivityPage = page_of(Activity)


class ToolUsage(BaseSchema):
    """How one tool was used; times are in seconds and leave answers from the cache out."""

    tool = fields.String(required=True, validate=validate.OneOf(TOOLS))
    count = fields.Integer(required=True)
    tokens = fields.Integer(required=True)
    cache_hits = fields.Integer(required=True)
    mean_response_time = fields.Float(required=True)
    p95_response_time = fields.Float(required=True)


class DayOfUsage(BaseSchema):
    """How AI tools were used on one day."""

    date = fields.Date(required=True)
    count = fields.Integer(required=True)
    tokens = fields.Integer(required=True)


class AiUsageStats(BaseSchema):
    """How AI tools were used: each tool ever, and each of 30 days."""

    by_type = fields.List(fields.Nested(ToolUsage), required=True)
    daily = fields.List(fields.Nested(DayOfUsage), required=True)


class DayOfProgress(BaseSchema):
    """What was written on one day."""

    date = fields.Date(required=True)
    notes = fields.Integer(required=True)
    topics = fields.Integer(required=True)


class Streak(BaseSchema):
    """Days in a row on which notes were written or changed."""

    current = fields.Integer(required=True, metadata={"description": "Up to today or yesterday."})
    longest = fields.Integer(required=True)


class Progress(BaseSchema):
    """Seven days, the last of them today, in the profile's time zone."""

    period = fields.String(required=True, validate=validate.Equal("7_days"))
    data = fields.List(fields.Nested(DayOfProgress), required=True)
    streak = fields.Nested(Streak, required=True)


class Dashboard(BaseSchema):
    """All of it."""

    overview = fields.Nested(DashboardOverview, required=True)
    recent_activity = fields.Nested(ActivityPage, required=True)
    ai_usage_stats = fields.Nested(AiUsageStats, required=True)
    weekly_progress = fields.Nested(Progress, required=True)
