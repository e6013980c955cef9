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

# FTS5 with external content: the words stand once, in search_entries, and triggers tell the index of every change.
SEARCH_INDEX = """\
CREATE VIRTUAL TABLE search_index USING fts5(
    words, content='search_entries', content_rowid='id', columnsize=0, tokenize="ascii tokenchars '_'"
)"""
GONE = "INSERT INTO search_index (search_index, rowid, words) VALUES ('delete', old.id, old.words);"
COME = "INSERT INTO search_index (rowid, words) VALUES (new.id, new.words);"
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
