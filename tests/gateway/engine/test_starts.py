"""When a job has to start: deadlines, jobs that would not wait, pauses after 429s."""

import asyncio
import base64
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from gateway.engine import line
from gateway.model.clock import SECOND
from gateway.model.errors import NoSlotError
from gateway.model.inputs import StoredInput
from gateway.model.phases import Phase
from mockserver import World
from tests.rig import Rig, is_submit, pictory, picture, pixverse, rig

PROMPT = "The harbour at dusk"
LONG = f"{PROMPT} [[mock run=20m]]"


def inline(color: str) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture(color)).decode()}"


async def expired(stage: Rig, job_id: str) -> bool:
    job = await stage.job(job_id)
    if job.phase is not Phase.FAILED:
        return False
    assert job.error is not None
    assert job.error.code == "expired"
    assert job.completed_at is not None
    return True


async def test_a_job_that_got_no_slot_by_its_deadline_fails_and_costs_nothing(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:
        await stage.create(prompt=LONG)
        job_id = await stage.create(prompt=PROMPT, routing={"deadline": 60})
        patient = await stage.create(prompt=PROMPT)
        await stage.wait(59)
        assert (await stage.job(job_id)).phase is Phase.WAITING_FOR_SLOT
        await stage.wait(1)

        assert await expired(stage, job_id)
        assert (await stage.job(patient)).phase is Phase.WAITING_FOR_SLOT
        assert stage.submits() == 1


async def test_a_job_that_started_in_time_is_finished_after_its_deadline(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:
        job_id = await stage.create(prompt=PROMPT, routing={"deadline": 5})
        await stage.settle()
        await stage.wait(120, step=5)

        assert (await stage.job(job_id)).phase is Phase.COMPLETED


async def test_a_job_whose_source_is_late_fails_at_its_deadline(tmp_path: Path) -> None:
    async with rig(tmp_path) as stage:
        source = await stage.create(prompt=LONG)
        job_id = await stage.create(
            model="pictory/veo3.1",
            prompt=PROMPT,
            first_frame={"video": source, "frame": "last"},
            routing={"deadline": 30},
        )
        await stage.wait(30)

        assert await expired(stage, job_id)


async def test_the_engine_wakes_by_itself_when_a_deadline_passes(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:
        await stage.create(prompt=LONG)
        await stage.create(prompt=PROMPT, routing={"deadline": 3})
        await stage.settle()

        assert 0.02 < await stage.engine._pause() <= 3


async def test_a_slot_that_comes_at_the_deadline_binds_no_expired_job(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:
        job_id = await stage.create(prompt=PROMPT, routing={"deadline": 10})
        await stage.mock.advance(10)
        bound = await stage.tools.database.write(
            lambda connection: line.bind_line(connection, stage.tools)
        )
        assert bound == []
        await stage.settle()

        assert await expired(stage, job_id)
        assert stage.submits() == 0


async def test_a_job_that_was_throttled_beyond_its_deadline_fails(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        job_id = await stage.create(
            prompt=f"{PROMPT} [[mock throttle=9]]", routing={"deadline": 40}
        )
        await stage.wait(60)

        assert await expired(stage, job_id)
        assert stage.mock.ledger.charges == ()


async def test_inputs_that_came_over_too_late_are_not_submitted(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()]) as stage:

        async def slow(request: httpx.Request) -> None:
            if "files" in request.url.path:
                await stage.mock.advance(30)

        stage.provider_wire.spoil = slow
        job_id = await stage.create(
            prompt=PROMPT,
            first_frame=inline("teal"),
            routing={"deadline": 20},
        )
        await stage.settle()

        assert await expired(stage, job_id)
        assert stage.submits() == 0


async def test_a_deadline_outlives_a_restart(tmp_path: Path, lasting_mock: World) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)], mock=lasting_mock) as stage:
        await stage.create(prompt=LONG)
        job_id = await stage.create(prompt=PROMPT, routing={"deadline": 60})
        await stage.settle()
    await lasting_mock.advance(61)
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)], mock=lasting_mock) as stage:
        await stage.settle()

        assert await expired(stage, job_id)


