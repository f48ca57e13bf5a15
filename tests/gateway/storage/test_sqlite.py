"""What is particular about a file: its settings, its lock, its disk."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from gateway.storage import Database, StorageError
from tests.gateway.storage.writes_support import number, table


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "filmgate.db"


async def test_a_write_that_returned_is_in_the_file(path: Path) -> None:
    database = Database(path)
    try:
        await database.write(table)
        await database.write(number(1))
        with sqlite3.connect(path) as other:
            assert other.execute("SELECT n FROM t").fetchall() == [(1,)]
        other.close()
    finally:
        database.close()


@pytest.mark.parametrize("way", ["read", "write"])
async def test_the_file_survives_power_loss_settings_are_on(path: Path, way: str) -> None:
    def pragmas(connection: Connection) -> dict[str, object]:
        return {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in (
                "journal_mode",
                "synchronous",
                "foreign_keys",
                "busy_timeout",
                "wal_autocheckpoint",
                "mmap_size",
            )
        }

    database = Database(path)
    try:
        assert await getattr(database, way)(pragmas) == {
            "journal_mode": "wal",
            "synchronous": 2,
            "foreign_keys": 1,
            "busy_timeout": 5000,
            "wal_autocheckpoint": 1000,
            "mmap_size": 0,
        }
    finally:
        database.close()


def test_a_second_process_is_told_that_the_file_is_in_use(path: Path) -> None:
    program = (
        "import sys; from gateway.storage import Database\n"
        "try: Database('sqlite:///' + sys.argv[1])\n"
        "except Exception as error: print(error)\n"
    )
    database = Database(path)
    try:
        said = subprocess.run(
            [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
        ).stdout
    finally:
        database.close()

    assert "in use by another filmgate process" in said


def test_a_file_that_is_no_database_is_named_and_let_go(tmp_path: Path) -> None:
    path = tmp_path / "filmgate.db"
    path.write_bytes(b"this is not a database, it only has the name of one" * 20)

    for _ in range(2):
        with pytest.raises(StorageError, match="not a database"):
            Database(path)


async def test_a_disk_that_is_full_is_trouble_and_passes(path: Path) -> None:
    def fill(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE big (x)"))
        connection.execute(text("INSERT INTO big VALUES (zeroblob(1000000))"))

    database = Database(path)
    try:
        await database.write(table)
        pages = await database.write(
            lambda connection: int(connection.execute(text("PRAGMA page_count")).scalar_one())
        )

        async def limit(pages: int) -> None:
            statement = text(f"PRAGMA max_page_count = {pages}")
            await database.write(lambda connection: connection.execute(statement).all())

        await limit(pages)
        with pytest.raises(StorageError, match="full"):
            await database.write(fill)
        await limit(100_000)
        await database.write(fill)
    finally:
        database.close()


async def test_its_time_is_that_of_the_clock_it_was_given(path: Path) -> None:
    database = Database(path, clock=lambda: 1_234)
    try:
        assert await database.read(database.time) == 1_234
    finally:
        database.close()
