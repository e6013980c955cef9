"""The seeded users: who they are on each server, their tokens and the ids of their notes."""

import http.client
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

from bench.errors import BenchError
from bench.loop import LOOPBACK

# Sign-in is dear by design; more threads than this only queue on a small machine.
SIGN_IN_THREADS = 4
TIMEOUT_SECONDS = 30
Report = Callable[[], object]


@dataclass(frozen=True)
class Person:
    """One seeded user as one server knows them."""

    email: str
    password: str
    token: str
    note_ids: tuple[int, ...] = ()
    pages: tuple[str, ...] = ()
    key: str = ""


def seeded_email(number: int) -> str:
    """Name the seeded user of this number; the first one is 1."""
    return f"user{number}@example.com"


def fetch(port: int, path: str, token: str) -> bytes:
    """Get the bytes of one answer that has to be a success, outside of any measurement."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(
            "GET", path, headers={"Accept": "application/json", "Authorization": f"Bearer {token}"}
        )
        answer = connection.getresponse()
        payload = answer.read()
    except OSError as error:
        raise BenchError(f"GET {path} on port {port}: {error}") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise BenchError(f"GET {path} on port {port} answered {answer.status}: {payload[:300]!r}")
    return payload


def call(
    port: int, method: str, path: str, *, token: str | None = None, body: object = None
) -> tuple[int, dict[str, object]]:
    """Send one request outside of any measurement; give the status and the JSON answer."""
    headers = {"Accept": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if body is not None:
        headers["Content-Type"] = "application/json"
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, path, orjson.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        payload = answer.read()
    except OSError as error:
        raise BenchError(f"{method} {path} on port {port}: {error}") from error
    finally:
        connection.close()
    try:
        return answer.status, orjson.loads(payload or b"{}")
    except orjson.JSONDecodeError:
        return answer.status, {"text": payload[:300].decode(errors="replace")}


def must(
    port: int, method: str, path: str, *, token: str | None = None, body: object = None
) -> dict[str, object]:
    """Send one request that has to succeed."""
    status, answer = call(port, method, path, token=token, body=body)
    if not 200 <= status < 300:
        raise BenchError(f"{method} {path} on port {port} answered {status}: {str(answer)[:300]}")
    return answer


def sign_in(port: int, email: str, password: str) -> str:
    """Give a user's access token."""
    answer = must(port, "POST", "/api/token/", body={"email": email, "password": password})
    return str(answer["access"])


def local_path(address: str) -> str:
    """Keep path and query of an address that a server may give whole or without its host."""
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def walk_notes(port: int, token: str, start: str = "/api/notes/") -> Iterator[tuple[str, list[int]]]:
    """Follow the pages of a user's list: each one's path and the ids on it."""
    path: str | None = start
    while path:
        page = must(port, "GET", path, token=token)
        results = page["results"]
        if not isinstance(results, list):
            raise BenchError(f"GET {path} on port {port} has no list of results.")
        yield path, [int(note["id"]) for note in results]
        following = page.get("next")
        path = local_path(str(following)) if following else None


def meet(port: int, email: str, password: str, token: str | None = None, report: Report = int) -> Person:
    """Sign one user in (unless a token is at hand) and learn the ids of their notes."""
    token = token or sign_in(port, email, password)
    walked = []
    for page in walk_notes(port, token):
        walked.append(page)
        report()
    ids = tuple(note_id for _, page in walked for note_id in page)
    if not ids:
        raise BenchError(f"{email} has no notes on port {port}: is that database seeded?")
    return Person(email, password, token, ids, tuple(path for path, _ in walked))


def meet_all(port: int, count: int, password: str, tokens: Sequence[str], report: Report) -> list[Person]:
    """Meet the seeded users 1 to count, several at a time."""

    def one(number: int) -> Person:
        token = tokens[number - 1] if tokens else None
        person = meet(port, seeded_email(number), password, token)
        report()
        return person

    with ThreadPoolExecutor(SIGN_IN_THREADS) as pool:
        return list(pool.map(one, range(1, count + 1)))
