"""What the engine asks again and again is one step into an index, however many jobs there are."""

import shutil
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Connection, Engine, event, insert, text

from gateway.model.phases import Phase
from gateway.storage import (
    Database,
    accounts,
    agenda,
    deliveries,
    holdings,
    idempotency,
    jobs,
    ledger,
    line,
    remote_ids,
    searches,
    tables,
    waits,
)
from tests.gateway.storage.rows_support import NOW, a_job
from tests.postgres import TEMPLATE, Server

PHASES: Final = {
    Phase.COMPLETED: 5000,
    Phase.FAILED: 400,
    Phase.WAITING_FOR_SLOT: 1500,
    Phase.WAITING_FOR_INPUT: 60,
    Phase.RENDERING: 60,
    Phase.SUBMISSION_UNKNOWN: 20,
    Phase.DOWNLOADING: 10,
}
LANE: Final = "|pictory|"
RANK: Final = (0, 1, NOW + 5100, "video_6100")

QUERIES: Final[dict[str, tuple[Callable[[Connection], object], str]]] = {
    "due": (
        lambda c: agenda.take_due(c, Phase.RENDERING, NOW + 5600, until=NOW, limit=9, replica="r"),
        "ix_jobs_due",
    ),
    "due along": (
        lambda c: agenda.take_due(
            c, Phase.RENDERING, NOW, until=NOW, limit=9, replica="r", along={"main": NOW + 9999}
        ),
        "ix_jobs_due",
    ),
    "rendered": (lambda c: agenda.rendered(c, NOW + 9999), "ix_jobs_account"),
    "of one account": (
        lambda c: agenda.take_rendered(c, "main", NOW + 9999, until=NOW, limit=9, replica="r"),
        "ix_jobs_account",
    ),
    "next due": (lambda c: agenda.next_due(c, NOW), "ix_jobs_due"),
    "taken over": (lambda c: agenda.release(c, ["gone"], NOW), "ix_jobs_due"),
    "past start": (lambda c: line.past_start(c, NOW, 9), "ix_jobs_start_by"),
    "next start": (line.next_start_by, "ix_jobs_start_by"),
    "queues": (line.queues, "ix_jobs_line"),
    "first in line": (lambda c: line.first_in_line(c, "owner_1", [LANE], NOW, 9), "ix_jobs_line"),
    "ahead": (lambda c: line.ahead(c, "owner_1", [LANE], RANK), "ix_jobs_line"),
    "waiting": (lambda c: line.waiting(c, "owner_1", [LANE], 50), "ix_jobs_line"),
    "list": (lambda c: jobs.page(c, "owner_1", limit=20), "ix_jobs_owner_id"),
    "next page": (
        lambda c: jobs.page(c, "owner_1", after="video_3000", limit=20, ascending=True),
        "ix_jobs_owner_id",
    ),
    "same body": (
        lambda c: idempotency.by_body(c, "owner_1", "body_1", NOW),
        "ix_jobs_owner_fingerprint",
    ),
    "same key": (lambda c: idempotency.by_key(c, "owner_1", "key_1001"), "idempotency"),
    "ended": (lambda c: jobs.ended_before(c, NOW + 100, 20), "ix_jobs_completed_at"),
    "history": (lambda c: jobs.history(c, "video_1007"), "ix_events_job_id_seq"),
    "token": (lambda c: ledger.by_token(c, "hash_1007"), "attempts"),
    "attempts": (lambda c: ledger.of_job(c, "video_1007"), "attempts"),
    "in hand": (ledger.in_hand, "ix_attempts_state"),
    "given up": (
        lambda c: searches.given_up(c, ["main"], "digest", NOW),
        "ix_attempts_given_up",
    ),
    "oldest lost": (searches.oldest, "ix_attempts_state"),
    "ids": (lambda c: remote_ids.since(c, "pictory", NOW + 6000), "ix_attempts_created_at"),
    "sending": (lambda c: searches.is_sending(c, ["main"], "digest"), "ix_attempts_state"),
    "misdated": (lambda c: searches.doubt(c, NOW + 9999, "why"), "ix_attempts_state"),
    "free slots": (lambda c: accounts.free_slots(c, NOW), "attempts"),
    "owned": (
        lambda c: remote_ids.is_taken(c, "pictory", "remote_1007"),
        "ix_attempts_remote_id",
    ),
    "notices": (
        lambda c: deliveries.take_due(
            c, NOW + 9, until=NOW, limit=9, free=lambda _: 3, replica="r"
        ),
        "ix_deliveries_host",
    ),
    "hosts": (deliveries._HEADS.rows, "ix_deliveries_host"),
    "next notice": (deliveries.next_due, "ix_deliveries_due_at"),
    "needed": (lambda c: holdings.held(c, "digest_1007"), "holdings"),
}
"""What is asked, and what the plan of it names."""


