"""One writer, group commit; what is answered is stored. The same on every kind of database."""

import asyncio
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from gateway.storage import BrokenRuleError, Database, StorageError
from tests.gateway.storage.writes_support import number, numbers, stored, table, told


class Gate:
    """A write that holds the writer up, so that what follows waits together."""

    def __init__(self, database: Database) -> None:
        self._reached, self._open = threading.Event(), threading.Event()
        self._held = asyncio.ensure_future(database.write(self._hold))

    def _hold(self, _: Connection) -> None:
        self._reached.set()
        assert self._open.wait(10)

    async def reached(self) -> None:
        assert await asyncio.to_thread(self._reached.wait, 10)

    async def open(self) -> None:
        self._open.set()
        await self._held


async def group(database: Database, *works: Callable[[Connection], object]) -> list[object]:
    """The answers, or errors, of writes that share one transaction."""
    gate = Gate(database)
    await gate.reached()
    waiting = told(database, works)
    await asyncio.sleep(0)
    await gate.open()
    return await waiting


async def test_one_failing_write_of_a_group_takes_nothing_of_the_others_with_it(
    database: Database,
) -> None:
    await database.write(table)

    def fail(connection: Connection) -> None:
        number(7)(connection)
        raise ValueError("mine alone")

    answers = await group(database, *(fail if n == 7 else number(n) for n in range(20)))

    assert isinstance(answers[7], ValueError)
    assert [one for one in answers if isinstance(one, int)] == [n for n in range(20) if n != 7]
    assert await stored(database) == set(range(20)) - {7}


async def test_a_statement_that_fails_in_a_group_takes_nothing_of_the_others_with_it(
    database: Database,
) -> None:
    await database.write(table)

    answers = await group(database, number(1), number(2), number(1), number(3))

    assert [type(one) for one in answers] == [int, int, BrokenRuleError, int]
    assert await stored(database) == {1, 2, 3}


@pytest.mark.parametrize("error", [ValueError("own"), None], ids=["own-error", "broken-rule"])
async def test_of_a_write_that_fails_nothing_is_stored(
    database: Database, error: Exception | None
) -> None:
    await database.write(table)

    def fail(connection: Connection) -> None:
        number(1)(connection)
        if error is not None:
            raise error
        number(1)(connection)

    with pytest.raises(BrokenRuleError if error is None else ValueError):
        await database.write(fail)

    assert await stored(database) == set()
    await database.write(number(1))
    assert await stored(database) == {1}


async def test_where_the_transaction_is_rolled_back_under_a_group_nobody_of_it_is_stored(
    database: Database,
) -> None:
    await database.write(table)

    def wreck(connection: Connection) -> None:
        number(3)(connection)
        connection.exec_driver_sql("ROLLBACK")

    answers = await group(database, number(1), number(2), wreck, number(4))

    assert [type(one) for one in answers] == [StorageError] * 4
    assert await stored(database) == set()
    await database.write(number(5))
    assert await stored(database) == {5}


async def test_a_broken_rule_is_told_apart_from_trouble_and_shows_no_values(
    database: Database,
) -> None:
    await database.write(table)
    await database.write(number(4711, "a secret prompt"))

    with pytest.raises(BrokenRuleError) as caught:
        await database.write(number(4711, "a secret prompt"))

    assert "unique" in str(caught.value).lower()
    whole = "".join(traceback.format_exception(caught.value))
    assert "INSERT INTO t VALUES" not in str(caught.value)
    assert "4711" not in whole.replace("number(4711", "")
    assert "secret" not in whole.replace('"a secret prompt"', "")


async def test_a_table_that_is_not_there_is_trouble_that_somebody_may_mend(
    database: Database,
) -> None:
    with pytest.raises(StorageError):
        await database.read(numbers)

    await database.write(table)
    assert await database.read(numbers) == set()


