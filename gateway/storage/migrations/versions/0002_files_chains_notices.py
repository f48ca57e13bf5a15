"""Uploaded files, who needs which bytes, jobs made from other jobs, notices, start deadlines."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BATCH = 500


def upgrade() -> None:
    """Apply."""
    op.add_column("jobs", sa.Column("kept", sa.Text(), server_default="{}", nullable=False))
    op.add_column("jobs", sa.Column("start_by", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_jobs_start_by",
        "jobs",
        ["phase", "start_by"],
        unique=False,
        sqlite_where=sa.text("start_by IS NOT NULL"),
        postgresql_where=sa.text("start_by IS NOT NULL"),
    )
    op.add_column(
        "jobs", sa.Column("turned_away", sa.Integer(), server_default="0", nullable=False)
    )
    op.drop_index("ix_jobs_line", "jobs")
    op.create_index(
        "ix_jobs_line", "jobs", ["phase", "turned_away", "created_at", "id"], unique=False
    )
    op.create_index("ix_jobs_owner_id", "jobs", ["owner", "id"], unique=False)
    op.add_column(
        "accounts", sa.Column("throttled", sa.Integer(), server_default="0", nullable=False)
    )
    op.create_table(
        "files",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files")),
    )
    op.create_index("ix_files_owner_id", "files", ["owner", "id"], unique=False)
    op.create_table(
        "holdings",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "holder", name=op.f("pk_holdings")),
    )
    op.create_index("ix_holdings_holder", "holdings", ["holder"], unique=False)
    op.create_table(
        "waits",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("video_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_waits_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "video_id", name=op.f("pk_waits")),
    )
    op.create_index("ix_waits_video_id", "waits", ["video_id"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_deliveries_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.create_index("ix_deliveries_job_id", "deliveries", ["job_id"], unique=False)
    op.create_index(
        "ix_deliveries_due_at",
        "deliveries",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    _hold_what_jobs_need(op.get_bind())
    _count_what_was_sent(op.get_bind())


def _count_what_was_sent(connection: sa.Connection) -> None:
    """`jobs.attempts` counted every binding; from now on those that reached the provider."""
    jobs = sa.table("jobs", sa.column("id"), sa.column("attempts"))
    attempts = sa.table("attempts", sa.column("job_id"), sa.column("sent_at"))
    sent = (
        sa.select(sa.func.count())
        .select_from(attempts)
        .where(attempts.c.job_id == jobs.c.id, attempts.c.sent_at.is_not(None))
    )
    connection.execute(sa.update(jobs).values(attempts=sent.scalar_subquery()))


def _hold_what_jobs_need(connection: sa.Connection) -> None:
    """A holding for each picture and result of the jobs there are: none of them is unneeded."""
    jobs = sa.table("jobs", sa.column("id"), sa.column("request"), sa.column("result"))
    holdings = sa.table("holdings", sa.column("digest"), sa.column("holder"))
    last = ""
    while True:
        rows = connection.execute(
            sa.select(jobs).where(jobs.c.id > last).order_by(jobs.c.id).limit(BATCH)
        ).all()
        if not rows:
            return
        held = [{"digest": one, "holder": row.id} for row in rows for one in sorted(_digests(row))]
        if held:
            connection.execute(sa.insert(holdings), held)
        last = rows[-1].id


def _digests(row: sa.Row[Any]) -> set[str]:
    request = json.loads(row.request)
    result = json.loads(row.result) if row.result else {}
    kept = [request.get("first_frame"), request.get("last_frame"), result]
    return {one["digest"] for one in kept if one and "digest" in one}
