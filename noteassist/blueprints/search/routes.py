"""Routes of the search."""

from typing import Any

from flask import Response
from flask.views import MethodView

from noteassist.api.blueprints import IF_NONE_MATCH, Blueprint
from noteassist.api.pages import answer_page, page_request
from noteassist.api.schemas import page_of
from noteassist.blueprints.search import schemas
from noteassist.security.guards import current_actor, signed_in
from noteassist.services.search import finding

search = Blueprint(
    "search",
    __name__,
    url_prefix="/api/search",
    guard=signed_in,
    description="Finding what you have written.",
)


@search.route("/")
class Search(MethodView):
    """Notes, topics and AI outputs by their words."""

    @search.gives(200, page_of(schemas.Hit), headers=(IF_NONE_MATCH,), has_query=True)
    @search.takes(schemas.SearchQuery, location="query")
    def get(self, query: dict[str, Any]) -> Response:
        """Find notes, topics and AI outputs, best first."""
        return answer_page(finding.search(current_actor(), query["q"], page_request(query)))
