"""Routes of notifications."""

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields, validate

from noteassist.api.answers import thing
from noteassist.api.blueprints import IDEMPOTENCY_KEY, IF_NONE_MATCH, LAST_EVENT_ID, Blueprint
from noteassist.api.pages import answer_page, page_request
from noteassist.api.schemas import BaseSchema, Identifier, Moment, PageQuery, page_of
from noteassist.api.streams import answer_stream, last_event_id
from noteassist.security.guards import current_actor, signed_in
from noteassist.services import notifications as service

notifications = Blueprint(
    "notifications",
    __name__,
    url_prefix="/api/notifications",
    guard=signed_in,
    description="What has happened meanwhile.",
)


class NotificationOut(BaseSchema):
    """Something that you are told once."""

    id = Identifier(required=True)
    type = fields.String(required=True, validate=validate.OneOf(("info", "success", "warning", "error")))
    title = fields.String(required=True)
    message = fields.String(required=True)
    action_id = fields.String(
        required=True, allow_none=True, metadata={"description": "What it is about: a task's id."}
    )
    created_at = Moment(required=True)
    read_at = Moment(required=True, allow_none=True)


NotificationPage = page_of(NotificationOut)


class MarkedRead(BaseSchema):
    """How many were marked."""

    marked = fields.Integer(required=True)


@notifications.route("/")
class Notifications(MethodView):
    """My notifications."""

    @notifications.gives(200, NotificationPage, headers=(IF_NONE_MATCH,), has_query=True)
    @notifications.takes(PageQuery, location="query")
    def get(self, query: dict[str, Any]) -> Response:
        """List my notifications, newest first."""
        return answer_page(service.list_notifications(current_actor(), page_request(query)))


@notifications.route("/pending/")
class Pending(MethodView):
    """Those that I have not read."""

    @notifications.gives(200, NotificationPage, headers=(IF_NONE_MATCH,), has_query=True)
    @notifications.takes(PageQuery, location="query")
    def get(self, query: dict[str, Any]) -> Response:
        """List my unread notifications, newest first."""
        page = page_request(query)
        return answer_page(service.list_notifications(current_actor(), page, only_unread=True))


@notifications.route("/<id:notification_id>/read/")
class Read(MethodView):
    """Reading one."""

    @notifications.gives(200, NotificationOut, headers=(IDEMPOTENCY_KEY,), refusals=(400, 404, 409))
    def post(self, notification_id: int) -> Response:
        """Mark a notification as read."""
        return thing(service.mark_read(current_actor(), notification_id))


@notifications.route("/read-all/")
class ReadAll(MethodView):
    """Reading all."""

    @notifications.gives(200, MarkedRead, headers=(IDEMPOTENCY_KEY,), refusals=(400, 409))
    def post(self) -> Response:
        """Mark all my notifications as read."""
        return thing({"marked": service.mark_all_read(current_actor())})


@notifications.route("/stream/")
class Stream(MethodView):
    """Notifications as they come."""

    @notifications.gives(200, headers=(LAST_EVENT_ID,))
    def get(self) -> Response:
        """Follow my notifications live; with Last-Event-ID from that one on."""
        return answer_stream(service.Watch(current_actor(), last_event_id()))