OWNERS: Final = 100


def fill(connection: Connection) -> None:
    """A year of finished jobs, a long line, and a few at work, of a hundred owners."""
    jobs.insert_job(connection, a_job("seed"))
    bounds = list(accumulate(PHASES.values()))
    phase = "".join(
        f" WHEN i < {bound} THEN '{one.value}'" for one, bound in zip(PHASES, bounds, strict=True)
    )
    ended = f"i < {PHASES[Phase.COMPLETED] + PHASES[Phase.FAILED]}"
    values = {column.name: f"seed.{column.name}" for column in tables.jobs.columns}
    values |= {
        "id": "'video_' || (1000 + i)",
        "owner": f"'owner_' || (i % {OWNERS})",
        "phase": f"CASE {phase} END",
        "providers": f"CASE i / {OWNERS} % 2 WHEN 0 THEN '{LANE}' ELSE '|useapi-pixverse|' END",
        "created_at": f"{NOW} + i",
        "due_at": f"CASE WHEN {ended} THEN NULL ELSE {NOW} + i END",
        "completed_at": f"CASE WHEN {ended} THEN {NOW} + i END",
        "start_by": f"CASE WHEN i % 7 = 0 THEN {NOW} + i END",
        "fingerprint": "'body_' || i",
        "account": "'main'",
    }
    numbers = (
        "WITH RECURSIVE n (i) AS (SELECT CAST(0 AS BIGINT) UNION ALL "  # noqa: S608
        f"SELECT i + 1 FROM n WHERE i + 1 < {bounds[-1]})"
    )
    copy(connection, "jobs", values, "n, jobs AS seed", before=numbers)
    connection.execute(text("DELETE FROM jobs WHERE id = 'seed'"))
    for table, columns in BESIDE.items():
        copy(connection, table, columns, "jobs")
    for name in ("main", "spare"):
        connection.execute(
            insert(tables.accounts).values(name=name, provider="pictory", max_jobs=5)
        )
        for n in range(5):
            connection.execute(insert(tables.slots).values(account=name, n=n))


def copy(
    connection: Connection, table: str, columns: dict[str, str], source: str, *, before: str = ""
) -> None:
    """Fill a table from others; `columns` say what of."""
    names, values = ", ".join(columns), ", ".join(columns.values())
    connection.execute(
        text(f"INSERT INTO {table} ({names}) {before} SELECT {values} FROM {source}")  # noqa: S608
    )


