"""The pages of the console."""

import uuid
from typing import Any

from flask import Response, request

from noteassist.api.pages import asked, page_links, page_request
from noteassist.api.settings import current_settings
from noteassist.blueprints.admin import figures, schemas
from noteassist.blueprints.admin.routes import filters
from noteassist.blueprints.console.charts import stacked
from noteassist.blueprints.console.forms import checked_form, checked_query
from noteassist.blueprints.console.rendering import blueprint_of, go_to, page
from noteassist.errors import NotFound
from noteassist.models.ai import TOOLS
from noteassist.models.tasks import TASK_STATUSES
from noteassist.paging import Page
from noteassist.queues import CATALOGUE
from noteassist.security.console import admin_at_console
from noteassist.security.guards import current_actor, current_origin
from noteassist.services import audit
from noteassist.services.administration import system, tasks, users

console = blueprint_of("console", admin_at_console)


def list_page(template: str, found: Page, **values: Any) -> Response:
    """Answer with a page of a list, its filters and the links to its neighbours."""
    following, preceding = page_links(found, asked())
    values |= {"rows": found.results, "next_link": following, "previous_link": preceding}
    return page(template, wanted=request.args, **values)


@console.page("/")
def overview() -> Response:
    """Show the numbers of the instance."""
    return page("overview.html", overview=figures.overview(), chart=_requests_chart())


def _requests_chart() -> Any:
    return stacked("requests", "AI requests a day", figures.ai_usage()["daily"], TOOLS)


@console.page("/users/")
def list_users() -> Response:
    """List users."""
    query = checked_query(schemas.UserQuery)
    found = users.list_users(page_request(query), users.UserFilter(**filters(query)))
    return list_page("users.html", found, roles=schemas.ROLES, tiers=schemas.TIERS)


@console.page("/users/<id:user_id>/")
def show_user(user_id: int) -> Response:
    """Show a user, with a form to change what they may do."""
    user, done = users.get_user(user_id), "done" in request.args
    return page("user.html", user=user, done=done, roles=schemas.ROLES, tiers=schemas.TIERS)


@console.page("/users/<id:user_id>/", method="POST")
def change_user(user_id: int) -> Response:
    """Change what a user may do."""
    users.change_user(current_actor(), current_origin(), user_id, checked_form(schemas.UserChange))
    return go_to(f"/admin/users/{user_id}/?done=1")


@console.page("/ai-usage/")
def ai_usage() -> Response:
    """Show what the AI tools are used for."""
    usage = figures.ai_usage()
    tokens = stacked("tokens", "Tokens a day", usage["daily"], ("tokens",))
    cost = stacked("cost", "Cost a day, in dollars", usage["daily"], ("cost",))
    return page("ai_usage.html", usage=usage, charts=(_requests_chart(), tokens, cost))


@console.page("/tasks/")
def list_tasks() -> Response:
    """List everybody's tasks."""
    query = checked_query(schemas.ManagedTaskQuery)
    found = tasks.list_tasks(page_request(query), tasks.TaskFilter(**filters(query)))
    return list_page("tasks.html", found, statuses=TASK_STATUSES, kinds=sorted(CATALOGUE))


@console.page("/tasks/<uuid:task_id>/retry/", method="POST")
def retry_task(task_id: uuid.UUID) -> Response:
    """Have a task done once more."""
    tasks.retry_task(current_actor(), current_origin(), str(task_id))
    return go_to("/admin/tasks/")


@console.page("/tasks/<uuid:task_id>/cancel/", method="POST")
def cancel_task(task_id: uuid.UUID) -> Response:
    """Cancel a task."""
    tasks.cancel_task(current_actor(), current_origin(), str(task_id))
    return go_to("/admin/tasks/")


@console.page("/audit-log/")
def audit_log() -> Response:
    """Show what was done, by whom and from where."""
    query = checked_query(schemas.AuditQuery)
    found = audit.list_entries(page_request(query), audit.AuditFilter(**filters(query)))
    return list_page("audit_log.html", found)


@console.page("/system/")
def system_stats() -> Response:
    """Show how the server is."""
    return page("system.html", stats=system.read_system_stats(current_settings()))


@console.page("/<path:_rest>")
def nothing_here(_rest: str) -> Response:
    """Say that there is no such page, to administrators alone."""
    raise NotFound
