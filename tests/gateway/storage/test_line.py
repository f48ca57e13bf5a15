"""The line: its order, who counts as standing in it, and for how long."""

from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection

from gateway.model.job import Job
from gateway.model.phases import Phase
from gateway.storage import Database, jobs, line
from gateway.storage.line import Queue
from tests.gateway.storage.rows_support import NOW, a_job

PICTORY = "|pictory|"
PIXVERSE = "|useapi-pixverse|"
BOTH = "|pictory|useapi-pixverse|"


def job(n: int, *providers: str, **values: Any) -> Job:
    return replace(a_job(f"video_{n}", *providers, created_at=NOW + n), **values)


async def stand(database: Database, *waiting: Job) -> None:
    def fill(connection: Connection) -> None:
        for one in waiting:
            jobs.insert_job(connection, one)

    await database.write(fill)


async def first(
    database: Database, *lanes: str, now: int = NOW + 100, limit: int = 10
) -> list[str]:
    found = await database.read(
        lambda connection: line.first_in_line(connection, "tester", lanes, now, limit)
    )
    return [one.id for one in found]


def test_a_lane_is_who_could_serve_whatever_the_order() -> None:
    one, other = (
        line.served(job(1, *names).choices)
        for names in (("pictory", "useapi-pixverse"), ("useapi-pixverse", "pictory", "pictory"))
    )

    assert one == other == BOTH
    assert line.serves(BOTH, ["pictory"])
    assert not line.serves(PIXVERSE, ["pictory", "pixverse"])


async def test_every_owner_and_lane_with_somebody_waiting_is_named_once(
    database: Database,
) -> None:
    assert await database.read(line.queues) == []
    await stand(
        database,
        job(1, "pictory"),
        job(2, "pictory"),
        job(3, "pictory", "useapi-pixverse"),
        job(4, "useapi-pixverse", owner="another"),
        job(5, "pictory", owner="busy", phase=Phase.RENDERING),
    )

    found = await database.read(line.queues)
    assert len(found) == 3
    # Which lane comes first is the database's affair.
    assert set(found) == {
        Queue("another", PIXVERSE),
        Queue("tester", PICTORY),
        Queue("tester", BOTH),
    }


async def test_the_line_is_read_in_order_and_over_several_lanes(database: Database) -> None:
    await stand(
        database,
        job(3, "pictory"),
        job(2, "useapi-pixverse"),
        job(1, "pictory", "useapi-pixverse"),
        job(0, "pictory", owner="another"),
    )

    assert await first(database, PICTORY, BOTH) == ["video_1", "video_3"]
    assert await first(database, PICTORY, PIXVERSE, BOTH) == ["video_1", "video_2", "video_3"]
    assert await first(database, PICTORY, PIXVERSE, BOTH, limit=2) == ["video_1", "video_2"]
    assert await first(database, "|pict%|") == []


async def test_those_turned_away_and_those_of_low_priority_stand_behind(
    database: Database,
) -> None:
    await stand(
        database,
        job(1, turned_away=2, priority=0),
        job(2, turned_away=1),
        job(3, priority=2),
        job(4),
        job(5),
        job(6, priority=0),
    )

    order = [f"video_{n}" for n in (6, 4, 5, 3, 2, 1)]
    assert await first(database, PICTORY) == order

    def places(connection: Connection) -> list[int]:
        waiting = line.first_in_line(connection, "tester", [PICTORY], NOW + 100, 10)
        return [line.ahead(connection, "tester", [PICTORY], line.rank(one)) for one in waiting]

    assert await database.read(places) == [0, 1, 2, 3, 4, 5]


async def test_nobody_starts_before_he_is_due_or_after_he_should_have(database: Database) -> None:
    await stand(
        database,
        job(1, due_at=NOW + 50),
        job(2, start_by=NOW + 20),
        job(3, start_by=NOW + 60),
    )

    assert await first(database, PICTORY, now=NOW + 10) == ["video_2", "video_3"]
    assert await first(database, PICTORY, now=NOW + 20) == ["video_3"]
    assert await first(database, PICTORY, now=NOW + 50) == ["video_1", "video_3"]

    def late(connection: Connection) -> tuple[list[str], int | None]:
        found = line.past_start(connection, NOW + 20, 9)
        return [one.id for one in found], line.next_start_by(connection)

    assert await database.read(late) == (["video_2"], NOW + 20)


async def test_who_waits_is_counted_up_to_a_limit(database: Database) -> None:
    await stand(
        database,
        *(job(n, "pictory") for n in range(4)),
        job(4, "useapi-pixverse"),
        job(5, "pictory", phase=Phase.RENDERING),
    )

    def count(connection: Connection) -> list[int]:
        return [
            line.waiting(connection, "tester", lanes, most)
            for lanes, most in (([PICTORY], 9), ([PICTORY, PIXVERSE], 9), ([PICTORY], 3))
        ]

    assert await database.read(count) == [4, 5, 3]


async def test_those_whom_nobody_could_serve_are_counted(database: Database) -> None:
    await stand(database, job(1), job(2, "useapi-pixverse"), job(3, "pictory", "useapi-pixverse"))

    def count(connection: Connection) -> list[int]:
        return [
            line.unserved(connection, served)
            for served in (["pictory"], ["useapi-pixverse"], ["other"], [])
        ]

    assert await database.read(count) == [1, 1, 3, 3]
