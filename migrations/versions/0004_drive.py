"""Google Drive connections.

Revision 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TASK_ID = sa.Uuid(as_uuid=False)
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Go forward."""
    make_connections()
    make_uploads()
    op.create_table(
        "drive_revocations",
        sa.Column("id", ID, nullable=False),
        sa.Column("refresh_token", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_drive_revocations"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "drive_consents",
        sa.Column("state_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name="pk_drive_consents"),
    )
    op.create_index("ix_drive_consents_expires_at", "drive_consents", ["expires_at"])
    op.add_column("notes", sa.Column("drive_file_id", sa.String(length=120), nullable=True))


def make_connections() -> None:
    """Make who is connected."""
    op.create_table(
        "drive_connections",
        sa.Column("user_id", ID, autoincrement=False, nullable=False),
        sa.Column("google_sub", sa.String(length=255), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("grant_number", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("needs_reconnect", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("refresh_token", sa.Text(), nullable=False),
        sa.Column("access_token", sa.Text(), nullable=False),
        sa.Column("access_expires_at", TIME, nullable=False),
        sa.Column("refresh_lease", sa.String(length=32), nullable=True),
        sa.Column("refresh_lease_until", TIME, nullable=True),
        sa.Column("away_since", TIME, nullable=True),
        sa.Column("away_at", TIME, nullable=True),
        sa.Column("connected_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_drive_connections_user_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name="pk_drive_connections"),
    )
    away = sa.text("away_at IS NOT NULL")
    op.create_index(
        "ix_drive_connections_away_at",
        "drive_connections",
        ["away_at"],
        postgresql_where=away,
        sqlite_where=away,
    )


def make_uploads() -> None:
    """Make what is being uploaded."""
    op.create_table(
        "drive_uploads",
        sa.Column("task_id", TASK_ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("source_id", ID, nullable=False),
        sa.Column("google_sub", sa.String(length=255), nullable=False),
        sa.Column("file_id", sa.String(length=120), nullable=False),
        sa.Column("session_uri", sa.Text(), nullable=True),
        sa.Column("size", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("md5", sa.String(length=32), server_default="", nullable=False),
        sa.Column("is_replacing", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("source IN ('note', 'output')", name="ck_drive_uploads_source"),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name="fk_drive_uploads_task_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_drive_uploads_user_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_id", name="pk_drive_uploads"),
    )
    op.create_index("ix_drive_uploads_user_id", "drive_uploads", ["user_id"])


def downgrade() -> None:
    """Go back. Users have to connect again; what was being uploaded begins anew."""
    op.drop_column("notes", "drive_file_id")
    for table in ("drive_consents", "drive_revocations", "drive_uploads", "drive_connections"):
        op.drop_table(table)
