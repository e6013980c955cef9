"""Search and revisions.

Revision 0003, after 0002.
"""

import uuid

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0003"
down_revision = "0002"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WORDS = sa.Text().with_variant(TSVECTOR(), "postgresql")
UNIQUE = {
    "uq_search_entries_note": ("note_id IS NOT NULL AND topic_id IS NULL", ["user_id", "note_id"]),
    "uq_search_entries_topic": ("topic_id IS NOT NULL", ["user_id", "topic_id"]),
    "uq_search_entries_output": ("task_id IS NOT NULL", ["task_id"]),
}

# An FTS5 table that keeps no texts: triggers tell it of every change, and where a section of the words begins.
SEARCH_INDEX = """\
CREATE VIRTUAL TABLE search_index USING fts5(
    a, b, c, d, e, content='', columnsize=0, tokenize="ascii tokenchars '_'"
)"""
MARKS = ("_A", "_B", "_C", "_D", "_E")


def sections(row: str) -> str:
    """Give the SQL of the five sections of a row's words; each begins with its mark."""
    starts = [f"instr({row}.words, ' {mark} ')" for mark in MARKS]
    ends = [*starts[1:], f"length({row}.words) + 1"]
    return ", ".join(
        f"substr({row}.words, {start}, {end} - {start})" for start, end in zip(starts, ends, strict=True)
    )


GONE = f"INSERT INTO search_index (search_index, rowid, a, b, c, d, e) VALUES ('delete', old.id, {sections('old')});"  # noqa: S608  # our own SQL
COME = f"INSERT INTO search_index (rowid, a, b, c, d, e) VALUES (new.id, {sections('new')});"  # noqa: S608  # our own SQL
TRIGGERS = {
    "search_entries_inserted": f"AFTER INSERT ON search_entries BEGIN {COME} END",
    "search_entries_deleted": f"AFTER DELETE ON search_entries BEGIN {GONE} END",
    "search_entries_updated": f"AFTER UPDATE ON search_entries BEGIN {GONE} {COME} END",
}

# Each note has its present state as a revision.
FIRST_REVISIONS = """\
INSERT INTO note_revisions (user_id, note_id, number, origin, summary, created_at)
SELECT notes.user_id, notes.id, coalesce(max(number), 0) + 1, 'user', 'As it stood when revisions began',
    notes.updated_at
FROM notes LEFT JOIN note_revisions
    ON note_revisions.user_id = notes.user_id AND note_revisions.note_id = notes.id
GROUP BY notes.user_id, notes.id, notes.updated_at"""
# A task of nobody, which reads what was written before.
INDEXING = """\
INSERT INTO tasks (id, kind, args, status, turn, run_after, created_at)
SELECT :id, 'index_for_search', '{}', 'queued', -1, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP
WHERE EXISTS (SELECT 1 FROM notes) OR EXISTS (SELECT 1 FROM ai_outputs)"""


def is_postgresql() -> bool:
    """Say which of the two databases is behind."""
    return op.get_bind().dialect.name == "postgresql"


def upgrade() -> None:
    """Go forward."""
    make_search()
    with op.batch_alter_table("note_revisions") as batch:
        batch.alter_column("content", existing_type=sa.LargeBinary(), nullable=True)
        batch.add_column(sa.Column("undo", sa.LargeBinary(), nullable=True))
    op.execute(FIRST_REVISIONS)
    task = sa.text(INDEXING).bindparams(sa.bindparam("id", uuid.uuid4(), type_=sa.Uuid()))
    op.get_bind().execute(task)


def make_search() -> None:
    """Make the table of words and its index."""
    op.create_table(
        "search_entries",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("note_id", ID, nullable=True),
        sa.Column("topic_id", ID, nullable=True),
        sa.Column("task_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("names", sa.Text(), nullable=False),
        sa.Column("words", WORDS, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_search_entries_user_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "note_id"],
            ["notes.user_id", "notes.id"],
            name="fk_search_entries_user_id_note_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "topic_id"],
            ["topics.user_id", "topics.id"],
            name="fk_search_entries_user_id_topic_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["task_id"], ["ai_outputs.task_id"], name="fk_search_entries_task_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_search_entries"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_search_entries_user_id_note_id", "search_entries", ["user_id", "note_id"])
    for name, (condition, columns) in UNIQUE.items():
        where = sa.text(condition)
        op.create_index(
            name, "search_entries", columns, unique=True, postgresql_where=where, sqlite_where=where
        )
    if is_postgresql():
        # Ranking reads the words of up to 5,000 entries: those of a usual topic stay in the row, as they are.
        op.execute("ALTER TABLE search_entries SET (toast_tuple_target = 8160)")
        op.execute("CREATE INDEX ix_search_entries_words ON search_entries USING gin (words)")
    else:
        op.execute(SEARCH_INDEX)
        for name, rule in TRIGGERS.items():
            op.execute(f"CREATE TRIGGER {name} {rule}")


def downgrade() -> None:
    """Go back; revisions that were kept as changes alone go."""
    op.execute("DELETE FROM tasks WHERE kind = 'index_for_search'")
    op.drop_table("search_entries")
    if not is_postgresql():
        op.execute("DROP TABLE search_index")
    op.execute("DELETE FROM note_revisions WHERE content IS NULL")
    with op.batch_alter_table("note_revisions") as batch:
        batch.drop_column("undo")
        batch.alter_column("content", existing_type=sa.LargeBinary(), nullable=False)
