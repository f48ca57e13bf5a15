"""The line: its order, and who counts as standing in it."""

from msgspec.structs import replace
from sqlalchemy import Connection

from gateway.storage import Database, jobs
from gateway.storage.line import in_line, last_place, place_in_line
from tests.gateway.storage.rows_support import NOW, a_job


async def test_the_line_is_read_in_order_and_only_for_providers_with_room(
    database: Database,
) -> None:
    def fill(connection: Connection) -> None:
        jobs.insert_job(connection, a_job("video_c", "pictory", created_at=NOW + 2))
        jobs.insert_job(connection, a_job("video_b", "useapi-pixverse", created_at=NOW + 1))
        jobs.insert_job(connection, a_job("video_a", "useapi-pixverse", "pictory"))

    await database.write(fill)

    async def line(*providers: str) -> list[str]:
        found = await database.read(lambda connection: in_line(connection, providers, NOW + 5, 10))
        return [job.id for job in found]

    assert await line("pictory") == ["video_a", "video_c"]
    assert await line("useapi-pixverse") == ["video_a", "video_b"]
    assert await line("pict%") == []
    job = await database.read(lambda connection: jobs.get(connection, "video_c"))
    assert job is not None
    # Of those before it only one could take a slot from it.
    assert await database.read(lambda connection: place_in_line(connection, job)) == 2


async def test_those_that_were_turned_away_stand_behind_those_not_tried(
    database: Database,
) -> None:
    def read(connection: Connection) -> tuple[list[str], list[str], list[int], int]:
        line = in_line(connection, ["pictory"], NOW + 5, 10)
        behind = [in_line(connection, ["pictory"], NOW + 5, 1, behind=one) for one in line]
        return (
            [job.id for job in line],
            [job.id for page in behind for job in page],
            [place_in_line(connection, job) for job in line],
            last_place(connection, a_job().choices),
        )

    def fill(connection: Connection) -> None:
        for n, turned_away in enumerate((2, 1, 0, 0)):
            job = replace(a_job(f"video_{n}", created_at=NOW + n), turned_away=turned_away)
            jobs.insert_job(connection, job)

    await database.write(fill)
    line, behind, places, last = await database.read(read)

    assert line == ["video_2", "video_3", "video_1", "video_0"]
    assert behind == line[1:]
    assert places == [1, 2, 3, 4]
    assert last == 3
