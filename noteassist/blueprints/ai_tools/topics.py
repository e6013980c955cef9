"""AI tools over a topic of one's own."""

from typing import Any

from flask import Response
from flask.views import MethodView

from noteassist.api.blueprints import Blueprint
from noteassist.api.settings import current_settings
from noteassist.blueprints.ai_tools import schemas
from noteassist.blueprints.ai_tools.routes import ASKED, answer_asked
from noteassist.security.guards import current_actor, signed_in
from noteassist.services.ai.topic_tools import ask_about_topic

topic_ai = Blueprint(
    "topic_ai",
    __name__,
    url_prefix="/api/topics",
    guard=signed_in,
    description="AI tools over a topic; nothing changes in it until an output is applied.",
)


@topic_ai.route("/<id:topic_id>/ai/")
class TopicAi(MethodView):
    """What a tool makes of a topic."""

    @topic_ai.gives(202, schemas.TaskAccepted, **ASKED | {"refusals": (404, *ASKED["refusals"])})
    @topic_ai.takes(schemas.TopicAiIn)
    def post(self, body: dict[str, Any], topic_id: int) -> Response:
        """Ask an AI tool about a topic."""
        tool = body.pop("tool")
        return answer_asked(ask_about_topic(current_settings(), current_actor(), topic_id, tool, body))
