"""A server that crashes, hangs up, or takes no writes: what was answered is stored."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest
from sqlalchemy import text

from gateway.storage import Database, StorageError, UncertainError
from tests.gateway.storage.proxy_support import Proxy, proxy
from tests.gateway.storage.writes_support import (
    number,
    numbers,
    stored,
    table,
    told,
    until,
)
from tests.postgres import TEMPLATE, Server

COMMIT = b"COMMIT\0"
INSERT = b"INSERT INTO t"
BEGIN = b"BEGIN"


@pytest.fixture
def cable(shared_postgres: Server) -> Iterator[tuple[Proxy, str]]:
    """A way to a database that can be cut, and that database's URL by this way."""
    with shared_postgres.database(TEMPLATE) as url, proxy(shared_postgres.port) as way:
        yield way, url.replace(f":{shared_postgres.port}/", f":{way.port}/")


@pytest.fixture
async def cut_off(cable: tuple[Proxy, str]) -> AsyncIterator[Database]:
    database = Database(cable[1])
    try:
        await database.write(table)
        yield database
    finally:
        cable[0].cut = None
        await asyncio.to_thread(database.close)


async def test_a_commit_whose_answer_is_lost_is_told_to_be_uncertain(
    cable: tuple[Proxy, str], cut_off: Database
) -> None:
    way, _ = cable
    for answered, n in ((False, 10), (True, 20)):
        way.cut, way.answered = COMMIT, answered
        answers = await told(cut_off, map(number, range(n, n + 3)))
        way.cut = None

        assert [type(one) for one in answers] == [UncertainError] * 3
        assert "unknown" in str(answers[0])
    # The first ones did not get there; of the second only the answer was lost.
    assert await stored(cut_off) == {20, 21, 22}


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("where", [BEGIN, INSERT], ids=["before", "inside"])
async def test_a_connection_that_is_lost_before_the_commit_has_certainly_stored_nothing(
    cable: tuple[Proxy, str], cut_off: Database, where: bytes, *, answered: bool
) -> None:
    way, _ = cable
    way.cut, way.answered = where, answered
    answers = await told(cut_off, map(number, range(3)))
    way.cut = None

    assert [type(one) for one in answers] == [StorageError] * 3
    assert await told(cut_off, map(number, range(3))) == [0, 1, 2]
    assert await stored(cut_off) == {0, 1, 2}


async def test_connections_that_died_while_nobody_used_them_are_not_noticed(
    cable: tuple[Proxy, str], cut_off: Database
) -> None:
    await asyncio.gather(*(stored(cut_off) for _ in range(4)))
    for n in range(3):
        cable[0].hang_up()
        await cut_off.write(number(n))
        assert await stored(cut_off) == set(range(n + 1))


async def test_a_server_that_crashes_under_load_loses_nothing_that_was_answered(
    postgres_server: Server,
) -> None:
    database = Database(postgres_server.url())
    answered: set[int] = set()
    uncertain: set[int] = set()
    refused: set[int] = set()
    others: list[BaseException] = []
    over = False

    async def write(n: int) -> None:
        while not over:
            try:
                answered.add(await database.write(number(n)))
            except UncertainError:
                uncertain.add(n)
            except StorageError:
                refused.add(n)
                # A server that is not there answers at once, and this is not all there is to do.
                await asyncio.sleep(0.02)
            except Exception as error:  # noqa: BLE001 - there should be none
                others.append(error)
                return
            n += 20

    async def more_than(before: int) -> None:
        await until(lambda: len(answered) >= before + 100)

    try:
        await database.write(table)
        writers = [asyncio.ensure_future(write(n)) for n in range(20)]
        await more_than(0)
        for _ in range(3):
            await asyncio.to_thread(postgres_server.stop)
            before = len(refused)
            await until(lambda before=before: len(refused) > before)  # type: ignore[misc]
            await asyncio.to_thread(postgres_server.start)
            # By itself, without being opened again.
            await more_than(len(answered))
        over = True
        await asyncio.gather(*writers)

        found = await stored(database)
        assert others == []
        assert answered <= found
        assert not found & refused
        assert found <= answered | uncertain
    finally:
        over = True
        database.close()


async def test_a_server_that_is_away_is_trouble_for_reads_and_writes_alike(
    postgres_server: Server,
) -> None:
    database = Database(postgres_server.url())
    try:
        await database.write(table)
        await asyncio.to_thread(postgres_server.stop, "fast")
        for answer in (*await told(database, [number(1)]), *await told(database, [number(2)])):
            assert type(answer) is StorageError
        with pytest.raises(StorageError):
            await stored(database)
        with pytest.raises(StorageError):
            await asyncio.to_thread(database.migrate)
        with pytest.raises(StorageError):
            await asyncio.to_thread(database.revision)
        with pytest.raises(StorageError):
            await asyncio.to_thread(database.live, "replica_1")
        with pytest.raises(StorageError, match="cannot open"):
            await asyncio.to_thread(Database, postgres_server.url())

        await asyncio.to_thread(postgres_server.start)
        assert await stored(database) == set()
        await database.write(number(3))
        await asyncio.to_thread(database.live, "replica_1")
        assert await stored(database) == {3}
    finally:
        database.close()


async def shows(database: Database, setting: str) -> bool:
    """Whether the writer's session knows of the server's setting."""
    statement = text("SHOW default_transaction_read_only")
    found = await database.write(lambda connection: connection.execute(statement).scalar_one())
    return bool(found == setting)


async def test_a_server_that_takes_no_writes_is_still_read_and_written_to_later(
    postgres_server: Server,
) -> None:
    database = Database(postgres_server.url())
    try:
        await database.write(table)
        await database.write(number(1))
        # As while its disk is full, or on the replica that was left standing.
        for on, answers in (("on", [StorageError, StorageError]), ("off", [int, int])):
            postgres_server.execute(f"ALTER SYSTEM SET default_transaction_read_only = {on}")
            postgres_server.execute("SELECT pg_reload_conf()")
            await until(partial(shows, database, on))
            found = await told(database, [number(2), number(3)])
            assert [type(one) for one in found] == answers
        assert await database.read(numbers) == {1, 2, 3}
    finally:
        database.close()


async def test_a_session_that_is_ended_by_the_operator_costs_its_group_and_nothing_more(
    postgres_server: Server,
) -> None:
    database = Database(postgres_server.url())
    try:
        await database.write(table)
        refused = 0
        for n in range(30):
            if n % 3 == 0:
                postgres_server.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'filmgate'"
                )
            refused += sum(
                isinstance(one, StorageError) for one in await told(database, [number(n)])
            )
        # It is replaced before it is used.
        assert refused == 0
        assert await stored(database) == set(range(30))
    finally:
        database.close()
