"""What tests of the database itself write: numbers, each once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from sqlalchemy import Connection, text

from gateway.storage import Database


def table(connection: Connection) -> None:
    """Make the table."""
    connection.execute(text("CREATE TABLE t (n INTEGER PRIMARY KEY, word TEXT)"))


def number(n: int, word: str = "") -> Callable[[Connection], int]:
    """A write of one number, whose answer it is."""

    def run(connection: Connection) -> int:
        connection.execute(text("INSERT INTO t VALUES (:n, :word)"), {"n": n, "word": word})
        return n

    return run


def numbers(connection: Connection) -> set[int]:
    """Those that are stored."""
    return set(connection.execute(text("SELECT n FROM t")).scalars())


async def stored(database: Database) -> set[int]:
    """Those that are stored, read on a connection of its own."""
    return await database.read(numbers)


def told(
    database: Database, works: Iterable[Callable[[Connection], object]]
) -> "asyncio.Future[list[object]]":
    """The answers, or errors, of writes that wait together from the loop's next turn on."""
    return asyncio.gather(*(database.write(work) for work in works), return_exceptions=True)


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait for something that happens outside of this process."""
    async with asyncio.timeout(20):
        while True:
            met = condition()
            if await met if isinstance(met, Awaitable) else met:
                return
            await asyncio.sleep(0.005)
