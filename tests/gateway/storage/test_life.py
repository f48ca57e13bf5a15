"""Proof of life: gone with the process however it ends, and not while it is merely stopped."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from gateway.storage import Database, StorageError, life
from tests.gateway.storage.writes_support import until
from tests.postgres import Server

PROGRAM = (
    "import sys, time; from gateway.storage import Database\n"
    "database = Database(sys.argv[1]); database.live(sys.argv[2]); print('alive', flush=True)\n"
    "time.sleep(60)\n"
)


@pytest.fixture
async def database(migrated_postgres_url: str) -> AsyncIterator[Database]:
    made = Database(migrated_postgres_url)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life, "BEAT", 0.05)
    monkeypatch.setattr(life, "WAIT", 0.2)


@contextmanager
def child(url: str, replica: str) -> Iterator["subprocess.Popen[str]"]:
    """Another process that lives."""
    arguments = [sys.executable, "-c", PROGRAM, url, replica]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "alive\n"
            yield process
        finally:
            process.kill()


async def lives(database: Database, replica: str) -> bool:
    return await database.read(lambda connection: database.lives(connection, replica))


async def dead(database: Database, replica: str) -> None:
    async def is_dead() -> bool:
        return not await lives(database, replica)

    await until(is_dead)


def holder(server: Server, database: Database) -> int:
    """The server's process that holds the lock of the one replica on a database."""
    found = server.execute(
        "SELECT pid, datname FROM pg_locks JOIN pg_stat_activity USING (pid) "
        "WHERE locktype = 'advisory'"
    )
    (pid,) = (pid for pid, name in found if name == database.name.rpartition("/")[2])
    return int(str(pid))


async def test_a_replica_that_was_killed_is_dead(
    database: Database, migrated_postgres_url: str
) -> None:
    with child(migrated_postgres_url, "other") as process:
        assert await lives(database, "other")
        began = time.monotonic()
        process.kill()
        await dead(database, "other")
        assert time.monotonic() - began < 2


async def test_a_replica_that_is_stopped_lives(
    database: Database, migrated_postgres_url: str
) -> None:
    with child(migrated_postgres_url, "other") as process:
        process.send_signal(signal.SIGSTOP)
        # Twice as long as it takes for a killed one to be found dead, and a look each time.
        for _ in range(20):
            await asyncio.sleep(0.02)
            assert await lives(database, "other")
        process.kill()
        await dead(database, "other")


async def test_a_replica_is_known_by_its_own_name_and_to_its_own_database(
    database: Database, shared_postgres: Server
) -> None:
    await asyncio.to_thread(database.live, "replica_1")
    with shared_postgres.database() as url:
        elsewhere = Database(url)
        try:
            await asyncio.to_thread(elsewhere.live, "replica_2")
            assert [await lives(database, f"replica_{n}") for n in (1, 2)] == [True, False]
            assert [await lives(elsewhere, f"replica_{n}") for n in (1, 2)] == [False, True]
        finally:
            elsewhere.close()


@pytest.mark.usefixtures("_quick")
async def test_nobody_lives_under_the_name_of_somebody_alive(
    database: Database, migrated_postgres_url: str
) -> None:
    await asyncio.to_thread(database.live, "replica_1")
    other = Database(migrated_postgres_url)
    try:
        with pytest.raises(StorageError, match="another process lives as replica replica_1"):
            await asyncio.to_thread(other.live, "replica_1")
        assert not other.holds_life
        await asyncio.to_thread(database.close)
        await asyncio.to_thread(other.live, "replica_1")
        assert other.holds_life
    finally:
        other.close()


@pytest.mark.usefixtures("_quick")
async def test_a_lock_that_is_lost_is_known_to_be_lost_and_taken_again(
    database: Database, shared_postgres: Server
) -> None:
    await asyncio.to_thread(database.live, "replica_1")
    before = holder(shared_postgres, database)
    os.kill(before, signal.SIGTERM)
    await until(lambda: not database.holds_life)
    await until(lambda: database.holds_life)

    assert await lives(database, "replica_1")
    assert holder(shared_postgres, database) != before


@pytest.mark.usefixtures("_quick")
async def test_a_lock_survives_a_crash_of_the_server(postgres_server: Server) -> None:
    database = Database(postgres_server.url())
    try:
        await asyncio.to_thread(database.live, "replica_1")
        await asyncio.to_thread(postgres_server.stop)
        await until(lambda: not database.holds_life)
        await asyncio.to_thread(postgres_server.start)
        await until(lambda: database.holds_life)
        assert await lives(database, "replica_1")
    finally:
        database.close()


@pytest.mark.usefixtures("_quick")
async def test_a_lock_that_nothing_is_heard_of_is_not_counted_on(
    database: Database, shared_postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the network swallows everything: the connection seems to be fine."""
    monkeypatch.setattr(life, "TRUSTED", 0.5)
    await asyncio.to_thread(database.live, "replica_1")
    pid = holder(shared_postgres, database)
    os.kill(pid, signal.SIGSTOP)
    try:
        await until(lambda: not database.holds_life)
        # It is stopped and not gone: the others must not think so.
        assert await lives(database, "replica_1")
    finally:
        os.kill(pid, signal.SIGCONT)
    await until(lambda: database.holds_life)