async def test_a_write_that_nobody_waits_for_any_more_is_made_all_the_same(
    database: Database,
) -> None:
    await database.write(table)
    task = asyncio.create_task(database.write(number(1)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # The writer works in order, so this comes after it.
    await database.write(lambda _: None)

    assert await stored(database) == {1}


async def test_closing_finishes_what_is_queued_and_refuses_what_comes_later(
    database_url: str,
) -> None:
    database = Database(database_url)
    await database.write(table)
    pending = told(database, map(number, range(50)))
    await asyncio.sleep(0)
    await asyncio.to_thread(database.close)
    assert await pending == list(range(50))
    database.close()

    with pytest.raises(StorageError, match="closed"):
        await database.write(number(50))
    with pytest.raises(StorageError, match="closed"):
        await database.read(numbers)
    again = Database(database_url)
    try:
        assert await stored(again) == set(range(50))
    finally:
        again.close()


async def test_who_asks_to_be_alone_sees_only_what_is_committed(database: Database) -> None:
    transactions: list[object] = []

    def note(connection: Connection) -> None:
        transactions.append(connection.get_transaction())

    gate = Gate(database)
    await gate.reached()
    others = [
        asyncio.ensure_future(database.write(note, alone=alone))
        for alone in (False, False, True, True, False)
    ]
    await asyncio.sleep(0)
    await gate.open()
    await asyncio.gather(*others)

    a, b, c, d, e = transactions
    assert a is b
    assert len({a, c, d, e}) == 4


async def test_what_comes_afterwards_comes_after_all_that_was_queued(database: Database) -> None:
    order: list[object] = []
    gate = Gate(database)
    await gate.reached()
    waiting = told(database, [lambda _: order.append(1), lambda _: order.append(2)])
    await asyncio.sleep(0)
    database.afterwards(lambda: order.append("afterwards"))
    assert order == []
    await gate.open()
    await waiting
    await database.write(lambda _: None)
    assert order == [1, 2, "afterwards"]

    await asyncio.to_thread(database.close)
    database.afterwards(lambda: order.append("at once"))
    assert order[-1] == "at once"


async def test_a_read_sees_the_database_as_it_was_at_one_moment(database: Database) -> None:
    await database.write(table)
    loop = asyncio.get_running_loop()

    def look(connection: Connection) -> tuple[set[int], set[int]]:
        before = numbers(connection)
        asyncio.run_coroutine_threadsafe(database.write(number(1)), loop).result(10)
        return before, numbers(connection)

    assert await database.read(look) == (set(), set())
    assert await stored(database) == {1}


async def test_times_are_microseconds_of_one_clock(database: Database) -> None:
    def look(connection: Connection) -> tuple[int, int]:
        return database.time(connection), database.time(connection)

    first, second = await database.write(look)
    assert 1_700_000_000_000_000 < first <= second < first + 60_000_000


async def test_text_comes_back_as_it_was(database: Database) -> None:
    words = ["", "ü 🎬 e\u0301", "'; DROP TABLE t; --", "%s %(n)s :n", "\\x00 \\", "\t\r\n"]
    await database.write(table)
    for n, word in enumerate(words):
        await database.write(number(n, word))

    found = await database.read(
        lambda connection: connection.execute(text("SELECT word FROM t ORDER BY n")).scalars().all()
    )
    assert found == words


async def test_a_replica_lives_from_its_start_to_its_end(database: Database) -> None:
    async def lives(replica: str) -> bool:
        return await database.read(lambda connection: database.lives(connection, replica))

    holds = [database.holds_life]
    assert not await lives("replica_1")
    await asyncio.to_thread(database.live, "replica_1")
    holds.append(database.holds_life)
    assert await lives("replica_1")
    assert not await lives("replica_2")
    assert await database.write(lambda connection: database.lives(connection, "replica_1"))
    await asyncio.to_thread(database.close)
    holds.append(database.holds_life)

    assert holds == [False, True, False]


async def test_an_error_of_the_opening_names_the_database_and_leaves_nothing_open(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("not a folder")
    for where in (
        tmp_path / "file" / "filmgate.db",
        f"sqlite:///{tmp_path}/file/filmgate.db",
        "postgresql://127.0.0.1:1/filmgate",
    ):
        with pytest.raises(StorageError, match=r"cannot open the database .*filmgate"):
            Database(where)
