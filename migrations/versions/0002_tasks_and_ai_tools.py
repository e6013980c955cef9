"""Tasks, notifications and AI tools; mails are delivered by tasks.

Revision 0002, after 0001.
"""

import uuid
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TASK_ID = sa.Uuid(as_uuid=False)
TIME = sa.DateTime(timezone=True)


def where(condition: str) -> dict[str, Any]:
    """Limit an index to some rows, on either database."""
    return {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}


def upgrade() -> None:
    """Go forward."""
    make_gates_and_calls()
    make_outputs_and_usage()
    make_notifications()
    make_tasks()
    hand_over_pending_work()
    op.drop_index("ix_outbox_mails_due", "outbox_mails")
    with op.batch_alter_table("outbox_mails") as outbox:
        outbox.drop_column("attempts")
        outbox.drop_column("next_try_at")


def make_gates_and_calls() -> None:
    """Make what is known of providers, and of each call to one."""
    op.create_table(
        "ai_gates",
        sa.Column("provider", sa.String(length=160), nullable=False),
        sa.Column("closed_until", TIME, nullable=True),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reason", sa.String(length=60), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("provider", name="pk_ai_gates"),
    )

    op.create_table(
        "ai_calls",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=True),
        sa.Column("task_id", TASK_ID, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("model", sa.String(length=120), nullable=False),
        sa.Column("outcome", sa.String(length=60), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("duration_ms", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_ai_calls_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_ai_calls"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ai_calls_created_at", "ai_calls", ["created_at"])
    op.create_index("ix_ai_calls_task_id", "ai_calls", ["task_id"])
    op.create_index("ix_ai_calls_user_id", "ai_calls", ["user_id"])


def make_outputs_and_usage() -> None:
    """Make the texts that AI tools made, and the record of their use."""
    op.create_table(
        "ai_outputs",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("task_id", TASK_ID, nullable=False),
        sa.Column("tool", sa.String(length=10), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("programming_language", sa.String(length=50), nullable=True),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("model", sa.String(length=120), nullable=False),
        sa.Column("cached", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("tokens_used", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("response_time", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.Column("download_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cache_key", sa.String(length=64), nullable=True),
        sa.Column("note_id", ID, nullable=True),
        sa.Column("saved_topic_id", ID, nullable=True),
        sa.Column("saved_digest", sa.String(length=64), nullable=True),
        sa.Column("topic_id", ID, nullable=True),
        sa.Column("topic_digest", sa.String(length=64), nullable=True),
        sa.Column("diff", sa.Text(), nullable=True),
        sa.Column("drive_file_id", sa.String(length=120), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=True),
        sa.CheckConstraint("tool IN ('generate', 'improve', 'summarize', 'code')", name="ck_ai_outputs_tool"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_ai_outputs_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_ai_outputs"),
        sa.UniqueConstraint("task_id", name="uq_ai_outputs_task_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_ai_outputs_cache_key",
        "ai_outputs",
        ["cache_key", "created_at"],
        **where("cache_key IS NOT NULL AND NOT cached"),
    )
    op.create_index(
        "ix_ai_outputs_expires_at", "ai_outputs", ["expires_at"], **where("expires_at IS NOT NULL")
    )
    op.create_index("ix_ai_outputs_user_id_created_at_id", "ai_outputs", ["user_id", "created_at", "id"])
    op.create_index(
        "ix_ai_outputs_user_id_tool_created_at_id", "ai_outputs", ["user_id", "tool", "created_at", "id"]
    )

    op.create_table(
        "ai_usage",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("task_id", TASK_ID, nullable=False),
        sa.Column("tool", sa.String(length=10), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("model", sa.String(length=120), nullable=False),
        sa.Column("cached", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("response_ms", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_ai_usage_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_ai_usage"),
        sa.UniqueConstraint("task_id", name="uq_ai_usage_task_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ai_usage_user_id_created_at", "ai_usage", ["user_id", "created_at"])


def make_notifications() -> None:
    """Make what users are told."""
    op.create_table(
        "notifications",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("type", sa.String(length=10), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("action_id", sa.String(length=64), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("read_at", TIME, nullable=True),
        sa.CheckConstraint("type IN ('info', 'success', 'warning', 'error')", name="ck_notifications_type"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_notifications_user_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_notifications"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_notifications_user_id_created_at_id", "notifications", ["user_id", "created_at", "id"]
    )
    op.create_index(
        "uq_notifications_user_id_action_id", "notifications", ["user_id", "action_id"], unique=True
    )


def make_tasks() -> None:
    """Make the tasks and their events."""
    op.create_table(
        "tasks",
        sa.Column("id", TASK_ID, nullable=False),
        sa.Column("user_id", ID, nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("args", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=10), server_default="queued", nullable=False),
        sa.Column("turn", ID, server_default=sa.text("0"), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("run_after", TIME, nullable=False),
        sa.Column("lease_until", TIME, nullable=True),
        sa.Column("worker", sa.String(length=80), nullable=True),
        sa.Column("dedupe_key", sa.String(length=100), nullable=True),
        sa.Column("joined_to", TASK_ID, nullable=True),
        sa.Column("tick", sa.String(length=80), nullable=True),
        sa.Column("is_cached", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("progress", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("message", sa.String(length=255), server_default="", nullable=False),
        sa.Column("waiting_for", sa.String(length=10), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("error_code", sa.String(length=60), nullable=True),
        sa.Column("error_detail", sa.Text(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("started_at", TIME, nullable=True),
        sa.Column("finished_at", TIME, nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="ck_tasks_status"
        ),
        sa.CheckConstraint("waiting_for IN ('provider', 'drive')", name="ck_tasks_waiting_for"),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name="ck_tasks_progress"),
        sa.ForeignKeyConstraint(["joined_to"], ["tasks.id"], name="fk_tasks_joined_to", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_tasks_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
    )
    op.create_index("ix_tasks_finished_at", "tasks", ["finished_at"], **where("finished_at IS NOT NULL"))
    op.create_index("ix_tasks_joined_to", "tasks", ["joined_to"], **where("joined_to IS NOT NULL"))
    op.create_index("ix_tasks_leases", "tasks", ["lease_until"], **where("status = 'running'"))
    op.create_index(
        "ix_tasks_ready", "tasks", ["turn", "created_at"], **where("status = 'queued' AND joined_to IS NULL")
    )
    op.create_index("ix_tasks_running_turn", "tasks", ["turn"], **where("status = 'running'"))
    op.create_index("ix_tasks_user_id_created_at_id", "tasks", ["user_id", "created_at", "id"])
    op.create_index("ix_tasks_user_id_turn", "tasks", ["user_id", "turn"], **where("status = 'queued'"))
    op.create_index(
        "uq_tasks_dedupe_key",
        "tasks",
        ["dedupe_key"],
        unique=True,
        **where("status IN ('queued', 'running') AND joined_to IS NULL"),
    )
    op.create_index("uq_tasks_tick", "tasks", ["tick"], unique=True, **where("tick IS NOT NULL"))

    op.create_table(
        "task_events",
        sa.Column("id", ID, nullable=False),
        sa.Column("task_id", TASK_ID, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("kind IN ('token', 'progress')", name="ck_task_events_kind"),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name="fk_task_events_task_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_task_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_task_events_task_id_id", "task_events", ["task_id", "id"])


def hand_over_pending_work() -> None:
    """Make a task of each mail that was not delivered yet and of each account that was not erased yet."""
    connection = op.get_bind()
    pending = "SELECT id FROM outbox_mails WHERE sent_at IS NULL AND failed_at IS NULL"
    mails = [("mail", {"mail_id": row.id}) for row in connection.execute(sa.text(pending))]
    closed = "SELECT id FROM users WHERE closed_at IS NOT NULL"
    accounts = [("account_erasure", {"user_id": row.id}) for row in connection.execute(sa.text(closed))]
    now = datetime.now(UTC)
    tasks = sa.table(
        "tasks",
        sa.column("id", TASK_ID),
        sa.column("kind", sa.String),
        sa.column("args", sa.JSON),
        sa.column("run_after", TIME),
        sa.column("created_at", TIME),
    )
    rows = [
        {"id": str(uuid.uuid4()), "kind": kind, "args": args, "run_after": now, "created_at": now}
        for kind, args in (*mails, *accounts)
    ]
    op.bulk_insert(tasks, rows)


def downgrade() -> None:
    """Go back. Mails that were not delivered are tried again; other work that was not done is forgotten."""
    with op.batch_alter_table("outbox_mails") as outbox:
        outbox.add_column(sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False))
        outbox.add_column(
            sa.Column("next_try_at", TIME, server_default=sa.text("CURRENT_TIMESTAMP"), nullable=False)
        )
    op.create_index(
        "ix_outbox_mails_due",
        "outbox_mails",
        ["next_try_at"],
        **where("sent_at IS NULL AND failed_at IS NULL"),
    )
    for table in (
        "task_events",
        "tasks",
        "notifications",
        "ai_usage",
        "ai_outputs",
        "ai_calls",
        "ai_gates",
    ):
        op.drop_table(table)
