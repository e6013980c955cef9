"""Whoever must not be let in is not let in, however often they were a moment ago."""

import base64
import json
import time

import jwt
import pytest

from noteassist.security.tokens import derived_key
from tests.people import PASSWORD
from tests.visitors import send

from . import expect, warm

KEY = {"name": "k", "scopes": ["read"], "requests_per_hour": 100_000, "requests_per_day": 1_000_000}
OTHER_PASSWORD = "another long enough password"


@pytest.fixture
def alice(house):
    """Somebody with a note."""
    person = house.sign_up("alice")
    person.note = person.do(house.wires()[0], "POST", "/api/notes/", {"title": "Mine"})
    person.places = ["/api/notes/", f"/api/notes/{person.note['id']}/"]
    return person


@pytest.fixture(scope="module")
def root(house):
    """Somebody who administers."""
    return house.admin()


def look(person, wire, headers=None):
    """Read all places, with conditions and without; gives what lasts of the answers."""
    credentials = person.headers if headers is None else headers
    credentials = [
        *(credentials.items() if isinstance(credentials, dict) else credentials),
        ("X-Request-ID", "look"),
    ]
    return [
        wire.ask(method, path, [*credentials, *more]).lasting
        for path in person.places
        for method, more in (("GET", []), ("GET", [("If-None-Match", "*")]), ("HEAD", []))
    ]


def assert_refused(house, person, statuses=(401,), headers=None):
    """Check that nobody lets these credentials in, and that they all say it in the same words."""
    found = [look(person, wire, headers) for wire in house.wires()[::-1] for _ in range(warm.ROUNDS)]
    wanted = look(person, house.twin_wire(), headers)
    assert {status for status, _, _ in wanted} <= set(statuses)
    assert found == [wanted] * len(found)


def assert_let_in(house, person, headers=None):
    """Check that everybody lets these credentials in."""
    for wire in house.wires():
        assert [status for status, _, _ in look(person, wire, headers)] == [200, 304, 200] * len(
            person.places
        )


# Ways to end a session. Each is done over a connection, and says whether other sessions end as well.
def signs_out(house, alice, wire, root):
    alice.do(wire, "POST", "/api/auth/logout/")
    return False


def signs_out_elsewhere(house, alice, wire, root):
    sessions = alice.do(wire, "GET", "/api/auth/sessions/")["results"]
    claimed = expect.claims(alice.access)["sid"]
    [mine] = [session["id"] for session in sessions if str(session["id"]) == str(claimed)]
    alice.again(wire).do(wire, "DELETE", f"/api/auth/sessions/{mine}/")
    return False


def ends_its_own_session_in_the_list(house, alice, wire, root):
    sessions = alice.do(wire, "GET", "/api/auth/sessions/")["results"]
    [mine] = [session["id"] for session in sessions if session["current"]]
    alice.do(wire, "DELETE", f"/api/auth/sessions/{mine}/")
    return False


def signs_out_everywhere(house, alice, wire, root):
    alice.again(wire).do(wire, "POST", "/api/auth/logout-all/")
    return True


def changes_the_password_elsewhere(house, alice, wire, root):
    body = {"current_password": PASSWORD, "password": OTHER_PASSWORD}
    alice.again(wire).do(wire, "POST", "/api/auth/password/change/", body)
    return True


def has_the_password_reset_by_mail(house, alice, wire, root):
    send(wire, "POST", "/api/auth/password/forgot/", {"email": alice.email})
    token = house.mail_token(alice.email, "/reset-password")
    answer = send(wire, "POST", "/api/auth/password/reset/", {"token": token, "password": OTHER_PASSWORD})
    assert answer.status == 204, answer
    return True


def is_deactivated(house, alice, wire, root):
    root.do(wire, "PATCH", f"/api/admin/users/{alice.user['id']}/", {"is_active": False})
    return True


def closes_the_account(house, alice, wire, root):
    alice.do(wire, "DELETE", "/api/auth/me/", {"password": PASSWORD})
    return True


