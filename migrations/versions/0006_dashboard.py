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
    op.execute(BACKFILL.format(quarter=QUARTER[op.get_bind().dialect.name]))


def downgrade() -> None:
    """Go back."""
    op.drop_table("dashboard_cache")
    op.drop_table("study_days")
