"""Reading tasks as their owner sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, case, select
from sqlalchemy.orm import aliased

from noteassist import db
from noteassist.errors import NotFound
from noteassist.models import AiOutput, Task
from noteassist.models.ai import TOOLS
from noteassist.models.tasks import TaskId
from noteassist.paging import Order, Page, PageRequest, fetch_page
from noteassist.security.actors import Actor
from noteassist.services.ai.outputs import NOT_EXPIRED, OUTPUT_COLUMNS, present_output

ENDED = frozenset({"succeeded", "failed", "cancelled"})
ORDER = Order((Task.created_at, Task.id), descending=True)

# A task that is joined to another is as far as that one is.
_leader = aliased(Task)
_is_joined = Task.status.in_(("queued", "running")) & _leader.status.in_(("queued", "running"))


def _of_leader(name: str) -> Any:
    return case((_is_joined, getattr(_leader, name)), else_=getattr(Task, name)).label(name)


_COLUMNS = (
    Task.id,
    Task.kind,
    _of_leader("status"),
    _of_leader("progress"),
    _of_leader("message"),
    _of_leader("attempt"),
    _of_leader("run_after"),
    _of_leader("waiting_for"),
    Task.result,
    Task.error_code,
    Task.error_detail,
    Task.created_at,
    _of_leader("started_at"),
    Task.finished_at,
    Task.joined_to,
)
_FROM = select(*_COLUMNS).outerjoin(_leader, _leader.id == Task.joined_to)
_ONE = db.Prepared(
    _FROM.where(Task.user_id == bindparam("owner"), Task.id == bindparam("task", type_=TaskId))
)
_STATE = db.Prepared(
    select(_of_leader("status"), Task.joined_to)
    .outerjoin(_leader, _leader.id == Task.joined_to)
    .where(Task.user_id == bindparam("owner"), Task.id == bindparam("task", type_=TaskId))
)
_OUTPUT = db.Prepared(
    select(*OUTPUT_COLUMNS).where(
        AiOutput.user_id == bindparam("owner"),
        AiOutput.task_id == bindparam("task", type_=TaskId),
        NOT_EXPIRED,
    )
)


@dataclass(frozen=True)
class State:
    """How a task is, and where its events are: `channel` is the task that does the work."""

    status: str
    channel: str

    @property
    def has_ended(self) -> bool:
        """Say whether it has ended."""
        return self.status in ENDED


def get_state(actor: Actor, task_id: str) -> State:
    """Say how my task is, outside of any transaction; raises NotFound."""
    found = db.read_rows(_STATE, {"owner": actor.user_id, "task": task_id})
    if not found:
        raise NotFound
    return State(found[0].status, found[0].joined_to or task_id)


def get_task(actor: Actor, task_id: str) -> dict[str, Any]:
    """Read one of my tasks with its result; raises NotFound."""
    found = db.row(_ONE, {"owner": actor.user_id, "task": task_id})
    if found is None:
        raise NotFound
    return present_task(found, _output_of(actor, found))


def _output_of(actor: Actor, task: db.AnyRow) -> dict[str, Any] | None:
    if task.kind not in TOOLS or task.status != "succeeded":
        return None
    output = db.row(_OUTPUT, {"owner": actor.user_id, "task": task.id, "now": db.utcnow()})
    return None if output is None else present_output(output)


def list_tasks(
    actor: Actor, page: PageRequest, *, status: str | None = None, kind: str | None = None
) -> Page:
    """List my tasks, newest first; each with its result."""
    parameters = {"owner": actor.user_id, "status": status, "kind": kind}
    shape = (status is not None, kind is not None)
    found = fetch_page(_listing, shape, ORDER, page, _bare, parameters)
    wanted = [row["id"] for row in found.results if row["kind"] in TOOLS and row["status"] == "succeeded"]
    outputs = _outputs_of(actor, wanted)
    results = [present_task(_Row(row), outputs.get(row["id"])) for row in found.results]
    return Page(results, found.next, found.previous)


def _listing(has_status: bool, has_kind: bool) -> db.AnySelect:
    statement = _FROM.add_columns(*ORDER.columns).where(Task.user_id == bindparam("owner"))
    if has_status:
        statement = statement.where(_of_leader("status") == bindparam("status"))
    if has_kind:
        statement = statement.where(Task.kind == bindparam("kind"))
    return statement


def _bare(row: db.AnyRow) -> dict[str, Any]:
    return dict(zip((column.key for column in _COLUMNS), row, strict=False))


@dataclass(frozen=True)
class _Row:
    """A row that was a dictionary in between."""

    values: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        return self.values[name]


def _outputs_of(actor: Actor, task_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    if not task_ids:
        return {}
    own = (AiOutput.user_id == actor.user_id) & AiOutput.task_id.in_(task_ids)
    wanted = select(*OUTPUT_COLUMNS, AiOutput.task_id).where(own, NOT_EXPIRED)
    rows = db.rows(wanted, {"now": db.utcnow()})
    return {row.task_id: present_output(row) for row in rows}


def present_task(task: Any, output: dict[str, Any] | None) -> dict[str, Any]:
    """Show a task; `output` is the result of an AI task."""
    is_waiting = task.status == "queued" and (task.attempt > 0 or task.waiting_for is not None)
    error = {"code": task.error_code, "detail": task.error_detail} if task.error_code else None
    return {
        "task_id": task.id,
        "kind": task.kind,
        "status": task.status,
        "progress": task.progress,
        "message": task.message,
        "attempt": task.attempt,
        "next_try_at": task.run_after if is_waiting else None,
        "waiting_for": task.waiting_for,
        "result": output if task.kind in TOOLS else task.result,
        "error": error,
        "created_at": task.created_at,
        "started_at": task.started_at,
        "finished_at": task.finished_at,
    }
