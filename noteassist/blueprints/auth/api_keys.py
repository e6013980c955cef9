"""Routes of one's own API keys."""

from typing import Any

from flask import Response
from flask.views import MethodView

from noteassist.api.answers import nothing, secret_thing, tag_of, thing, to_json
from noteassist.api.blueprints import IDEMPOTENCY_KEY, IF_NONE_MATCH, Blueprint
from noteassist.api.pages import answer_page, page_request
from noteassist.api.schemas import PageQuery, page_of
from noteassist.blueprints.auth import key_schemas as schemas
from noteassist.security.guards import current_actor, in_person
from noteassist.services import api_keys as service

api_keys = Blueprint(
    "api_keys",
    __name__,
    url_prefix="/api/auth/api-keys",
    guard=in_person,
    description="Keys for programs: each may do what its scopes say, and never manages the account.",
)


@api_keys.route("/")
class Keys(MethodView):
    """My keys."""

    @api_keys.gives(200, page_of(schemas.KeyOut), headers=(IF_NONE_MATCH,), has_query=True)
    @api_keys.takes(PageQuery, location="query")
    def get(self, query: dict[str, Any]) -> Response:
        """List my API keys, newest first."""
        return answer_page(service.list_keys(current_actor(), page_request(query)))

    @api_keys.gives(201, schemas.KeyMade, headers=(IDEMPOTENCY_KEY,), refusals=(409,))
    @api_keys.takes(schemas.KeyIn)
    def post(self, body: dict[str, Any]) -> Response:
        """Make an API key; the answer is the only place where it stands."""
        made, key = service.make_key(current_actor(), body)
        response = secret_thing(made | {"key": key}, 201)
        response.headers["Location"] = f"/api/auth/api-keys/{made['id']}/"
        response.headers["ETag"] = f'"{tag_of(to_json(made))}"'
        return response


@api_keys.route("/<id:key_id>/")
class Key(MethodView):
    """One of my keys."""

    @api_keys.gives(200, schemas.KeyOut, headers=(IF_NONE_MATCH,), refusals=(404,))
    def get(self, key_id: int) -> Response:
        """Read one of my API keys."""
        return thing(service.get_key(current_actor(), key_id))

    @api_keys.gives(200, schemas.KeyOut, refusals=(404,))
    @api_keys.takes(schemas.KeyChange)
    def patch(self, body: dict[str, Any], key_id: int) -> Response:
        """Change the name, the scopes, the limits or the end of one of my API keys."""
        return thing(service.change_key(current_actor(), key_id, body))

    @api_keys.gives(204, refusals=(404,))
    def delete(self, key_id: int) -> Response:
        """Revoke one of my API keys; it is worthless at once."""
        service.revoke_key(current_actor(), key_id)
        return nothing()
