"""Running programs: those that are sent, and those in topics."""

import functools
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from noteassist import metrics
from noteassist.config import Settings
from noteassist.errors import LanguageUnavailable, SandboxBusy, SandboxUnavailable, Unprocessable
from noteassist.security.actors import Actor
from noteassist.services.sandbox.languages import LANGUAGES, language_called
from noteassist.services.sandbox.limits import Limits
from noteassist.services.sandbox.probing import PATIENCE_SECONDS, PROBE, Verdict
from noteassist.services.sandbox.running import JailBroken, Outcome, run
from noteassist.services.topics import get_topic

log = logging.getLogger(__name__)

WAIT_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Program:
    """What is to be run; `language` is one of LANGUAGES."""

    language: str
    code: str
    stdin: str = ""


def program_of_topic(
    actor: Actor, topic_id: int, *, language: str | None = None, code: str | None = None, stdin: str = ""
) -> Program:
    """Take my topic's code and language where none are given; raises NotFound, Unprocessable."""
    snippet = get_topic(actor, topic_id)["code_snippet"] or {}
    code = snippet.get("code") if code is None else code
    if code is None:
        raise Unprocessable(errors={"json": {"code": ["This topic has no code to run."]}})
    written = language or snippet.get("language")
    known = language_called(written) if written else None
    if known is None:
        can = ", ".join(language.title for language in LANGUAGES.values())
        message = f"{written} cannot be run; {can} can." if written else "Missing data for required field."
        raise Unprocessable(errors={"json": {"language": [message]}})
    return Program(language=known, code=code, stdin=stdin)


def longest_run(settings: Settings) -> float:
    """Give the seconds after which `run_program` has ended in any case: the probe, a place, and the program."""
    return PATIENCE_SECONDS + WAIT_SECONDS + settings.sandbox_seconds


def run_program(settings: Settings, program: Program) -> dict[str, Any]:
    """Run a program in the sandbox; gives what it wrote and how it ended.

    Call it outside of any transaction: it takes up to SANDBOX_SECONDS, and up to 2 s more until it begins. Raises
    SandboxUnavailable, LanguageUnavailable, SandboxBusy.
    """
    verdict = _verdict(settings)
    language = LANGUAGES[program.language]
    if program.language not in verdict.languages:
        raise LanguageUnavailable(f"{language.title} is not installed on this server.")
    with _place(settings.sandbox_runs):
        try:
            outcome = run(language, program.code, program.stdin, Limits.of(settings))
        except JailBroken as error:
            PROBE.doubt(str(error))
            raise SandboxUnavailable from error
    ended = "ok" if outcome.exit_code == 0 else "error"
    verdict_word = outcome.stopped_by or ("timed_out" if outcome.timed_out else ended)
    metrics.SANDBOX_RUNS.labels(verdict_word).inc()
    return _presented(outcome)


def sandbox_state(settings: Settings) -> str:
    """Tell how the sandbox is, without waiting: `ok`, `off`, `unavailable`, or `checking` for a moment at first."""
    if not settings.sandbox_enabled:
        return "off"
    verdict = PROBE.ask(0)
    if verdict is None:
        return "checking"
    return "ok" if verdict.is_good else "unavailable"


def _verdict(settings: Settings) -> Verdict:
    if not settings.sandbox_enabled:
        raise SandboxUnavailable("Running code is switched off on this server.")
    verdict = PROBE.ask()
    if verdict is None:
        raise SandboxBusy
    if not verdict.is_good:
        raise SandboxUnavailable
    return verdict


@functools.cache
def _places(number: int) -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(number)


@contextmanager
def _place(number: int) -> Iterator[None]:
    """Be one of so many runs of this process; raises SandboxBusy after 2 s."""
    places = _places(number)
    if not places.acquire(timeout=WAIT_SECONDS):
        raise SandboxBusy
    try:
        yield
    finally:
        places.release()


def _presented(outcome: Outcome) -> dict[str, Any]:
    return {
        "stdout": outcome.stdout,
        "stderr": outcome.stderr,
        "exit_code": outcome.exit_code,
        "timed_out": outcome.timed_out,
        "truncated": outcome.truncated,
        "stopped_by": outcome.stopped_by,
        "duration_ms": outcome.duration_ms,
    }
