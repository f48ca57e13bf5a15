"""A full disk, a file locked by somebody else: whoever is told "stored" can rely on it."""

import asyncio
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from gateway.storage import Database, StorageError

UNMOUNT = ("umount", "-l")


def table(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE t (n INTEGER PRIMARY KEY, x BLOB)"))


def insert(database: Database, n: int, size: int = 1) -> "asyncio.Future[object]":
    def run(connection: Connection) -> object:
        return connection.execute(
            text("INSERT INTO t VALUES (:n, zeroblob(:size))"), {"n": n, "size": size}
        )

    return asyncio.ensure_future(database.write(run))


async def stored(database: Database) -> set[int]:
    return await database.read(
        lambda connection: set(connection.execute(text("SELECT n FROM t")).scalars())
    )


@pytest.mark.parametrize("too_large", [0, 2, 4])
async def test_a_group_that_fills_the_disk_is_stored_as_it_was_answered(
    tmp_path: Path, too_large: int
) -> None:
    database = Database(tmp_path / "filmgate.db")
    try:
        await database.write(table)
        await database.write(
            lambda connection: connection.execute(text("PRAGMA max_page_count = 300")).all()
        )
        works = [insert(database, n, 4_000_000 if n == too_large else 10) for n in range(5)]
        answers = await asyncio.gather(*works, return_exceptions=True)

        told = {n for n, one in enumerate(answers) if not isinstance(one, BaseException)}
        assert await stored(database) == told
        assert all(isinstance(one, StorageError) for one in answers if isinstance(one, Exception))
        await insert(database, 9)
        assert 9 in await stored(database)
    finally:
        database.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of three megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run([*UNMOUNT, str(folder)], check=True)


async def test_on_a_disk_that_really_fills_up_nothing_is_promised_and_not_kept(
    small_disk: Path,
) -> None:
    database = Database(small_disk / "filmgate.db")
    try:
        await database.write(table)
        works = [insert(database, n, 20_000) for n in range(250)]
        answers = await asyncio.gather(*works, return_exceptions=True)
        told = {n for n, one in enumerate(answers) if not isinstance(one, BaseException)}

        assert len(told) < 250
        assert await stored(database) == told
    finally:
        database.close()


async def test_a_lock_of_somebody_else_is_trouble_for_the_whole_group_and_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.storage.database.BUSY_SECONDS", 0.05)
    database = Database(tmp_path / "filmgate.db")
    other = sqlite3.connect(tmp_path / "filmgate.db", isolation_level=None)
    try:
        await database.write(table)
        other.execute("BEGIN IMMEDIATE")
        works = [insert(database, n) for n in range(5)]
        answers = await asyncio.gather(*works, return_exceptions=True)
        assert [type(one) for one in answers] == [StorageError] * 5

        other.execute("COMMIT")
        await asyncio.gather(*(insert(database, n) for n in range(5)))
        assert await stored(database) == set(range(5))
    finally:
        other.close()
        database.close()


def test_a_file_that_holds_something_else_is_named_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "filmgate.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE jobs (id)")
    other.commit()
    other.close()
    database = Database(path)
    try:
        with pytest.raises(StorageError, match=r"cannot prepare the tables in .*already exists"):
            database.migrate()
    finally:
        database.close()
