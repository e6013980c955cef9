"""What the front has to know: the version of a user's notes, and whether Redis may be believed.

Revision 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Go forward."""
    op.add_column(
        "users", sa.Column("notes_version", sa.BigInteger(), server_default=sa.text("1"), nullable=False)
    )
    op.create_table(
        "front_state",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("epoch", sa.String(length=32), nullable=False),
        sa.Column("closed_at", TIME, nullable=False),
        sa.Column("closed_until", TIME, nullable=False),
        sa.CheckConstraint("id = 1", name="ck_front_state_id"),
        sa.PrimaryKeyConstraint("id", name="pk_front_state"),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("front_state")
    with op.batch_alter_table("users") as users:
        users.drop_column("notes_version")
