"""Routes of chapters."""

from typing import Any

from flask import Response
from flask.views import MethodView

from noteassist.api.answers import nothing, thing
from noteassist.api.blueprints import IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH, Blueprint
from noteassist.api.conditional import expectation
from noteassist.api.keeping import kept
from noteassist.blueprints.notes import schemas
from noteassist.security.guards import current_actor, signed_in
from noteassist.services import chapters as service

chapters = Blueprint(
    "chapters", __name__, url_prefix="/api", guard=signed_in, description="Chapters of a note."
)


@chapters.route("/notes/<id:note_id>/chapters/")
class Chapters(MethodView):
    """The chapters of a note."""

    @chapters.gives(201, schemas.SingleChapter, headers=(IDEMPOTENCY_KEY,), refusals=(404, 409))
    @chapters.takes(schemas.NewChapter)
    def post(self, body: dict[str, Any], note_id: int) -> Response:
        """Add a chapter to a note."""
        chapter = service.add_chapter(current_actor(), note_id, **body)
        return thing(chapter, 201, location=f"/api/chapters/{chapter['id']}/")


@chapters.route("/chapters/<id:chapter_id>/")
class Chapter(MethodView):
    """One chapter."""

    @chapters.gives(200, schemas.SingleChapter, headers=(IF_NONE_MATCH,), refusals=(404,))
    @kept
    def get(self, chapter_id: int) -> Response:
        """Read a chapter with its topics."""
        return thing(service.get_chapter(current_actor(), chapter_id))

    @chapters.gives(200, schemas.SingleChapter, headers=(IF_MATCH,), refusals=(404,))
    @chapters.takes(schemas.ChapterChange)
    def patch(self, body: dict[str, Any], chapter_id: int) -> Response:
        """Rename or move a chapter."""
        return thing(service.update_chapter(current_actor(), chapter_id, body, expect=expectation()))

    @chapters.gives(204, headers=(IF_MATCH,), refusals=(404,))
    def delete(self, chapter_id: int) -> Response:
        """Delete a chapter with its topics."""
        service.delete_chapter(current_actor(), chapter_id, expect=expectation())
        return nothing()
