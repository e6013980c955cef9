"""Just enough HTTP/1.1 to write a request and to find the end of its answer."""

from dataclasses import dataclass

import orjson

HEAD_END = b"\r\n\r\n"
BODILESS = frozenset({204, 304})


class BadAnswer(Exception):
    """The other side does not speak HTTP/1.1 as the driver knows it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One complete answer at the start of a buffer."""

    status: int
    length: int
    closes: bool


def encode_request(
    method: str,
    path: str,
    *,
    host: str,
    token: str | None = None,
    key: str | None = None,
    body: object = None,
) -> bytes:
    """Write one request as it goes over the wire, with its JSON body if it has one."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Accept: application/json"]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    if key is not None:
        lines.append(f"X-API-Key: {key}")
    payload = b"" if body is None else orjson.dumps(body)
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(payload)}"]
    return "\r\n".join(lines).encode() + HEAD_END + payload


def first_answer(buffer: bytes | bytearray) -> Answer | None:
    """Measure the answer at the start of the buffer, or nothing while it is incomplete."""
    end = buffer.find(HEAD_END)
    if end < 0:
        return None
    status, headers = parse_head(bytes(buffer[:end]))
    start = end + len(HEAD_END)
    length = body_end(buffer, start, status, headers)
    if length is None or len(buffer) < length:
        return None
    return Answer(status, length, headers.get(b"connection", b"").lower() == b"close")


def parse_head(head: bytes) -> tuple[int, dict[bytes, bytes]]:
    """Split the status line and the headers."""
    first, *lines = head.split(b"\r\n")
    parts = first.split(b" ", 2)
    if len(parts) < 2 or parts[0] != b"HTTP/1.1" or not parts[1].isdigit():
        raise BadAnswer(f"Not an HTTP/1.1 status line: {first[:80]!r}")
    pairs = (line.partition(b":") for line in lines)
    return int(parts[1]), {name.lower(): value.strip() for name, _, value in pairs}


def body_end(buffer: bytes | bytearray, start: int, status: int, headers: dict[bytes, bytes]) -> int | None:
    """Find where the body ends, or nothing when that is not known yet."""
    if status in BODILESS:
        return start
    if b"content-length" in headers:
        return start + int(headers[b"content-length"])
    if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        return chunks_end(buffer, start)
    raise BadAnswer("The answer says neither Content-Length nor chunked.")


def chunks_end(buffer: bytes | bytearray, start: int) -> int | None:
    """Walk over the chunks to the end of the last, empty one."""
    position = start
    while (line_end := buffer.find(b"\r\n", position)) >= 0:
        size = int(bytes(buffer[position:line_end]).split(b";")[0], 16)
        position = line_end + 2 + size + 2
        if size == 0:
            return position
    return None
