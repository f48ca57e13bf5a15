"""Bytes go when nobody needs them, and never before: the races between keeping and dropping."""

import asyncio
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from gateway.model.files import StoredFile
from gateway.model.ids import digest as digest_of
from gateway.storage import Database, StorageError, files, holdings
from gateway.storage.media import MediaStore

CONTENT = b"a film, or a picture"


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "media")


def a_file(name: str, digest: str) -> StoredFile:
    return StoredFile(
        id=name,
        owner="tester",
        digest=digest,
        media_type="image/png",
        bytes=len(CONTENT),
        filename="a.png",
        purpose="vision",
        created_at=1,
    )


async def keep(database: Database, store: MediaStore, name: str) -> str:
    with store.pins() as pins:
        digest = pins.save(CONTENT)
        await database.write(lambda connection: files.insert_file(connection, a_file(name, digest)))
    return digest


async def remove(database: Database, name: str) -> list[str]:
    free = await database.write(lambda connection: files.remove(connection, "tester", name))
    assert free is not None
    return free


async def drop(database: Database, store: MediaStore, digests: list[str]) -> None:
    await database.write(partial(holdings.drop, store=store, digests=digests), alone=True)


async def test_bytes_stay_until_the_last_who_needs_them_lets_go(
    database: Database, store: MediaStore
) -> None:
    digest = await keep(database, store, "file_1")
    assert await keep(database, store, "file_2") == digest

    assert await remove(database, "file_1") == []
    assert store.path(digest).exists()
    assert await remove(database, "file_2") == [digest]
    store.still(digest, "last").write_bytes(b"still")
    await drop(database, store, [digest])

    assert not store.path(digest).exists()
    assert not store.still(digest, "last").exists()
    assert await database.read(holdings.doomed) == []


async def test_what_is_saved_again_before_the_drop_is_not_dropped(
    database: Database, store: MediaStore
) -> None:
    digest = await keep(database, store, "file_1")
    free = await remove(database, "file_1")
    await keep(database, store, "file_2")
    await drop(database, store, free)

    assert store.path(digest).read_bytes() == CONTENT
    assert await database.read(holdings.doomed) == []


async def test_what_is_pinned_is_not_dropped_though_no_row_needs_it_yet(
    database: Database, store: MediaStore
) -> None:
    digest = await keep(database, store, "file_1")
    free = await remove(database, "file_1")
    with store.pins() as pins:
        assert pins.save(CONTENT) == digest
        await drop(database, store, free)
        assert store.path(digest).exists()

    # Whoever had it pinned did not need it after all; the mark is still there.
    assert await database.read(holdings.doomed) == [digest]
    await drop(database, store, [digest])
    assert not store.path(digest).exists()


async def test_a_removal_that_is_not_committed_yet_lets_no_drop_through(
    database: Database, store: MediaStore
) -> None:
    digest = await keep(database, store, "file_1")
    await keep(database, store, "file_2")
    await remove(database, "file_2")
    blocked, go_on = threading.Event(), threading.Event()

    def hold_up(_: Connection) -> None:
        blocked.set()
        go_on.wait(10)

    def full_disk(connection: Connection) -> Any:
        files.remove(connection, "tester", "file_1")
        connection.exec_driver_sql("ROLLBACK")

    first = asyncio.ensure_future(database.write(hold_up))
    await asyncio.to_thread(blocked.wait, 10)
    # All three wait together, as if for one transaction; the removal is lost with its group.
    lost = asyncio.ensure_future(database.write(full_disk))
    dropped = asyncio.ensure_future(drop(database, store, [digest]))
    go_on.set()
    await first
    with pytest.raises(StorageError):
        await lost
    await dropped

    assert store.path(digest).exists()
    assert await database.read(lambda connection: holdings.held(connection, digest))


