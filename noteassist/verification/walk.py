"""One user's walk through the server, and the words for what became of each step."""

import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

TIMEOUT_SECONDS = 45
LONGEST_PAUSE = 60


class Failed(Exception):
    """A step did not do what it should."""


class NotConfigured(Exception):
    """The operator has not set up what a step needs."""


@dataclass
class Result:
    """What became of a step: `ok`, `failed` or `not configured`."""

    step: str
    state: str
    remark: str = ""


@dataclass
class Walk:
    """One user's way through the server at `base_url`; the account is closed again at the end."""

    base_url: str
    results: list[Result] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=self.base_url, timeout=TIMEOUT_SECONDS)
        self.email = f"verify-{secrets.token_hex(6)}@example.com"
        self.password = secrets.token_urlsafe(18)
        self.session: dict[str, Any] = {}
        self.note: dict[str, Any] = {}

    def take(self, steps: Iterable["Step"]) -> Iterator[Result]:
        """Take every step; a later one is tried even if an earlier one failed."""
        for step in steps:
            try:
                remark = step(self)
                result = Result(described(step), "ok", remark)
            except NotConfigured as error:
                result = Result(described(step), "not configured", str(error))
            except (Failed, httpx.HTTPError, KeyError, ValueError) as error:
                result = Result(described(step), "failed", f"{type(error).__name__}: {error}"[:200])
            self.results.append(result)
            yield result

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request, signed in if we are; where there are too many, as a polite client would."""
        headers = dict(options.pop("headers", {}))
        if self.session:
            headers["Authorization"] = f"Bearer {self.session['access']}"
        while True:
            answer = self.client.request(method, path, headers=headers, **options)
            pause = int(answer.headers.get("Retry-After", "0"))
            # A server with its usual limits is faster than they allow for; what takes longer fails the step.
            if answer.status_code != 429 or not 0 < pause <= LONGEST_PAUSE:
                return answer
            time.sleep(pause)

    def ask(self, method: str, path: str, status: int, **options: Any) -> httpx.Response:
        """Send a request that must be answered with `status`; raises Failed."""
        answer = self.send(method, path, **options)
        if answer.status_code != status:
            raise Failed(
                f"{method} {path} answered {answer.status_code} instead of {status}: {answer.text[:120]}"
            )
        return answer


Step = Callable[[Walk], str]


def described(step: Step) -> str:
    """Name a step by its docstring."""
    return (step.__doc__ or step.__name__).rstrip(".")


def require(holds: bool, message: str) -> None:
    """Fail the step unless something holds; raises Failed."""
    if not holds:
        raise Failed(message)
