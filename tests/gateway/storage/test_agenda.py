"""When jobs are due, and who took them up."""

from msgspec.structs import replace
from sqlalchemy import Connection, text

from gateway.model.job import Job
from gateway.model.phases import INITIAL, Phase
from gateway.storage import Database, agenda, jobs, line
from tests.gateway.storage.rows_support import NOW, a_job


async def test_what_was_taken_comes_up_again_when_its_lease_ends(database: Database) -> None:
    await database.write(lambda connection: jobs.insert_job(connection, a_job()))

    async def taken(at: int) -> list[str]:
        found = await database.write(
            lambda connection: agenda.take_due(
                connection, INITIAL, at, until=at + 100, limit=5, replica="r"
            )
        )
        return [job.id for job in found]

    assert await taken(NOW - 1) == []
    assert await taken(NOW) == ["video_1"]
    assert await taken(NOW + 99) == []
    assert await taken(NOW + 100) == ["video_1"]


async def test_a_callback_during_a_look_is_not_forgotten_when_the_look_ends(
    database: Database,
) -> None:
    async def due() -> int | None:
        job = await database.read(lambda connection: jobs.get(connection, "video_1"))
        assert job is not None
        return job.due_at

    await database.write(lambda connection: jobs.insert_job(connection, a_job()))
    pace = 9 * agenda.WAKE_GAP
    began = NOW + 10
    await database.write(
        lambda connection: agenda.wake(connection, "video_1", [INITIAL], began + 5)
    )
    await database.write(
        lambda connection: agenda.look_again(connection, "video_1", INITIAL, began, began + pace)
    )
    assert await due() == began + 5 + agenda.WAKE_GAP

    later = began + 20
    await database.write(
        lambda connection: agenda.look_again(connection, "video_1", INITIAL, later, later + pace)
    )
    assert await due() == later + pace


async def test_a_callback_puts_no_look_off_that_is_due_before(database: Database) -> None:
    async def due() -> int | None:
        job = await database.read(lambda connection: jobs.get(connection, "video_1"))
        assert job is not None
        return job.due_at

    soon = NOW + agenda.WAKE_GAP // 4

    def look(connection: Connection) -> None:
        jobs.insert_job(connection, a_job())
        agenda.take_due(connection, INITIAL, NOW, until=NOW + 100, limit=5, replica="r")
        agenda.look_again(connection, "video_1", INITIAL, NOW, soon)

    await database.write(look)
    await database.write(lambda connection: agenda.wake(connection, "video_1", [INITIAL], NOW + 5))
    assert await due() == soon

    await database.write(
        lambda connection: agenda.look_again(connection, "video_1", INITIAL, NOW, soon)
    )
    assert await due() == soon


async def test_a_job_that_moves_on_while_somebody_is_at_it_comes_up_again_soon(
    database: Database,
) -> None:
    def take(connection: Connection, now: int, *taken: str) -> list[Job]:
        return agenda.take_due(
            connection,
            INITIAL,
            now,
            until=now + 9 * agenda.TAKEN,
            limit=5,
            replica="r",
            taken=taken,
        )

    await database.write(lambda connection: jobs.insert_job(connection, a_job()))
    assert await database.write(lambda connection: take(connection, NOW, "video_1")) == []
    again = NOW + agenda.TAKEN
    assert len(await database.write(lambda connection: take(connection, again))) == 1


async def test_what_is_due_but_has_to_wait_does_not_keep_the_engine_awake(
    database: Database,
) -> None:
    def fill(connection: Connection) -> None:
        jobs.insert_job(connection, a_job("video_waiting"))
        jobs.insert_job(connection, a_job("video_ready"))
        connection.execute(text("UPDATE jobs SET phase = 'downloading' WHERE id = 'video_ready'"))

    async def due(*waiting: Phase) -> int | None:
        return await database.read(
            lambda connection: agenda.next_due(connection, NOW + 5, *waiting)
        )

    await database.write(fill)

    assert await due() == NOW
    assert await due(Phase.DOWNLOADING) is None


async def test_a_job_that_is_gone_is_not_woken(database: Database) -> None:
    assert not await database.write(
        lambda connection: agenda.wake(connection, "video_gone", [INITIAL], NOW)
    )


async def test_jobs_dated_later_than_now_stand_in_line_as_if_they_had_come_now(
    database: Database,
) -> None:
    ahead = NOW + 1000

    def fill(connection: Connection) -> None:
        for n, at in enumerate((NOW - 5, ahead, ahead + 7, NOW + 20), start=1):
            facts = {"created_at": at, "updated_at": at, "due_at": at, "start_by": at + 50}
            jobs.insert_job(connection, replace(a_job(f"video_{n}"), **facts))
        put_off = {"due_at": ahead + 9, "start_by": None, "created_at": NOW - 9}
        jobs.insert_job(
            connection, replace(a_job("video_5"), updated_at=ahead, turned_away=1, **put_off)
        )
        agenda.rebase_beginnings(connection, NOW + 10)
        agenda.rebase_beginnings(connection, NOW + 10)

    await database.write(fill)
    found = await database.read(
        lambda connection: line.first_in_line(connection, "tester", ["|pictory|"], NOW + 20, 9)
    )
    seen = [(one.id, one.created_at, one.updated_at, one.due_at, one.start_by) for one in found]
    now = NOW + 10
    assert seen == [
        ("video_1", NOW - 5, NOW - 5, NOW - 5, NOW + 45),
        ("video_2", now, now, now, now + 50),
        ("video_3", now, now, now, now + 50),
        ("video_4", now, now, now, now + 50),
        ("video_5", NOW - 9, now, now + 9, None),
    ]
