"""A stand-in for Google: sign-in, tokens and Drive on a port, which does wrong whatever it is told to.

In a test: `with GoogleStandIn() as google:`, and `google.url` is what GOOGLE_BASE_URL has to be. As a process of its
own: `python -m tests.stand_ins.google --port 9000`, with GOOGLE_CLIENT_ID=client-of-tests and
GOOGLE_CLIENT_SECRET=secret-of-tests; GET /control/state tells, POST /control/faults {"step": [{"kind": ...}]} spoils.
"""

import argparse
import asyncio
import re
import signal
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlencode

import httpx
import orjson

from tests.stand_ins.google_drive import CLIENT, Google, Refused, Session
from tests.stand_ins.google_faults import (
    CutAfter,
    CutBefore,
    CutMiddle,
    CutWhileSending,
    Expired,
    Fault,
    Html,
    LostSession,
    Short,
    Slow,
    Status,
    Trickle,
    WrongBytes,
    fault_of,
)
from tests.stand_ins.google_oidc import published
from tests.stand_ins.wire import Connection, Listener, Request, head

__all__ = ["CLIENT", "GoogleStandIn"]
STOP_SECONDS = 10
JSON = "application/json; charset=UTF-8"
PAGE = b"<!doctype html>\n<html><body>Checking the browser</body></html>\n"
FILES, UPLOAD = "/drive/v3/files", "/upload/drive/v3/files"
RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
HALF = 2


