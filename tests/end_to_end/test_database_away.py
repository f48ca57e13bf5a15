"""The database goes away for a while, under load, and comes back."""

import errno
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.end_to_end.conftest import MakeWorld
from tests.end_to_end.load import Load, all_ended, balance, books
from tests.end_to_end.processes import Gateway, World, stopping, until
from tests.postgres import Server

AWAY: Final = 30.0
"""Seconds."""
ORDERS: Final = 160
MOUNT, UMOUNT = (shutil.which(name) or "/bin/false" for name in ("mount", "umount"))
RATE: Final = 20.0
MODELS: Final = ("useapi-pixverse/v4", "pictory/pixverse5.5")
TABLES: Final = {
    "watch": {"poll_seconds": 1, "settle_seconds": 3, "lease_seconds": 2, "deadline_seconds": 90}
}
pytestmark = pytest.mark.slow


def _order(n: int) -> dict[str, Any]:
    return {"prompt": f"Take {n}", "model": MODELS[n % len(MODELS)]}


def _gateway(folder: Path, world: World, database: str | None = None) -> Gateway:
    accounts = {"useapi-pixverse": 1, "pictory": 1}
    return Gateway(folder, world, max_jobs=8, accounts=accounts, database=database, tables=TABLES)


def _outlives(
    gateway: Gateway, world: World, leave: Callable[[], object], come_back: Callable[[], object]
) -> None:
    """While its database is away it says so, and promises nothing; then it goes on as before."""
    with stopping(gateway):
        gateway.start()
        assert gateway.process is not None
        pid = gateway.process.pid
        with Load([gateway], ORDERS, RATE, _order) as load:
            until(lambda: len(load.ids), lambda count: count >= ORDERS // 10)
            left_at = time.monotonic()
            leave()
            until(gateway.is_ready, lambda ready: not ready)
            seen = gateway.ask("POST", "/v1/videos", json=_order(-1))
            assert seen.status_code == httpx.codes.SERVICE_UNAVAILABLE
            time.sleep(max(0.0, left_at + AWAY - time.monotonic()))
            come_back()
            until(gateway.is_ready, bool, 10)
            load.join()
        all_ended(gateway, 90)

        assert gateway.process.pid == pid
        assert set(load.statuses) == {202, 503}
        assert all("retry-after" in headers for headers in load.refusals)
        balance(books(gateway, world), list(load.ids.values()))


def test_postgresql_stopped_under_load(
    tmp_path: Path, make_world: MakeWorld, postgres_server: Server
) -> None:
    postgres_server.execute("CREATE DATABASE filmgate")
    world = make_world(max_jobs=8)
    gateway = _gateway(tmp_path / "gate", world, postgres_server.url("filmgate"))
    _outlives(gateway, world, postgres_server.stop, postgres_server.start)


def test_sqlite_locked_by_another_process(tmp_path: Path, make_world: MakeWorld) -> None:
    world = make_world(max_jobs=8)
    gateway = _gateway(tmp_path / "gate", world)
    file = tmp_path / "gate" / "filmgate.db"
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as other:
        _outlives(
            gateway,
            world,
            lambda: _lock(other, file),
            lambda: other.execute("ROLLBACK"),
        )


def _lock(other: sqlite3.Connection, file: Path) -> None:
    other.execute("ATTACH ? AS gate", [str(file)])
    other.execute("PRAGMA busy_timeout = 20000")
    other.execute("BEGIN EXCLUSIVE")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own, which is not much larger than the gateway wants free."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        [MOUNT, "-t", "tmpfs", "-o", "size=160m", "filmgate-test", str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"a disk cannot be mounted: {mounted.stderr}")
    yield folder
    subprocess.run([UMOUNT, "--lazy", str(folder)], check=True)


def test_disk_full(small_disk: Path, make_world: MakeWorld) -> None:
    world = make_world(max_jobs=8)
    gateway = _gateway(small_disk / "gate", world)
    filler = small_disk / "filler"
    _outlives(gateway, world, lambda: _fill(filler), filler.unlink)


def _fill(filler: Path) -> None:
    """Take all room there is, and what others give back for a while."""
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
