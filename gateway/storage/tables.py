"""The tables. Times are microseconds since 1970 (UTC); JSON is text, written by msgspec.

Only types that SQLite and PostgreSQL share: text, integer, bigint.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives a rowid alias only to INTEGER; PostgreSQL needs the wide type.
_Sequence: Final = BigInteger().with_variant(Integer, "sqlite")

jobs: Final = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("choices", Text, nullable=False),
    # "|pictory|useapi-pixverse|": lets the line be read for the providers with a free slot.
    Column("providers", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("due_at", BigInteger),
    # When a callback last asked for a look; a poll that began earlier is not the answer to it.
    Column("woken_at", BigInteger, nullable=False, server_default="0"),
    # When the engine last took the job up; callbacks may not hurry it more often than it can.
    Column("taken_at", BigInteger, nullable=False, server_default="0"),
    Column("deadline_at", BigInteger),
    Column("completed_at", BigInteger),
    Column("attempt_id", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("account", Text),
    Column("chosen", Integer),
    Column("remote_id", Text),
    Column("remote_url", Text),
    Column("progress", Integer, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("error", Text),
    Column("cost", Text),
    Column("result", Text),
    Index(
        "ix_jobs_due",
        "phase",
        "due_at",
        sqlite_where=text("due_at IS NOT NULL"),
        postgresql_where=text("due_at IS NOT NULL"),
    ),
    Index("ix_jobs_line", "phase", "created_at", "id"),
)

attempts: Final = Table(
    "attempts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("n", Integer, nullable=False),
    Column("account", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("token_hash", Text, nullable=False, unique=True),
    # preparing, sending (the intent: committed before the request leaves), accepted,
    # unknown, ended
    Column("state", Text, nullable=False),
    Column("remote_id", Text),
    # An id that a callback claimed while the answer to the submit is missing.
    Column("claimed_id", Text),
    Column("evidence", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("sent_at", BigInteger),
    Column("ended_at", BigInteger),
    UniqueConstraint("job_id", "n"),
    UniqueConstraint("account", "remote_id"),
)

accounts: Final = Table(
    "accounts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("max_jobs", Integer, nullable=False),
    Column("cooling_until", BigInteger, nullable=False, server_default="0"),
    Column("cooling_reason", Text),
    # Requests in a row that did not reach the provider.
    Column("failures", Integer, nullable=False, server_default="0"),
)

slots: Final = Table(
    "slots",
    metadata,
    Column("account", Text, ForeignKey("accounts.name", ondelete="CASCADE"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("attempt_id", Text, ForeignKey("attempts.id"), unique=True),
)

events: Final = Table(
    "events",
    metadata,
    Column("seq", _Sequence, primary_key=True, autoincrement=True),
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("event", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    Index("ix_events_job_id_seq", "job_id", "seq"),
)

uploads: Final = Table(
    "uploads",
    metadata,
    Column("account", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("reference", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

keep: Final = Table(
    "keep",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""Small things that must outlive a restart, such as the key that signs picture URLs."""
