"""Routes of tags."""

from typing import Any

from flask import Response
from flask.views import MethodView

from noteassist.api.answers import nothing, thing
from noteassist.api.blueprints import IF_NONE_MATCH, Blueprint
from noteassist.api.keeping import kept
from noteassist.api.pages import answer_page, page_request
from noteassist.api.schemas import PageQuery, page_of
from noteassist.blueprints.notes import schemas
from noteassist.security.guards import current_actor, signed_in
from noteassist.services import tags as service

tags = Blueprint("tags", __name__, url_prefix="/api/tags", guard=signed_in, description="Tags on notes.")


@tags.route("/")
class Tags(MethodView):
    """My tags."""

    @tags.gives(200, page_of(schemas.TagOut), headers=(IF_NONE_MATCH,), has_query=True)
    @tags.takes(PageQuery, location="query")
    @kept
    def get(self, query: dict[str, Any]) -> Response:
        """List my tags by name."""
        return answer_page(service.list_tags(current_actor(), page_request(query)))


@tags.route("/<path:name>/")
class Tag(MethodView):
    """One tag."""

    @tags.gives(200, schemas.TagOut, refusals=(404,))
    @tags.takes(schemas.TagName)
    def patch(self, body: dict[str, Any], name: str) -> Response:
        """Rename a tag on all my notes; a note that has both keeps one."""
        return thing(service.rename_tag(current_actor(), name, body["name"]))

    @tags.gives(204, refusals=(404,))
    def delete(self, name: str) -> Response:
        """Take a tag off all my notes."""
        service.delete_tag(current_actor(), name)
        return nothing()
