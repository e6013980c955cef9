"""Requests to the AI tools and what comes back, for all contract tests of them."""

import json
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy import text

from noteassist import db, schema
from noteassist.app import create_app
from tests.conftest import let_go, make_settings

from . import expect

# Comments of 15 s each, and the one that opens a stream.
SILENT_COMMENTS = 3
BASE = "/api/ai-tools/"
HISTORY = BASE + "history/"
QUOTA = BASE + "quota/"
BODIES = {
    "generate": {"topic": "The water cycle"},
    "improve": {"content": "teh cells divides ,and they grows"},
    "summarize": {"content": "Cells divide. They grow. Then they rest."},
    "code": {"prompt": "Add two numbers", "programming_language": "python"},
}
TOOLS = tuple(BODIES)
# The field that carries the text of each tool, and how long it may be.
MAIN = {
    "generate": ("topic", 500),
    "improve": ("content", 20_000),
    "summarize": ("content", 60_000),
    "code": ("prompt", 2_000),
}
MAIN_FIELDS = tuple((tool, field) for tool, (field, _) in MAIN.items())
OUTPUT = {
    "id": int,
    "tool": str,
    "title": str,
    "content": str,
    "language": str,
    "provider": str,
    "model": str,
    "cached": bool,
    "tokens_used": int,
    "response_time": float | int,
    "download_count": int,
    "note_id": int | None,
    "drive_file_id": str | None,
    "created_at": str,
    "expires_at": str | None,
    "actions": dict,
}
TASK = {
    "task_id": str,
    "kind": str,
    "status": str,
    "progress": int,
    "message": str,
    "attempt": int,
    "next_try_at": str | None,
    "waiting_for": str | None,
    "result": dict | None,
    "error": dict | None,
    "created_at": str,
    "started_at": str | None,
    "finished_at": str | None,
}


def ask(client, tool="summarize", /, headers=None, **fields):
    """POST to a tool: the usual body with these fields."""
    return client.post(f"{BASE}{tool}/", json={**BODIES[tool], **fields}, headers=headers)


def wait(seconds):
    """The header that asks to wait."""
    return {"Prefer": f"wait={seconds}"}


def has_fields(thing, fields):
    """Whether a thing has all these fields, each of its type."""
    wrong = {name: thing.get(name, "absent") for name, kind in fields.items() if not is_a(thing, name, kind)}
    assert wrong == {}
    return thing


def is_a(thing, name, kind):
    """Whether a field is there and of this type; True is no number."""
    return name in thing and isinstance(thing[name], kind) and isinstance(thing[name], bool) == (kind is bool)


def accepted(response):
    """The body of a 202, after checking its whole shape."""
    body = expect.ok(response, 202)
    assert str(uuid.UUID(body["task_id"])) == body["task_id"]
    assert body["status"] in {"queued", "running", "succeeded"}
    assert urlsplit(body["status_url"]).path == f"/api/tasks/{body['task_id']}/"
    assert urlsplit(body["events_url"]).path == f"/api/tasks/{body['task_id']}/events/"
    assert expect.location(response) == urlsplit(body["status_url"]).path
    return body


def task(client, accepted_answer):
    """The task behind a 202, as it now stands."""
    return expect.ok(client.get(expect.location(accepted_answer)))


def output(client, do_tasks, tool="summarize", /, **fields):
    """The output of a request that succeeds."""
    answer = ask(client, tool, **fields)
    accepted(answer)
    do_tasks()
    ended = task(client, answer)
    assert ended["status"] == "succeeded", ended
    return ended["result"]


def used(client, tool="total"):
    """How much of the quota is used: of all tools together, or of one."""
    quota = expect.ok(client.get(QUOTA))
    return (quota["total"] if tool == "total" else quota["tools"][tool])["used"]


@dataclass
class Event:
    """An event of a stream."""

    name: str
    id: str | None
    data: dict


def parsed(body):
    """The events of a whole stream, without its comments; the data of each is one JSON object."""
    return [event for block in body.split("\n\n") if (event := one_event(block)) is not None]


def one_event(block):
    """The event of one block of lines, or None for a comment."""
    lines = [line for line in block.splitlines() if line and not line.startswith(":")]
    fields = [line.partition(": ")[::2] for line in lines]
    if not any(name == "data" for name, _ in fields):
        return None
    found = dict(fields)
    data = json.loads("\n".join(value for name, value in fields if name == "data"))
    assert isinstance(data, dict), data
    return Event(found.get("event", "message"), found.get("id"), data)


def blocks(answer):
    """The blocks of a live stream, as they arrive: events and comments.

    Fails when nothing but comments has come for half a minute: they keep the line open for ever.
    """
    block, comments = "", 0
    for line in answer.iter_lines():
        block += line + "\n"
        if line == "":
            comments = comments + 1 if block.startswith(":") else 0
            assert comments <= SILENT_COMMENTS, "nothing happens on this stream"
            yield block
            block = ""


def events(client, task_id, last=None):
    """All events of an ended task, or those after the last one that was seen."""
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    answer = client.get(f"/api/tasks/{task_id}/events/", headers=headers)
    expect.ok(answer)
    assert answer.mimetype == "text/event-stream"
    return parsed(answer.get_data(as_text=True))


@contextmanager
def application(folder, database_url="", **settings):
    """An application with these settings on a migrated database."""
    app = create_app(make_settings(folder, database_url, **settings))
    with app.app_context():
        schema.gate().prepare()
    yield app
    with app.app_context():
        let_go()


@contextmanager
def application_factory(folder, database_url, **usual):
    """A function that makes applications with the usual settings or changed ones, without tasks; they end together."""
    with ExitStack() as stack:

        def make(**changes):
            app = stack.enter_context(application(folder, database_url, **{**usual, **changes}))
            with app.app_context(), db.transaction():
                for table in ("tasks", "ai_outputs"):
                    db.execute(text(f"DELETE FROM {table}"))
            return app

        yield make


def with_groq(groq):
    """The settings under which the stand-in is the provider."""
    return {"ai_provider": "groq", "groq_api_key": "gsk_tests", "groq_base_url": groq.url}


def change_tier(client, tier):
    """Give an account another subscription."""
    statement = text("UPDATE users SET subscription_tier = :tier WHERE id = :id")
    with client.app.app_context(), db.transaction():
        db.execute(statement, {"tier": tier, "id": client.user["id"]})
