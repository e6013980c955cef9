"""Routes of two-factor sign-in."""

from typing import Any

from flask import Response
from flask.views import MethodView

from noteassist.api.answers import nothing, secret_thing
from noteassist.api.blueprints import Blueprint
from noteassist.api.settings import current_settings
from noteassist.blueprints.auth import two_factor_schemas as schemas
from noteassist.security.guards import current_actor, in_person
from noteassist.services import two_factor as service

two_factor = Blueprint(
    "two_factor",
    __name__,
    url_prefix="/api/auth/2fa",
    guard=in_person,
    description="One-time passwords at sign-in (TOTP), and recovery codes for a device that is lost.",
)
REFUSED = (409, 429)


@two_factor.route("/setup/")
class SetUp(MethodView):
    """The beginning of two-factor sign-in."""

    @two_factor.gives(200, schemas.SecretOut, refusals=(409,))
    def post(self) -> Response:
        """Give a new secret for an authenticator application; it counts when it is confirmed."""
        return secret_thing(service.set_up(current_settings(), current_actor()))


@two_factor.route("/confirm/")
class Confirm(MethodView):
    """Two-factor sign-in is switched on."""

    @two_factor.gives(200, schemas.CodesOut, refusals=REFUSED)
    @two_factor.takes(schemas.OtpIn)
    def post(self, body: dict[str, Any]) -> Response:
        """Confirm the secret with a first one-time password; answers with the recovery codes, this once."""
        codes = service.confirm(current_settings(), current_actor(), body["otp"])
        return secret_thing({"recovery_codes": codes})


@two_factor.route("/disable/")
class Disable(MethodView):
    """Two-factor sign-in is switched off."""

    @two_factor.gives(204, refusals=REFUSED)
    @two_factor.takes(schemas.DisableIn)
    def post(self, body: dict[str, Any]) -> Response:
        """Switch two-factor sign-in off."""
        service.switch_off(current_settings(), current_actor(), **body)
        return nothing()
