"""What an operator decides about jobs that the engine cannot decide about."""

from pathlib import Path

import httpx
import pytest

from gateway.config import WatchSettings
from gateway.engine import cancel, decide
from gateway.model.errors import ConflictError, InvalidError
from gateway.model.phases import Phase
from gateway.storage import remote_ids
from gateway.storage.orphans import Reason
from tests.gateway.engine.lost_support import (
    MADE,
    NEVER_DONE,
    PROMPT,
    call_back,
    fault,
    last_submit,
    without_lists,
)
from tests.rig import Rig, pictory, rig


async def lost(stage: Rig, how: str = MADE, words: str = "") -> str:
    """A job whose submission's answer is lost for good: no list, no callback."""
    without_lists(stage)
    fault(stage, how)
    job_id = await stage.create(prompt=f"{PROMPT} [[mock no-callback {words}]]")
    await stage.settle()
    assert await stage.phase(job_id) is Phase.SUBMISSION_UNKNOWN
    return job_id


@pytest.mark.parametrize("seconds", [0, 1900], ids=["looked for", "needs attention"])
async def test_adopting_names_the_providers_job_and_the_watch_goes_on_from_there(
    tmp_path: Path, database_url: str, seconds: int
) -> None:
    accounts = [pictory(max_jobs=1)]
    async with rig(tmp_path, accounts=accounts, database_url=database_url) as stage:
        job_id = await lost(stage)
        await stage.wait(seconds, step=100)
        (made,) = stage.mock.jobs
        job = await decide.adopt(stage.tools, job_id, made.order.id)
        assert job is not None
        assert (job.phase, job.error) == (Phase.RENDERING, None)
        await stage.wait(90, step=10)

        assert await stage.phase(job_id) is Phase.COMPLETED
        assert len(stage.mock.ledger.charges) == 1


