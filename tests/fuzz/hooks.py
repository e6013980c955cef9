"""What Schemathesis is told about this API: who asks, and which refusals its document cannot foresee.

Loaded by the `schemathesis` process; `FUZZ_URL` and `FUZZ_FOLDER` say where the server and its mail are.
"""

import atexit
import json
import os
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import AuthContext, Case, HookContext, Response
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.openapi.checks import RejectedPositiveData

from tests.fuzz.people import Person, furnish
from tests.fuzz.refusals import is_foreseen

AnyCase = Case[Any]
URL = os.environ["FUZZ_URL"]
FOLDER = Path(os.environ["FUZZ_FOLDER"])
OUTBOX = FOLDER / "instance" / "outbox"
TALLY: dict[str, Counter[str]] = defaultdict(Counter)

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
ENDING_PATHS = ("/api/auth/logout/", "/api/auth/logout-all/", "/api/auth/sessions/{session_id}/")
MAIL_KINDS = {"/api/auth/password/reset/": "reset_password", "/api/auth/verify-email/": "verify_email"}
CLOSING = "DELETE /api/auth/me/"


def person_for(case: AnyCase) -> Person:
    """Tell in whose name a request is sent."""
    return GUEST if case.operation.label == CLOSING or case.operation.path in GUEST_PATHS else OWNER


def write_tally() -> None:
    """Write down which statuses every operation answered, and how often."""
    (FOLDER / "tally.json").write_text(json.dumps(TALLY))


furnish(OWNER)
atexit.register(write_tally)


@schemathesis.auth(refresh_interval=None)
class BearerToken:
    """Signs every request that has to be signed."""

    def get(self, case: AnyCase, context: AuthContext) -> str | None:
        """Give the token of whoever asks."""
        return person_for(case).token() if case.operation.definition.raw.get("security") else None

    def set(self, case: AnyCase, data: str, context: AuthContext) -> None:
        """Put the token into the request."""
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context: HookContext, case: AnyCase, kwargs: dict[str, Any]) -> None:
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
    other = GUEST.other_password()
    kind = MAIL_KINDS.get(path)
    mailed = GUEST.mailed_token(OUTBOX, kind) if kind else None
    known: dict[tuple[str, ...], dict[str, str | None]] = {
        ("/token/",): {"email": GUEST.email, "password": GUEST.password},
        ("/token/refresh/",): {"refresh": GUEST.refresh},
        ("/password/change/",): {"current_password": GUEST.password, "password": other},
        ("/password/reset/",): {"token": mailed, "password": other},
        ("/password/forgot/",): {"email": GUEST.email},
        ("/verify-email/",): {"token": mailed},
        ("/auth/me/", "/email/change/"): {"password": GUEST.password},
    }
    return next((fields for ends, fields in known.items() if path.endswith(ends)), {})


@schemathesis.hook
def after_call(context: HookContext, case: AnyCase, response: Response) -> None:
    """Keep up with what the request did to the account that sent it."""
    if response.request.method != case.operation.method.upper():
        return  # a probe of a method that the path does not have
    TALLY[case.operation.label][str(response.status_code)] += 1
    token = str(response.request.headers.get("Authorization", "")).removeprefix("Bearer ")
    path = case.operation.path
    if response.status_code == 401 or is_end(case, response):
        OWNER.lost(token)
        GUEST.lost(token)
    if response.status_code >= 300 or not isinstance(case.body, dict):
        return
    if path.endswith(("/password/change/", "/password/reset/")):
        GUEST.password_became(case.body.get("password"))
    if path.endswith("/token/refresh/"):
        GUEST.refreshed(case.body.get("refresh"), response.json())


def is_end(case: AnyCase, response: Response) -> bool:
    """Tell whether a request may have ended its own session."""
    return response.status_code < 300 and (
        case.operation.path in ENDING_PATHS or case.operation.label == CLOSING
    )


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: AnyCase, response: Response) -> bool:
    """Drop the refusals of valid requests that the document cannot foresee, and what the server was never told.

    A header that is not ASCII comes to the application as an empty one.
    """
    if isinstance(failure, AcceptedNegativeData):
        return all(str(value).isascii() for value in (case.headers or {}).values())
    if not isinstance(failure, RejectedPositiveData) or response.status_code not in (400, 422):
        return True
    return not is_foreseen(response.json(), {"json": case.body, "query": dict(case.query or {})})
