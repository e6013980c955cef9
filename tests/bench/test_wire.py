"""Requests as they go over the wire, and where an answer ends."""

import pytest

from bench.wire import BadAnswer, encode_request, first_answer

SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=y\r\nyou\r\n0\r\n\r\n"


def test_a_request_without_a_body_has_no_length() -> None:
    request = encode_request("GET", "/api/notes/", host="127.0.0.1:1", token="abc")

    assert request == (
        b"GET /api/notes/ HTTP/1.1\r\nHost: 127.0.0.1:1\r\nAccept: application/json\r\n"
        b"Authorization: Bearer abc\r\n\r\n"
    )


def test_a_request_with_a_body_says_its_length_in_bytes() -> None:
    request = encode_request("POST", "/x/", host="h", body={"title": "Ä"})

    head, _, body = request.partition(b"\r\n\r\n")
    assert body == '{"title":"Ä"}'.encode()
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"Authorization" not in head


@pytest.mark.parametrize("whole", [SHORT, CHUNKED])
def test_an_answer_is_found_only_when_all_of_it_is_there(whole: bytes) -> None:
    assert all(first_answer(whole[:cut]) is None for cut in range(len(whole)))

    answer = first_answer(whole + b"HTTP/1.1 404")
    assert answer is not None
    assert (answer.status, answer.length, answer.closes) == (200, len(whole), False)


def test_an_answer_without_content_ends_with_its_head() -> None:
    answer = first_answer(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

    assert answer is not None
    assert (answer.status, answer.closes) == (204, True)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_an_answer_whose_end_cannot_be_known_is_refused(nonsense: bytes) -> None:
    with pytest.raises(BadAnswer):
        first_answer(nonsense)