def uses_a_refresh_token_twice(house, alice, wire, root):
    pair = alice.refresh
    for _ in range(2):
        answer = send(wire, "POST", "/api/auth/token/refresh/", {"refresh": pair})
        assert answer.status == 200, answer
        pair = answer.json["refresh"]
    assert send(wire, "POST", "/api/auth/token/refresh/", {"refresh": alice.refresh}).status == 401
    return False


WAYS = [
    signs_out, signs_out_elsewhere, ends_its_own_session_in_the_list, signs_out_everywhere, is_deactivated,
    changes_the_password_elsewhere, has_the_password_reset_by_mail, closes_the_account, uses_a_refresh_token_twice,
]  # fmt: skip


@pytest.mark.parametrize("door", [0, -1])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_who_no_longer_may_is_refused_at_once_and_everywhere(house, alice, root, way, door):
    other = alice.again(house.wires()[0])
    other.places = alice.places
    for person in (alice, other):
        warm.warm_up(house, person, person.places)
    ends_all = way(house, alice, house.wires()[door], root)
    assert_refused(house, alice)
    if ends_all:
        assert_refused(house, other)
    else:
        assert_let_in(house, other)


def test_an_account_that_is_active_again_is_let_in_by_a_new_session_alone(house, alice, root):
    place = f"/api/admin/users/{alice.user['id']}/"
    for wire in house.wires():
        person = alice.again(wire)
        person.places = alice.places
        warm.warm_up(house, person, person.places)
        root.do(wire, "PATCH", place, {"is_active": False})
        assert_refused(house, person)
        root.do(wire, "PATCH", place, {"is_active": True})
        wanted = look(person, house.twin_wire())
        assert [look(person, found) for found in house.wires()] == [wanted] * len(house.wires())


def signed(claims, key=None, **changes):
    """Sign claims as the server does, or with another key."""
    key = key or derived_key(warm.SECRET_KEY, "access-token")
    return jwt.encode({**claims, **changes}, key, algorithm="HS256")


def bearer(token):
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def test_a_token_is_let_in_until_it_expires_and_no_longer(house, alice):
    claims = jwt.decode(alice.access, options={"verify_signature": False})
    expiry = int(time.time()) + 2
    token = bearer(signed(claims, exp=expiry, jti="soon"))
    assert_let_in(house, alice, token)
    while time.time() < expiry - 0.3:
        assert_let_in(house, alice, token)
    time.sleep(max(0, expiry - time.time()))
    assert_refused(house, alice, headers=token)
    assert_let_in(house, alice)


def test_only_what_the_server_has_signed_is_let_in(house, alice):
    bob = house.sign_up("bob")
    claims = jwt.decode(alice.access, options={"verify_signature": False})
    theirs = jwt.decode(bob.access, options={"verify_signature": False})
    assert_let_in(house, alice)
    head, body, signature = alice.access.split(".")
    bobs_body = bob.access.split(".")[1]
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).decode().rstrip("=")
    forged = [
        signed(claims, b"another key of 32 bytes, at least"),
        signed(claims, warm.SECRET_KEY.encode()),
        signed(claims, derived_key("another secret, 0123456789 01234", "access-token")),
        signed(claims, exp=int(time.time()) - 60),
        signed(claims, sub=theirs["sub"]),
        signed(claims, sid=theirs["sid"]),
        signed(claims, sid="987654321"),
        signed(claims, type="refresh"),
        signed(claims, aud="elsewhere"),
        signed(claims, iss="elsewhere"),
        signed({name: value for name, value in claims.items() if name != "sid"}),
        f"{head}.{bobs_body}.{signature}",
        f"{none}.{body}.",
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{head}.{body}.{signature}.{signature}",
        alice.access[:-1],
        alice.refresh,
        "x" * 5000,
    ]
    for token in forged:
        assert_refused(house, alice, headers=bearer(token))
    assert_let_in(house, alice)


