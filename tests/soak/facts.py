"""What has become of everything: read from the database, from the outbox and over the API."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from noteassist.services.ai import prompts
from tests.soak.load import User
from tests.soak.watcher import engine_of, plain_id
from tests.stand_ins.groq import usual_text

_TASKS = (
    "SELECT id, user_id, kind, args, status, attempt, failures, joined_to, is_cached, error_code, error_detail"
    " FROM tasks"
)
# What a request means where it says nothing.
USUAL: Mapping[str, dict[str, Any]] = {
    "generate": {"level": "intermediate", "language": "en", "subject": None},
    "improve": {"instructions": None, "language": None},
    "summarize": {"length": "medium", "format": "paragraph", "language": None},
    "code": {"level": "intermediate"},
}


@dataclass(frozen=True)
class TaskFact:
    """A task as it stands in the end."""

    id: str
    email: str | None
    kind: str
    status: str
    args: Mapping[str, Any] = field(default_factory=dict)
    attempt: int = 1
    failures: int = 0
    joined_to: str | None = None
    is_cached: bool = False
    error: str = ""

    @property
    def was_there(self) -> bool:
        """Say whether the answer was there already when it was asked for: then nobody is told."""
        return self.is_cached and not self.args

    def is_for(self, body: Mapping[str, Any]) -> bool:
        """Say whether the task can have been made for this request."""
        return self.was_there or body.items() <= dict(self.args["fields"]).items()


@dataclass
class Facts:
    """All that can be found out after a run; lists hold an item for each row."""

    tasks: dict[str, TaskFact] = field(default_factory=dict)
    # Contents of outputs by task.
    outputs: dict[str, list[str]] = field(default_factory=dict)
    task_of_output: dict[int, str] = field(default_factory=dict)
    usage: list[str] = field(default_factory=list)
    notifications: list[str] = field(default_factory=list)
    # How the calls for each task ended.
    calls: dict[str, list[str]] = field(default_factory=dict)
    # Recipients of mails: those in the outbox table, those marked as sent, and those of the files.
    mails: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    # What the API says of tasks: status and content.
    told: dict[str, list[tuple[str, str | None]]] = field(default_factory=dict)


def read_database(url: str) -> Facts:
    """Read everything that the checks need."""
    facts = Facts()
    engine = engine_of(url)
    with engine.connect() as connection:
        emails = {row.id: row.email for row in connection.execute(text("SELECT id, email FROM users"))}
        for row in connection.execute(text(_TASKS)):
            task = _task(row, emails)
            facts.tasks[task.id] = task
        _read_effects(connection, facts)
        for row in connection.execute(text("SELECT recipient, sent_at FROM outbox_mails")):
            facts.mails.append(row.recipient)
            if row.sent_at is not None:
                facts.sent.append(row.recipient)
        facts.notes = list(connection.execute(text("SELECT title FROM notes")).scalars())
    engine.dispose()
    return facts


def _task(row: Any, emails: Mapping[int, str]) -> TaskFact:
    return TaskFact(
        id=plain_id(row.id),
        email=emails.get(row.user_id),
        kind=row.kind,
        status=row.status,
        args=json.loads(row.args) if isinstance(row.args, str) else row.args,
        attempt=row.attempt,
        failures=row.failures,
        joined_to=plain_id(row.joined_to) if row.joined_to else None,
        is_cached=bool(row.is_cached),
        error=f"{row.error_code}: {row.error_detail}" if row.error_code else "",
    )


def _read_effects(connection: Connection, facts: Facts) -> None:
    for row in connection.execute(text("SELECT id, task_id, content FROM ai_outputs")):
        facts.task_of_output[row.id] = plain_id(row.task_id)
        facts.outputs.setdefault(plain_id(row.task_id), []).append(row.content)
    facts.usage = [
        plain_id(one) for one in connection.execute(text("SELECT task_id FROM ai_usage")).scalars()
    ]
    about_tasks = "SELECT action_id FROM notifications WHERE type = 'success'"
    facts.notifications = [plain_id(one) for one in connection.execute(text(about_tasks)).scalars()]
    for row in connection.execute(text("SELECT task_id, outcome FROM ai_calls ORDER BY id")):
        facts.calls.setdefault(plain_id(row.task_id), []).append(row.outcome)


def read_outbox(folder: Path) -> list[str]:
    """Give the recipient of every mail that was delivered."""
    return [str(message_from_bytes(path.read_bytes())["To"]) for path in sorted(folder.glob("*.eml"))]


def read_api(users: Sequence[User]) -> dict[str, list[tuple[str, str | None]]]:
    """List everybody's tasks over the API."""
    told: dict[str, list[tuple[str, str | None]]] = {}
    for user in users:
        for task in user.all_pages("/api/tasks/?page_size=100"):
            content = task["result"]["content"] if task["result"] else None
            told.setdefault(task["task_id"], []).append((task["status"], content))
    return told


def wanted_text(tool: str, body: Mapping[str, Any]) -> str:
    """Say what the stand-in answers to a request."""
    prompt = prompts.render(tool, USUAL[tool] | body)
    messages = [
        {"role": "system", "content": prompt.system},
        {"role": "user", "content": prompt.user},
    ]
    return usual_text(messages)