async def test_an_id_that_another_job_has_cannot_be_adopted_nor_a_second_one(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        theirs = await stage.create(prompt=PROMPT)
        await stage.settle()
        known = (await stage.job(theirs)).remote_id
        assert known is not None
        job_id = await lost(stage)
        with pytest.raises(ConflictError):
            await decide.adopt(stage.tools, job_id, known)
        assert await stage.phase(job_id) is Phase.SUBMISSION_UNKNOWN
        with pytest.raises(ConflictError):
            await decide.adopt(stage.tools, theirs, "another")
        assert (await stage.job(theirs)).remote_id == known


async def test_a_slip_of_the_hand_is_put_right_and_keeps_no_id_from_others(
    tmp_path: Path, database_url: str
) -> None:
    accounts = [pictory(max_jobs=1)]
    async with rig(tmp_path, accounts=accounts, database_url=database_url) as stage:
        job_id = await lost(stage)
        (made,) = stage.mock.jobs
        slip = made.order.id[:-1]
        await decide.adopt(stage.tools, job_id, slip)
        with pytest.raises(ConflictError, match="rendering"):
            await decide.adopt(stage.tools, job_id, made.order.id)
        await stage.wait(2000, step=100)
        assert await stage.phase(job_id) is Phase.NEEDS_ATTENTION
        with pytest.raises(ConflictError, match=slip):
            await decide.adopt(stage.tools, job_id, slip)

        job = await decide.adopt(stage.tools, job_id, f" {made.order.id}\n")
        assert job is not None
        assert (job.phase, job.remote_id) == (Phase.RENDERING, made.order.id)
        taken = await stage.tools.database.read(
            lambda connection: remote_ids.is_taken(connection, "pictory", slip)
        )
        assert not taken
        await stage.wait(90, step=10)
        assert await stage.phase(job_id) is Phase.COMPLETED
        # It was only ever said, and never seen.
        assert await stage.orphans() == []


async def test_an_id_under_which_the_provider_showed_the_job_is_not_replaced(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        job_id = await stage.create(prompt=f"{PROMPT} [[mock run=60m]]")
        await stage.wait(2000, step=100)
        assert await stage.phase(job_id) is Phase.NEEDS_ATTENTION
        known = (await stage.job(job_id)).remote_id
        with pytest.raises(ConflictError, match=known):
            await decide.adopt(stage.tools, job_id, "another")
        assert (await stage.job(job_id)).remote_id == known


async def test_a_replaced_id_that_is_there_after_all_is_an_orphan(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        stage.provider_wire.meddle = lambda request: (
            httpx.Response(503, text="later") if request.method == "GET" else None
        )
        job_id = await stage.create(prompt=PROMPT)
        await stage.wait(2000, step=100)
        first = (await stage.job(job_id)).remote_id
        await decide.adopt(stage.tools, job_id, "another")
        stage.provider_wire.meddle = lambda _: None
        await stage.wait(200, step=20)
        (orphan,) = await stage.orphans()
        assert (orphan.remote_id, orphan.detail) == (first, "replaced by another")


@pytest.mark.parametrize("said", ["", " ", "/", "a b", "../videos"])
async def test_what_is_no_id_of_the_providers_is_not_taken_for_one(
    tmp_path: Path, said: str
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await lost(stage)
        with pytest.raises(InvalidError) as caught:
            await decide.adopt(stage.tools, job_id, said)
        assert [fault.pointer for fault in caught.value.errors] == ["/upstream_id"]
        assert await stage.phase(job_id) is Phase.SUBMISSION_UNKNOWN


async def test_resubmitting_sends_it_once_more_with_nothing_left_of_the_first_time(
    tmp_path: Path, database_url: str
) -> None:
    accounts = [pictory(max_jobs=1)]
    async with rig(tmp_path, accounts=accounts, database_url=database_url) as stage:
        job_id = await lost(stage, NEVER_DONE)
        await stage.wait(1900, step=100)
        job = await decide.resubmit(stage.tools, job_id)
        assert job is not None
        assert (job.phase, job.attempt_id, job.deadline_at, job.error) == (
            Phase.WAITING_FOR_SLOT,
            None,
            None,
            None,
        )
        await stage.wait(120, step=10)

        assert await stage.phase(job_id) is Phase.COMPLETED
        assert len(stage.mock.ledger.charges) == 1


async def test_a_job_that_was_made_again_leaves_the_first_one_as_an_orphan(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        job_id = await stage.create(prompt=f"{PROMPT} [[mock run=60m]]")
        await stage.wait(2000, step=100)
        assert await stage.phase(job_id) is Phase.NEEDS_ATTENTION
        first = (await stage.job(job_id)).remote_id
        await decide.resubmit(stage.tools, job_id)
        await stage.wait(100, step=10)

        assert await stage.phase(job_id) is Phase.RENDERING
        (orphan,) = await stage.orphans()
        assert (orphan.reason, orphan.remote_id) == (Reason.ABANDONED, first)
        (told,) = [one for one in await stage.history(job_id) if one.event == "orphaned"]
        assert told.detail.startswith(f"given_up: {first} on pictory-main: ")
        assert "given_up" not in await stage.events(job_id)


async def test_what_the_first_time_cost_is_not_told_of_the_second(tmp_path: Path) -> None:
    watch = WatchSettings(deadline_seconds=700)
    async with rig(tmp_path, accounts=[pictory()], watch=watch) as stage:
        # It was made and charged, and nobody can fetch it.
        stage.media_wire.meddle = lambda _: httpx.Response(410)
        job_id = await stage.create(prompt=PROMPT)
        await stage.wait(900, step=10)
        assert await stage.phase(job_id) is Phase.NEEDS_ATTENTION
        assert (await stage.job(job_id)).cost is not None

        fault(stage, NEVER_DONE)
        job = await decide.resubmit(stage.tools, job_id)
        assert job is not None
        assert job.cost is None
        await stage.settle()
        assert await stage.phase(job_id) is Phase.SUBMISSION_UNKNOWN
        without_lists(stage)
        await cancel.cancel(stage.tools, None, job_id)
        await stage.wait(900, step=20)

        error = (await stage.job(job_id)).error
        assert error is not None
        assert "nobody knows whether it was charged; no amount was told" in error.message
        assert "an earlier try may have been charged besides" in error.message


async def test_a_callback_of_the_first_time_does_not_disturb_the_second(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await lost(stage, MADE, "run=30m")
        first, (made,) = last_submit(stage), stage.mock.jobs
        stage.provider_wire.meddle = lambda _: None
        await decide.resubmit(stage.tools, job_id)
        await stage.settle()
        second = (await stage.job(job_id)).remote_id
        assert await call_back(stage, {"job_id": made.order.id}, first) == 200
        await stage.settle()

        job = await stage.job(job_id)
        assert (job.phase, job.remote_id) == (Phase.RENDERING, second)
        (orphan,) = await stage.orphans()
        assert (orphan.reason, orphan.remote_id) == (Reason.ABANDONED, made.order.id)


async def test_a_callback_of_the_first_time_saves_the_second_payment(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:
        job_id = await lost(stage)
        first, (made,) = last_submit(stage), stage.mock.jobs
        await decide.resubmit(stage.tools, job_id)
        assert await call_back(stage, {"job_id": made.order.id}, first) == 200
        await stage.settle()
        assert await stage.phase(job_id) is Phase.RENDERING
        await stage.wait(90, step=10)

        assert await stage.phase(job_id) is Phase.COMPLETED
        assert len(stage.mock.ledger.charges) == 1


async def test_a_job_that_is_given_up_ends_with_the_operators_words(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:
        job_id = await lost(stage)
        after = await stage.create(prompt=PROMPT)
        job = await decide.fail(stage.tools, job_id, "the provider lost it")
        assert job is not None
        assert job.phase is Phase.FAILED
        assert job.error is not None
        assert (job.error.code, job.error.message) == ("given_up", "the provider lost it")
        await stage.settle()
        assert await stage.phase(after) is Phase.RENDERING


async def test_only_open_jobs_are_open_to_this(tmp_path: Path) -> None:
    async with rig(tmp_path) as stage:
        job_id = await stage.create(prompt=PROMPT)
        for verb in (decide.resubmit, decide.fail):
            with pytest.raises(ConflictError, match="waiting_for_slot"):
                await verb(stage.tools, job_id)
            assert await verb(stage.tools, "video_unknown") is None
        assert await decide.adopt(stage.tools, "video_unknown", "x") is None
        assert await stage.events(job_id) == ["created"]
