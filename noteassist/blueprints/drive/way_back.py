"""The way back from Google: a browser comes without a sign-in of ours."""

from typing import Any

from flask import Response, request
from flask.views import MethodView

from noteassist import db
from noteassist.api.answers import secret_thing
from noteassist.api.blueprints import Blueprint
from noteassist.api.schemas import ReturnQuery
from noteassist.api.settings import current_settings
from noteassist.blueprints.drive import schemas
from noteassist.security.guards import anyone
from noteassist.security.tokens import read_access
from noteassist.services.drive import consent

drive_return = Blueprint(
    "drive_return",
    __name__,
    url_prefix="/api/drive",
    guard=anyone,
    description="The way back from Google.",
)


def caller_id() -> int | None:
    """Say who is signed in, where the client says so; raises NotAuthenticated for a token that is not valid.

    Without asking the database: the session that counts is the one in the state.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    return int(read_access(token.strip(), now=db.utcnow())["sub"])


@drive_return.route("/callback/")
class Callback(MethodView):
    """Somebody comes back from Google."""

    @drive_return.gives(200, schemas.Connected, refusals=(400, 403), has_query=True)
    @drive_return.takes(ReturnQuery, location="query")
    def get(self, query: dict[str, Any]) -> Response:
        """Connect the Drive of the user whom the state names."""
        return secret_thing(consent.finish(current_settings(), query, caller_id()))
