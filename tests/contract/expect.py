"""What answers must look like, for all contract tests."""

import base64
import json
import re
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

NEVER_WAS = 987_654_321  # an id that no test ever reaches
PROBLEM = "application/problem+json"
SLUG = re.compile(r"[a-z][a-z0-9_]*")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def ok(response, status=200):
    """The body of an answer that must have this status."""
    assert response.status_code == status, f"{response.status}: {response.get_data(as_text=True)[:500]}"
    return response.json


def problem(response, *statuses, code=None):
    """The body of a refusal that must be a whole problem document with one of these statuses."""
    said = f"{response.status}: {response.get_data(as_text=True)[:500]}"
    assert response.status_code in statuses, said
    assert response.mimetype == PROBLEM, said
    body = response.json
    assert body["status"] == response.status_code
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert all(isinstance(body[name], str) and body[name] for name in ("type", "title", "detail")), said
    assert SLUG.fullmatch(body["code"]), said
    assert code in (None, body["code"]), said
    return body


def invalid(response, field, where="json"):
    """A 422 that names this field in this part of the request."""
    body = problem(response, 422)
    assert any(name == field or name.startswith(f"{field}.") for name in body["errors"][where]), body
    return body


def refused(response):
    """A refusal whose exact status the contract leaves open, with nobody's mistake but the caller's."""
    return problem(response, *range(400, 429))


def unauthorized(response, code=None):
    """A 401 that says how to sign in."""
    body = problem(response, 401, code=code)
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    return body


def anonymised(response):
    """A problem without the one thing that may differ between two equal refusals."""
    return {name: value for name, value in response.json.items() if name != "request_id"}


def includes(whole, part):
    """Whether everything in `part` stands in `whole`, which may have more fields."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            name in whole and includes(whole[name], value) for name, value in part.items()
        )
    if isinstance(part, list):
        return isinstance(whole, list) and len(whole) == len(part) and all(map(includes, whole, part))
    return whole == part and type(whole) is type(part)


def pages(client, link):
    """Every page from this address on, each asked for when the caller wants it."""
    for _ in range(500):
        page = ok(client.get(link))
        yield page
        link = page["next"]
        if link is None:
            return
    raise AssertionError("the list never ends")


def walk(client, link):
    """Every row from this address on."""
    return [row for page in pages(client, link) for row in page["results"]]


def ids(rows):
    """The ids of these rows, in their order."""
    return [row["id"] for row in rows]


def outline(detail):
    """A note as [(chapter title, [topic names])], after checking that the order has no gaps."""
    for rows in (detail["chapters"], *(chapter["topics"] for chapter in detail["chapters"])):
        assert [row["order"] for row in rows] == list(range(1, len(rows) + 1))
    return [
        (chapter["title"], [topic["name"] for topic in chapter["topics"]]) for chapter in detail["chapters"]
    ]


def cursor(link):
    """The cursor in a link to another page."""
    return parse_qs(urlsplit(link).query)["cursor"][0]


def location(response):
    """The path that an answer's Location points to."""
    return urlsplit(response.headers["Location"]).path


def moment(text):
    """A time of the API as a datetime, after checking its form."""
    assert TIME.fullmatch(text), text
    return datetime.fromisoformat(text)


def strong(tag):
    """An entity tag that must be a strong one."""
    assert re.fullmatch(r'"[\x21\x23-\x7e]+"', tag), tag
    return tag


def directives(header):
    """The comma-separated parts of a header, in lower case."""
    return {part.strip().lower() for part in header.split(",")}


def claims(token):
    """What a JSON web token says, unchecked."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
