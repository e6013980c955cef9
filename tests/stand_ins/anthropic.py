"""A stand-in for Anthropic's message stream: the usual answer, or one of the faults of its protocol."""

import asyncio
import json
import threading
from collections import deque
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

from tests.stand_ins.wire import Connection, Listener, Request, chunk, head

WORDS = ("Cells ", "divide ", "and ", "grow.")
ERRORS = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error"}


class AnthropicStandIn:
    """The messages API inside its `with` block.

    The next answers are taken from `faults`: a status, a finish reason, or `hang`, `html`, `cut`, `error`,
    `empty`, `half` (of the JSON) and `chatter` (comments without an end).
    """

    def __init__(self) -> None:
        self.faults: deque[int | str] = deque()
        self.headers: dict[str, str] = {}
        self.words = WORDS
        self.calls: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._listener = Listener(self._handle, "127.0.0.1", 0)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        self._run(self._listener.up())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._run(self._listener.down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def hang_up(self) -> None:
        """Break off all open connections, and go on."""
        self._run(self._listener.down())
        self._run(self._listener.up())

    @property
    def url(self) -> str:
        """Give the address."""
        return f"http://{self._listener.host}:{self._listener.port}"

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _handle(self, connection: Connection, request: Request) -> None:
        self.calls.append(json.loads(request.body))
        self.keys.append(request.headers.get("authorization", ""))
        fault = self.faults.popleft() if self.faults else "end_turn"
        if isinstance(fault, int):
            error = {"type": ERRORS.get(fault, "api_error"), "message": "The stand-in was told to fail."}
            body = json.dumps({"type": "error", "error": error}).encode()
            await connection.answer(fault, body, {"content-type": "application/json", **self.headers})
        elif fault == "html":
            await connection.answer(200, b"<html>One moment</html>", {"content-type": "text/html"})
        elif fault == "hang":
            await asyncio.sleep(3600)
        else:
            await self._stream(connection, fault)

    async def _stream(self, connection: Connection, fault: str) -> None:
        kinds = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
        await connection.send(head(200, kinds))
        while fault == "chatter":
            await connection.send(chunk(b": still here\n\n"))
            await asyncio.sleep(0.05)
        for part in self._parts(fault):
            await connection.send(chunk(part))
        if fault == "cut":
            connection.close()
        else:
            await connection.send(chunk(b""))

    def _parts(self, fault: str) -> list[bytes]:
        usage = {"input_tokens": 11, "output_tokens": 1}
        message = {"id": "m", "type": "message", "role": "assistant", "model": "x", "content": []}
        begin = message | {"stop_reason": None, "stop_sequence": None, "usage": usage}
        words = () if fault == "empty" else self.words
        block = {"type": "text", "text": ""}
        events = [event("message_start", message=begin)]
        events += [event("content_block_start", index=0, content_block=block), event("ping")]
        for word in words:
            events += [event("content_block_delta", index=0, delta={"type": "text_delta", "text": word})]
        if fault == "cut":
            return events
        if fault == "error":
            return [*events, event("error", error={"type": "overloaded_error", "message": "Overloaded"})]
        if fault == "half":
            return [*events[:3], events[3][: len(events[3]) // 2] + b"\n\n"]
        reason = "end_turn" if fault == "empty" else fault
        end = {"delta": {"stop_reason": reason, "stop_sequence": None}, "usage": {"output_tokens": 7}}
        return [*events, event("content_block_stop", index=0), event("message_delta", **end)]


def event(kind: str, **data: Any) -> bytes:
    """Write an event; half of a pair of surrogates stays what it is."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode()
