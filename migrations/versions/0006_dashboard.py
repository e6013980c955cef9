"""Days of study, and dashboards that are worked out beforehand.

Revision 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)

# What was written before: notes and topics say when.
BACKFILL = """\
INSERT INTO study_days (user_id, day, first_quarter, last_quarter)
SELECT user_id, quarter / 96, min(quarter % 96), max(quarter % 96)
FROM (
    SELECT user_id, {quarter} AS quarter FROM notes UNION ALL SELECT user_id, {quarter} FROM topics
) AS written
GROUP BY user_id, quarter / 96"""
# Each revision of a note is kept on a day of study, by the database itself: no service can forget it, and it takes no
# statement of its own.
KEEP = """\
ON CONFLICT (user_id, day) DO UPDATE SET
    first_quarter = {least}(study_days.first_quarter, excluded.first_quarter),
    last_quarter = {greatest}(study_days.last_quarter, excluded.last_quarter)
WHERE excluded.first_quarter < study_days.first_quarter OR excluded.last_quarter > study_days.last_quarter"""
FUNCTION = """\
CREATE FUNCTION keep_study_days() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO study_days (user_id, day, first_quarter, last_quarter)
    SELECT user_id, quarter / 96, min(quarter % 96), max(quarter % 96)
    FROM (SELECT user_id, {quarter} AS quarter FROM made) AS written
    GROUP BY user_id, quarter / 96
    {keep};
    RETURN NULL;
END $$"""
TRIGGER = {
    "postgresql": """\
CREATE TRIGGER note_revisions_study_days AFTER INSERT ON note_revisions
REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION keep_study_days()""",
    "sqlite": """\
CREATE TRIGGER note_revisions_study_days AFTER INSERT ON note_revisions BEGIN
    INSERT INTO study_days (user_id, day, first_quarter, last_quarter)
    VALUES (new.user_id, {quarter} / 96, {quarter} % 96, {quarter} % 96)
    {keep};
END""",
}
QUARTER = {
    "postgresql": "CAST(floor(extract(epoch FROM created_at) / 900) AS integer)",
    "sqlite": "CAST(strftime('%s', created_at) AS INTEGER) / 900",
}


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "study_days",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_quarter", sa.Integer(), nullable=False),
        sa.Column("last_quarter", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "0 <= first_quarter AND first_quarter <= last_quarter", name="ck_study_days_quarters"
        ),
        sa.CheckConstraint("last_quarter < 96", name="ck_study_days_last_quarter"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_study_days_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "day", name="pk_study_days"),
    )
    op.create_index("ix_study_days_day", "study_days", ["day"])
    op.create_table(
        "dashboard_cache",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("data_version", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", TIME, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("refreshed_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_dashboard_cache_user_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name="pk_dashboard_cache"),
    )
    kind = op.get_bind().dialect.name
    op.execute(BACKFILL.format(quarter=QUARTER[kind]))
    if kind == "postgresql":
        keep = KEEP.format(least="least", greatest="greatest")
        op.execute(FUNCTION.format(quarter=QUARTER[kind], keep=keep))
        op.execute(TRIGGER[kind])
    else:
        quarter = f"({QUARTER[kind].replace('created_at', 'new.created_at')})"
        op.execute(TRIGGER[kind].format(quarter=quarter, keep=KEEP.format(least="min", greatest="max")))


def downgrade() -> None:
    """Go back."""
    on_table = " ON note_revisions" if op.get_bind().dialect.name == "postgresql" else ""
    op.execute(f"DROP TRIGGER note_revisions_study_days{on_table}")
    if on_table:
        op.execute("DROP FUNCTION keep_study_days()")
    op.drop_table("dashboard_cache")
    op.drop_table("study_days")
