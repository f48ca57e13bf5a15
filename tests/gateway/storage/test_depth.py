"""A place in line is right to the job near the front, and behind a long line, too."""

import pytest
from sqlalchemy import Connection, insert, text

from gateway.model.phases import Phase
from gateway.storage import Database, depth, line, tables
from gateway.storage.depth import BEHIND, STEP, ahead
from gateway.storage.rows import stored
from tests.gateway.storage.rows_support import NOW, a_job

LANE = "|pictory|"


def fill(connection: Connection, count: int, begin: int = 0) -> None:
    job = a_job("video_0")
    row = {name: stored(name, getattr(job, name)) for name in job.__struct_fields__}
    row |= {"phase": Phase.WAITING_FOR_SLOT.value, "providers": LANE, "owner": "somebody"}
    rows = [
        {**row, "id": f"video_{n:06}", "created_at": NOW + n} for n in range(begin, begin + count)
    ]
    connection.execute(insert(tables.jobs), rows)


def place(connection: Connection, number: int) -> int:
    return ahead(connection, "somebody", LANE, (0, 1, NOW + number, f"video_{number:06}"))


@pytest.mark.parametrize("number", [0, 1, STEP - 1, STEP, STEP + 1, 3 * STEP, 3 * STEP + 7])
async def test_every_job_ahead_is_counted_however_many_there_are(
    database: Database, number: int
) -> None:
    await database.write(lambda connection: fill(connection, 3 * STEP + 8))

    assert await database.read(lambda connection: place(connection, number)) == number


async def test_those_that_joined_since_the_line_was_measured_are_counted_too(
    database: Database,
) -> None:
    await database.write(lambda connection: fill(connection, 2 * STEP))
    assert await database.read(lambda connection: place(connection, 2 * STEP)) == 2 * STEP
    await database.write(lambda connection: fill(connection, STEP, 2 * STEP))

    assert await database.read(lambda connection: place(connection, 3 * STEP)) == 3 * STEP
    assert BEHIND > STEP


async def test_a_line_is_measured_again_after_a_while(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(depth, "FRESH", 0.0)
    monkeypatch.setattr(depth, "SHARE", 0)
    await database.write(lambda connection: fill(connection, 3 * STEP))
    assert await database.read(lambda connection: place(connection, 3 * STEP)) == 3 * STEP
    gone = text("DELETE FROM jobs WHERE created_at < :before")
    await database.write(lambda c: c.execute(gone, {"before": NOW + 2 * STEP}).rowcount)

    assert await database.read(lambda connection: place(connection, 3 * STEP)) == STEP


async def test_every_owner_and_lane_that_waits_is_a_queue(database: Database) -> None:
    def several(connection: Connection) -> None:
        for owner in ("anna", "bert"):
            for lane in ("|a|", "|a|b|", "|b|"):
                fill(connection, 2, 10 * len(line.queues(connection)))
                connection.execute(
                    text("UPDATE jobs SET owner = :o, providers = :l WHERE owner = 'somebody'"),
                    {"o": owner, "l": lane},
                )

    await database.write(several)

    found = await database.read(line.queues)
    assert found == [
        (owner, lane) for owner in ("anna", "bert") for lane in ("|a|", "|a|b|", "|b|")
    ]
