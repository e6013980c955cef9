"""Background work: what is to be done, what happens meanwhile, and what its owner is told."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, Uuid, false, text
from sqlalchemy.orm import Mapped, mapped_column

from noteassist.db import Base, Id, UtcDateTime, utcnow

TASK_STATUSES = ("queued", "running", "succeeded", "failed", "cancelled")
READY = text("status = 'queued' AND joined_to IS NULL")
RUNNING = text("status = 'running'")
QUEUED = text("status = 'queued'")
UNDER_WAY = text("status IN ('queued', 'running') AND joined_to IS NULL")
JOINED = text("joined_to IS NOT NULL")
ENDED = text("finished_at IS NOT NULL")
TICKS = text("tick IS NOT NULL")
FAILED = text("status = 'failed'")

TaskId = Uuid(as_uuid=False)


def _partial(name: str, condition: Any, *columns: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, postgresql_where=condition, sqlite_where=condition)


class Task(Base):
    """A piece of work that the database owns: whoever holds its lease does it, and its result counts once.

    `attempt` grows with every claim and is the fencing token: what a worker writes names the attempt it holds.
    `failures` counts the tries that failed by themselves. `turn` orders the queue fairly between users.
    `dedupe_key` is unique among the tasks under way; an identical task is `joined_to` the one that works.
    `tick` names the one occasion of periodic work. `is_cached` says that it cost no model call of its own.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        CheckConstraint("status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="status"),
        CheckConstraint("waiting_for IN ('provider', 'drive')", name="waiting_for"),
        CheckConstraint("progress BETWEEN 0 AND 100", name="progress"),
        _partial("ix_tasks_ready", READY, "turn", "created_at"),
        _partial("ix_tasks_leases", RUNNING, "lease_until"),
        _partial("ix_tasks_running_turn", RUNNING, "turn"),
        _partial("ix_tasks_user_id_turn", QUEUED, "user_id", "turn"),
        _partial("uq_tasks_dedupe_key", UNDER_WAY, "dedupe_key", unique=True),
        _partial("uq_tasks_tick", TICKS, "tick", unique=True),
        _partial("ix_tasks_joined_to", JOINED, "joined_to"),
        _partial("ix_tasks_finished_at", ENDED, "finished_at"),
        _partial("ix_tasks_failed", FAILED, "created_at", "id"),
        Index("ix_tasks_user_id_created_at_id", "user_id", "created_at", "id"),
        Index("ix_tasks_created_at_id", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(TaskId, primary_key=True)
    user_id: Mapped[int | None] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(40))
    args: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[str] = mapped_column(String(10), server_default="queued")
    turn: Mapped[int] = mapped_column(Id, server_default=text("0"))
    attempt: Mapped[int] = mapped_column(server_default=text("0"))
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    run_after: Mapped[datetime] = mapped_column(UtcDateTime)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    worker: Mapped[str | None] = mapped_column(String(80))
    dedupe_key: Mapped[str | None] = mapped_column(String(100))
    joined_to: Mapped[str | None] = mapped_column(TaskId, ForeignKey("tasks.id", ondelete="SET NULL"))
    tick: Mapped[str | None] = mapped_column(String(80))
    is_cached: Mapped[bool] = mapped_column(server_default=false())
    progress: Mapped[int] = mapped_column(server_default=text("0"))
    message: Mapped[str] = mapped_column(String(255), server_default="")
    waiting_for: Mapped[str | None] = mapped_column(String(10))
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_detail: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class TaskEvent(Base):
    """Something that happened in an attempt of a task: text that the model wrote, or progress.

    Ids grow in the order in which they are to be told: one task has one writer at a time.
    """

    __tablename__ = "task_events"
    __table_args__ = (
        CheckConstraint("kind IN ('token', 'progress')", name="kind"),
        Index("ix_task_events_task_id_id", "task_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    task_id: Mapped[str] = mapped_column(TaskId, ForeignKey("tasks.id", ondelete="CASCADE"))
    attempt: Mapped[int]
    kind: Mapped[str] = mapped_column(String(10))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class Notification(Base):
    """Something a user is told once; `action_id` names what it is about (a task)."""

    __tablename__ = "notifications"
    __table_args__ = (
        CheckConstraint("type IN ('info', 'success', 'warning', 'error')", name="type"),
        Index("uq_notifications_user_id_action_id", "user_id", "action_id", unique=True),
        Index("ix_notifications_user_id_created_at_id", "user_id", "created_at", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(String(10))
    title: Mapped[str] = mapped_column(String(255))
    message: Mapped[str] = mapped_column(Text, server_default="")
    action_id: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
