"""Looks that fail, and jobs that take too long: people are told, and late films are taken."""

from pathlib import Path
from typing import Any

import httpx
from msgspec.structs import replace

from gateway.engine import decide
from gateway.engine.looks import Look, not_seen
from gateway.model.phases import Phase
from tests.gateway.engine.lost_support import PROMPT
from tests.rig import pictory, rig


async def test_a_failed_poll_changes_nothing_but_the_time_of_the_next(tmp_path: Path) -> None:
    def moody(request: httpx.Request) -> httpx.Response | None:
        if request.method != "GET":
            return None
        moods: list[Any] = [
            httpx.Response(500, text="oops"),
            httpx.Response(401, json={"message": "Unauthorized"}),
            httpx.Response(200, text="<html>"),
            httpx.Response(404, json={"success": False}),
        ]
        seen = sum(1 for one in stage.provider_wire.requests if one.method == "GET")
        if seen <= len(moods):
            return httpx.Response(moods[seen - 1].status_code, content=moods[seen - 1].content)
        if seen == len(moods) + 1:
            raise httpx.ReadTimeout("slow", request=request)
        return None

    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        stage.provider_wire.meddle = moody
        job_id = await stage.create(prompt=PROMPT)
        await stage.wait(70, step=5)
        assert (await stage.job(job_id)).phase is Phase.RENDERING
        await stage.wait(110, step=5)

        assert (await stage.job(job_id)).phase is Phase.COMPLETED


async def test_past_the_deadline_people_are_told_and_a_late_video_is_still_taken(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:
        job_id = await stage.create(prompt=f"{PROMPT} [[mock run=50m no-callback]]")
        waiting = await stage.create(prompt=PROMPT)
        await stage.wait(1900, step=20)

        job = await stage.job(job_id)
        assert job.phase is Phase.NEEDS_ATTENTION
        assert job.error is not None
        assert job.error.code == "stalled"
        assert job.remote_id is not None
        assert (await stage.job(waiting)).phase is not Phase.WAITING_FOR_SLOT

        await stage.wait(1800, step=60)
        assert (await stage.job(job_id)).phase is Phase.COMPLETED


async def test_an_odd_wish_to_wait_hides_neither_job_nor_deadline(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)], public_url=None) as stage:
        odd = httpx.Response(503, headers={"retry-after": "86400"}, text="later")
        stage.provider_wire.meddle = lambda request: odd if request.method == "GET" else None
        job_id = await stage.create(prompt=PROMPT)
        waiting = await stage.create(prompt=PROMPT)
        await stage.wait(1850, step=50)

        assert (await stage.job(job_id)).phase is Phase.NEEDS_ATTENTION
        assert (await stage.job(waiting)).phase is not Phase.WAITING_FOR_SLOT


async def test_a_look_that_ends_after_others_took_over_ends_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)], public_url=None) as stage:
        job_id = await stage.create(prompt=f"{PROMPT} [[mock run=60m]]")
        await stage.settle()
        stale = await stage.job(job_id)
        await stage.wait(1300, step=100)
        assert (await stage.job(job_id)).phase is Phase.NEEDS_ATTENTION
        await decide.resubmit(stage.tools, job_id)
        await stage.settle()
        assert (await stage.job(job_id)).phase is Phase.RENDERING

        at = Look(began=stage.now(), next_at=stage.now())
        await not_seen(stage.tools, replace(stale, deadline_at=stage.now()), at, "late")

        assert (await stage.job(job_id)).phase is Phase.RENDERING
        waiting = await stage.create(prompt=PROMPT)
        await stage.settle()
        assert (await stage.job(waiting)).phase is Phase.WAITING_FOR_SLOT
