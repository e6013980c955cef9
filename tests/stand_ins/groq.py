"""A stand-in for Groq's chat API: a real server on a port, which does wrong whatever it is told to.

In a test: `with GroqStandIn() as groq:`, and `groq.url` is the base of the API. As a process of its own:
`python -m tests.stand_ins.groq --port 9000`, governed over /control/calls, /control/settings, /control/clear.
"""

import argparse
import asyncio
import random
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from tests.stand_ins.groq_faults import (
    MIXTURE,
    CutJson,
    CutStream,
    EmptyChoices,
    EmptyText,
    EndWithoutDone,
    Fault,
    FinishReason,
    Hang,
    HtmlPage,
    Refuse,
    SlowStream,
    Status,
    StreamError,
    fault_of,
)
from tests.stand_ins.groq_replies import (
    JSON,
    MODELS,
    Refusal,
    Reply,
    check_key,
    check_question,
    digest,
    usual_text,
    whole_reply,
)
from tests.stand_ins.wire import Connection, Listener, Request, head

__all__ = [
    "MIXTURE",
    "MODELS",
    "Call",
    "CutJson",
    "CutStream",
    "EmptyChoices",
    "EmptyText",
    "EndWithoutDone",
    "Fault",
    "FinishReason",
    "GroqStandIn",
    "Hang",
    "HtmlPage",
    "Refuse",
    "SlowStream",
    "Status",
    "StreamError",
    "digest",
    "usual_text",
]
ANSWERED = "answered"
CALLS_KEPT = 20_000
BODIES_KEPT = 1_000
CHAT = "/openai/v1/chat/completions"
MODEL_LIST = "/openai/v1/models"
STOP_SECONDS = 10


@dataclass
class Call:
    """A request to the API; of all but the last thousand the body and the headers are forgotten."""

    number: int
    time: float
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    model: str = ""
    stream: bool = False
    digest: str = ""
    # `answered`, the name of a fault, or `Status 404` and the like for a request that was refused.
    outcome: str = ""
    first_chunk: float | None = None
    ended: float | None = None
    # Whether the connection was gone before the end of the answer.
    left: bool = False

    def summary(self) -> dict[str, Any]:
        """Give what is told over HTTP."""
        names = (
            "number",
            "time",
            "path",
            "model",
            "stream",
            "digest",
            "outcome",
            "first_chunk",
            "ended",
            "left",
        )
        return {name: getattr(self, name) for name in names}


