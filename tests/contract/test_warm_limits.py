"""Limits hold exactly, whichever way an answer comes."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import servers
from tests.live import LiveServer
from tests.wires import Doors, Wire

from . import expect, warm
from .warm import in_groups

LIMIT, HOURLY = 30, "40,60,80"
HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


class Strict:
    """A server whose limits are soon reached; it has what a house needs for people to live in."""

    def __init__(self, server):
        self.server, self.doors, self.number = server, Doors(server), 0

    sign_up, wires = warm.House.sign_up, warm.House.wires


def told_apart(server):
    """A strict server whose processes can be told apart."""
    strict = Strict(server)
    yield strict
    strict.doors.close()


@pytest.fixture(scope="module", params=in_groups("full", "embedded"))
def strict(request, tmp_path_factory):
    """A server with small limits, on parts of its own."""
    folder, name = tmp_path_factory.mktemp("strict"), f"noteassist_strict_{os.getpid()}"
    small = {**warm.SETTINGS, "LIMIT_PER_MINUTE": str(LIMIT), "NOTEASSIST_ENV": "development"}
    if request.param == "embedded":
        with LiveServer(folder, small) as server:
            yield from told_apart(server)
        return
    database = servers.create_database(os.environ["TEST_DATABASE_URL"], name)
    with servers.redis_server(private=True) as redis_server:
        full = {"DATABASE_URL": database, "REDIS_URL": redis_server.url, "WEB_PROCESSES": "2"}
        with LiveServer(folder, {**small, **full}) as server:
            yield from told_apart(server)
    servers.drop_database(os.environ["TEST_DATABASE_URL"], name)


def told(answer):
    """What an answer tells of the limit: how many there are, how many are left."""
    assert int(answer.header("RateLimit-Reset")) in range(1, 61)
    return int(answer.header("RateLimit-Limit")), int(answer.header("RateLimit-Remaining"))


def test_each_request_counts_once_whatever_it_is_answered(strict):
    alice = strict.sign_up("alice")
    note = alice.do(strict.wires()[0], "POST", "/api/notes/", {"title": "Mine"})
    path = f"/api/notes/{note['id']}/"
    tag = alice.get(strict.wires()[0], path).header("ETag")
    asked = [
        ("GET", path, {}), ("GET", path, {}), ("GET", path, {}), ("GET", path, {"If_None_Match": tag}),
        ("HEAD", path, {}), ("GET", "/api/notes/", {}), ("GET", "/api/notes/", {}), ("GET", "/api/tasks/", {}),
        ("GET", "/api/notes/987654321/", {}), ("GET", "/api/notes/?page_size=x", {}),
        ("GET", path, {"Accept_Encoding": "br"}),
        ("GET", "/api/notes/", {"If_None_Match": "*"}),
    ]  # fmt: skip
    wires, left = strict.wires(), LIMIT - 2
    for turn, (method, target, headers) in enumerate(asked * 2):
        answer = alice.ask(wires[turn % len(wires)], method, target, **headers)
        left -= 1
        assert told(answer) == (LIMIT, left), (method, target, answer.status)


def test_of_many_at_once_exactly_as_many_pass_as_may_and_the_rest_is_told_when_to_come_back(strict):
    for path in ("/api/notes/", "/api/tags/"):
        alice = strict.sign_up("alice")
        for wire in strict.wires() * warm.ROUNDS:
            assert alice.get(wire, path).status == 200
        left = LIMIT - warm.ROUNDS * len(strict.wires())

        def ask(number, alice=alice, path=path):
            wire = Wire(strict.server.port)
            answers = [alice.get(wire, path, X_Request_ID=f"{number}-{n}") for n in range(10)]
            wire.close()
            return answers

        with ThreadPoolExecutor(8) as executor:
            answers = [answer for some in executor.map(ask, range(8)) for answer in some]
        passed = [answer for answer in answers if answer.status == 200]
        refused = [answer for answer in answers if answer.status == 429]
        assert (len(passed), len(refused)) == (left, 80 - left)
        assert sorted(told(answer)[1] for answer in passed) == list(range(left))
        elsewhere = alice.get(strict.wires()[0], "/api/tasks/", X_Request_ID="0-0")
        for answer in [*refused, elsewhere]:
            problem = answer.json
            assert (problem["status"], problem["code"]) == (429, "too_many_requests")
            assert problem["request_id"] == answer.header("X-Request-ID")
            assert told(answer) == (LIMIT, 0)
            assert answer.header("Retry-After") == answer.header("RateLimit-Reset")
            assert answer.header("Content-Type") == expect.PROBLEM
            assert sorted(name for name, _ in answer.headers) == sorted(name for name, _ in elsewhere.headers)
            problem["request_id"] = elsewhere.json["request_id"]
            assert problem == elsewhere.json
        for wire in strict.wires():
            assert alice.get(wire, path, If_None_Match="*").status == 429
            assert alice.ask(wire, "HEAD", path).status == 429


def test_one_users_limit_is_nobody_elses(strict):
    alice, bob = strict.sign_up("alice"), strict.sign_up("bob")
    wires = strict.wires()
    answers = [alice.get(wires[n % len(wires)], "/api/notes/").status for n in range(LIMIT + 5)]
    assert answers == [200] * LIMIT + [429] * 5
    assert told(bob.get(wires[0], "/api/notes/")) == (LIMIT, LIMIT - 1)
    # A second session shares the limit, a refused credential counts for nobody.
    other = alice.again(wires[0])
    assert other.get(wires[-1], "/api/notes/").status == 429
    for _ in range(3):
        assert wires[0].ask("GET", "/api/notes/", {"Authorization": "Bearer nonsense"}).status == 401
    assert told(bob.get(wires[-1], "/api/notes/")) == (LIMIT, LIMIT - 2)


def test_a_key_has_its_own_figures_and_shares_the_minute(strict):
    alice, wires = strict.sign_up("alice"), strict.wires()
    body = {"name": "k", "scopes": ["read"], "requests_per_hour": 6}
    key = {"X-API-Key": alice.do(wires[0], "POST", "/api/auth/api-keys/", body)["key"]}
    answers = [wires[n % len(wires)].ask("GET", "/api/notes/", key) for n in range(8)]
    assert [answer.status for answer in answers] == [200] * 6 + [429] * 2
    assert [answer.header("RateLimit-Remaining") for answer in answers] == [
        "5",
        "4",
        "3",
        "2",
        "1",
        "0",
        "0",
        "0",
    ]
    assert told(alice.get(wires[0], "/api/notes/")) == (LIMIT, LIMIT - 8)


def test_the_limit_of_a_new_tier_holds_at_the_next_request(house):
    root, alice = house.admin(), house.sign_up("alice")
    place = f"/api/admin/users/{alice.user['id']}/"
    [first, *_, last] = wires = [*house.wires(), *house.wires()]
    for tier in ("PRO", "BASIC", "FREE", "PRO"):
        warm.warm_up(house, alice, ["/api/notes/"])
        root.do(first, "PATCH", place, {"subscription_tier": tier})
        for wire in (last, *wires):
            answer = alice.get(wire, "/api/notes/")
            assert answer.header("RateLimit-Limit") == warm.HOURLY[tier], tier


def test_what_is_left_goes_down_by_one_over_all_processes(house):
    alice, wires = house.sign_up("alice"), house.wires()
    warm.warm_up(house, alice, ["/api/notes/"])
    left = int(alice.get(wires[0], "/api/notes/").header("RateLimit-Remaining"))
    for turn in range(20):
        answer = alice.get(wires[turn % len(wires)], "/api/notes/")
        assert int(answer.header("RateLimit-Remaining")) == left - turn - 1
