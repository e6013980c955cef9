"""What Schemathesis is told about this API: who asks, and which refusals its document cannot foresee.

Loaded by the `schemathesis` process; `FUZZ_URL` and `FUZZ_FOLDER` say where the server and its mail are.
"""

import os
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import AuthContext, Case, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import RejectedPositiveData

from tests.fuzz.people import Person, furnish
from tests.fuzz.refusals import is_foreseen

URL = os.environ["FUZZ_URL"]
OUTBOX = Path(os.environ["FUZZ_FOLDER"], "outbox")

# The owner has the notes and is never signed out. All that ends sessions, changes a password or closes the
# account is sent for the guest, who signs in again or registers anew: so no operation has to be left out.
OWNER = Person(URL, "owner")
GUEST = Person(URL, "guest")
GUEST_PATHS = (
    "/api/auth/logout/",
    "/api/auth/logout-all/",
    "/api/auth/sessions/",
    "/api/auth/sessions/{session_id}/",
    "/api/auth/password/change/",
    "/api/auth/email/change/",
    "/api/auth/resend-verification/",
)


def person_for(case: Case) -> Person:
    """Tell in whose name a request is sent."""
    closes = case.operation.path == "/api/auth/me/" and case.operation.method.upper() == "DELETE"
    return GUEST if closes or case.operation.path in GUEST_PATHS else OWNER


furnish(OWNER)


@schemathesis.auth(refresh_interval=None)
class BearerToken:
    """Signs every request that has to be signed."""

    def get(self, case: Case, context: AuthContext) -> str | None:
        """Give the token of whoever asks."""
        return person_for(case).token() if case.operation.definition.raw.get("security") else None

    def set(self, case: Case, data: str, context: AuthContext) -> None:
        """Put the token into the request."""
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Put real secrets into every other valid body, where invented ones would only ever be refused."""
    if not case.meta or not case.meta.generation.mode.is_positive or not isinstance(case.body, dict):
        return
    if sum(repr(sorted(case.body.items(), key=str)).encode()) % 2:
        return
    for name, value in secrets_for(case.operation.path).items():
        if isinstance(case.body.get(name), str) and value:
            case.body[name] = value


def secrets_for(path: str) -> dict[str, str | None]:
    """Give what only the guest knows, by the field of the body."""
    GUEST.token()
    if path.endswith("/token/"):
        return {"email": GUEST.email, "password": GUEST.password}
    if path.endswith("/token/refresh/"):
        return {"refresh": GUEST.refresh}
    if path.endswith("/password/change/"):
        return {"current_password": GUEST.password, "password": GUEST.other_password()}
    if path.endswith("/password/reset/"):
        return {"token": GUEST.mailed_token(OUTBOX), "password": GUEST.other_password()}
    if path.endswith("/verify-email/"):
        return {"token": GUEST.mailed_token(OUTBOX)}
    if path.endswith("/password/forgot/"):
        return {"email": GUEST.email}
    return {"password": GUEST.password} if path.endswith(("/me/", "/email/change/")) else {}


@schemathesis.hook
def after_call(context: HookContext, case: Case, response: Response) -> None:
    """Keep up with what the request did to the account that sent it."""
    token = str(response.request.headers.get("Authorization", "")).removeprefix("Bearer ")
    for person in (OWNER, GUEST):
        if response.status_code == 401 and token:
            person.lost(token)
    if response.status_code >= 300:
        return
    path, body = case.operation.path, case.body
    if path.endswith(("/password/change/", "/password/reset/")) and body.get("password") == GUEST.other_password():
        GUEST.password = GUEST.other_password()
    if path.endswith("/token/refresh/") and body.get("refresh") == GUEST.refresh:
        GUEST.refresh = response.json()["refresh"]
    if path.endswith(("/logout/", "/logout-all/", "/me/", "/password/reset/")) and case.method == "DELETE":
        GUEST.lost(token)


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case, response: Response) -> bool:
    """Drop the refusals of valid requests that the document cannot foresee."""
    if not isinstance(failure, RejectedPositiveData) or response.status_code not in (400, 422):
        return True
    return not is_foreseen(response.json(), {"json": case.body, "query": dict(case.query or {})})
