"""Copies taken while the gateway writes, and brought back."""

import asyncio
import os
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.storage import Database, StorageError
from gateway.storage.backup import back_up
from tests.gateway.storage.writes_support import number, stored, table, until
from tests.postgres import Server, binaries


@asynccontextmanager
async def writing(database: Database) -> AsyncIterator[list[int]]:
    """One number after the other, each once the last one is stored: those that are."""
    answered: list[int] = []
    over = asyncio.Event()

    async def write() -> None:
        while not over.is_set():
            answered.append(await database.write(number(len(answered), "x" * 500)))

    await database.write(table)
    task = asyncio.ensure_future(write())
    try:
        yield answered
    finally:
        over.set()
        await task


async def more(answered: list[int], than: int) -> int:
    await until(lambda: len(answered) > than)
    return len(answered)


async def copied(database: Database, copy: Callable[[int], None]) -> list[tuple[int, int]]:
    """Take three copies under writes: for each how many were stored before it and after."""
    counts = []
    async with writing(database) as answered:
        for n in range(3):
            before = await more(answered, len(answered) + 20)
            await asyncio.to_thread(copy, n)
            counts.append((before, await more(answered, len(answered)) + 1))
    return counts


async def test_a_copy_taken_under_writes_holds_what_was_stored_before_it_and_no_gaps(
    migrated_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "filmgate.db"
    shutil.copy(migrated_file, path)
    database = Database(path)
    try:
        counts = await copied(database, lambda n: back_up(path, tmp_path / f"copy_{n}.db"))
    finally:
        database.close()

    for n, (before, after) in enumerate(counts):
        copy = Database(tmp_path / f"copy_{n}.db")
        try:
            found = await stored(copy)
            assert found == set(range(len(found)))
            assert before <= len(found) <= after
            assert await copy.read(copy.faults) == []
            assert copy.revision() == (copy.revision()[1],) * 2
            # It is a database like any other.
            await copy.write(number(1_000_000))
        finally:
            copy.close()


async def test_a_dump_taken_under_writes_holds_what_was_stored_before_it_and_no_gaps(
    shared_postgres: Server, migrated_postgres_url: str, tmp_path: Path
) -> None:
    programs = binaries()
    assert programs is not None

    def run(program: str, *arguments: str) -> None:
        subprocess.run([str(programs / program), *arguments], check=True)

    def dump(n: int) -> None:
        run("pg_dump", "--format=custom", f"--file={tmp_path / str(n)}", migrated_postgres_url)

    database = Database(migrated_postgres_url)
    try:
        counts = await copied(database, dump)
    finally:
        database.close()

    before, after = counts[-1]
    with shared_postgres.database() as url:
        run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={url}", str(tmp_path / "2"))
        copy = Database(url)
        try:
            found = await stored(copy)
            assert found == set(range(len(found)))
            assert before <= len(found) <= after
            assert copy.revision() == (copy.revision()[1],) * 2
            copy.migrate()
            await copy.write(number(1_000_000))
        finally:
            copy.close()


def test_a_copy_of_a_file_that_nobody_has_open_is_as_good(
    migrated_file: Path, tmp_path: Path
) -> None:
    back_up(migrated_file, tmp_path / "copy.db")

    with sqlite3.connect(tmp_path / "copy.db") as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchone() is not None
    copy.close()
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600


def test_no_file_is_overwritten(migrated_file: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("the backup of yesterday")

    with pytest.raises(StorageError, match=r"copy\.db exists already"):
        back_up(migrated_file, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "the backup of yesterday"


def test_what_is_not_there_or_no_database_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"there is no database .*filmgate\.db"):
        back_up(tmp_path / "filmgate.db", tmp_path / "copy.db")
    (tmp_path / "filmgate.db").write_bytes(b"something else, and long enough to be read" * 50)
    with pytest.raises(StorageError, match="not a database"):
        back_up(tmp_path / "filmgate.db", tmp_path / "copy.db")
    assert [one.name for one in tmp_path.iterdir()] == ["filmgate.db"]


def test_a_folder_that_is_not_there_is_named(migrated_file: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=f"cannot write {tmp_path}/no/copy.db"):
        back_up(migrated_file, tmp_path / "no" / "copy.db")


def test_of_a_copy_that_does_not_fit_on_the_disk_nothing_is_left(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        back_up(migrated_file, tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []
