"""Pictures on their way in and films on their way out, where something is wrong with them."""

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from gateway.engine import outcomes
from gateway.model.phases import Phase
from tests.gateway.engine.lost_support import PROMPT
from tests.rig import is_submit, pictory, picture, pixverse, rig

FRAME = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"


async def test_a_picture_behind_a_url_is_fetched_and_uploaded(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        stage.media_wire.meddle = lambda request: (
            httpx.Response(200, stream=httpx.ByteStream(picture("teal")))
            if request.url.host == "pictures.test"
            else None
        )
        job_id = await stage.create(prompt=PROMPT, first_frame="https://pictures.test/a.png")
        await stage.wait(90, step=5)

        assert (await stage.job(job_id)).phase is Phase.COMPLETED


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: httpx.Response(200, stream=httpx.ByteStream(b"hello")), "neither a picture"),
        (lambda: httpx.Response(403, stream=httpx.ByteStream(b"")), "status 403"),
    ],
    ids=["no picture", "forbidden"],
)
async def test_a_picture_that_cannot_be_used_fails_the_job_before_anything_is_paid(
    tmp_path: Path, answer: Callable[[], httpx.Response], words: str
) -> None:
    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        stage.media_wire.meddle = lambda _: answer()
        job_id = await stage.create(prompt=PROMPT, first_frame="https://pictures.test/a.png")
        await stage.wait(5)

        job = await stage.job(job_id)
        assert job.phase is Phase.FAILED
        assert job.error is not None
        assert job.error.code == "input_unusable"
        assert words in job.error.message
        assert stage.submits() == 0


async def test_a_picture_that_never_comes_fails_the_job_after_some_tries(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        stage.media_wire.meddle = lambda _: httpx.Response(503, stream=httpx.ByteStream(b""))
        job_id = await stage.create(prompt=PROMPT, first_frame="https://pictures.test/a.png")
        await stage.wait(240, step=5)

        job = await stage.job(job_id)
        assert job.phase is Phase.FAILED
        # Nothing was submitted: people see no attempt, the history shows each try.
        assert job.attempts == 0
        tried = [attempt.n for attempt in await stage.attempts(job_id)]
        assert tried == list(range(1, outcomes.INPUT_TRIES + 1))


async def test_an_upload_without_a_usable_answer_lets_others_go_first_and_ends_at_last(
    tmp_path: Path,
) -> None:
    bad = base64.b64encode(picture("red")).decode()
    frame = f"data:image/png;base64,{bad}"
    async with rig(tmp_path, accounts=[pixverse(max_jobs=1)]) as stage:

        def break_uploads(request: httpx.Request) -> httpx.Response | None:
            if "files" in request.url.path:
                return httpx.Response(504, text="gateway timeout")
            return None

        stage.provider_wire.meddle = break_uploads
        stuck = await stage.create(
            model="useapi-pixverse/v4", prompt="The harbour", first_frame=frame
        )
        other = await stage.create(model="useapi-pixverse/v4", prompt="The harbour by night")
        await stage.wait(120, step=10)
        assert (await stage.job(other)).phase is Phase.COMPLETED

        await stage.wait(2400, step=100)
        ended = await stage.job(stuck)
        assert ended.phase is Phase.FAILED
        assert ended.error is not None
        assert ended.error.code == "input_unusable"
        assert len(stage.mock.ledger.charges) == 1


async def test_a_picture_that_may_be_what_was_not_found_is_uploaded_again(tmp_path: Path) -> None:
    lost = [httpx.Response(404, json={"error": "The original image has been deleted"})]

    def uploads() -> int:
        return sum("files" in one.url.path for one in stage.provider_wire.requests)

    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        stage.provider_wire.meddle = lambda request: (
            lost.pop() if lost and is_submit(request) else None
        )
        job_id = await stage.create(prompt=PROMPT, first_frame=FRAME)
        await stage.settle()
        assert uploads() == 1
        await stage.wait(450, step=10)

        assert (await stage.job(job_id)).phase is Phase.COMPLETED
        assert uploads() == 2


async def test_a_result_that_is_no_video_is_asked_for_again(tmp_path: Path) -> None:
    broken = [
        httpx.Response(200, stream=httpx.ByteStream(b"<html>not found</html>")),
        httpx.Response(503, stream=httpx.ByteStream(b"")),
    ]
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        stage.media_wire.meddle = lambda _: broken.pop() if broken else None
        job_id = await stage.create(prompt=PROMPT)
        await stage.wait(180, step=2)

        assert (await stage.job(job_id)).phase is Phase.COMPLETED
        assert (await stage.events(job_id)).count("link_failed") == 2
        assert len(stage.mock.ledger.charges) == 1


async def test_a_result_that_cannot_be_had_is_not_fetched_for_ever(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        stage.media_wire.meddle = lambda _: httpx.Response(403, stream=httpx.ByteStream(b""))
        job_id = await stage.create(prompt=PROMPT)
        await stage.wait(600, step=10)
        job = await stage.job(job_id)
        assert job.phase is Phase.NEEDS_ATTENTION
        assert job.error is not None
        assert job.error.code == "result_not_saved"

        await stage.wait(6 * 3600, step=300)
        assert len(stage.media_wire.requests) < 12
        assert (await stage.job(job_id)).error is not None


async def test_no_more_than_four_results_are_fetched_at_once(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=8)]) as stage:
        for n in range(8):
            await stage.create(prompt=f"{PROMPT} {n}")
        await stage.settle()
        await stage.mock.advance(60)
        now, full, go_on = 0, asyncio.Event(), asyncio.Event()

        async def hang(_: httpx.Request) -> None:
            nonlocal now
            now += 1
            if now == 4:
                full.set()
            await go_on.wait()

        stage.media_wire.spoil = hang
        await stage.engine.turn()
        fetching = asyncio.create_task(stage.engine.turn())
        await full.wait()
        assert await stage.engine.turn() == 0
        assert now == 4

        go_on.set()
        await fetching
        await stage.settle()
        assert now == 8
