"""A database of an earlier version is brought up to date with everything that is in it."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, column, text
from sqlalchemy import table as sa_table

from gateway.model.inputs import StoredInput
from gateway.model.job import Job
from gateway.model.phases import Phase
from gateway.storage import Database, StorageError, holdings, jobs, ledger
from gateway.storage.migrations import newest, upgrade
from gateway.storage.tables import metadata

T = TypeVar("T")

NOW = 1_800_000_000_000_000
CHOICES = (
    '[{"provider":"pictory","spec":{"model":"veo3.1","mode":"first_frame","prompt":"a bay",'
    '"seconds":8,"aspect_ratio":"16:9","resolution":null,"seed":null}}]'
)
REQUESTS = {
    "video_1": '{"model":"default","prompt":"a bay","first_frame":{"kind":"stored","digest":"aa",'
    '"media_type":"image/png"},"last_frame":{"kind":"stored","digest":"aa",'
    '"media_type":"image/png"},"metadata":{}}',
    "video_2": '{"model":"default","prompt":"a bay","seconds":8,"aspect_ratio":"16:9",'
    '"resolution":null,"first_frame":{"kind":"url","url":"https://x/y.png"},"last_frame":null,'
    '"seed":7,"metadata":{"a":"b"}}',
    "video_3": '{"model":"default","prompt":"a bay","first_frame":null,"metadata":{}}',
}
RESULT = (
    '{"digest":"ff","media_type":"video/mp4","bytes":1,"duration_ms":8000,"width":2,"height":2}'
)
DONE = {"video_1", "video_2"}


def insert(connection: Connection, table: str, **values: object) -> None:
    named = sa_table(table, *map(column, values))
    connection.execute(named.insert().values(**values))


def rows_of_0001(connection: Connection) -> None:
    for name, request in REQUESTS.items():
        insert(
            connection,
            "jobs",
            id=name,
            owner="tester",
            phase="completed" if name in DONE else "waiting_for_slot",
            request=request,
            choices=CHOICES,
            providers="|pictory|",
            created_at=NOW,
            updated_at=NOW,
            due_at=None,
            completed_at=NOW if name in DONE else None,
            attempts=2 if name == "video_3" else 0,
            result=RESULT if name in DONE else None,
        )
    for n, sent_at in enumerate((None, NOW)):
        insert(
            connection,
            "attempts",
            id=f"att_{n}",
            job_id="video_3",
            n=n + 1,
            account="main",
            target="pictory/veo3.1",
            token_hash=f"hash_{n}",
            state="unknown" if sent_at else "ended",
            created_at=NOW,
            sent_at=sent_at,
        )
    insert(connection, "accounts", name="main", provider="pictory", max_jobs=3)
    insert(connection, "slots", account="main", n=0, attempt_id="att_1")
    for n in range(3):
        insert(
            connection, "events", job_id="video_3", at=NOW + n, event="created", phase="rendering"
        )


def rows_of_0002(connection: Connection) -> None:
    rows_of_0001(connection)
    connection.execute(text("UPDATE jobs SET attempts = 1 WHERE id = 'video_3'"))
    for name, digest in (("video_1", "aa"), ("video_1", "ff"), ("video_2", "ff")):
        insert(connection, "holdings", digest=digest, holder=name)
    insert(connection, "waits", job_id="video_3", video_id="video_1")
    insert(
        connection,
        "deliveries",
        id="msg_1",
        job_id="video_1",
        url="https://x",
        due_at=NOW,
        created_at=NOW,
    )


ROWS: dict[str, Callable[[Connection], None]] = {"0001": rows_of_0001, "0002": rows_of_0002}


def at(database: Database, revision: str, fill: Callable[[Connection], None]) -> None:
    """Make a database what an earlier version left."""
    with database._backend.migrating() as connection:
        upgrade(connection, revision)
        fill(connection)
        connection.commit()


@pytest.fixture
async def empty(empty_url: str) -> AsyncIterator[Database]:
    database = Database(empty_url)
    try:
        yield database
    finally:
        database.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def lasting_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    if request.param == "postgresql":
        with request.getfixturevalue("shared_postgres").database() as url:
            yield url
    else:
        yield f"sqlite:///{tmp_path_factory.mktemp('old') / 'filmgate.db'}"


@pytest.fixture(scope="module", params=ROWS)
def migrated(request: pytest.FixtureRequest, lasting_url: str) -> Iterator[Database]:
    """A database that was brought up to date; no test changes anything in it."""
    database = Database(lasting_url)
    try:
        at(database, request.param, ROWS[request.param])
        assert database.revision() == (request.param, newest())
        database.migrate()
        yield database
    finally:
        with database._backend.migrating() as connection:
            metadata.drop_all(connection)
            connection.execute(text("DROP TABLE alembic_version"))
            connection.commit()
        database.close()


async def unchanged(database: Database, run: Callable[[Connection], T]) -> T:
    """The answer of a write that is taken back."""
    answers: list[T] = []

    def write(connection: Connection) -> None:
        answers.append(run(connection))
        raise TakenBackError

    with pytest.raises(TakenBackError):
        await database.write(write)
    return answers[0]


class TakenBackError(Exception):
    """A test leaves no trace."""


def differences(connection: Connection) -> list[Any]:
    return list(compare_metadata(MigrationContext.configure(connection), metadata))


async def test_from_nothing_the_tables_of_the_code_are_made(empty: Database) -> None:
    assert empty.revision() == (None, newest())
    empty.migrate()

    assert empty.revision() == (newest(), newest())
    assert await empty.read(differences) == []


def test_every_earlier_revision_has_rows_here() -> None:
    assert [*ROWS, newest()] == [f"{n + 1:04}" for n in range(len(ROWS) + 1)]


async def test_from_an_earlier_version_the_same_tables_are_made(migrated: Database) -> None:
    assert migrated.revision() == (newest(), newest())
    assert await migrated.read(differences) == []


async def test_jobs_of_earlier_versions_are_still_read(migrated: Database) -> None:
    found = await migrated.read(
        lambda connection: [jobs.get(connection, name) for name in REQUESTS]
    )
    assert all(isinstance(job, Job) for job in found)
    first = found[0]
    assert first is not None
    assert first.phase is Phase.COMPLETED
    assert (first.kept, first.start_by) == ({}, None)
    assert first.request.first_frame == StoredInput(digest="aa", media_type="image/png")
    assert [one.seconds for one in (job.choices[0].spec for job in found if job)] == [8, 8, 8]


async def test_what_old_jobs_need_is_held_so_that_nobody_drops_it(migrated: Database) -> None:
    def look(connection: Connection) -> dict[str, list[str]]:
        return {name: holdings.of(connection, name) for name in REQUESTS}

    assert await migrated.read(look) == {
        "video_1": ["aa", "ff"],
        "video_2": ["ff"],
        "video_3": [],
    }
    free = await unchanged(migrated, lambda connection: jobs.remove(connection, "video_1", NOW))
    assert free == ["aa"]


async def test_attempts_that_were_never_sent_do_not_count_any_more(migrated: Database) -> None:
    def look(connection: Connection) -> tuple[Job | None, int]:
        return jobs.get(connection, "video_3"), ledger.next_n(connection, "video_3")

    job, n = await migrated.read(look)
    assert job is not None
    assert (job.attempts, job.turned_away, n) == (1, 0, 3)


async def test_attempts_in_flight_keep_their_slots_and_histories_go_on(migrated: Database) -> None:
    def look(connection: Connection) -> tuple[object, int]:
        held = connection.execute(text("SELECT attempt_id FROM slots")).scalar_one()
        return held, len(jobs.history(connection, "video_3"))

    def go_on(connection: Connection) -> tuple[object, int]:
        jobs.note(connection, "video_3", NOW, "noted", Phase.RENDERING, "")
        return look(connection)

    assert await migrated.read(look) == ("att_1", 3)
    assert await unchanged(migrated, go_on) == ("att_1", 4)


async def test_migrating_again_changes_nothing(migrated: Database) -> None:
    before = await migrated.read(lambda connection: jobs.get(connection, "video_1"))
    migrated.migrate()

    assert await migrated.read(lambda connection: jobs.get(connection, "video_1")) == before


def test_a_database_of_a_newer_version_is_left_alone(database: Database) -> None:
    with database._backend.migrating() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.commit()

    assert database.revision() == ("9999", newest())
    with pytest.raises(StorageError, match=f"newer version of filmgate.* 9999.* {newest()}"):
        database.migrate()
    assert database.revision() == ("9999", newest())


async def test_of_a_migration_that_fails_nothing_is_left(empty: Database) -> None:
    """Halfway is nowhere: no revision may leave tables that the next try stumbles over."""

    def fail(connection: Connection) -> None:
        rows_of_0001(connection)
        connection.execute(text("UPDATE jobs SET request = 'not json'"))

    at(empty, "0001", fail)
    with pytest.raises(ValueError, match="Expecting value"):
        empty.migrate()
    assert empty.revision() == ("0001", newest())

    await empty.write(
        lambda connection: connection.execute(
            text("UPDATE jobs SET request = :request"), {"request": REQUESTS["video_3"]}
        )
    )
    empty.migrate()
    assert await empty.read(differences) == []


def test_what_holds_something_else_is_named_in_one_line(empty: Database) -> None:
    with empty._backend.migrating() as connection:
        connection.execute(text("CREATE TABLE jobs (id TEXT)"))
        connection.commit()

    with pytest.raises(StorageError, match=r"cannot prepare the tables in the database [^\n]*$"):
        empty.migrate()


def test_a_file_without_any_tables_has_no_revision_and_gets_none_by_asking(tmp_path: Path) -> None:
    database = Database(tmp_path / "filmgate.db")
    assert database.revision()[0] is None
    database.close()
    with sqlite3.connect(tmp_path / "filmgate.db") as other:
        assert other.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
    other.close()
