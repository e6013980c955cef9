"""One's own account: profile, password, address, sessions."""

from typing import Any

from flask import Response
from flask.views import MethodView

from noteassist.api.answers import nothing, thing
from noteassist.api.blueprints import IF_NONE_MATCH, Blueprint
from noteassist.api.pages import answer_page, page_request
from noteassist.api.schemas import PageQuery, page_of
from noteassist.api.settings import current_settings
from noteassist.blueprints.auth.public import accepted
from noteassist.blueprints.auth.schemas import (
    Accepted,
    AccountChange,
    ClosingBody,
    EmailChange,
    PasswordChange,
    SessionSchema,
    UserSchema,
)
from noteassist.security.guards import current_actor, in_person, signed_in
from noteassist.security.permissions import Scope
from noteassist.services import accounts, addresses, closing, sessions

account = Blueprint(
    "account",
    __name__,
    url_prefix="/api/auth",
    guard=in_person,
    description="One's own account and sessions.",
)
# What a program may know of its user.
profile = Blueprint(
    "profile",
    __name__,
    url_prefix="/api/auth",
    guard=signed_in,
    description="One's own profile.",
)


@profile.route("/me/")
class Me(MethodView):
    """My account."""

    @profile.gives(200, UserSchema, headers=(IF_NONE_MATCH,))
    def get(self) -> Response:
        """Read my account with its profile."""
        return thing(accounts.describe(current_actor().user_id))

    @profile.gives(200, UserSchema, scope=Scope.PERSON)
    @profile.takes(AccountChange)
    def patch(self, body: dict[str, Any]) -> Response:
        """Change my name, profile or notification settings."""
        return thing(accounts.update_account(current_actor(), body))

    @profile.gives(202, Accepted, scope=Scope.PERSON)
    @profile.takes(ClosingBody)
    def delete(self, body: dict[str, Any]) -> Response:
        """Close my account; its data is erased in the background.

        An account without a password is mailed a token first (401 `confirmation_mailed`).
        """
        closing.close_account(current_settings(), current_actor(), **body)
        return accepted("The account is closed; its data is being erased.")


@account.route("/logout/")
class Logout(MethodView):
    """Signing out here."""

    @account.gives(204)
    def post(self) -> Response:
        """End this session."""
        sessions.end_own_session(current_actor(), current_actor().session_id)
        return nothing()


@account.route("/logout-all/")
class LogoutAll(MethodView):
    """Signing out everywhere."""

    @account.gives(204)
    def post(self) -> Response:
        """End all my sessions, this one too."""
        sessions.end_all_sessions(current_actor())
        return nothing()


@account.route("/resend-verification/")
class ResendVerification(MethodView):
    """The verification mail once more."""

    @account.gives(202, Accepted)
    def post(self) -> Response:
        """Have another verification token mailed."""
        addresses.resend_verification(current_actor())
        return accepted("If your address is not verified yet, a mail is on its way.")


@account.route("/email/change/")
class ChangeEmail(MethodView):
    """Another address."""

    @account.gives(202, Accepted, refusals=(409,))
    @account.takes(EmailChange)
    def post(self, body: dict[str, Any]) -> Response:
        """Have a token mailed to my new address; it takes effect when that is given back."""
        addresses.request_change(current_settings(), current_actor(), **body)
        return accepted("A mail to the new address is on its way.")


@account.route("/password/change/")
class ChangePassword(MethodView):
    """Another password."""

    @account.gives(204)
    @account.takes(PasswordChange)
    def post(self, body: dict[str, Any]) -> Response:
        """Set a new password; my other sessions end."""
        accounts.change_password(current_settings(), current_actor(), **body)
        return nothing()


@account.route("/sessions/")
class Sessions(MethodView):
    """Where I am signed in."""

    @account.gives(200, page_of(SessionSchema), headers=(IF_NONE_MATCH,), has_query=True)
    @account.takes(PageQuery, location="query")
    def get(self, query: dict[str, Any]) -> Response:
        """List my sessions, newest first."""
        return answer_page(sessions.list_sessions(current_actor(), page_request(query)))


@account.route("/sessions/<id:session_id>/")
class Session(MethodView):
    """One of my sessions."""

    @account.gives(204, refusals=(404,))
    def delete(self, session_id: int) -> Response:
        """End one of my sessions."""
        sessions.end_own_session(current_actor(), session_id)
        return nothing()
