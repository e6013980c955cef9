"""Users who ask for things, safely: each request carries a key and is repeated until it was accepted."""

import random
import threading
import time
from typing import Any

import httpx

from tests.people import PASSWORD
from tests.soak.ledger import Asked, Ledger
from tests.soak.shape import Errand

TIMEOUT_SECONDS = 12.0
WAIT_SECONDS = 4
# Nothing is down for as long as this; who is still not accepted then never will be.
PATIENCE_SECONDS = 150.0
REPEATABLE = frozenset({500, 502, 503, 504})


class NeverAccepted(Exception):
    """A request was repeated for longer than anything was down."""


class User:
    """Somebody with an account, who does errands at their times in a thread."""

    def __init__(self, url: str, email: str, ledger: Ledger, seed: int) -> None:
        self.email = email
        self.ledger = ledger
        self.chance = random.Random(f"{email} {seed}")
        self.client = httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS, verify=False, trust_env=False)

    def sign_up(self) -> None:
        """Register and be signed in."""
        access = self._register(self.email)
        self.client.headers["Authorization"] = f"Bearer {access}"

    def run(self, errands: list[Errand], begun: float, stop: threading.Event) -> None:
        """Do the errands, each at its time after `begun`, until told to stop; what cannot be done is written down."""
        for errand in errands:
            if stop.wait(max(0.0, begun + errand.at - time.monotonic())):
                return
            try:
                self._do(errand)
            except NeverAccepted as error:
                self.ledger.surprise(f"never accepted: {errand.key}: {error}")
            except Exception as error:
                self.ledger.surprise(f"the harness failed at {errand.key}: {error!r}")

    def _do(self, errand: Errand) -> None:
        if errand.kind == "ask":
            self._ask(errand)
        elif errand.kind == "note":
            self._make_note(errand)
        else:
            self._register(errand.key)

    def _ask(self, errand: Errand) -> None:
        answer = self._post(errand)
        body = answer.json()
        asked = Asked(self.email, errand.key, errand.tool, errand.body, str(body.get("task_id", "")))
        if errand.waits and answer.status_code == 201:
            asked.output_id = body["id"]
        elif not asked.task_id:
            self._is(answer, 202)
            return
        self.ledger.accept(asked)
        if errand.repeats:
            asked.again.append(str(self._post(errand).json().get("task_id")))
        if errand.cancel_after is not None:
            time.sleep(errand.cancel_after)
            asked.cancel = "asked"
            answer = self.send("DELETE", f"/api/tasks/{asked.task_id}/")
            # 409: it has ended, or an answer to this very request was lost.
            if answer.status_code != 409 and self._is(answer, 204):
                asked.cancel = "done"

    def _post(self, errand: Errand) -> httpx.Response:
        headers = {"Idempotency-Key": errand.key}
        if errand.waits:
            headers["Prefer"] = f"wait={WAIT_SECONDS}"
        return self.send("POST", f"/api/ai-tools/{errand.tool}/", json=errand.body, headers=headers)

    def _make_note(self, errand: Errand) -> None:
        headers = {"Idempotency-Key": errand.key}
        if self._is(self.send("POST", "/api/notes/", json=errand.body, headers=headers), 201):
            self.ledger.made_note(errand.key)

    def _register(self, email: str) -> str:
        """Register an account; gives its access token."""
        account = {"email": email, "password": PASSWORD}
        answer = self.send("POST", "/api/auth/register/", json=account)
        if answer.status_code == 409:
            # It was registered by a request whose answer was lost.
            answer = self.send("POST", "/api/auth/token/", json=account)
            accepted = self._is(answer, 200)
        else:
            accepted = self._is(answer, 201)
        if accepted:
            self.ledger.registered(email)
        return str(answer.json().get("access", ""))

    def _is(self, answer: httpx.Response, status: int) -> bool:
        if answer.status_code != status:
            request = answer.request
            self.ledger.surprise(
                f"{request.method} {request.url.path}: {answer.status_code} {answer.text[:300]}"
            )
        return answer.status_code == status

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request until it is answered by more than an excuse; raises NeverAccepted."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = self.client.request(method, path, **options)
            except httpx.TransportError as error:
                what = type(error).__name__
            else:
                what = str(answer.status_code)
                # One who waited is told so that the task has failed.
                is_excuse = answer.status_code in REPEATABLE and "task_id" not in answer.text
                # The first request with this key still waits, or its process was killed while it did.
                is_excuse = is_excuse or "request_in_progress" in answer.text
                if not is_excuse:
                    self.ledger.answered(what)
                    return answer
                if answer.status_code not in {409, 503}:
                    self.ledger.surprise(f"{method} {path}: {what} {answer.text[:300]}")
            self.ledger.answered(what)
            if time.monotonic() > until:
                raise NeverAccepted(what)
            self.ledger.retried()
            time.sleep(self.chance.uniform(0.1, 0.6))

    def all_pages(self, path: str) -> list[dict[str, Any]]:
        """Read a list to its end."""
        found: list[dict[str, Any]] = []
        address: str | None = path
        while address:
            page = self.send("GET", address).raise_for_status().json()
            found += page["results"]
            address = page["next"]
        return found
