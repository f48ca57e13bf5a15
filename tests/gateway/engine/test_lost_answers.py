"""Answers that are lost or odd, and callbacks: nothing is paid twice, nobody is fooled."""

import asyncio
import contextlib
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.engine import outcomes
from gateway.model.phases import Phase
from tests.gateway.engine.lost_support import PROMPT, call_back, without_lists
from tests.rig import Rig, is_submit, pictory, rig


def lose_answer(stage: Rig, how: Callable[[httpx.Request], Exception]) -> None:
    """From now on submits reach the provider, and their answers do not reach us."""

    async def spoil(request: httpx.Request) -> None:
        if is_submit(request):
            raise how(request)

    stage.provider_wire.spoil = spoil


LOST = [
    lambda request: httpx.ReadError("reset", request=request),
    lambda request: httpx.ReadTimeout("slow", request=request),
    lambda request: httpx.RemoteProtocolError("half an answer", request=request),
]


@pytest.mark.parametrize("how", LOST, ids=["reset", "slow", "half"])
@pytest.mark.parametrize("model", ["pictory/pixverse5.5", "useapi-pixverse/v4"])
async def test_a_lost_answer_is_found_again_by_its_callback_and_paid_once(
    tmp_path: Path, model: str, how: Callable[[httpx.Request], Exception]
) -> None:
    async with rig(tmp_path) as stage:
        lose_answer(stage, how)
        job_id = await stage.create(model=model, prompt=PROMPT)
        await stage.settle()
        assert (await stage.job(job_id)).phase is Phase.SUBMISSION_UNKNOWN

        await stage.wait(120, step=5)

        job = await stage.job(job_id)
        assert job.phase is Phase.COMPLETED, (job.phase, await stage.events(job_id))
        assert "adopted" in await stage.events(job_id)
        assert stage.submits() == 1
        assert len(stage.mock.ledger.charges) == 1


