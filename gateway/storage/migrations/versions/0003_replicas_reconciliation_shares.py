"""Replicas, lost answers, idempotency, shares, orphans, learned durations."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply."""
    for column in (
        sa.Column("priority", sa.Integer(), server_default="1", nullable=False),
        sa.Column("strategy", sa.Text(), server_default="priority", nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=True),
        sa.Column("retried", sa.Integer(), server_default="0", nullable=False),
        sa.Column("replica", sa.Text(), nullable=True),
        sa.Column("progressed_at", sa.BigInteger(), nullable=True),
        sa.Column("word", sa.Text(), nullable=True),
    ):
        op.add_column("jobs", column)
    op.drop_index("ix_jobs_line", "jobs")
    op.create_index(
        "ix_jobs_line",
        "jobs",
        ["phase", "owner", "providers", "turned_away", "priority", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_jobs_account",
        "jobs",
        ["phase", "account", "due_at"],
        unique=False,
        sqlite_where=sa.text("account IS NOT NULL AND due_at IS NOT NULL"),
        postgresql_where=sa.text("account IS NOT NULL AND due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_jobs_owner_fingerprint", "jobs", ["owner", "fingerprint", "created_at"], unique=False
    )
    op.create_index(
        "ix_jobs_completed_at",
        "jobs",
        ["completed_at"],
        unique=False,
        sqlite_where=sa.text("completed_at IS NOT NULL"),
        postgresql_where=sa.text("completed_at IS NOT NULL"),
    )
    for column in (
        sa.Column("replica", sa.Text(), nullable=True),
        sa.Column("sent", sa.Text(), nullable=True),
        sa.Column("looks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("called_at", sa.BigInteger(), nullable=True),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("credentials", sa.Text(), nullable=True),
        sa.Column("doubt", sa.Text(), nullable=True),
        sa.Column("searched_at", sa.BigInteger(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
    ):
        op.add_column("attempts", column)
    op.create_index(
        "ix_attempts_remote_id",
        "attempts",
        ["remote_id"],
        unique=False,
        sqlite_where=sa.text("remote_id IS NOT NULL"),
        postgresql_where=sa.text("remote_id IS NOT NULL"),
    )
    op.create_index("ix_attempts_created_at", "attempts", ["created_at"], unique=False)
    op.create_index(
        "ix_attempts_given_up",
        "attempts",
        ["sent_at"],
        unique=False,
        sqlite_where=sa.text("verdict = 'given_up'"),
        postgresql_where=sa.text("verdict = 'given_up'"),
    )
    op.create_index(
        "ix_attempts_state",
        "attempts",
        ["state", "replica"],
        unique=False,
        sqlite_where=sa.text("state <> 'ended'"),
        postgresql_where=sa.text("state <> 'ended'"),
    )
    for column in (
        sa.Column("allowed", sa.Integer(), nullable=True),
        sa.Column("allowed_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("tripped", sa.Integer(), server_default="0", nullable=False),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("paused_at", sa.BigInteger(), nullable=True),
        sa.Column("callbacks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cooled_at", sa.BigInteger(), nullable=True),
    ):
        op.add_column("accounts", column)
    op.add_column("holdings", sa.Column("at", sa.BigInteger(), server_default="0", nullable=False))
    for column in (
        sa.Column("replica", sa.Text(), nullable=True),
        sa.Column("taken_at", sa.BigInteger(), nullable=True),
        sa.Column("host", sa.Text(), server_default="", nullable=False),
    ):
        op.add_column("deliveries", column)
    op.create_index(
        "ix_deliveries_host",
        "deliveries",
        ["host", "due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "replicas",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replicas")),
    )
    op.create_table(
        "shares",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_shares")),
    )
    op.create_table(
        "idempotency",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_idempotency_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("owner", "key", name=op.f("pk_idempotency")),
    )
    op.create_index("ix_idempotency_job_id", "idempotency", ["job_id"], unique=False)
    op.create_table(
        "orphans",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("account", "remote_id", name=op.f("pk_orphans")),
        sa.UniqueConstraint("id", name=op.f("uq_orphans_id")),
    )
    op.create_index("ix_orphans_job_id", "orphans", ["job_id"], unique=False)
    op.create_index(
        "ix_orphans_due_at",
        "orphans",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "spent",
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("remote_id", "provider", name=op.f("pk_spent")),
    )
    op.create_index("ix_spent_at", "spent", ["at"], unique=False)
    op.create_table(
        "tombstones",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("sent", sa.Text(), nullable=True),
        sa.Column("credentials", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tombstones")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_tombstones_token_hash")),
    )
    op.create_index("ix_tombstones_sent_at", "tombstones", ["sent_at"], unique=False)
    op.create_table(
        "durations",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("mean", sa.BigInteger(), nullable=False),
        sa.Column("spread", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_durations")),
    )
