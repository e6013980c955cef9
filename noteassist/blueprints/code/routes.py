"""The routes of running code."""

from typing import Any

from flask import Response
from flask.views import MethodView

from noteassist.api.blueprints import IDEMPOTENCY_KEY, Blueprint
from noteassist.blueprints.code import schemas
from noteassist.blueprints.code.waiting import answer_run
from noteassist.security.guards import current_actor, signed_in
from noteassist.services.sandbox.programs import Program, program_of_topic

code = Blueprint(
    "code",
    __name__,
    url_prefix="/api/code",
    guard=signed_in,
    description="Programs, run in a sandbox without network and files.",
)
topic_runs = Blueprint(
    "topic_runs",
    __name__,
    url_prefix="/api/topics",
    guard=signed_in,
    description="The programs of topics, run in the same sandbox.",
)


@code.route("/run/")
class Run(MethodView):
    """A program that is sent."""

    @code.gives(200, schemas.RunOut, headers=(IDEMPOTENCY_KEY,), refusals=(409, 429))
    @code.takes(schemas.ProgramIn)
    def post(self, body: dict[str, Any]) -> Response:
        """Run a program."""
        return answer_run(Program(**body))


@topic_runs.route("/<id:topic_id>/run/")
class TopicRun(MethodView):
    """The program of a topic."""

    @topic_runs.gives(200, schemas.RunOut, headers=(IDEMPOTENCY_KEY,), refusals=(404, 409, 429))
    @topic_runs.takes(schemas.TopicProgramIn)
    def post(self, body: dict[str, Any], topic_id: int) -> Response:
        """Run a topic's program."""
        return answer_run(program_of_topic(current_actor(), topic_id, **body))