@dataclass
class Reply:
    """An answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": JSON})


def told(value: object, status: int = 200, **headers: str) -> Reply:
    """Answer with JSON."""
    return Reply(status, orjson.dumps(value), {"content-type": JSON, **headers})


def refusal(status: int, reason: str, message: str = "") -> Reply:
    """Answer with an error as Drive writes it."""
    errors = [{"domain": "usageLimits", "reason": reason, "message": message}] if reason else []
    return told({"error": {"code": status, "message": message or reason, "errors": errors}}, status)


class UploadConnection(Connection):
    """A connection that may be cut while a chunk is still on its way."""

    google: "GoogleStandIn"

    def data_received(self, data: bytes) -> None:
        """Keep what the client sent, or cut."""
        super().data_received(data)
        if self.buffer.startswith(b"PUT /upload/"):
            self.google.cut_while_sending(self)


class UploadListener(Listener):
    """A port whose connections may be cut while something arrives."""

    google: "GoogleStandIn"

    def _connection(self) -> Connection:
        made = UploadConnection(self.handle, self.connections)
        made.google = self.google
        return made


class GoogleStandIn:
    """Google inside its `with` block; what it is told from any thread holds from the next call on."""

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.google = Google()
        # What was asked for, step by step; the outcome of each.
        self.calls: list[tuple[str, str]] = []
        self._next: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._always: dict[str, Fault] = {}
        self._defects: list[Exception] = []
        self._loop = asyncio.new_event_loop()
        self._listener = UploadListener(self._handle, host, port)
        self._listener.google = self
        self._thread = threading.Thread(target=self._loop.run_forever, name="google-stand-in", daemon=True)

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        self.listen_again()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; raises what went wrong in the stand-in itself."""
        self.stop_listening()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_SECONDS)
        self._loop.close()
        if self._defects:
            raise self._defects[0]

    @property
    def url(self) -> str:
        """Give the address, without a path."""
        return f"http://{self._listener.host}:{self._listener.port}"

    @property
    def steps(self) -> Counter[str]:
        """Count the calls by their step."""
        return Counter(step for step, _ in self.calls)

    @property
    def waiting(self) -> list[Fault]:
        """Give the faults that have not been met yet."""
        return [fault for faults in self._next.values() for fault in faults]

    def next(self, step: str, *faults: Fault) -> None:
        """Spoil the next calls of a step, each with one of these faults."""
        self._next[step].extend(faults)

    def always(self, step: str, fault: Fault | None) -> None:
        """Spoil every call of a step, until None ends that."""
        if fault is None:
            self._always.pop(step, None)
        else:
            self._always[step] = fault

    def clear(self) -> None:
        """Forget the faults that wait and the calls; accounts and files stay."""
        self._next.clear()
        self._always.clear()
        self.calls.clear()

    def forget(self) -> None:
        """Be a Google that nobody has used yet."""
        self.clear()
        self.google = Google()

    def allow(self, authorization_url: str) -> dict[str, str]:
        """Be a user who goes to that address; gives the parameters with which Google sends them back."""
        answer = httpx.get(authorization_url, trust_env=False, verify=False)
        assert answer.status_code == 302, answer.text
        return dict(parse_qsl(httpx.URL(answer.headers["location"]).query.decode()))

    def stop_listening(self) -> None:
        """Be a server that is down: open connections break, new ones are refused."""
        self._run(self._listener.down())

    def listen_again(self) -> None:
        """Be back on the same port."""
        self._run(self._listener.up())

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(STOP_SECONDS)

    async def _handle(self, connection: Connection, request: Request) -> None:
        try:
            step = _step(request)
            fault = None if step == "control" else self._fault(step)
            if step != "control":
                self.calls.append((step, type(fault).__name__ if fault else ""))
            with self.google.lock:
                reply = None if fault and not fault.has_effect else self._reply(step, request, fault)
                reply = self._spoilt(fault, request, reply)
            await self._send(connection, reply, fault)
        except Exception as error:
            self._defects.append(error)
            connection.reset()
            raise

    def _fault(self, step: str) -> Fault | None:
        """Choose what goes wrong; one that cuts while a chunk arrives does so by itself."""
        waiting = self._next[step]
        fault = waiting[0] if waiting else self._always.get(step)
        if isinstance(fault, CutWhileSending):
            return None
        return waiting.popleft() if waiting else fault

    def _reply(self, step: str, request: Request, fault: Fault | None) -> Reply:
        handle: Callable[[Request, Fault | None], Reply] = getattr(self, f"_{step}")
        try:
            return handle(request, fault)
        except Refused as error:
            return (
                told(error.oauth, error.status)
                if error.oauth
                else refusal(error.status, error.reason, str(error))
            )

    def _spoilt(self, fault: Fault | None, request: Request, reply: Reply | None) -> Reply:
        if isinstance(fault, Status):
            answer = refusal(fault.code, fault.reason)
            if fault.retry_after is not None:
                answer.headers["retry-after"] = str(fault.retry_after)
            return answer
        if isinstance(fault, LostSession):
            self.google.sessions.pop(request.query.get("upload_id", ""), None)
            return refusal(fault.code, "notFound")
        if isinstance(fault, Expired):
            self.google.expire_access()
            return refusal(401, "authError")
        if isinstance(fault, Html):
            return Reply(200, PAGE, {"content-type": "text/html"})
        if isinstance(fault, Short):
            session, first = self._session(request), _first(request)
            session.received += request.body[: fault.keep]
            assert first + fault.keep == len(session.received)
            return _incomplete(session)
        return reply or Reply(500)

    async def _send(self, connection: Connection, reply: Reply, fault: Fault | None) -> None:
        if isinstance(fault, CutBefore | CutAfter):
            connection.reset()
            return
        if isinstance(fault, Slow):
            await asyncio.sleep(fault.seconds)
        whole = head(reply.status, {**reply.headers, "content-length": str(len(reply.body))}) + reply.body
        if isinstance(fault, CutMiddle):
            await connection.send(whole[: len(whole) // HALF])
            connection.close()
        elif isinstance(fault, Trickle):
            for number in range(len(whole)):
                await connection.send(whole[number : number + 1])
                await asyncio.sleep(fault.pause)
        else:
            await connection.send(whole)

    def cut_while_sending(self, connection: Connection) -> None:
        """Cut a connection on which enough of a chunk has arrived, if that is what goes wrong next."""
        waiting = self._next["chunk"]
        end = connection.buffer.find(b"\r\n\r\n")
        if end < 0 or not waiting or not isinstance(waiting[0], CutWhileSending):
            return
        arrived = bytes(connection.buffer[end + 4 :])
        found = re.search(rb"upload_id=([\w-]+)", connection.buffer[:end])
        if found is None or len(arrived) < waiting[0].after:
            return
        fault = waiting.popleft()
        assert isinstance(fault, CutWhileSending)
        self.calls.append(("chunk", type(fault).__name__))
        with self.google.lock:
            self.google.sessions[found[1].decode()].received += arrived[: fault.after]
        connection.reset()

    def _consent(self, request: Request, _: Fault | None) -> Reply:
        back = f"{request.query['redirect_uri']}?{urlencode(self.google.consent(request.query))}"
        return Reply(302, headers={"location": back})

    def _token(self, request: Request, _: Fault | None) -> Reply:
        return told(self.google.token(dict(parse_qsl(request.body.decode()))))

    _exchange = _refresh = _token

    def _revoke(self, request: Request, _: Fault | None) -> Reply:
        self.google.revoke(dict(parse_qsl(request.body.decode())).get("token", ""))
        return told({})

    def _who(self, request: Request, _: Fault | None) -> Reply:
        account = self.google.owner(request.headers.get("authorization", ""))
        return told({"sub": account.sub, "email": account.email, "email_verified": True})

    def _keys(self, _request: Request, _: Fault | None) -> Reply:
        return told(published("first", "second"))

    def _ids(self, request: Request, _: Fault | None) -> Reply:
        self.google.owner(request.headers.get("authorization", ""))
        return told({"kind": "drive#generatedIds", "space": "drive", "ids": [self.google.draw_id()]})

    def _start(self, request: Request, _: Fault | None) -> Reply:
        account = self.google.owner(request.headers.get("authorization", ""))
        replaced = request.path.removeprefix(UPLOAD).strip("/")
        session = self.google.start(account, orjson.loads(request.body), request.headers, replaced)
        # Google's own address, whatever the client was told to ask instead.
        where = f"https://www.googleapis.com{request.path}?uploadType=resumable&upload_id={session}"
        return Reply(200, headers={"location": where})

    _replace = _start

    def _session(self, request: Request) -> Session:
        self.google.owner(request.headers.get("authorization", ""))
        found = self.google.sessions.get(request.query.get("upload_id", ""))
        if found is None:
            raise Refused(404, "notFound")
        return found

    def _chunk(self, request: Request, fault: Fault | None) -> Reply:
        session = self._session(request)
        body = request.body
        if isinstance(fault, CutMiddle):
            session.received += body[: len(body) // HALF]
            return _incomplete(session)
        if isinstance(fault, WrongBytes):
            body = bytes([body[0] ^ 1]) + body[1:]
        made = self.google.put(session, _first(request), body)
        return _incomplete(session) if made is None else told(made.resource())

    def _ask(self, request: Request, _: Fault | None) -> Reply:
        session = self._session(request)
        made = self.google.completed(session)
        return _incomplete(session) if made is None else told(made.resource())

    def _metadata(self, request: Request, _: Fault | None) -> Reply:
        account = self.google.owner(request.headers.get("authorization", ""))
        found = self.google.file(account, unquote(request.path.rpartition("/")[2]))
        if found is None:
            raise Refused(404, "notFound", "File not found.")
        return told(found.resource())

    def _download(self, request: Request, _: Fault | None) -> Reply:
        account = self.google.owner(request.headers.get("authorization", ""))
        found = self.google.file(account, unquote(request.path.removeprefix(FILES).split("/")[1]))
        if found is None:
            raise Refused(404, "notFound", "File not found.")
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", ""))
        body = found.content[int(wanted[1]) : int(wanted[2]) + 1] if wanted else found.content
        return Reply(206 if wanted else 200, body, {"content-type": found.media_type})

    def _control(self, request: Request, _: Fault | None) -> Reply:
        if request.path == "/control/faults":
            for step, faults in orjson.loads(request.body).items():
                self.next(step, *(fault_of(fault) for fault in faults))
        files = [file.resource() | {"versions": file.versions} for file in self.google.files.values()]
        return told({"files": files, "calls": self.calls, "sessions": len(self.google.sessions)})


def _first(request: Request) -> int:
    found = RANGE.fullmatch(request.headers.get("content-range", ""))
    if found is None or int(found[2]) - int(found[1]) + 1 != len(request.body):
        raise Refused(400, "badContent", "wrong Content-Range")
    return int(found[1])


def _incomplete(session: Session) -> Reply:
    arrived = len(session.received)
    return Reply(308, headers={"range": f"bytes=0-{arrived - 1}"} if arrived else {})


def _step(request: Request) -> str:
    """Name what a request is."""
    path, method = request.path, request.method
    if path.startswith("/control/"):
        return "control"
    if path == "/token":
        return "refresh" if b"grant_type=refresh_token" in request.body else "exchange"
    plain = {"/o/oauth2/v2/auth": "consent", "/revoke": "revoke", "/v1/userinfo": "who"}
    plain |= {f"{FILES}/generateIds": "ids", "/oauth2/v3/certs": "keys"}
    if path in plain:
        return plain[path]
    if path.startswith(UPLOAD):
        if method == "PUT":
            return "ask" if request.headers.get("content-range", "").startswith("bytes */") else "chunk"
        return "start" if method == "POST" else "replace"
    return "download" if request.query.get("alt") == "media" or path.endswith("/export") else "metadata"


def main() -> None:
    """Run the stand-in by hand until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description="A stand-in for Google's sign-in and Drive.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    # Before the thread begins, which inherits it: the signals wait for sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    with GoogleStandIn(host=options.host, port=options.port) as google:
        print(google.url, flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
