"""Administration: the audit log, sessions of the console, and AI use counted by day.

Revision 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
ZERO = sa.text("0")
LIVE = sa.text("deleted_at IS NULL")
FAILED = sa.text("status = 'failed'")
ADMINS = sa.text("role = 'admin'")

REFUSAL = "the audit log cannot be changed"
POSTGRESQL_REFUSE = f"""\
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'restrict_violation';
END $$"""
POSTGRESQL_AUDIT = """\
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()"""
SQLITE_AUDIT = """\
CREATE TRIGGER audit_log_no_{event} BEFORE {event} ON audit_log
BEGIN SELECT RAISE(ABORT, '{refusal}'); END"""

# Sixteen rows share the counting of a moment; a transaction keeps to the one of its connection.
SHARDS = 16
# Once a statement for all of its rows.
POSTGRESQL_COUNT = """\
CREATE FUNCTION count_{source}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {source}_daily AS kept (day, {keys}, shard, {sums})
    SELECT (created_at AT TIME ZONE 'UTC')::date, {keys}, pg_backend_pid() % {shards}, {values}
    FROM added GROUP BY 1, {keys} ORDER BY 1, {keys}
    ON CONFLICT (day, {keys}, shard) DO UPDATE SET {grown};
    RETURN NULL;
END $$"""
POSTGRESQL_COUNTER = """\
CREATE TRIGGER {source}_counted AFTER INSERT ON {source} REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION count_{source}()"""
SQLITE_COUNTER = """\
CREATE TRIGGER {source}_counted AFTER INSERT ON {source} BEGIN
    INSERT INTO {source}_daily (day, {keys}, shard, {sums})
    VALUES (date(NEW.created_at), {new_keys}, 0, {new_values})
    ON CONFLICT (day, {keys}, shard) DO UPDATE SET {grown};