async def test_who_would_not_wait_gets_a_free_slot_or_a_no(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=2)]) as stage:
        hasty = {"prompt": PROMPT, "routing": {"queue": False}}
        await stage.create(**hasty)
        await stage.create(prompt=LONG)
        # Neither is bound yet: both slots are spoken for all the same.
        with pytest.raises(NoSlotError) as caught:
            await stage.create(**hasty)

        assert caught.value.headers["retry-after"] == "10"
        assert len(await stage.every_job()) == 2
        await stage.wait(120, step=5)
        assert (await stage.job(await stage.create(**hasty))).phase is Phase.WAITING_FOR_SLOT


async def test_of_a_job_that_was_not_taken_nothing_is_left(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse(max_jobs=1)]) as stage:
        taken = await stage.create(prompt=LONG, first_frame=inline("teal"))
        await stage.settle()
        for color in ("teal", "navy"):
            with pytest.raises(NoSlotError):
                await stage.create(
                    prompt=PROMPT, first_frame=inline(color), routing={"queue": False}
                )

        kept = (await stage.job(taken)).request.first_frame
        assert isinstance(kept, StoredInput)
        left = [one.name for one in stage.tools.media.folder.rglob("*") if one.is_file()]
        assert left == [kept.digest]


async def test_of_many_who_would_not_wait_no_more_come_in_than_there_are_slots(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=3), pixverse(max_jobs=2)]) as stage:
        made = await asyncio.gather(
            *(stage.create(prompt=PROMPT, routing={"queue": False}) for _ in range(20)),
            return_exceptions=True,
        )

        assert sum(isinstance(one, str) for one in made) == 5
        assert sum(isinstance(one, NoSlotError) for one in made) == 15
        await stage.settle()
        assert stage.submits() == 5


async def test_who_would_not_wait_is_told_how_long_the_account_rests(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        await stage.create(prompt=f"{PROMPT} [[mock throttle=1]]")
        await stage.settle()
        with pytest.raises(NoSlotError) as caught:
            await stage.create(prompt=PROMPT, routing={"queue": False})

        assert 1 <= int(caught.value.headers["retry-after"]) <= 12


async def cooling(stage: Rig) -> list[float]:
    """The pauses between the submissions of a job that is refused with 429 six times."""
    times: list[float] = []

    def note(request: httpx.Request) -> None:
        if is_submit(request):
            times.append(stage.now() / SECOND)

    stage.provider_wire.meddle = note
    await stage.create(prompt=f"{PROMPT} [[mock throttle=6]]")
    await stage.wait(220, step=0.5)
    return [after - before for before, after in pairwise(times)]


async def test_429s_in_a_row_double_the_pause_up_to_the_providers_most(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        pauses = await cooling(stage)

        assert len(pauses) == 6
        assert 10 <= pauses[0] <= 12.5
        assert 16 <= pauses[1] <= 24.5
        assert all(24 <= one <= 30.5 for one in pauses[2:])


async def test_an_accepted_submission_makes_the_next_429_the_first(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse(max_jobs=1)]) as stage:
        await stage.create(prompt=f"{PROMPT} [[mock throttle=3]]")
        await stage.wait(200, step=5)
        pauses = await cooling(stage)

        assert 10 <= pauses[0] <= 12.5


async def test_429s_that_came_together_count_once(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse(max_jobs=3)]) as stage:
        stage.provider_wire.meddle = lambda request: (
            httpx.Response(429, json={"error": "full"}) if is_submit(request) else None
        )
        for n in range(3):
            await stage.create(prompt=f"{PROMPT} {n}")
        await stage.settle()

        counted = await stage.tools.database.read(
            lambda connection: connection.exec_driver_sql(
                "SELECT throttled FROM accounts"
            ).scalar_one()
        )
        assert counted == 1
