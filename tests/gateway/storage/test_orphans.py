"""What was paid for and belongs to nobody, page by page."""

import pytest

from gateway.storage import Connection, Database, orphans
from gateway.storage.orphans import Orphan, Reason
from gateway.storage.paging import Page


def orphan(remote_id: str, *, found_at: int = 1, due_at: int | None = None) -> Orphan:
    return Orphan(
        account="pixverse",
        remote_id=remote_id,
        job_id="video_1",
        attempt_id="att_1",
        reason=Reason.DOUBLE,
        detail="two of one",
        url=None,
        found_at=found_at,
        due_at=due_at,
    )


async def keep(database: Database, *found: Orphan) -> None:
    def write(connection: Connection) -> None:
        for one in found:
            orphans.add(connection, one)

    await database.write(write)


async def walked(database: Database, limit: int, *, ascending: bool) -> list[str]:
    """The provider's id of each, page after page."""
    names: list[str] = []
    after = None

    def read(connection: Connection) -> Page[Orphan]:
        return orphans.page(connection, after=after, limit=limit, ascending=ascending)

    while True:
        page = await database.read(read)
        names += [one.remote_id for one in page.items]
        if not page.has_more:
            return names
        after = page.items[-1].id


@pytest.mark.parametrize("limit", [1, 2, 7, 10])
async def test_pages_hold_every_orphan_once_in_the_order_of_their_coming(
    database: Database, limit: int
) -> None:
    names = list("gbfaced")
    # All at the same moment, as one search finds them.
    await keep(database, *map(orphan, names))
    assert await walked(database, limit, ascending=True) == names
    assert await walked(database, limit, ascending=False) == names[::-1]


async def test_one_that_was_only_heard_of_comes_when_it_is_seen_behind_those_that_came_before(
    database: Database,
) -> None:
    await keep(database, orphan("heard", due_at=5), orphan("seen"))
    assert await walked(database, 1, ascending=True) == ["seen"]
    await keep(database, orphan("heard", found_at=9))
    assert await walked(database, 1, ascending=True) == ["seen", "heard"]


async def test_one_that_is_found_again_keeps_its_place(database: Database) -> None:
    await keep(database, orphan("first"), orphan("second"), orphan("first", found_at=9))
    assert await walked(database, 1, ascending=True) == ["first", "second"]


async def test_a_page_can_be_of_one_job(database: Database) -> None:
    await keep(database, orphan("a"), orphan("b"))
    assert (await database.read(lambda one: orphans.page(one, "video_2", limit=9))).items == ()
    found = await database.read(lambda one: orphans.page(one, "video_1", limit=1))
    assert ([one.remote_id for one in found.items], found.has_more) == (["b"], True)
