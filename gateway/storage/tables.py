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
    # Those that were sent, or may have been.
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
    # By the pointer of an input: the file that was made or fetched for it.
    Column("kept", Text, nullable=False, server_default="{}"),
    Column("start_by", BigInteger),
    # How often an account or a provider could not take it; those not tried go first.
    Column("turned_away", Integer, nullable=False, server_default="0"),
    # Among the jobs of one owner: 0 goes first.
    Column("priority", Integer, nullable=False, server_default="1"),
    Column("strategy", Text, nullable=False, server_default="priority"),
    # Of the request's body: how a client's second try is known for one.
    Column("fingerprint", Text),
    # 1 where the body came as such a second try.
    Column("retried", Integer, nullable=False, server_default="0"),
    # Which replica took the job up last.
    Column("replica", Text),
    # When the provider was last seen to get on with it, and its word then.
    Column("progressed_at", BigInteger),
    Column("word", Text),
    Index(
        "ix_jobs_due",
        "phase",
        "due_at",
        sqlite_where=text("due_at IS NOT NULL"),
        postgresql_where=text("due_at IS NOT NULL"),
    ),
    Index(
        "ix_jobs_account",
        "phase",
        "account",
        "due_at",
        # Not of one phase only: with a value of `phase` in its condition SQLite would plan each
        # statement that compares the phase anew, every time it is run.
        sqlite_where=text("account IS NOT NULL AND due_at IS NOT NULL"),
        postgresql_where=text("account IS NOT NULL AND due_at IS NOT NULL"),
    ),
    Index(
        "ix_jobs_line",
        "phase",
        "owner",
        "providers",
        "turned_away",
        "priority",
        "created_at",
        "id",
    ),
    Index(
        "ix_jobs_start_by",
        "phase",
        "start_by",
        sqlite_where=text("start_by IS NOT NULL"),
        postgresql_where=text("start_by IS NOT NULL"),
    ),
    Index("ix_jobs_owner_id", "owner", "id"),
    Index("ix_jobs_owner_fingerprint", "owner", "fingerprint", "created_at"),
    Index(
        "ix_jobs_completed_at",
        "completed_at",
        sqlite_where=text("completed_at IS NOT NULL"),
        postgresql_where=text("completed_at IS NOT NULL"),
    ),
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
    # See `states.State`.
    Column("state", Text, nullable=False),
    Column("remote_id", Text),
    # An id that a callback claimed while the answer to the submit is missing.
    Column("claimed_id", Text),
    # When its callback first came, whatever that said: the request was read.
    Column("called_at", BigInteger),
    Column("evidence", Text),
    # Why it was refused, where that was about all accounts of the provider.
    Column("fault", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("sent_at", BigInteger),
    Column("ended_at", BigInteger),
    # Which replica has it in hand.
    Column("replica", Text),
    # What was sent, so that it can be looked for: spec and inputs, as JSON.
    Column("sent", Text),
    # Whole searches in a row that did not find it.
    Column("looks", Integer, nullable=False, server_default="0"),
    # A digest of what it was sent with: other credentials see other lists.
    Column("credentials", Text),
    # Why its absence from lists is never taken for proof, where something speaks against that.
    Column("doubt", Text),
    # The first search for it whose provider's clock agreed with ours.
    Column("searched_at", BigInteger),
    # Of one that ended without an id: not_made (proved), given_up (it may have made something).
    Column("verdict", Text),
    UniqueConstraint("job_id", "n"),
    UniqueConstraint("account", "remote_id"),
    # Of a provider's ids none is given twice, whichever account it was made with.
    Index(
        "ix_attempts_remote_id",
        "remote_id",
        sqlite_where=text("remote_id IS NOT NULL"),
        postgresql_where=text("remote_id IS NOT NULL"),
    ),
    Index("ix_attempts_created_at", "created_at"),
    Index(
        "ix_attempts_given_up",
        "sent_at",
        sqlite_where=text("verdict = 'given_up'"),
        postgresql_where=text("verdict = 'given_up'"),
    ),
    Index(
        "ix_attempts_state",
        "state",
        "replica",
        sqlite_where=text("state <> 'ended'"),
        postgresql_where=text("state <> 'ended'"),
    ),
)

spent: Final = Table(
    "spent",
    metadata,
    # In this order: by provider alone nothing is looked up, and a planner might.
    Column("remote_id", Text, primary_key=True),
    Column("provider", Text, primary_key=True),
    # When the job was removed whose attempt this was.
    Column("at", BigInteger, nullable=False),
    Index("ix_spent_at", "at"),
)
"""The providers' ids of jobs that were removed: their films are nobody else's."""

