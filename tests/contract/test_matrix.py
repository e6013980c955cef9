"""Who may do what: every operation of the OpenAPI document, asked by everybody.

What is expected is a rule about the document; `docs/permissions.md` shows it as a table.
"""

import re
from pathlib import Path

import pytest
from sqlalchemy import text

from noteassist import db

from . import expect
from .test_api_keys import Holder, make

PAGE = Path(__file__).parents[2] / "docs/permissions.md"
SCOPES = ("read", "write", "ai")
WHO = ("anonymous", "user", *(f"key: {scope}" for scope in SCOPES), "admin")
ADMINISTRATION = "/api/admin/"
ALLOWED, UNKNOWN, REFUSED = "yes", "401", "403"
IDS = {"task_id": "11111111-2222-4333-8444-555555555555", "name": "nothing"}
HEADING = """\
# Who may do what

Written by `tests/contract/test_matrix.py`, which asks the server for all of it: `yes` is neither 401 nor 403.
A key is an API key with that one scope, of a plain user; a key with several scopes may do what each of them may.
What belongs to somebody else is 404 for everybody. Operations below `/api/admin/` are for administrators who have
signed in; the pages below `/admin/` have a sign-in of their own.

"""


@pytest.fixture
def document(anonymous):
    """The OpenAPI document."""
    return expect.ok(anonymous.get("/api/openapi.json"))


def operations(document):
    """Every operation: its method, its path and what it says of itself."""
    for path, item in sorted(document["paths"].items()):
        for method in ("get", "post", "put", "patch", "delete"):
            if method in item:
                yield method.upper(), path, item[method]


def rule(path, operation):
    """Who may do it, by what the document says."""
    security = operation.get("security", [])
    if not security:
        return dict.fromkeys(WHO, ALLOWED)
    scopes = {scope for way in security for scope in way.get("apiKey", ())}
    is_administration = path.startswith(ADMINISTRATION)
    assert not (is_administration and scopes), path
    keys = {f"key: {scope}": ALLOWED if scope in scopes else REFUSED for scope in SCOPES}
    user = REFUSED if is_administration else ALLOWED
    return {"anonymous": UNKNOWN, "user": user, **keys, "admin": ALLOWED}


def concrete(path):
    """A path with ids of nothing."""
    return re.sub(r"{(\w+)}", lambda found: IDS.get(found[1], str(expect.NEVER_WAS)), path)


def outcome(client, method, path):
    """What somebody is told; what is refused for another reason was allowed."""
    body = {} if method == "GET" else {"json": {}}
    answer = client.open(concrete(path), method=method, buffered=False, **body)
    answer.close()
    return str(answer.status_code) if answer.status_code in (401, 403) else ALLOWED


def promote(client):
    """Make somebody an administrator."""
    with client.app.app_context(), db.transaction():
        db.execute(text("UPDATE users SET role = 'admin' WHERE id = :id"), {"id": client.user["id"]})


def table(document):
    """The page, as it has to be."""
    lines = [f"| operation | {' | '.join(WHO)} |", "|" + " --- |" * (len(WHO) + 1)]
    for method, path, operation in operations(document):
        expected = rule(path, operation)
        lines.append(f"| `{method} {path}` | {' | '.join(expected[who] for who in WHO)} |")
    return HEADING + "\n".join(lines) + "\n"


def test_everybody_may_do_what_the_document_says_and_nothing_else(document, anonymous, alice, bob, sign_in):
    promote(bob)
    keys = {f"key: {scope}": Holder(alice.app, make(alice, scope)["key"]) for scope in SCOPES}
    wrong = []
    for method, path, operation in operations(document):
        # Signed in anew each time: some of what is done signs out.
        people = {client: sign_in(client.email, client.password) for client in (alice, bob)}
        asking = {"anonymous": anonymous, "user": people[alice], **keys, "admin": people[bob]}
        found = {who: outcome(asking[who], method, path) for who in WHO}
        if found != rule(path, operation):
            wrong.append(f"{method} {path}: {found}")
    assert wrong == []


def test_a_key_with_every_scope_may_not_do_more_than_its_scopes(document, alice):
    client = Holder(alice.app, make(alice, *SCOPES)["key"])
    for method, path, operation in operations(document):
        expected = rule(path, operation)
        is_allowed = any(expected[f"key: {scope}"] == ALLOWED for scope in SCOPES)
        assert outcome(client, method, path) == (ALLOWED if is_allowed else REFUSED), f"{method} {path}"


def test_what_is_refused_is_described(document):
    for method, path, operation in operations(document):
        told = set(rule(path, operation).values()) - {ALLOWED}
        assert told <= set(operation["responses"]), f"{method} {path}"


def test_the_page_shows_the_rule(document):
    expected = table(document)
    written = PAGE.read_text() if PAGE.exists() else ""
    if written != expected:
        PAGE.write_text(expected)
    assert written == expected, f"{PAGE.name} has been written anew: look at it and keep it"
