"""API keys, two-factor sign-in, sign-in with Google; mails that close an account; secret answers kept encrypted.

Revision 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
MAILED = ("verify_email", "change_email", "reset_password")


def upgrade() -> None:
    """Go forward."""
    make_keys()
    make_two_factor()
    op.create_table(
        "google_identities",
        sa.Column("user_id", ID, autoincrement=False, nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("linked_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_google_identities_user_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name="pk_google_identities"),
    )
    op.create_index(
        "uq_google_identities_issuer_subject", "google_identities", ["issuer", "subject"], unique=True
    )
    op.add_column(
        "idempotency_keys",
        sa.Column("is_encrypted", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    allow_purposes(*MAILED, "close_account")


def make_keys() -> None:
    """Make the API keys."""
    op.create_table(
        "api_keys",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("scopes", sa.String(length=30), nullable=False),
        sa.Column("requests_per_hour", sa.Integer(), server_default=sa.text("100"), nullable=False),
        sa.Column("requests_per_day", sa.Integer(), server_default=sa.text("1000"), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=True),
        sa.Column("last_used_at", TIME, nullable=True),
        sa.CheckConstraint("requests_per_hour > 0 AND requests_per_day > 0", name="ck_api_keys_requests"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_api_keys_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("key_hash", name="uq_api_keys_key_hash"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_api_keys_user_id_created_at_id", "api_keys", ["user_id", "created_at", "id"])


def make_two_factor() -> None:
    """Make the secrets of one-time passwords, and the codes that replace them."""
    op.create_table(
        "two_factor",
        sa.Column("user_id", ID, autoincrement=False, nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("confirmed_at", TIME, nullable=True),
        sa.Column("last_step", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failing_since", TIME, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_two_factor_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name="pk_two_factor"),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", ID, autoincrement=False, nullable=False),
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_recovery_codes_user_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "code_hash", name="pk_recovery_codes"),
    )


def allow_purposes(*purposes: str) -> None:
    """Say what mailed tokens may be for."""
    allowed = f"purpose IN ({', '.join(repr(purpose) for purpose in purposes)})"
    name = "ck_email_tokens_purpose"
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(name, "email_tokens", type_="check")
        op.create_check_constraint(name, "email_tokens", allowed)
        return
    # SQLite changes no check: the table is made anew, with what was in it.
    op.rename_table("email_tokens", "former_tokens")
    columns = (
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("used_at", TIME, nullable=True),
    )
    owner = sa.ForeignKeyConstraint(
        ["user_id"], ["users.id"], name="fk_email_tokens_user_id", ondelete="CASCADE"
    )
    key = sa.PrimaryKeyConstraint("token_hash", name="pk_email_tokens")
    op.create_table("email_tokens", *columns, sa.CheckConstraint(allowed, name=name), owner, key)
    names = ", ".join(column.name for column in columns)
    op.execute(f"INSERT INTO email_tokens ({names}) SELECT {names} FROM former_tokens")  # noqa: S608  # our own names
    op.drop_table("former_tokens")
    op.create_index("ix_email_tokens_expires_at", "email_tokens", ["expires_at"])
    op.create_index("ix_email_tokens_user_id", "email_tokens", ["user_id"])


def downgrade() -> None:
    """Go back. Two-factor sign-in is off then, keys are gone, and tokens that were to close an account too."""
    op.execute("DELETE FROM email_tokens WHERE purpose = 'close_account'")
    allow_purposes(*MAILED)
    op.execute("DELETE FROM idempotency_keys WHERE is_encrypted")
    op.drop_column("idempotency_keys", "is_encrypted")
    for table in ("google_identities", "recovery_codes", "two_factor", "api_keys"):
        op.drop_table(table)
