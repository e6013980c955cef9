"""Routes of tasks."""

import uuid
from typing import Any

from flask import Response
from flask.views import MethodView

from noteassist.api.answers import nothing, thing
from noteassist.api.blueprints import IF_NONE_MATCH, LAST_EVENT_ID, Blueprint
from noteassist.api.pages import answer_page, page_request
from noteassist.api.schemas import page_of
from noteassist.api.streams import answer_stream, last_event_id
from noteassist.blueprints.tasks import schemas
from noteassist.security.guards import current_actor, signed_in
from noteassist.services.tasks import ending, reading, watching

tasks = Blueprint(
    "tasks",
    __name__,
    url_prefix="/api/tasks",
    guard=signed_in,
    description="Work that goes on in the background, and what happens meanwhile.",
)


@tasks.route("/")
class Tasks(MethodView):
    """My tasks."""

    @tasks.gives(200, page_of(schemas.TaskOut), headers=(IF_NONE_MATCH,), has_query=True)
    @tasks.takes(schemas.TaskQuery, location="query")
    def get(self, query: dict[str, Any]) -> Response:
        """List my tasks, newest first."""
        wanted = {"status": query.get("status"), "kind": query.get("kind")}
        return answer_page(reading.list_tasks(current_actor(), page_request(query), **wanted))


@tasks.route("/<uuid:task_id>/")
class Task(MethodView):
    """One of my tasks."""

    @tasks.gives(200, schemas.TaskOut, headers=(IF_NONE_MATCH,), refusals=(404,))
    def get(self, task_id: uuid.UUID) -> Response:
        """Read a task with its result."""
        return thing(reading.get_task(current_actor(), str(task_id)))

    @tasks.gives(204, refusals=(404, 409))
    def delete(self, task_id: uuid.UUID) -> Response:
        """Cancel a task; what it has cost is given back."""
        ending.cancel(current_actor(), str(task_id))
        return nothing()


@tasks.route("/<uuid:task_id>/events/")
class Events(MethodView):
    """What happens in a task."""

    @tasks.gives(200, headers=(LAST_EVENT_ID,), refusals=(404,))
    def get(self, task_id: uuid.UUID) -> Response:
        """Follow a task: `progress` and `token` events, then `succeeded`, `failed` or `cancelled`."""
        actor, after = current_actor(), last_event_id()
        watch = watching.Watch(actor, str(task_id), after or 0)
        if watch.is_told():
            return nothing()
        return answer_stream(watch)