class GroqStandIn:
    """A chat API inside its `with` block; what it is told from any thread holds from the next request on."""

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        # Seconds before the first byte of an answer, and between the chunks of a stream.
        self.delay = 0.0
        self.token_delay = 0.0
        # Exact, however many there were: all calls, those whose client left, and how many had which outcome.
        self.count = 0
        self.left = 0
        self.outcomes: Counter[str] = Counter()
        self._kept: deque[Call] = deque(maxlen=CALLS_KEPT)
        self._with_bodies: deque[Call] = deque()
        self._number = 0
        self._text: str | None = None
        self._next: deque[Fault] = deque()
        self._always: dict[str | None, Fault] = {}
        self._probability = 0.0
        self._usual: tuple[Fault, ...] = ()
        self._dice = random.Random(0)
        self._lock = threading.Lock()
        self._defects: list[Exception] = []
        self._loop = asyncio.new_event_loop()
        self._listener = Listener(self._handle, host, port)
        self._thread = threading.Thread(target=self._loop.run_forever, name="groq-stand-in", daemon=True)

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        try:
            self.listen_again()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; raises what went wrong in the stand-in itself."""
        self.stop_listening()
        self._end()
        if self._defects:
            raise self._defects[0]

    @property
    def url(self) -> str:
        """Give the address, without a path: what the SDK takes as its `base_url`."""
        return f"http://{self._listener.host}:{self._listener.port}"

    @property
    def calls(self) -> list[Call]:
        """Give the calls that are remembered, the oldest first."""
        with self._lock:
            return list(self._kept)

    def clear(self) -> None:
        """Forget the calls and start to count anew; settings and faults stay."""
        with self._lock:
            self._kept.clear()
            self._with_bodies.clear()
            self.outcomes.clear()
            self.count = self.left = 0

    def answer(self, text: str | None) -> None:
        """Give every question this answer; None brings the usual answers back."""
        self._text = text

    def next(self, *faults: Fault) -> None:
        """Spoil the next questions, each with one of these faults, after those that wait already."""
        with self._lock:
            self._next.extend(faults)

    def always(self, fault: Fault | None, model: str | None = None) -> None:
        """Spoil every question, or every question to a model; None ends that, for all where no model is named."""
        with self._lock:
            if fault is not None:
                self._always[model] = fault
            elif model is None:
                self._always.clear()
            else:
                self._always.pop(model, None)

    def usually(self, probability: float, faults: Sequence[Fault] = MIXTURE, seed: int = 0) -> None:
        """Spoil a share of the questions, each with any of these faults."""
        with self._lock:
            self._probability, self._usual, self._dice = probability, tuple(faults), random.Random(seed)

    def stop_listening(self) -> None:
        """Be a server that is down: open connections break, new ones are refused."""
        self._run(self._listener.down())

    def listen_again(self) -> None:
        """Be back on the same port."""
        self._run(self._listener.up())

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(STOP_SECONDS)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_SECONDS)
        self._loop.close()

    async def _handle(self, connection: Connection, request: Request) -> None:
        try:
            if request.path.startswith("/control/"):
                await self._control(connection, request)
            else:
                await self._api(connection, request)
        except Exception as error:
            self._defects.append(error)
            connection.reset()
            raise

    async def _api(self, connection: Connection, request: Request) -> None:
        call = self._record(request)
        try:
            await self._send(self._reply(call, request), connection, call)
        except asyncio.CancelledError:
            call.left = True
            raise
        finally:
            call.ended = time.time()
            self.left += call.left

    def _record(self, request: Request) -> Call:
        with self._lock:
            self.count += 1
            self._number += 1
            call = Call(self._number, time.time(), request.path, request.headers, {})
            self._kept.append(call)
            self._with_bodies.append(call)
            if len(self._with_bodies) > BODIES_KEPT:
                old = self._with_bodies.popleft()
                old.headers, old.body = {}, {}
        return call

    def _reply(self, call: Call, request: Request) -> Reply:
        """Decide what is answered, and note that as the outcome of the call."""
        fault: Fault | None = None
        try:
            check_key(request.headers.get("authorization", ""))
            reply = self._answer(call, request)
        except Refusal as refusal:
            fault, reply = Status(refusal.status, message=str(refusal)), Reply(call.number)
        else:
            fault = self._fault(call.model) if call.path == CHAT else None
        call.outcome = fault.outcome if fault else ANSWERED
        if fault is not None:
            fault.spoil(reply)
        with self._lock:
            self.outcomes[call.outcome] += 1
        return reply

    def _answer(self, call: Call, request: Request) -> Reply:
        if (request.method, request.path) == ("GET", MODEL_LIST):
            models = [
                {"id": name, "object": "model", "created": 0, "owned_by": "stand-in", "active": True}
                for name in MODELS
            ]
            return Reply(call.number, body=orjson.dumps({"object": "list", "data": models}))
        if (request.method, request.path) != ("POST", CHAT):
            raise Refusal(HTTPStatus.NOT_FOUND, f"Unknown request URL: {request.method} {request.path}.")
        call.body = json_object(request.body)
        call.model, call.stream = str(call.body.get("model")), bool(call.body.get("stream"))
        call.digest = digest(call.body.get("messages"))
        check_question(call.body)
        return whole_reply(call.number, call.body, self._text)

    def _fault(self, model: str) -> Fault | None:
        """Choose what goes wrong: what waits comes first, then what stands, then chance."""
        with self._lock:
            if self._next:
                return self._next.popleft()
            if standing := self._always.get(model) or self._always.get(None):
                return standing
            if self._usual and self._dice.random() < self._probability:
                return self._dice.choice(self._usual)
            return None

    async def _send(self, reply: Reply, connection: Connection, call: Call) -> None:
        if reply.is_reset:
            connection.reset()
            return
        if reply.silence is not None:
            await asyncio.sleep(reply.silence)
            connection.close()
            return
        if self.delay:
            await asyncio.sleep(self.delay)
        headers, pieces = reply.pieces()
        pause = (self.token_delay if reply.is_stream else 0) if reply.pause is None else reply.pause
        call.first_chunk = time.time()
        await connection.send(head(reply.status, headers))
        for number, piece in enumerate(pieces):
            if number and pause:
                await asyncio.sleep(pause)
            await connection.send(piece)
        if reply.breaks_off:
            connection.close()

    async def _control(self, connection: Connection, request: Request) -> None:
        status, answer = HTTPStatus.OK, {}
        try:
            if request.path == "/control/calls":
                answer = self._told(int(request.query.get("after", 0)))
            elif request.path == "/control/clear":
                self.clear()
            elif request.path == "/control/settings":
                self.change(json_object(request.body))
            else:
                status = HTTPStatus.NOT_FOUND
        except (ValueError, Refusal) as error:
            status, answer = HTTPStatus.BAD_REQUEST, {"error": str(error)}
        await connection.answer(status, orjson.dumps(answer), {"content-type": JSON})

    def _told(self, after: int) -> dict[str, Any]:
        calls = [call.summary() for call in self.calls if call.number > after]
        return {"count": self.count, "left": self.left, "outcomes": dict(self.outcomes), "calls": calls}

    def change(self, settings: dict[str, Any]) -> None:
        """Take settings from JSON; raises ValueError, and then takes none of them.

        Faults with a probability go wrong with that from now on (without faults: the mixture), and those
        without one wait for the next questions.
        """
        known = {"text", "delay", "token_delay", "faults", "probability", "seed"}
        if unknown := settings.keys() - known:
            raise ValueError(f"no such setting: {', '.join(sorted(unknown))}")
        faults = [fault_of(description) for description in settings.get("faults", ())]
        delays = {name: float(settings[name]) for name in ("delay", "token_delay") if name in settings}
        if "probability" in settings:
            self.usually(float(settings["probability"]), faults or MIXTURE, int(settings.get("seed", 0)))
        else:
            self.next(*faults)
        for name, seconds in delays.items():
            setattr(self, name, seconds)
        if "text" in settings:
            self.answer(settings["text"])


def json_object(body: bytes) -> dict[str, Any]:
    """Read the body of a request; raises Refusal."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"the body is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise Refusal(HTTPStatus.BAD_REQUEST, "the body has to be an object")
    return value


def main() -> None:
    """Run the stand-in by hand until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description="A stand-in for Groq's chat API.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--delay", type=float, default=0, help="seconds before the first byte of an answer")
    parser.add_argument("--token-delay", type=float, default=0, help="seconds between the chunks of a stream")
    parser.add_argument("--faults", type=float, default=0, help="the probability that something goes wrong")
    parser.add_argument("--seed", type=int, default=0, help="of the faults")
    parser.add_argument("--text", type=Path, help="a file with the text of every answer")
    options = parser.parse_args()
    # Before the thread begins, which inherits it: the signals wait for sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    groq = GroqStandIn(host=options.host, port=options.port)
    groq.delay, groq.token_delay = options.delay, options.token_delay
    groq.usually(options.faults, seed=options.seed)
    groq.answer(options.text.read_text() if options.text else None)
    with groq:
        print(groq.url, flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
