"""Routes of signing in with Google."""

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields

from noteassist.api.answers import secret_thing
from noteassist.api.blueprints import Blueprint
from noteassist.api.schemas import BaseSchema, ReturnQuery, Text
from noteassist.api.settings import current_settings
from noteassist.blueprints.auth.schemas import SignedIn
from noteassist.security.guards import anyone, current_origin
from noteassist.services import google_sign_in

google = Blueprint(
    "google",
    __name__,
    url_prefix="/api/auth/google",
    guard=anyone,
    description="Signing in with a Google account.",
)


class SignInOut(BaseSchema):
    """Where to sign in."""

    authorization_url = fields.String(required=True)


class TicketIn(BaseSchema):
    """A one-time password, and the ticket that asked for it."""

    ticket = Text(1, 1024, required=True, load_only=True)
    otp = Text(1, 64, required=True, load_only=True)


@google.route("/")
class Begin(MethodView):
    """The way to Google."""

    @google.gives(200, SignInOut)
    def get(self) -> Response:
        """Give the address where one signs in with Google; it is good for ten minutes, once."""
        return secret_thing({"authorization_url": google_sign_in.begin(current_settings())})


@google.route("/callback/")
class Callback(MethodView):
    """The way back from Google."""

    @google.gives(200, SignedIn, refusals=(400, 401, 403, 409), has_query=True)
    @google.takes(ReturnQuery, location="query")
    def get(self, query: dict[str, Any]) -> Response:
        """Sign in whoever comes back from Google; an account with two-factor sign-in goes on with a ticket (401)."""
        return secret_thing(google_sign_in.finish(current_settings(), query, current_origin()))


@google.route("/otp/")
class WithOtp(MethodView):
    """The second factor after Google."""

    @google.gives(200, SignedIn, refusals=(401, 429))
    @google.takes(TicketIn)
    def post(self, body: dict[str, Any]) -> Response:
        """Send the one-time password that the callback asked for, with its ticket."""
        pair = google_sign_in.finish_with_otp(current_settings(), **body, origin=current_origin())
        return secret_thing(pair)
