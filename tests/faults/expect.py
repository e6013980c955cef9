"""What the tests of faults ask for again and again."""

import time

import httpx

SENT = {"POST": {"title": "New"}, "PUT": {"title": "New", "chapters": []}, "PATCH": {"title": "New"}}


def timed(client: httpx.Client, method: str, path: str) -> tuple[float, httpx.Response]:
    """Send a request, with a body where the method wants one; gives the seconds it took and the answer."""
    begin = time.monotonic()
    answer = client.request(method, path, json=SENT.get(method))
    return time.monotonic() - begin, answer


def assert_unavailable(answer: httpx.Response) -> None:
    """Check that a request was refused as it is when the database is away."""
    assert answer.status_code == 503, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) >= 1
    problem = answer.json()
    assert problem["status"] == 503
    assert problem["code"] in {"database_unavailable", "server_busy"}
