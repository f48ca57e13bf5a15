"""Removing and listing videos."""

from pathlib import Path
from typing import Any

import pytest

from gateway.engine import files
from gateway.engine.remove import remove
from gateway.model.errors import NotFinishedError
from gateway.model.job import Job
from gateway.model.phases import Status
from gateway.storage import accounts, jobs, tables
from tests.rig import Rig, asked, pictory, picture, rig

PROMPT = "The harbour at dusk"


async def rows(stage: Rig) -> dict[str, int]:
    """How many rows each table of jobs has."""
    wanted = (
        tables.jobs,
        tables.attempts,
        tables.events,
        tables.waits,
        tables.deliveries,
        tables.holdings,
    )
    return await stage.tools.database.read(
        lambda connection: {one.name: len(connection.execute(one.select()).all()) for one in wanted}
    )


async def page(stage: Rig, owner: str = "tester", **how: Any) -> tuple[list[str], bool]:
    found = await stage.tools.database.read(lambda connection: jobs.page(connection, owner, **how))
    assert all(isinstance(one, Job) for one in found.items)
    return [one.id for one in found.items], found.has_more


async def test_a_finished_video_goes_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        file = await files.keep(stage.tools, "tester", picture(), "a.png", "vision")
        first = await stage.create(prompt=PROMPT, first_frame=file.id)
        await stage.wait(90, step=5)
        second = await stage.create(
            prompt=PROMPT,
            callback_url="https://client.test/",
            first_frame={"video": first, "frame": "last"},
        )
        await stage.wait(90, step=5)
        assert await remove(stage.tools, "tester", second)
        assert await remove(stage.tools, "tester", first)

        assert not await remove(stage.tools, "tester", first)
        assert await rows(stage) == {
            "jobs": 0,
            "attempts": 0,
            "events": 0,
            "waits": 0,
            "deliveries": 0,
            "holdings": 1,
        }
        left = [one.name for one in stage.tools.media.folder.rglob("*") if one.is_file()]
        assert left == [file.digest]


async def test_a_video_in_the_making_cannot_be_removed(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:
        rendering = await stage.create(prompt=PROMPT)
        waiting = await stage.create(prompt=PROMPT)
        await stage.settle()
        for job_id in (rendering, waiting):
            with pytest.raises(NotFinishedError):
                await remove(stage.tools, "tester", job_id)

        await stage.wait(120, step=5)
        assert stage.submits() == 2


async def test_anothers_video_is_unknown_and_stays(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await stage.create(prompt=PROMPT)
        await stage.wait(90, step=5)

        assert not await remove(stage.tools, "somebody", job_id)
        assert (await stage.job(job_id)).result is not None


async def test_a_late_callback_of_a_removed_video_is_unknown(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await stage.create(prompt=PROMPT)
        await stage.wait(90, step=5)
        assert await remove(stage.tools, "tester", job_id)

        assert not await stage.engine.called_back("pictory", "any-token", b"{}")
        free = await stage.tools.database.read(
            lambda connection: accounts.free_slots(connection, stage.now())
        )
        assert len(free) == 3


async def test_two_videos_of_the_same_bytes_share_them_until_the_last_goes(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        ids = [await stage.create(prompt=PROMPT) for _ in range(2)]
        await stage.wait(90, step=5)
        results = [(await stage.job(one)).result for one in ids]
        assert results[0] is not None
        path = stage.tools.media.path(results[0].digest)
        same = results[0] == results[1]
        assert await remove(stage.tools, "tester", ids[0])
        assert path.exists() == same
        assert await remove(stage.tools, "tester", ids[1])
        assert not path.exists()


async def test_videos_are_listed_by_age_a_page_at_a_time_and_by_status(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:
        done = await stage.create(prompt=PROMPT)
        await stage.wait(90, step=5)
        failed = await stage.create(prompt=f"{PROMPT} [[mock fail=failed]]")
        await stage.wait(90, step=5)
        running, queued = [await stage.create(prompt=PROMPT) for _ in range(2)]
        await stage.settle()
        await stage.engine.accept(asked({"prompt": PROMPT}), "somebody")

        everything = [done, failed, running, queued]
        assert await page(stage, limit=10) == (everything[::-1], False)
        assert await page(stage, limit=4, ascending=True) == (everything, False)
        assert await page(stage, limit=2) == ([queued, running], True)
        assert await page(stage, limit=2, after=running) == ([failed, done], False)
        assert await page(stage, limit=1, after=done, ascending=True) == ([failed], True)
        for status, job_id in zip(
            (Status.COMPLETED, Status.FAILED, Status.IN_PROGRESS, Status.QUEUED),
            everything,
            strict=True,
        ):
            assert await page(stage, limit=5, statuses=(status,)) == ([job_id], False)
        both = (Status.COMPLETED, Status.QUEUED)
        assert await page(stage, limit=1, statuses=both) == ([queued], True)
