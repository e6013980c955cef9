"""Routes of topics."""

from typing import Any

from flask import Response
from flask.views import MethodView

from noteassist.api.answers import nothing, thing
from noteassist.api.blueprints import IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH, Blueprint
from noteassist.api.conditional import expectation
from noteassist.api.keeping import kept
from noteassist.blueprints.notes import schemas
from noteassist.security.guards import current_actor, signed_in
from noteassist.services import topics as service

topics = Blueprint("topics", __name__, url_prefix="/api", guard=signed_in, description="Topics of a chapter.")


@topics.route("/chapters/<id:chapter_id>/topics/")
class Topics(MethodView):
    """The topics of a chapter."""

    @topics.gives(201, schemas.SingleTopic, headers=(IDEMPOTENCY_KEY,), refusals=(404, 409))
    @topics.takes(schemas.NewTopic)
    def post(self, body: dict[str, Any], chapter_id: int) -> Response:
        """Add a topic to a chapter."""
        topic = service.add_topic(current_actor(), chapter_id, **body)
        return thing(topic, 201, location=f"/api/topics/{topic['id']}/")


@topics.route("/topics/<id:topic_id>/")
class Topic(MethodView):
    """One topic."""

    @topics.gives(200, schemas.SingleTopic, headers=(IF_NONE_MATCH,), refusals=(404,))
    @kept
    def get(self, topic_id: int) -> Response:
        """Read a topic with its parts."""
        return thing(service.get_topic(current_actor(), topic_id))

    @topics.gives(200, schemas.SingleTopic, headers=(IF_MATCH,), refusals=(404,))
    @topics.takes(schemas.TopicChange)
    def patch(self, body: dict[str, Any], topic_id: int) -> Response:
        """Change a topic's name, place or parts; null removes a part."""
        return thing(service.update_topic(current_actor(), topic_id, body, expect=expectation()))

    @topics.gives(204, headers=(IF_MATCH,), refusals=(404,))
    def delete(self, topic_id: int) -> Response:
        """Delete a topic."""
        service.delete_topic(current_actor(), topic_id, expect=expectation())
        return nothing()