async def test_bytes_stay_for_a_row_whose_writer_was_cancelled_but_not_its_write(
    database: Database, store: MediaStore
) -> None:
    digest = await keep(database, store, "file_1")
    free = await remove(database, "file_1")
    blocked, go_on = threading.Event(), threading.Event()

    def hold_up(_: Connection) -> None:
        blocked.set()
        go_on.wait(10)

    async def keep_again() -> None:
        with store.pins(database.afterwards) as pins:
            assert pins.save(CONTENT) == digest
            await database.write(
                lambda connection: files.insert_file(connection, a_file("file_2", digest))
            )

    first = asyncio.ensure_future(database.write(hold_up))
    await asyncio.to_thread(blocked.wait, 10)
    dropped = asyncio.ensure_future(drop(database, store, free))
    again = asyncio.ensure_future(keep_again())
    await asyncio.sleep(0)
    again.cancel()
    with pytest.raises(asyncio.CancelledError):
        await again
    go_on.set()
    await asyncio.gather(first, dropped)
    # Behind everything that was queued before, the write that nobody waits for included.
    await database.write(lambda _: None, alone=True)

    assert await database.read(lambda connection: holdings.held(connection, digest))
    assert store.path(digest).exists()
    # And the pin is gone with the write, not before and not never.
    await drop(database, store, await remove(database, "file_2"))
    assert not store.path(digest).exists()


async def test_keeping_and_removing_the_same_bytes_at_once_never_loses_them(
    database: Database, store: MediaStore
) -> None:
    async def live(name: str) -> None:
        for _ in range(15):
            digest = await keep_in_thread(name)
            assert await asyncio.to_thread(store.path(digest).read_bytes) == CONTENT
            await drop(database, store, await remove(database, name))

    async def keep_in_thread(name: str) -> str:
        with store.pins() as pins:
            digest = await asyncio.to_thread(pins.save, CONTENT)
            await database.write(
                lambda connection: files.insert_file(connection, a_file(name, digest))
            )
        return digest

    await asyncio.gather(*(live(f"file_{n}") for n in range(6)))

    assert await database.read(holdings.doomed) == []
    assert [one for one in store.folder.rglob("*") if one.is_file()] == []


def test_a_pin_taken_after_the_end_of_its_block_pins_nothing(store: MediaStore) -> None:
    with store.pins() as pins:
        pass
    digest = pins.save(CONTENT)

    assert store.drop(digest)


def test_files_that_are_pinned_twice_are_free_after_the_second_end(store: MediaStore) -> None:
    with store.pins() as first:
        digest = first.save(CONTENT)
        with store.pins() as second:
            assert second.hold(digest)
        assert not store.drop(digest)
    assert store.drop(digest)
    with store.pins() as third:
        assert not third.hold(digest)


def test_a_still_of_a_film_that_is_gone_is_not_kept(store: MediaStore) -> None:
    digest = store.save(CONTENT)
    incoming = store.incoming()
    assert store.drop(digest)

    with pytest.raises(FileNotFoundError):
        store.adopt_still(incoming, digest, "last")
    assert not store.still(digest, "last").exists()


async def test_bytes_that_are_marked_first_go_unless_somebody_comes_to_need_them(
    database: Database, store: MediaStore
) -> None:
    with store.pins() as pins:
        pins.foresee([digest_of(CONTENT)])
        await database.write(lambda connection: holdings.mark(connection, [digest_of(CONTENT)]))
        digest = pins.save(CONTENT)
        assert await database.read(holdings.doomed) == [digest]
        # Somebody who drops the same bytes meanwhile leaves both alone.
        await drop(database, store, [digest])
        assert await database.read(holdings.doomed) == [digest]
        await database.write(lambda connection: files.insert_file(connection, a_file("f", digest)))
    assert await database.read(holdings.doomed) == []

    await database.write(lambda connection: holdings.mark(connection, [digest]))
    assert await database.read(holdings.doomed) == []
    await drop(database, store, await remove(database, "f"))
    assert not store.path(digest).exists()