async def test_a_lost_answer_without_callback_or_lists_asks_for_attention_and_is_not_sent_again(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:
        lose_answer(stage, LOST[0])
        without_lists(stage)
        job_id = await stage.create(prompt=f"{PROMPT} [[mock no-callback]]")
        await stage.wait(1900, step=50)

        job = await stage.job(job_id)
        assert job.phase is Phase.NEEDS_ATTENTION
        assert job.error is not None
        assert job.error.code == "submission_unknown"
        assert stage.submits() == 1


async def test_a_callback_after_the_deadline_still_brings_the_video(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:
        lose_answer(stage, LOST[0])
        without_lists(stage)
        job_id = await stage.create(prompt=f"{PROMPT} [[mock no-callback]]")
        await stage.wait(1900, step=50)
        assert (await stage.job(job_id)).phase is Phase.NEEDS_ATTENTION
        (made,) = stage.mock.jobs

        await call_back(stage, {"job_id": made.order.id})
        await stage.wait(60, step=5)

        assert (await stage.job(job_id)).phase is Phase.COMPLETED
        assert len(stage.mock.ledger.charges) == 1


async def test_an_answer_nobody_understands_is_not_taken_for_a_refusal(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        stage.provider_wire.meddle = lambda request: (
            httpx.Response(502, text="<html>bad gateway</html>") if is_submit(request) else None
        )
        job_id = await stage.create(prompt=PROMPT)
        await stage.settle()

        assert (await stage.job(job_id)).phase is Phase.SUBMISSION_UNKNOWN
        (attempt,) = await stage.attempts(job_id)
        assert attempt.state == "unknown"


@pytest.mark.parametrize("model", ["pictory/pixverse5.5", "useapi-pixverse/v4"])
async def test_an_odd_answer_that_names_the_job_is_looked_for_under_that_name(
    tmp_path: Path, model: str
) -> None:
    async with rig(tmp_path, public_url=None) as stage:

        async def created(scope: Any, receive: Any, send: Any) -> None:
            async def sent(message: MutableMapping[str, Any]) -> None:
                odd = {"status": 201} if message.get("status") == 200 else {}
                await send({**message, **odd})

            await stage.mock.app(scope, receive, sent if scope["method"] == "POST" else send)

        stage.provider_wire.app = created
        job_id = await stage.create(model=model, prompt=PROMPT)
        await stage.settle()
        # An id that was heard of is looked at straight away.
        assert (await stage.events(job_id))[-2:] == ["outcome_lost", "adopted"]
        await stage.wait(150, step=5)

        assert (await stage.job(job_id)).phase is Phase.COMPLETED
        assert len(stage.mock.ledger.charges) == 1


async def test_an_answer_with_the_id_of_another_job_is_not_believed(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        first = await stage.create(prompt=PROMPT)
        await stage.settle()
        known = (await stage.job(first)).remote_id
        stage.provider_wire.meddle = lambda request: (
            httpx.Response(200, json={"success": True, "data": {"jobId": known}})
            if is_submit(request)
            else None
        )
        second = await stage.create(prompt=PROMPT)
        await stage.settle()

        assert (await stage.job(second)).phase is Phase.SUBMISSION_UNKNOWN
        assert (await stage.job(first)).phase is Phase.RENDERING


@pytest.mark.parametrize("when", ["answer", "record"])
async def test_a_bug_around_a_submission_costs_no_second_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:

        async def broken(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        if when == "record":
            monkeypatch.setattr(outcomes, "_accepted", broken)
        else:
            stage.provider_wire.spoil = lambda request: broken() if is_submit(request) else idle()
        job_id = await stage.create(prompt=PROMPT)
        with contextlib.suppress(ZeroDivisionError):
            await stage.engine.turn()
        assert (await stage.job(job_id)).phase is Phase.SUBMISSION_UNKNOWN
        await stage.wait(120, step=5)

        assert (await stage.job(job_id)).phase is Phase.COMPLETED
        assert stage.submits() == 1


async def idle() -> None:
    """Nothing goes wrong."""


async def test_a_callback_naming_another_job_cannot_make_it_ours(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=2)]) as stage:
        theirs = await stage.create(prompt=f"{PROMPT} theirs")
        await stage.settle()
        known = (await stage.job(theirs)).remote_id
        lose_answer(stage, LOST[0])
        job_id = await stage.create(prompt=f"{PROMPT} [[mock no-callback]]")
        await stage.settle()
        assert await call_back(stage, {"job_id": known}) == 200
        await stage.wait(60, step=5)

        assert (await stage.job(theirs)).phase is Phase.COMPLETED
        assert (await stage.job(job_id)).remote_id != known
        await stage.wait(120, step=5)
        job = await stage.job(job_id)
        # Its own was found.
        assert job.phase is Phase.COMPLETED
        assert job.remote_id not in (None, known)
        assert len(stage.mock.ledger.charges) == 2


async def test_a_forged_callback_changes_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await stage.create(prompt=PROMPT)
        await stage.settle()
        forged = {"success": True, "data": {"status": "completed", "url": "http://evil"}}
        assert await call_back(stage, forged) == 200
        assert await call_back(stage, forged, change=lambda url: url[:-1] + "~") == 404
        assert (
            await call_back(
                stage, forged, change=lambda url: url.replace("pictory", "useapi-pixverse")
            )
            == 404
        )
        await stage.settle()

        job = await stage.job(job_id)
        assert job.phase is Phase.RENDERING
        assert job.remote_url is None
        assert all("evil" not in str(one.url) for one in stage.media_wire.requests)


async def test_a_storm_of_callbacks_makes_one_look_at_a_time(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        await stage.create(prompt=PROMPT)
        await stage.settle()
        go_on = asyncio.Event()
        polls = 0

        async def hang(request: httpx.Request) -> None:
            nonlocal polls
            if request.method == "GET":
                polls += 1
                await go_on.wait()

        stage.provider_wire.spoil = hang
        turns = []
        for _ in range(50):
            assert await call_back(stage, {}) == 200
            turns.append(asyncio.create_task(stage.engine.turn()))
            await asyncio.sleep(0)
        assert polls <= 1
        go_on.set()
        await asyncio.gather(*turns)
