"""Routes of the administration."""

import uuid
from typing import Any

from flask import Response
from flask.views import MethodView

from noteassist.api.answers import thing
from noteassist.api.blueprints import IDEMPOTENCY_KEY, IF_NONE_MATCH, Blueprint
from noteassist.api.pages import answer_page, page_request
from noteassist.api.schemas import page_of
from noteassist.api.settings import current_settings
from noteassist.blueprints.admin import figures, schemas
from noteassist.security.guards import admin_only, current_actor, current_origin
from noteassist.services import audit
from noteassist.services.administration import system, tasks, users

admin = Blueprint(
    "admin",
    __name__,
    url_prefix="/api/admin",
    guard=admin_only,
    description="The whole instance, for administrators who are signed in; API keys are not let in.",
)

PAGING = frozenset({"page_size", "cursor"})


def filters(query: dict[str, Any]) -> dict[str, Any]:
    """Give what a query asks for beside the page."""
    return {name: value for name, value in query.items() if name not in PAGING}


@admin.route("/overview/")
class Overview(MethodView):
    """The numbers of the instance."""

    @admin.gives(200, schemas.Overview, headers=(IF_NONE_MATCH,))
    def get(self) -> Response:
        """Count users, content and AI use; on a large instance the numbers may be a minute old."""
        return thing(figures.overview())


@admin.route("/users/")
class Users(MethodView):
    """All users."""

    @admin.gives(200, page_of(schemas.ManagedUser), headers=(IF_NONE_MATCH,), has_query=True)
    @admin.takes(schemas.UserQuery, location="query")
    def get(self, query: dict[str, Any]) -> Response:
        """List users, newest first."""
        return answer_page(users.list_users(page_request(query), users.UserFilter(**filters(query))))


@admin.route("/users/<id:user_id>/")
class User(MethodView):
    """One user."""

    @admin.gives(200, schemas.ManagedUserDetail, headers=(IF_NONE_MATCH,), refusals=(404,))
    def get(self, user_id: int) -> Response:
        """Show a user with what is theirs, in numbers."""
        return thing(users.get_user(user_id))

    @admin.gives(200, schemas.ManagedUserDetail, refusals=(404, 409))
    @admin.takes(schemas.UserChange)
    def patch(self, body: dict[str, Any], user_id: int) -> Response:
        """Change what a user may do; who is disabled is signed out at once."""
        return thing(users.change_user(current_actor(), current_origin(), user_id, body))


@admin.route("/ai-usage/")
class AiUsage(MethodView):
    """What the AI tools are used for."""

    @admin.gives(200, schemas.InstanceAiUsage, headers=(IF_NONE_MATCH,))
    def get(self) -> Response:
        """Sum up 30 days of AI use: by tool, model, user and day."""
        return thing(figures.ai_usage())


@admin.route("/system-stats/")
class SystemStats(MethodView):
    """How the server is."""

    @admin.gives(200, schemas.SystemStats, headers=(IF_NONE_MATCH,))
    def get(self) -> Response:
        """Tell how each part of the server is."""
        return thing(system.read_system_stats(current_settings()))


@admin.route("/tasks/")
class Tasks(MethodView):
    """Everybody's tasks."""

    @admin.gives(200, page_of(schemas.ManagedTask), headers=(IF_NONE_MATCH,), has_query=True)
    @admin.takes(schemas.ManagedTaskQuery, location="query")
    def get(self, query: dict[str, Any]) -> Response:
        """List tasks, newest first."""
        return answer_page(tasks.list_tasks(page_request(query), tasks.TaskFilter(**filters(query))))


@admin.route("/tasks/<uuid:task_id>/retry/")
class Retry(MethodView):
    """Doing a task once more."""

    @admin.gives(200, schemas.ManagedTask, headers=(IDEMPOTENCY_KEY,), refusals=(400, 404, 409))
    def post(self, task_id: uuid.UUID) -> Response:
        """Queue a task again that failed or was cancelled."""
        return thing(tasks.retry_task(current_actor(), current_origin(), str(task_id)))


@admin.route("/tasks/<uuid:task_id>/cancel/")
class Cancel(MethodView):
    """Stopping a task."""

    @admin.gives(200, schemas.ManagedTask, headers=(IDEMPOTENCY_KEY,), refusals=(400, 404, 409))
    def post(self, task_id: uuid.UUID) -> Response:
        """Cancel a task that is queued or running."""
        return thing(tasks.cancel_task(current_actor(), current_origin(), str(task_id)))


@admin.route("/audit-log/")
class AuditLog(MethodView):
    """What was done."""

    @admin.gives(200, page_of(schemas.AuditEntryOut), headers=(IF_NONE_MATCH,), has_query=True)
    @admin.takes(schemas.AuditQuery, location="query")
    def get(self, query: dict[str, Any]) -> Response:
        """List what was done, by whom and from where, newest first."""
        return answer_page(audit.list_entries(page_request(query), audit.AuditFilter(**filters(query))))