NUMBER: Final = "substr(id, 7)"
BESIDE: Final = {
    "attempts": {
        "id": f"'att_' || {NUMBER}",
        "job_id": "id",
        "n": "1",
        "account": "'main'",
        "target": "'pictory/m'",
        "token_hash": f"'hash_' || {NUMBER}",
        "state": "CASE phase WHEN 'rendering' THEN 'accepted' "
        "WHEN 'submission_unknown' THEN 'unknown' ELSE 'ended' END",
        "remote_id": f"'remote_' || {NUMBER}",
        "created_at": "created_at",
    },
    "events": {"job_id": "id", "at": "created_at", "event": "'e'", "phase": "phase"},
    "deliveries": {
        "id": f"'msg_' || {NUMBER}",
        "job_id": "id",
        "url": "'https://x'",
        "host": f"'host_' || (created_at % {OWNERS})",
        "due_at": "CASE WHEN completed_at % 100 = 0 THEN completed_at END",
        "created_at": "created_at",
    },
    "holdings": {"digest": f"'digest_' || {NUMBER}", "holder": "id"},
    "idempotency": {
        "owner": "owner",
        "key": f"'key_' || {NUMBER}",
        "fingerprint": "fingerprint",
        "job_id": "id",
    },
    "waits": {"job_id": "id", "video_id": f"'video_' || (1 + CAST({NUMBER} AS INTEGER))"},
}
"""What there is of each job in the other tables."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def writer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """A database with many jobs in it, whose planner knows them."""
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("shared_postgres")
        with server.database(TEMPLATE) as url:
            yield from filled(url)
    else:
        path: Path = tmp_path_factory.mktemp("plans") / "filmgate.db"
        shutil.copy(request.getfixturevalue("migrated_file"), path)
        yield from filled(f"sqlite:///{path}")


def filled(url: str) -> Iterator[Engine]:
    database = Database(url)
    engine = database._backend.writer
    try:
        with engine.connect() as connection:
            fill(connection)
            connection.commit()
            # SQLite is never told in earnest, so here neither: its indexes must do without.
            if database.dialect == "postgresql":
                connection.execute(text("ANALYZE"))
                connection.commit()
        yield engine
    finally:
        database.close()


def plans(connection: Connection, query: Callable[[Connection], object]) -> list[str]:
    """How each statement of a query is carried out."""
    seen: list[tuple[str, Any]] = []

    def note(_c: object, _u: object, statement: str, parameters: object, *_: object) -> None:
        seen.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    query(connection)
    event.remove(connection, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
    return [
        "\n".join(
            str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {one}", parameters)
        )
        for one, parameters in seen
        if not one.startswith("SELECT pg_advisory")
    ]


BIG: Final = ("jobs", "attempts", "events", "deliveries", "holdings", "idempotency", "waits")


@pytest.mark.parametrize("name", QUERIES)
def test_a_hot_query_uses_its_index(writer: Engine, name: str) -> None:
    query, index = QUERIES[name]
    with writer.connect() as connection:
        found = plans(connection, query)

    told = "\n\n".join(found)
    assert index in told, told
    for plan in found:
        for table in BIG:
            assert f"Seq Scan on {table}" not in plan, plan
            whole = [one for one in plan.splitlines() if one.startswith(f"SCAN {table}")]
            assert all(" INDEX " in one for one in whole), plan
        if any(table in plan for table in BIG):
            assert "TEMP B-TREE" not in plan, plan
            assert "Sort" not in plan, plan


@pytest.mark.parametrize(
    "query",
    [
        lambda c: waits.wake(c, "video_1007", NOW),
        lambda c: jobs.ended_before(c, NOW + 100, 20),
    ],
    ids=["woken", "removed by age"],
)
def test_of_those_that_wait_for_a_video_no_others_are_read(
    writer: Engine, query: Callable[[Connection], object]
) -> None:
    with writer.connect() as connection:
        told = "\n".join(plans(connection, query))
    assert "ix_waits_video_id" in told, told
    assert "ix_jobs_line" not in told, told
    assert "ix_jobs_due" not in told, told


def test_what_is_lost_is_found_among_what_has_not_ended(writer: Engine) -> None:
    with writer.connect() as connection:
        told = "\n".join(plans(connection, lambda c: searches.lost(c, ["main"], "digest")))
    assert "ix_attempts_state" in told, told


def test_no_index_holds_the_jobs_of_one_phase_only() -> None:
    """SQLite would plan every statement that compares the phase anew, whenever it is run."""
    conditions = [str(index.dialect_options["sqlite"]["where"]) for index in tables.jobs.indexes]
    assert "due_at IS NOT NULL" in conditions
    assert not [one for one in conditions if "phase" in one]
