"""The front: answers that cost almost nothing and are never stale, given before Flask is asked.

What it answers are GETs whose routes say that their answer depends on the caller's notes alone (`is_kept`), from
finished bytes. Everything that it does not know goes on to Flask:

                     GET or HEAD with a token, and without an API key
                        |
    [unknown] ------ the token was let in before, and these bytes are kept ----- else: Flask answers; they are kept
                        |                                                         with the version of the notes
    [unasked] ------ the database lets Redis be believed (closing.py) ---------- else: Flask
                        |
                     one script in Redis (facts.py): lives the session, which version, is the limit kept?
                        |
    [writing] ------ a write of this user is under way ------------------------- Flask
    [unstated] ----- nothing is stated: a lease is given ----------------------- Flask; what its guard has read is
                        |                                                         stated under the lease
    [stated] ------- counted; the limit is used up ----------------------------- 429
                        |
                     counted; the bytes are of an older version ---------------- Flask, which does not count again
                        |
    [fresh] -------- 200 or 304

Why no answer is older than the last write that was acknowledged: see facts.py and closing.py, and for all of it
together tests/freshness/test_model.py. Without Redis there is one process: in the place of the script the database is
asked for session and version, and the process counts.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from wsgiref.types import WSGIEnvironment

from flask import Response, g, request
from sqlalchemy.exc import SQLAlchemyError

from noteassist import db, observing, redis_clients
from noteassist.api.answers import bare_tag, matches, preferred_encoding, variant_of
from noteassist.api.keeping import KEPT
from noteassist.api.limits import COUNTED, RequestLimits
from noteassist.config import Settings
from noteassist.freshness import Fact, Facts, Freshness, Lease, Question
from noteassist.kept_answers import KeptAnswer, KeptAnswers
from noteassist.limiting import Window, verdict_of
from noteassist.security.actors import Actor
from noteassist.security.sessions import Bearer, live_actor
from noteassist.security.tokens import expiry_of
from noteassist.slots import Slots

if TYPE_CHECKING:
    from flask import Flask

log = logging.getLogger(__name__)

MOST_CALLERS = 20_000
# So many threads ask at a time, and the others wait for their turn in the order of coming: Python's own lock is given
# to anybody, and of 256 requests at once some waited for it ten times as long as most.
TURNS = 8
TURN_SECONDS = 1.0
# Where the epoch of a request's beginning and its lease are remembered until Flask has answered it.
EPOCH, LEASE = "noteassist.epoch", "noteassist.lease"
# Said anew with each answer.
UNKEPT_HEADERS = frozenset({"ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"})
HEADERS_OF_304 = frozenset({"cache-control", "vary"})
# The epoch where there is no Redis.
ALONE = ""


class Answer(NamedTuple):
    """An answer that is ready."""

    status: str
    headers: Sequence[tuple[str, str]]
    body: Sequence[bytes]


@dataclass(slots=True)
class Caller:
    """Whom a token belongs to, until it expires (Unix time), and what is asked about its session."""

    user_id: int
    session_id: int
    expires: float
    question: Question | None = None


class Front:
    """Answers what it knows; `limits` is None where they are switched off."""

    def __init__(
        self, app: "Flask", settings: Settings, limits: RequestLimits | None, freshness: Freshness
    ) -> None:
        """Stand before an application."""
        self.app = app
        self.limits = limits
        self.freshness = freshness
        self.answers = KeptAnswers(settings.front_cache_mb * 2**20)
        self.callers: OrderedDict[str, Caller] = OrderedDict()
        self.turns = Slots(TURNS)
        app.after_request(self.keep)

    def answer(self, environ: WSGIEnvironment) -> Answer | None:
        """Answer a request, or leave it to Flask; raises TooManyRequests."""
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"} or "HTTP_X_API_KEY" in environ:
            return None
        epoch = self._epoch()
        if epoch is None:
            return None
        # Before anything is read: what is kept and stated later must not be younger than this.
        environ[EPOCH] = epoch
        caller = self.callers.get(environ.get("HTTP_AUTHORIZATION", ""))
        if caller is None or caller.expires <= time.time():
            return None
        kept = self.answers.get(caller.user_id, _name(environ))
        if kept is None or kept.epoch != epoch:
            return None
        environ["noteassist.route"] = kept.route
        environ["noteassist.user"] = caller.user_id
        if not self.turns.acquire(TURN_SECONDS):
            return None
        try:
            version = self._version(environ, caller, epoch)
        finally:
            self.turns.release()
        return _finished(environ, kept) if version == kept.version else None

    def _epoch(self) -> str | None:
        leave = self.freshness.leave
        return ALONE if leave is None else leave.epoch()

    def _version(self, environ: WSGIEnvironment, caller: Caller, epoch: str) -> int | None:
        """Give the version of the caller's notes and count the request; None where only Flask can tell.

        Raises TooManyRequests.
        """
        if self.freshness.facts is None:
            return self._version_in_database(environ, caller)
        try:
            return self._stated_version(environ, caller, self.freshness.facts, epoch)
        except redis_clients.FAILURES:
            return None

    def _version_in_database(self, environ: WSGIEnvironment, caller: Caller) -> int | None:
        try:
            # For its one statement.
            observing.begin_request(environ)
            with self.app.app_context():
                actor = live_actor(Bearer(caller.user_id, caller.session_id), db.utcnow())
        except SQLAlchemyError:
            return None
        if actor is None:
            return None
        if self.limits is not None:
            environ[COUNTED] = self.limits.count(actor)
        return actor.notes_version

    def _stated_version(
        self, environ: WSGIEnvironment, caller: Caller, facts: Facts, epoch: str
    ) -> int | None:
        question = caller.question
        if question is None or question.fact is None or question.fact.expires <= time.time():
            question = self._question(facts, caller, None)
        found = facts.ask(question, epoch)
        if found.fact is not None and found.fact.expires > time.time():
            # Another process has stated it, or of another version.
            question = caller.question = self._question(facts, caller, found.fact)
            found = facts.ask(question, epoch)
        if found.figures is None or question.fact is None:
            environ[LEASE] = found.lease
            return None
        if self.limits is not None:
            verdict = verdict_of(question.windows, found.figures)
            if not verdict.is_allowed:
                observing.begin_request(environ)
            environ[COUNTED] = self.limits.admitted(verdict, user_id=caller.user_id)
        return question.fact.version

    def _question(self, facts: Facts, caller: Caller, fact: Fact | None) -> Question:
        windows: Sequence[Window] = ()
        if fact is not None and self.limits is not None:
            windows = self.limits.session_windows(caller.user_id, fact.tier)
        return facts.question(caller.user_id, caller.session_id, fact, windows)

    def keep(self, response: Response) -> Response:
        """Keep what Flask has answered, and state what its guard has read."""
        environ = request.environ
        actor: Actor | None = g.get("actor")
        if actor is None or actor.key is not None:
            return response
        self.state(environ, actor)
        version: int | None = environ.get(KEPT)
        if version is not None and request.method == "GET" and response.status_code == 200:
            headers = response.get_wsgi_headers(environ)
            self.keep_answer(environ, actor, version, list(headers.items()), response.get_data())
        return response

    def state(self, environ: WSGIEnvironment, actor: Actor) -> None:
        """State what a guard has read in this request, where a lease was given for it."""
        lease: Lease | None = environ.get(LEASE)
        if lease is None or self.freshness.facts is None or actor.session_ends is None:
            return
        expires = int(actor.session_ends.timestamp())
        try:
            self.freshness.facts.state(
                lease,
                actor.user_id,
                actor.session_id,
                version=actor.notes_version,
                tier=actor.tier,
                expires=expires,
            )
        except redis_clients.FAILURES as error:
            log.warning("nothing was stated in Redis: %s", type(error).__name__)

    def keep_answer(
        self,
        environ: WSGIEnvironment,
        actor: Actor,
        version: int,
        headers: Sequence[tuple[str, str]],
        body: bytes,
    ) -> None:
        """Keep the 200 to a GET that shows the caller's notes as they were in this version."""
        if EPOCH not in environ:
            return
        self._remember_caller(environ["HTTP_AUTHORIZATION"], actor)
        kept = [(name, value) for name, value in headers if name.lower() not in UNKEPT_HEADERS]
        tag = next(value for name, value in kept if name == "ETag")
        answer = KeptAnswer(
            epoch=environ[EPOCH],
            version=version,
            route=environ["noteassist.route"],
            headers=kept,
            tag=bare_tag(tag.strip('"')),
            body=body,
        )
        self.answers.put(actor.user_id, _name(environ), answer)

    def _remember_caller(self, authorization: str, actor: Actor) -> None:
        if authorization in self.callers:
            return
        expires = expiry_of(authorization)
        self.callers[authorization] = Caller(actor.user_id, actor.session_id, expires)
        while len(self.callers) > MOST_CALLERS:
            self.callers.popitem(last=False)


def _name(environ: WSGIEnvironment) -> tuple[str, str, str | None]:
    """Name what is asked for: path, query, and the encoding of the answer."""
    encoding = preferred_encoding(environ.get("HTTP_ACCEPT_ENCODING", ""))
    return environ["PATH_INFO"], environ.get("QUERY_STRING", ""), encoding


def _finished(environ: WSGIEnvironment, kept: KeptAnswer) -> Answer:
    """Make the answer of a kept one: whole, without its body, or 304."""
    allowance = environ.get(COUNTED)
    told = () if allowance is None else allowance.headers.items()
    known = environ.get("HTTP_IF_NONE_MATCH", "")
    if known and matches(known, kept.tag):
        same = [header for header in kept.headers if header[0].lower() in HEADERS_OF_304]
        return Answer("304 NOT MODIFIED", [*same, ("ETag", f'"{variant_of(known, kept.tag)}"'), *told], ())
    body = () if environ["REQUEST_METHOD"] == "HEAD" else (kept.body,)
    return Answer("200 OK", [*kept.headers, *told], body)
