"""What is noted of a request does not tell which way its answer came: its line in the log, and its metrics."""

import re
import time

import pytest

from tests.figures import figures_in, of
from tests.live import eventually

from . import warm

REQUESTS = "noteassist_http_requests_total"
SECONDS = "noteassist_http_request_seconds_count"
# They tell how it was made, or when.
OWN = {"time", "milliseconds", "statements"}


@pytest.fixture
def alice(house):
    """Somebody with a note."""
    person = house.sign_up("alice")
    person.note = person.do(house.wires()[0], "POST", "/api/notes/", {"title": "Mine"})
    person.place = f"/api/notes/{person.note['id']}/"
    return person


def asked(alice):
    """Requests of every kind that may be answered from memory, and of some that may not."""
    tag = {"If-None-Match": "*"}
    nobody = {"Authorization": "Bearer nonsense"}
    return [
        ("GET", "/api/notes/", {}), ("GET", "/api/notes/?page_size=2", {}), ("GET", alice.place, {}),
        ("GET", alice.place, tag), ("HEAD", alice.place, {}), ("HEAD", "/api/notes/", tag), ("GET", "/api/tags/", {}),
        ("GET", "/api/notes/987654321/", {}), ("GET", "/api/notes/?page_size=x", {}), ("GET", "/api/notes/", nobody),
        ("GET", "/api/notes", {}), ("GET", "/api/notes/", {"X-Forwarded-For": "203.0.113.9"}),
        ("GET", "/api/notes/" + "x" * 400, {}), ("GET", "/api/notes/", {"Accept-Encoding": "gzip"}),
    ]  # fmt: skip


def test_each_request_has_one_line_that_says_the_same(house, alice):
    mark = f"line-{time.monotonic_ns()}"
    for number, (method, target, headers) in enumerate(asked(alice)):
        everything = {**alice.headers, **headers}
        house.twin_wire().ask(method, target, {**everything, "X-Request-ID": f"{mark}-{number}."})
        [wanted] = house.log_lines(house.twin, f"{mark}-{number}.")
        found = []
        for turn in range(warm.ROUNDS):
            for process, wire in enumerate(house.wires()):
                name = f"{mark}-{number}-{process}-{turn}."
                wire.ask(method, target, {**everything, "X-Request-ID": name})
                found.append(name)
        for name in found:
            [line] = house.log_lines(house.server, name)
            assert set(line) == set(wanted)
            assert line["milliseconds"] >= 0 and line["statements"] >= 0
            own = OWN | {"request_id"}
            assert {key: line[key] for key in line if key not in own} == {
                key: wanted[key] for key in wanted if key not in own
            }


def test_the_line_names_the_route_the_status_and_the_user(house, alice):
    mark = f"name-{time.monotonic_ns()}"
    for number in range(warm.ROUNDS):
        for wire in house.wires():
            alice.get(wire, alice.place, X_Request_ID=f"{mark}-{number}.", If_None_Match="*")
        for line in house.log_lines(house.server, f"{mark}-{number}."):
            assert (line["method"], line["route"], line["path"]) == (
                "GET",
                "/api/notes/<id:note_id>/",
                alice.place,
            )
            assert (line["status"], line["user_id"], line["client"]) == (304, alice.user["id"], "127.0.0.1")


def test_no_line_holds_a_query_a_token_or_a_body(house, alice):
    canary = f"canary{time.monotonic_ns()}"
    for wire in house.wires() * warm.ROUNDS:
        alice.get(wire, f"/api/notes/?tag={canary}", X_Request_ID="canary-request")
    house.log_lines(house.server, "canary-request")
    text = house.server.log.read_text()
    assert canary not in text and alice.access not in text and alice.access.split(".")[2] not in text


def scrape(house):
    """Read the server's metrics."""
    answer = house.wires()[0].ask("GET", "/metrics", {"Authorization": f"Bearer {warm.METRICS_TOKEN}"})
    assert answer.status == 200
    return figures_in(answer.body.decode())


def test_each_request_is_counted_once_under_its_route(house, alice):
    warm.warm_up(house, alice, ["/api/notes/", alice.place, "/api/tags/"])
    before, wanted = scrape(house), {}
    for _ in range(warm.ROUNDS):
        for wire in house.wires():
            for method, target, headers in asked(alice):
                answer = wire.ask(method, target, {**alice.headers, **headers})
                route = target.partition("?")[0]
                route = re.sub(r"/\d+/", "/<id:note_id>/", route) if len(route) < 100 else "(none)"
                if not route.endswith(("/", ")")):
                    route = "(none)"
                key = (route, method, str(answer.status))
                wanted[key] = wanted.get(key, 0) + 1

    def more(name, after, **labels):
        return of(after, name, **labels) - of(before, name, **labels)

    def counted():
        after = scrape(house)
        return {
            key: more(REQUESTS, after, route=key[0], method=key[1], status=key[2]) for key in wanted
        }, sum(more(SECONDS, after, route=route) for route in {key[0] for key in wanted})

    eventually(lambda: counted() == (wanted, sum(wanted.values())), 5, "not each request is counted once")
    assert len({status for _, _, status in wanted}) >= 5