def test_credentials_are_read_alike(house, alice):
    [wire, *_] = house.wires()
    bob = house.sign_up("bob")
    key = alice.do(wire, "POST", "/api/auth/api-keys/", KEY)["key"]
    token = alice.access
    assert_let_in(house, alice)
    written = [
        f"bearer {token}", f"BEARER {token}", f"Bearer  {token}", f"Bearer\t{token}", f"Bearer {token} ",
        f" Bearer {token}",
        f"Bearer {token},", f"Bearer {token} x", f'Bearer "{token}"', f"Bearer{token}", f"Token {token}", token,
        "Bearer", "",
        f"Basic {token}", f"Bearer Bearer {token}", f"Bearer {token}, Bearer {bob.access}", f"Bearer {token}\u00e9",
    ]  # fmt: skip
    cases = [[("Authorization", value)] for value in written]
    cases += [
        [],
        [("X-API-Key", key)],
        [("X-API-Key", "")],
        [("X-API-Key", "nonsense")],
        [("X-API-Key", f" {key} ")],
    ]
    both = [("Authorization", f"Bearer {token}"), ("X-API-Key", key)]
    cases += [
        both,
        [both[0], ("X-API-Key", "")],
        [both[0], ("X-API-Key", "nonsense")],
        [("Authorization", ""), both[1]],
    ]
    cases += [
        [("Authorization", "Basic x"), both[1]],
        [both[0], ("X_API_Key", key)],
        [("Cookie", f"access={token}")],
    ]
    theirs = ("Authorization", f"Bearer {bob.access}")
    cases += [[both[0], theirs], [theirs, both[0]], [both[1], ("X-API-Key", "nonsense")]]
    for case in cases:
        wanted = look(alice, house.twin_wire(), case)
        for _ in range(warm.ROUNDS):
            for wire in house.wires():
                assert look(alice, wire, case) == wanted, case


def test_somebody_elses_things_do_not_exist(house, alice):
    bob = house.sign_up("bob")
    bob.places = [alice.places[1]]
    for person in (alice, bob, alice, bob):
        warm.warm_up(house, person, alice.places)
        assert_refused(house, bob, (404,))
        assert_let_in(house, alice)
    assert bob.get(house.wires()[0], "/api/notes/").json["results"] == []


def test_a_key_is_let_in_as_long_as_it_may_and_no_longer(house, alice):
    for turn, wire in enumerate([*house.wires(), *house.wires()]):
        made = alice.do(wire, "POST", "/api/auth/api-keys/", KEY)
        place, key = f"/api/auth/api-keys/{made['id']}/", {"X-API-Key": made["key"]}
        for _ in range(warm.ROUNDS):
            assert_let_in(house, alice, key)
        if turn % 2:
            alice.do(wire, "PATCH", place, {"scopes": ["write"]})
            assert_refused(house, alice, (403,), headers=key)
        alice.do(wire, "DELETE", place)
        assert_refused(house, alice, headers=key)
    assert_let_in(house, alice)


def test_the_key_of_a_closed_account_is_refused(house, alice, root):
    [wire, *_] = house.wires()
    key = {"X-API-Key": alice.do(wire, "POST", "/api/auth/api-keys/", KEY)["key"]}
    for _ in range(warm.ROUNDS):
        assert_let_in(house, alice, key)
    root.do(wire, "PATCH", f"/api/admin/users/{alice.user['id']}/", {"is_active": False})
    assert_refused(house, alice, headers=key)


def test_a_session_that_goes_on_by_a_new_token_is_let_in(house, alice):
    warm.warm_up(house, alice, alice.places)
    answer = send(house.wires()[0], "POST", "/api/auth/token/refresh/", {"refresh": alice.refresh})
    for _ in range(warm.ROUNDS):
        assert_let_in(house, alice, bearer(answer.json["access"]))
    send(house.wires()[-1], "POST", "/api/auth/logout/", headers=bearer(answer.json["access"]))
    assert_refused(house, alice, headers=bearer(answer.json["access"]))
    assert_refused(house, alice)