END"""
COUNT_ALL = """\
INSERT INTO {source}_daily (day, {keys}, shard, {sums})
SELECT {day}, {keys}, 0, {values} FROM {source} GROUP BY 1, {keys}"""

# For each source: what it is counted by, and what is summed up: column, over many rows, of a single row.
COUNTED = {
    "ai_usage": (
        ("tool", "provider", "model"),
        (
            ("requests", "count(*)", "1"),
            ("cached", "sum(CASE WHEN cached THEN 1 ELSE 0 END)", "CASE WHEN NEW.cached THEN 1 ELSE 0 END"),
            ("tokens", "sum(tokens)", "NEW.tokens"),
            ("response_ms", "sum(response_ms)", "NEW.response_ms"),
        ),
    ),
    "ai_calls": (
        ("provider", "model"),
        (
            ("calls", "count(*)", "1"),
            (
                "failed",
                "sum(CASE outcome WHEN 'ok' THEN 0 ELSE 1 END)",
                "CASE NEW.outcome WHEN 'ok' THEN 0 ELSE 1 END",
            ),
            ("prompt_tokens", "sum(prompt_tokens)", "NEW.prompt_tokens"),
            ("completion_tokens", "sum(completion_tokens)", "NEW.completion_tokens"),
            ("duration_ms", "sum(duration_ms)", "NEW.duration_ms"),
        ),
    ),
}


def is_postgresql() -> bool:
    """Say which database is migrated."""
    return op.get_bind().dialect.name == "postgresql"


def words(source: str) -> dict[str, object]:
    """Give what the templates above say of one source."""
    keys, sums = COUNTED[source]
    table = "kept" if is_postgresql() else f"{source}_daily"
    return {
        "source": source,
        "shards": SHARDS,
        "keys": ", ".join(keys),
        "new_keys": ", ".join(f"NEW.{key}" for key in keys),
        "sums": ", ".join(column for column, _, _ in sums),
        "values": ", ".join(over_many for _, over_many, _ in sums),
        "new_values": ", ".join(of_one for _, _, of_one in sums),
        "grown": ", ".join(f"{column} = {table}.{column} + excluded.{column}" for column, _, _ in sums),
        "day": "CAST(created_at AT TIME ZONE 'UTC' AS date)" if is_postgresql() else "date(created_at)",
    }


def upgrade() -> None:
    """Go forward."""
    create_audit_log()
    create_console_sessions()
    create_counts()
    op.create_index("ix_ai_usage_created_at", "ai_usage", ["created_at"], postgresql_using="brin")
    op.create_index("ix_users_created_at_id", "users", ["created_at", "id"])
    op.create_index("ix_users_admins", "users", ["id"], postgresql_where=ADMINS, sqlite_where=ADMINS)
    op.create_index("ix_tasks_created_at_id", "tasks", ["created_at", "id"])
    op.create_index(
        "ix_tasks_failed", "tasks", ["created_at", "id"], postgresql_where=FAILED, sqlite_where=FAILED
    )
    # Small, and all that counting notes and topics has to read.
    op.create_index(
        "ix_notes_live_topic_count", "notes", ["topic_count"], postgresql_where=LIVE, sqlite_where=LIVE
    )


def create_audit_log() -> None:
    """Make the audit log, and what keeps it as it is."""
    op.create_table(
        "audit_log",
        sa.Column("id", ID, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("actor_id", ID, nullable=False),
        sa.Column("actor_email", sa.String(length=254), server_default="", nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("target_kind", sa.String(length=40), nullable=False),
        sa.Column("target_id", sa.String(length=255), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("ip", sa.String(length=45), server_default="", nullable=False),
        sa.Column("device", sa.String(length=255), server_default="", nullable=False),
        sa.Column("request_id", sa.String(length=128), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_log_created_at_id", "audit_log", ["created_at", "id"])
    op.create_index("ix_audit_log_actor_id_created_at_id", "audit_log", ["actor_id", "created_at", "id"])
    op.create_index("ix_audit_log_action_created_at_id", "audit_log", ["action", "created_at", "id"])
    op.create_index("ix_audit_log_target", "audit_log", ["target_kind", "target_id", "created_at", "id"])
    if is_postgresql():
        op.execute(POSTGRESQL_REFUSE)
        op.execute(POSTGRESQL_AUDIT)
    else:
        for event in ("UPDATE", "DELETE"):
            op.execute(SQLITE_AUDIT.format(event=event, refusal=REFUSAL))


def create_console_sessions() -> None:
    """Make the sessions of the console."""
    op.create_table(
        "console_sessions",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("session_id", ID, nullable=False),
        sa.Column("last_seen_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_console_sessions_user_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_console_sessions_session_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name="pk_console_sessions"),
    )
    op.create_index("ix_console_sessions_session_id", "console_sessions", ["session_id"])
    op.create_index("ix_console_sessions_user_id", "console_sessions", ["user_id"])
    op.create_index("ix_console_sessions_expires_at", "console_sessions", ["expires_at"])


def create_counts() -> None:
    """Make the counts by day, count what is there, and go on counting."""
    lengths = {"tool": 10, "provider": 40, "model": 120}
    for source, (keys, sums) in COUNTED.items():
        name = f"{source}_daily"
        op.create_table(
            name,
            sa.Column("day", sa.Date(), nullable=False),
            *(sa.Column(key, sa.String(length=lengths[key]), nullable=False) for key in keys),
            sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
            *(
                sa.Column(column, sa.BigInteger(), server_default=ZERO, nullable=False)
                for column, _, _ in sums
            ),
            sa.PrimaryKeyConstraint("day", *keys, "shard", name=f"pk_{name}"),
        )
        op.execute(COUNT_ALL.format(**words(source)))
        if is_postgresql():
            # Room for new versions of a row on its own page, so that counting touches no index.
            op.execute(f"ALTER TABLE {name} SET (fillfactor = 50)")
            op.execute(POSTGRESQL_COUNT.format(**words(source)))
            op.execute(POSTGRESQL_COUNTER.format(**words(source)))
        else:
            op.execute(SQLITE_COUNTER.format(**words(source)))


def downgrade() -> None:
    """Go back."""
    op.drop_index("ix_notes_live_topic_count", "notes")
    op.drop_index("ix_tasks_failed", "tasks")
    op.drop_index("ix_tasks_created_at_id", "tasks")
    op.drop_index("ix_users_admins", "users")
    op.drop_index("ix_users_created_at_id", "users")
    op.drop_index("ix_ai_usage_created_at", "ai_usage")
    for source in COUNTED:
        op.execute(f"DROP TRIGGER {source}_counted" + (f" ON {source}" if is_postgresql() else ""))
        if is_postgresql():
            op.execute(f"DROP FUNCTION count_{source}()")
        op.drop_table(f"{source}_daily")
    op.drop_table("console_sessions")
    op.drop_table("audit_log")
    if is_postgresql():
        op.execute("DROP FUNCTION refuse_audit_change()")
