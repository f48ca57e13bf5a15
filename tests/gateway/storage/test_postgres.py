"""What is particular about a server: several replicas, its errors, its settings, its password."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Connection, text

from gateway.storage import BrokenRuleError, Database, StorageError
from tests.gateway.storage.writes_support import number, numbers, stored, table, told
from tests.postgres import TEMPLATE, Server


@pytest.fixture
async def replicas(migrated_postgres_url: str) -> AsyncIterator[tuple[Database, Database]]:
    """Two gateways on one database."""
    one, other = Database(migrated_postgres_url), Database(migrated_postgres_url)
    try:
        await one.write(table)
        yield one, other
    finally:
        one.close()
        other.close()


@pytest.fixture
def role(shared_postgres: Server, postgres_url: str) -> str:
    """The URL of an empty database for somebody who may do nothing but use it."""
    parts = urlsplit(postgres_url)
    name = f"somebody_{parts.path[1:]}"
    shared_postgres.execute(f"CREATE ROLE {name} LOGIN CONNECTION LIMIT 4")
    shared_postgres.execute(f"ALTER DATABASE {parts.path[1:]} OWNER TO {name}")
    return f"postgresql://{name}@{parts.hostname}:{parts.port}{parts.path}"


async def test_of_many_writers_on_several_replicas_none_overlooks_another(
    replicas: tuple[Database, Database],
) -> None:
    """Each reads, then writes what follows from it."""

    def add(connection: Connection) -> None:
        n = connection.execute(text("SELECT count(*) FROM t")).scalar_one()
        connection.execute(text("INSERT INTO t VALUES (:n)"), {"n": n})

    answers = await asyncio.gather(*(told(one, [add] * 60) for one in replicas))

    assert answers == [[None] * 60, [None] * 60]
    assert await stored(replicas[0]) == set(range(120))


async def test_replicas_that_start_together_migrate_once(postgres_url: str) -> None:
    databases = [Database(postgres_url) for _ in range(3)]
    try:
        assert databases[0].revision() == (None, databases[0].revision()[1])
        await asyncio.gather(*(asyncio.to_thread(one.migrate) for one in databases))
        assert {one.revision() for one in databases} == {(databases[0].revision()[1],) * 2}
    finally:
        for one in databases:
            one.close()


async def test_a_lock_that_another_session_keeps_is_trouble_for_the_group_and_passes(
    migrated_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(migrated_postgres_url)
    await database.write(table)
    monkeypatch.setattr("gateway.storage.database.BUSY_SECONDS", 0.1)
    other = Database(migrated_postgres_url)
    reached, go_on = threading.Event(), threading.Event()

    def hold(_: Connection) -> None:
        reached.set()
        assert go_on.wait(10)

    try:
        held = asyncio.ensure_future(database.write(hold))
        await asyncio.to_thread(reached.wait, 10)
        answers = await told(other, map(number, range(5)))
        assert [type(one) for one in answers] == [StorageError] * 5
        assert "lock timeout" in str(answers[0])

        go_on.set()
        await held
        assert await told(other, map(number, range(5))) == list(range(5))
        assert await stored(other) == set(range(5))
    finally:
        go_on.set()
        database.close()
        other.close()


async def test_its_sessions_are_set_so_that_nobody_is_held_up_for_long(
    replicas: tuple[Database, Database],
) -> None:
    names = (
        "application_name",
        "idle_in_transaction_session_timeout",
        "lock_timeout",
        "statement_timeout",
        "synchronous_commit",
        "tcp_user_timeout",
        "transaction_isolation",
        "transaction_read_only",
    )

    def show(connection: Connection) -> list[str]:
        return [str(connection.execute(text(f"SHOW {name}")).scalar_one()) for name in names]

    same = ["filmgate", "5s", "5s", "10s", "on", "30000"]
    assert await replicas[0].write(show) == [*same, "read committed", "off"]
    assert await replicas[0].read(show) == [*same, "repeatable read", "on"]


async def test_somebody_without_privileges_but_on_his_own_database_is_enough(role: str) -> None:
    database = Database(role)
    try:
        await asyncio.to_thread(database.migrate)
        await asyncio.to_thread(database.live, "replica_1")
        await database.write(table)
        await database.write(number(1))
        assert await database.read(lambda connection: database.lives(connection, "replica_1"))
    finally:
        database.close()


async def test_too_many_connections_are_trouble_and_pass(role: str) -> None:
    one, other = Database(role), Database(role)
    try:
        await asyncio.to_thread(one.live, "replica_1")
        # A reader of each, the lock's, and a writer: those are the four.
        await one.write(table)
        with pytest.raises(StorageError, match="too many connections"):
            await other.write(number(1))
        with pytest.raises(StorageError, match="too many connections"):
            await asyncio.to_thread(other.live, "replica_2")
        assert await stored(one) == set()

        await asyncio.to_thread(one.close)
        await other.write(number(2))
        assert await stored(other) == {2}
    finally:
        one.close()
        other.close()


BROKEN = {
    "unique": "INSERT INTO t VALUES (1), (1)",
    "not-null": "INSERT INTO t VALUES (NULL)",
    "foreign-key": "INSERT INTO waits VALUES ('secret', 'secret')",
    "out-of-range": "INSERT INTO t VALUES (4711471147114711)",
    "not-a-number": "SELECT 'secret'::integer",
    "divided": "SELECT 1 / 0",
    "syntax": "SELEKT 'secret'",
    "column": "SELECT secret FROM t",
    "ambiguous": "INSERT INTO t SELECT (SELECT n FROM (VALUES (4711), (4712)) AS x (n))",
}
TROUBLE = {
    "table": "SELECT * FROM secret",
    "privilege": "SET ROLE pg_monitor; INSERT INTO t VALUES (1)",
    "timeout": "SET LOCAL statement_timeout = 20; SELECT pg_sleep(10)",
    "read-only": "SET LOCAL transaction_read_only = on; INSERT INTO t VALUES (1)",
    "terminated": "SELECT pg_terminate_backend(pg_backend_pid())",
    "too-much": "SET LOCAL temp_file_limit = 0; SET LOCAL work_mem = 64;"
    "SELECT count(*) FROM (SELECT * FROM generate_series(1, 99999) AS x ORDER BY -x) AS y",
}


@pytest.fixture(scope="module")
def lasting(shared_postgres: Server) -> Iterator[Database]:
    """A database that no test leaves anything in."""
    with shared_postgres.database(TEMPLATE) as url:
        database = Database(url)
        with database._backend.migrating() as connection:
            table(connection)
            connection.commit()
        yield database
        database.close()


@pytest.mark.parametrize("name", [*BROKEN, *TROUBLE])
async def test_errors_are_told_apart_by_who_can_mend_them_and_show_no_values(
    lasting: Database, name: str
) -> None:
    statement = BROKEN.get(name) or TROUBLE[name]
    with pytest.raises((BrokenRuleError, StorageError)) as caught:
        await lasting.write(lambda connection: connection.exec_driver_sql(statement))

    assert type(caught.value) is (BrokenRuleError if name in BROKEN else StorageError)
    words = str(caught.value)
    assert "\n" not in words
    assert not [one for one in ("SELECT", "VALUES", "4711", "secret", "sqlalche") if one in words]
    # And on with it.
    assert await lasting.write(numbers) == set()


async def test_an_error_that_a_write_keeps_to_itself_is_not_taken_for_success(
    replicas: tuple[Database, Database],
) -> None:
    """PostgreSQL gives up the whole transaction, and answers its commit with a quiet rollback."""

    def swallow(connection: Connection) -> str:
        try:
            connection.exec_driver_sql("SELECT 1 / 0")
        except Exception:  # noqa: BLE001 - as careless as it gets
            return "fine"
        return "odd"

    with pytest.raises(StorageError):
        await replicas[0].write(swallow)
    answers = await told(replicas[0], [number(1), swallow, number(2)])
    assert [answers[0], answers[2]] == [1, 2]
    assert isinstance(answers[1], StorageError)
    assert await stored(replicas[0]) == {1, 2}


async def test_text_that_somebody_else_said_with_a_nul_is_stored_without(
    replicas: tuple[Database, Database],
) -> None:
    await replicas[0].write(number(1, "a\0b"))

    def find(connection: Connection) -> list[str]:
        query = text("SELECT word FROM t WHERE word = :word")
        return list(connection.execute(query, {"word": "a\0b"}).scalars())

    assert await replicas[0].read(find) == ["a\N{REPLACEMENT CHARACTER}b"]


async def test_a_write_that_a_stopped_process_left_open_frees_the_others_and_is_not_stored(
    replicas: tuple[Database, Database],
) -> None:
    """A process that is stopped between two statements, or before its commit."""
    stopped, other = replicas
    gone = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")

    def stop(n: int) -> Callable[[Connection], None]:
        def run(connection: Connection) -> None:
            number(n)(connection)
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 50"))
            with other._backend.reader.connect() as looker:
                while looker.execute(gone, {"pid": pid}).scalar_one():
                    looker.rollback()
            if n == 1:
                number(2)(connection)

        return run

    for n in (1, 3):
        answers = await told(stopped, [number(10), stop(n), number(11)])
        assert [type(one) for one in answers] == [StorageError] * 3
        await other.write(number(n + 100))
    assert await stored(stopped) == {101, 103}
    await stopped.write(number(10))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://filmgate:hunter2@127.0.0.1:1/filmgate",
        "postgresql://filmgate@127.0.0.1:1/filmgate?password=hunter2",
        "postgresql://filmgate:hunter2@nowhere.invalid/filmgate",
        "postgresql://filmgate:hunter2@127.0.0.1:port/filmgate",
        "postgresql://filmgate:hunter2@[::1/filmgate",
        "postgresql://filmgate:hunter2%zz@127.0.0.1:1/filmgate",
        "postgres://filmgate:hunter2@127.0.0.1:1/filmgate?hunter2=1",
    ],
)
def test_the_password_is_never_told(url: str) -> None:
    with pytest.raises(StorageError) as caught:
        Database(url)

    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_server_that_refuses_the_password_is_told_without_it(postgres_server: Server) -> None:
    (postgres_server.data / "pg_hba.conf").write_text("host all all all scram-sha-256\n")
    postgres_server.execute("ALTER ROLE filmgate PASSWORD 'correct horse'")
    postgres_server.execute("SELECT pg_reload_conf()")
    url = postgres_server.url().replace("filmgate@", "filmgate:{}@")

    with pytest.raises(StorageError, match="password authentication failed") as caught:
        Database(url.format("hunter2"))
    assert "hunter2" not in str(caught.value)
    database = Database(url.format("correct%20horse"))
    assert "horse" not in database.name
    database.close()


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StorageError, match=r"filmgate\[postgres\]"):
        Database("postgresql://127.0.0.1/filmgate")


def test_a_database_that_cannot_hold_every_text_is_refused(shared_postgres: Server) -> None:
    name = "latin"
    shared_postgres.execute(
        f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc "
        "TEMPLATE template0"
    )
    try:
        with pytest.raises(StorageError, match="LATIN1"):
            Database(shared_postgres.url(name))
    finally:
        shared_postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")
