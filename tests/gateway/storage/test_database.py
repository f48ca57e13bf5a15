"""One writer, group commit, one process per file."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from gateway.storage import BrokenRuleError, Database, StorageError


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "deep" / "filmgate.db")
    try:
        yield made
    finally:
        made.close()


def table(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE t (n INTEGER PRIMARY KEY)"))


async def count(database: Database) -> int:
    return await database.read(
        lambda connection: int(connection.execute(text("SELECT count(*) FROM t")).scalar_one())
    )


async def test_a_write_that_returned_is_in_the_file(database: Database) -> None:
    await database.write(table)
    await database.write(lambda connection: connection.execute(text("INSERT INTO t VALUES (1)")))

    with sqlite3.connect(database.path) as other:
        assert other.execute("SELECT n FROM t").fetchall() == [(1,)]
    other.close()


async def test_the_file_survives_power_loss_settings_are_on(database: Database) -> None:
    def pragmas(connection: Connection) -> tuple[object, ...]:
        return tuple(
            connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        )

    assert await database.write(pragmas) == ("wal", 2, 1, 5000)


async def test_one_failing_write_of_a_group_takes_nothing_of_the_others_with_it(
    database: Database,
) -> None:
    await database.write(table)

    def one(n: int) -> object:
        def run(connection: Connection) -> int:
            connection.execute(text("INSERT INTO t VALUES (:n)"), {"n": n})
            if n == 7:
                raise ValueError("mine alone")
            return n

        return database.write(run)

    answers = await asyncio.gather(*(one(n) for n in range(20)), return_exceptions=True)  # type: ignore[call-overload]

    assert isinstance(answers[7], ValueError)
    assert [one for one in answers if isinstance(one, int)] == [n for n in range(20) if n != 7]
    assert await count(database) == 19


async def test_a_broken_rule_is_told_apart_from_trouble_and_shows_no_values(
    database: Database,
) -> None:
    await database.write(table)
    await database.write(lambda connection: connection.execute(text("INSERT INTO t VALUES (1)")))

    with pytest.raises(BrokenRuleError) as caught:
        await database.write(
            lambda connection: connection.execute(text("INSERT INTO t VALUES (:n)"), {"n": 1})
        )

    assert "UNIQUE" in str(caught.value)
    assert "INSERT" not in str(caught.value)


async def test_a_write_that_nobody_waits_for_any_more_is_made_all_the_same(
    database: Database,
) -> None:
    await database.write(table)
    task = asyncio.create_task(
        database.write(lambda connection: connection.execute(text("INSERT INTO t VALUES (1)")))
    )
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # The writer works in order, so this comes after it.
    await database.write(lambda _: None)

    assert await count(database) == 1


async def test_closing_finishes_what_is_queued_and_refuses_what_comes_later(
    tmp_path: Path,
) -> None:
    database = Database(tmp_path / "filmgate.db")
    await database.write(table)
    pending = [
        asyncio.ensure_future(
            database.write(
                lambda connection, n=n: connection.execute(  # type: ignore[misc]
                    text("INSERT INTO t VALUES (:n)"), {"n": n}
                )
            )
        )
        for n in range(50)
    ]
    await asyncio.sleep(0)
    await asyncio.to_thread(database.close)
    await asyncio.gather(*pending)
    database.close()

    with pytest.raises(StorageError, match="closed"):
        await database.write(lambda _: None)
    again = Database(tmp_path / "filmgate.db")
    try:
        assert await count(again) == 50
    finally:
        again.close()


def test_a_second_process_is_told_that_the_file_is_in_use(database: Database) -> None:
    program = (
        "import sys; from pathlib import Path; from gateway.storage import Database\n"
        "try: Database(Path(sys.argv[1]))\n"
        "except Exception as error: print(error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, str(database.path)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert "in use by another filmgate process" in said


def test_a_path_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(StorageError, match="cannot open the database"):
        Database(tmp_path / "file" / "filmgate.db")


def test_a_file_that_is_no_database_is_named_and_let_go(tmp_path: Path) -> None:
    path = tmp_path / "filmgate.db"
    path.write_bytes(b"this is not a database, it only has the name of one" * 20)

    for _ in range(2):
        with pytest.raises(StorageError, match="not a database"):
            Database(path)


async def test_a_disk_that_is_full_is_trouble_and_passes(database: Database) -> None:
    await database.write(table)
    pages = await database.write(
        lambda connection: int(connection.execute(text("PRAGMA page_count")).scalar_one())
    )

    def limit(pages: int) -> object:
        return database.write(
            lambda connection: connection.execute(text(f"PRAGMA max_page_count = {pages}")).all()
        )

    def fill(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE big (x)"))
        connection.execute(text("INSERT INTO big VALUES (zeroblob(1000000))"))

    await limit(pages)  # type: ignore[misc]
    with pytest.raises(StorageError, match="full"):
        await database.write(fill)
    await limit(100_000)  # type: ignore[misc]
    await database.write(fill)


async def test_who_asks_to_be_alone_sees_only_what_is_committed(database: Database) -> None:
    blocked, go_on = threading.Event(), threading.Event()
    transactions: list[object] = []

    def hold_up(_: Connection) -> None:
        blocked.set()
        go_on.wait(10)

    def count(connection: Connection) -> None:
        transactions.append(connection.get_transaction())

    first = asyncio.ensure_future(database.write(hold_up))
    await asyncio.to_thread(blocked.wait, 10)
    others = [
        asyncio.ensure_future(database.write(count, alone=alone))
        for alone in (False, False, True, True, False)
    ]
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(first, *others)

    a, b, c, d, e = transactions
    assert a is b
    assert len({a, c, d, e}) == 4