tombstones: Final = Table(
    "tombstones",
    metadata,
    Column("id", Text, primary_key=True),
    # No foreign key: it is gone.
    Column("job_id", Text, nullable=False),
    Column("n", Integer, nullable=False),
    Column("account", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Column("sent", Text),
    Column("credentials", Text),
    Column("verdict", Text, nullable=False),
    Index("ix_tombstones_sent_at", "sent_at"),
)
"""Attempts of jobs that were removed, that ended without an id: what is still asked of them."""

accounts: Final = Table(
    "accounts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("max_jobs", Integer, nullable=False),
    Column("cooling_until", BigInteger, nullable=False, server_default="0"),
    Column("cooling_reason", Text),
    # When that pause began.
    Column("cooled_at", BigInteger),
    # Requests in a row that did not reach the provider.
    Column("failures", Integer, nullable=False, server_default="0"),
    # Refusals with 429 in a row.
    Column("throttled", Integer, nullable=False, server_default="0"),
    # How many jobs it proved to carry; None where nothing speaks against `max_jobs`.
    Column("allowed", Integer),
    # When `allowed` last changed.
    Column("allowed_at", BigInteger, nullable=False, server_default="0"),
    # 1 from a failure that was about the account until it took a job again: one at a time.
    Column("tripped", Integer, nullable=False, server_default="0"),
    # What the provider said, and when the account was paused because of it.
    Column("words", Text),
    Column("paused_at", BigInteger),
    # Ends of jobs in a row of which a callback told before a poll did.
    Column("callbacks", Integer, nullable=False, server_default="0"),
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

files: Final = Table(
    "files",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("filename", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    Column("duration_ms", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_files_owner_id", "owner", "id"),
)

holdings: Final = Table(
    "holdings",
    metadata,
    Column("digest", Text, primary_key=True),
    # The id of a job or a file that needs these bytes.
    Column("holder", Text, primary_key=True),
    # Of a mark that nobody needs them: when it was made, or somebody was about to.
    Column("at", BigInteger, nullable=False, server_default="0"),
    Index("ix_holdings_holder", "holder"),
)
"""Who needs a kept file: when the last holder goes, its bytes go."""

waits: Final = Table(
    "waits",
    metadata,
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    # No foreign key: whoever waits for a video that is removed has to be told.
    Column("video_id", Text, primary_key=True),
    Index("ix_waits_video_id", "video_id"),
)

deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("url", Text, nullable=False),
    # Of the URL: receivers that hang hold up nobody else's.
    Column("host", Text, nullable=False, server_default=""),
    # Written before the first try, so that every try says the same.
    Column("body", Text),
    Column("tries", Integer, nullable=False, server_default="0"),
    # None: delivered, or given up.
    Column("due_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    # Which replica took it up last, and when.
    Column("replica", Text),
    Column("taken_at", BigInteger),
    Index("ix_deliveries_job_id", "job_id"),
    Index(
        "ix_deliveries_due_at",
        "due_at",
        sqlite_where=text("due_at IS NOT NULL"),
        postgresql_where=text("due_at IS NOT NULL"),
    ),
    Index(
        "ix_deliveries_host",
        "host",
        "due_at",
        sqlite_where=text("due_at IS NOT NULL"),
        postgresql_where=text("due_at IS NOT NULL"),
    ),
)
"""The outbox: notices of jobs that ended, for the callers' `callback_url`."""

replicas: Final = Table(
    "replicas",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    # By the database's own clock.
    Column("seen_at", BigInteger, nullable=False),
)
"""The gateways that share this database; one that is not seen for a while has its work taken."""

shares: Final = Table(
    "shares",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("used", BigInteger, nullable=False),
)
"""How much of the slots each owner had, as `routing.shares` counts it."""

idempotency: Final = Table(
    "idempotency",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Index("ix_idempotency_job_id", "job_id"),
)
"""The keys that callers gave along with jobs."""

orphans: Final = Table(
    "orphans",
    metadata,
    Column("account", Text, primary_key=True),
    Column("remote_id", Text, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    # No foreign keys: what was paid for outlives the job's own record.
    Column("job_id", Text, nullable=False),
    Column("attempt_id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("url", Text),
    Column("found_at", BigInteger, nullable=False),
    # Of one that was only heard of: when it is looked at; None once it was seen.
    Column("due_at", BigInteger),
    Index("ix_orphans_job_id", "job_id"),
    Index(
        "ix_orphans_due_at",
        "due_at",
        sqlite_where=text("due_at IS NOT NULL"),
        postgresql_where=text("due_at IS NOT NULL"),
    ),
)
"""Jobs at providers that were paid for, and whose film no caller gets."""

durations: Final = Table(
    "durations",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    # Microseconds.
    Column("mean", BigInteger, nullable=False),
    Column("spread", BigInteger, nullable=False),
)
"""How long providers take, learned from what they made: by target, mode, seconds, resolution."""

keep: Final = Table(
    "keep",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""Small things that must outlive a restart, such as the key that signs picture URLs."""
