"""What one does without being signed in: register, sign in, refresh, prove an address."""

from typing import Any

from flask import Response
from flask.views import MethodView

from noteassist.api.answers import nothing, secret_thing, to_json
from noteassist.api.blueprints import Blueprint
from noteassist.api.limits import count_sign_in
from noteassist.api.settings import current_settings
from noteassist.blueprints.auth.schemas import (
    Accepted,
    Credentials,
    EmailBody,
    PasswordReset,
    RefreshBody,
    Registration,
    SignedIn,
    TokenBody,
    TokenPair,
    UserSchema,
)
from noteassist.security.guards import anyone, current_origin
from noteassist.services import accounts, addresses, sessions

public = Blueprint(
    "auth",
    __name__,
    url_prefix="/api",
    guard=anyone,
    description="Registering, signing in, proving an address.",
)


def accepted(message: str) -> Response:
    """Answer that something was taken and will be done."""
    return Response(
        to_json({"message": message}), 202, {"Cache-Control": "no-store"}, mimetype="application/json"
    )


@public.route("/auth/register/")
class Register(MethodView):
    """New accounts."""

    @public.gives(201, SignedIn, refusals=(403, 409))
    @public.takes(Registration)
    def post(self, body: dict[str, Any]) -> Response:
        """Register, and be signed in."""
        user_id = accounts.register(current_settings(), **body)
        return secret_thing(sessions.open_session(current_settings(), user_id, current_origin()), 201)


@public.route("/auth/token/")
@public.route("/token/", endpoint="TokenShort")
class Token(MethodView):
    """Signing in."""

    @public.gives(200, SignedIn, refusals=(401, 429))
    @public.takes(Credentials)
    def post(self, body: dict[str, Any]) -> Response:
        """Sign in with e-mail and password, and a one-time password where two-factor sign-in is on."""
        count_sign_in(body["email"])
        return secret_thing(sessions.sign_in(current_settings(), **body, origin=current_origin()))


@public.route("/auth/token/refresh/")
@public.route("/token/refresh/", endpoint="RefreshShort")
class Refresh(MethodView):
    """Staying signed in."""

    @public.gives(200, TokenPair, refusals=(401,))
    @public.takes(RefreshBody)
    def post(self, body: dict[str, Any]) -> Response:
        """Exchange a refresh token for a new pair."""
        return secret_thing(sessions.refresh_session(current_settings(), body["refresh"]))


@public.route("/auth/verify-email/")
class VerifyEmail(MethodView):
    """Proving an address."""

    @public.gives(200, UserSchema, refusals=(409,))
    @public.takes(TokenBody)
    def post(self, body: dict[str, Any]) -> Response:
        """Give the token of a verification mail."""
        return secret_thing(addresses.confirm_address(body["token"]))


@public.route("/auth/password/forgot/")
class ForgotPassword(MethodView):
    """Asking for a new password."""

    @public.gives(202, Accepted)
    @public.takes(EmailBody)
    def post(self, body: dict[str, Any]) -> Response:
        """Have a token mailed; the answer is the same whether or not there is such an account."""
        addresses.request_reset(body["email"])
        return accepted("If there is such an account, a mail is on its way.")


@public.route("/auth/password/reset/")
class ResetPassword(MethodView):
    """Setting a new password."""

    @public.gives(204)
    @public.takes(PasswordReset)
    def post(self, body: dict[str, Any]) -> Response:
        """Set a new password by a mailed token; all sessions end."""
        addresses.reset_password(current_settings(), **body)
        return nothing()
