"""Canceling, in every phase and at every moment: what is free, what races, what was spent."""

import asyncio
import base64
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from gateway.config import MoneySettings
from gateway.engine import decide, dispatch, outcomes
from gateway.engine.cancel import cancel
from gateway.model.errors import FinishedError
from gateway.model.job import Job
from gateway.model.phases import Phase
from gateway.storage.orphans import Reason
from tests.gateway.engine.lost_support import MADE, NEVER_DONE, PROMPT, fault, without_lists
from tests.rig import Rig, is_submit, pictory, picture, pixverse, rig

FRAME = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
FREE = "canceled: nothing was spent"


async def canceled(stage: Rig, job_id: str) -> Job:
    """Ask for the end of a job as its owner; the answer."""
    job = await cancel(stage.tools, "tester", job_id)
    assert job is not None
    return job


async def said(stage: Rig, job_id: str) -> str:
    """What a job that was canceled says of it."""
    job = await stage.job(job_id)
    assert job.phase is Phase.FAILED
    assert job.error is not None
    assert job.error.code == "canceled"
    assert job.completed_at is not None
    return job.error.message


async def test_a_job_in_line_ends_at_once_and_costs_nothing(
    tmp_path: Path, database_url: str
) -> None:
    async with rig(tmp_path, database_url=database_url) as stage:
        job_id = await stage.create(prompt=PROMPT)
        assert (await canceled(stage, job_id)).phase is Phase.FAILED
        await stage.wait(30, step=10)

        assert await said(stage, job_id) == FREE
        assert stage.submits() == 0
        # Once more is no mistake.
        assert (await canceled(stage, job_id)).phase is Phase.FAILED
        assert (await stage.events(job_id)).count("canceled") == 1


async def test_only_its_owner_cancels_a_job_or_whoever_owns_them_all(tmp_path: Path) -> None:
    async with rig(tmp_path) as stage:
        job_id = await stage.create(prompt=PROMPT)
        assert await cancel(stage.tools, "somebody else", job_id) is None
        assert await cancel(stage.tools, "tester", "video_unknown") is None
        assert await stage.phase(job_id) is Phase.WAITING_FOR_SLOT
        assert await cancel(stage.tools, None, job_id) is not None
        assert await said(stage, job_id) == FREE


async def test_a_job_that_waits_for_another_ends_and_leaves_that_alone(tmp_path: Path) -> None:
    async with rig(tmp_path) as stage:
        source = await stage.create(prompt=PROMPT)
        job_id = await stage.create(
            model="pictory/veo3.1", prompt=PROMPT, first_frame={"video": source, "frame": "last"}
        )
        await canceled(stage, job_id)
        await stage.wait(90, step=10)

        assert await said(stage, job_id) == FREE
        assert await stage.phase(source) is Phase.COMPLETED


async def test_those_that_wait_for_a_canceled_job_fail_with_it(tmp_path: Path) -> None:
    async with rig(tmp_path) as stage:
        source = await stage.create(prompt=PROMPT)
        job_id = await stage.create(
            model="pictory/veo3.1", prompt=PROMPT, first_frame={"video": source, "frame": "last"}
        )
        await canceled(stage, source)
        await stage.settle()

        job = await stage.job(job_id)
        assert job.error is not None
        assert job.error.code == "source_failed"


async def test_a_job_whose_pictures_are_on_their_way_is_not_sent_any_more(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse(max_jobs=1)]) as stage:
        job_id = await stage.create(prompt=PROMPT, first_frame=FRAME)

        async def spoil(request: httpx.Request) -> None:
            if "files" in request.url.path:
                assert await stage.phase(job_id) is Phase.PREPARING
                await canceled(stage, job_id)

        stage.provider_wire.spoil = spoil
        await stage.settle()

        assert await said(stage, job_id) == FREE
        assert stage.submits() == 0


def cancel_while_sending(stage: Rig, job_id: str, *, unsent: bool = False) -> None:
    """Cancel when the provider has the request, and its answer is on its way."""

    async def spoil(request: httpx.Request) -> None:
        if is_submit(request) and await stage.phase(job_id) is Phase.SUBMITTING:
            assert (await canceled(stage, job_id)).phase is Phase.CANCELING
            if unsent:
                raise httpx.ConnectError("refused", request=request)

    stage.provider_wire.spoil = spoil


async def test_a_submission_that_was_taken_is_watched_to_its_end_and_says_what_it_cost(
    tmp_path: Path, database_url: str
) -> None:
    accounts = [pictory(max_jobs=1)]
    async with rig(tmp_path, accounts=accounts, database_url=database_url) as stage:
        job_id = await stage.create(prompt=PROMPT)
        cancel_while_sending(stage, job_id)
        waiting = await stage.create(prompt=PROMPT)
        await stage.settle()
        assert await stage.phase(job_id) is Phase.CANCELING
        # It runs at the provider, so its slot is taken.
        assert await stage.phase(waiting) is Phase.WAITING_FOR_SLOT
        await stage.wait(120, step=10)

        words = await said(stage, job_id)
        assert words == "canceled: too late, pictory-main had made and charged it: 8 credits"
        job = await stage.job(job_id)
        assert job.cost is not None
        assert job.result is None
        (orphan,) = await stage.orphans()
        assert (orphan.reason, orphan.job_id) == (Reason.CANCELED, job_id)
        assert orphan.url is not None
        assert await stage.phase(waiting) is Phase.COMPLETED


async def test_where_the_provider_tells_no_cost_the_listed_price_is_named_as_an_estimate(
    tmp_path: Path,
) -> None:
    money = MoneySettings(currency="USD", credit={"useapi-pixverse": Decimal("0.01")})
    async with rig(tmp_path, accounts=[pixverse()], money=money) as stage:
        job_id = await stage.create(prompt=PROMPT, model="useapi-pixverse/v4")
        await stage.settle()
        await canceled(stage, job_id)
        await stage.wait(90, step=10)

        words = await said(stage, job_id)
        assert "pixverse-a had made and charged it; no amount was told, an estimate" in words
        assert words.endswith(" by the nearest published price list is 45 credits (0.45 USD)")
        # What nobody said was charged is in no usage.
        assert (await stage.job(job_id)).cost is None


@pytest.mark.parametrize("status", [422, 429, 412])
async def test_a_submission_that_is_refused_ends_a_canceled_job(
    tmp_path: Path, status: int
) -> None:
    async with rig(tmp_path, accounts=[pixverse(max_jobs=1)]) as stage:
        job_id = await stage.create(prompt=PROMPT)
        cancel_while_sending(stage, job_id)
        stage.provider_wire.app = refusing(stage, status)
        await stage.settle()

        assert await said(stage, job_id) == FREE
        assert stage.mock.ledger.charges == ()


def refusing(stage: Rig, status: int) -> object:
    """The mock, but for submissions, which it answers with this status."""

    async def app(scope: object, receive: object, send: object) -> None:
        assert isinstance(scope, dict)
        if scope["method"] != "POST":
            await stage.mock.app(scope, receive, send)  # type: ignore[arg-type]
            return
        answer = httpx.Response(status, json={"error": "no"})
        head = {"type": "http.response.start", "status": status}
        await send({**head, "headers": answer.headers.raw})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": answer.content})  # type: ignore[operator]

    return app


async def test_a_submission_that_never_left_ends_a_canceled_job(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await stage.create(prompt=PROMPT)
        cancel_while_sending(stage, job_id, unsent=True)
        await stage.settle()

        assert await said(stage, job_id) == FREE


@pytest.mark.parametrize(
    ("how", "words"),
    [(MADE, "had made and charged it"), (NEVER_DONE, "nothing was spent")],
    ids=["made", "not made"],
)
async def test_a_canceled_job_whose_answer_was_lost_is_looked_for(
    tmp_path: Path, how: str, words: str
) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)], public_url=None) as stage:
        fault(stage, how)
        job_id = await stage.create(prompt=PROMPT)
        await stage.settle()
        assert await stage.phase(job_id) is Phase.SUBMISSION_UNKNOWN
        assert (await canceled(stage, job_id)).phase is Phase.CANCELING
        await stage.wait(700, step=20)

        assert words in await said(stage, job_id)
        assert stage.submits() == 1
        assert len(await stage.orphans()) == len(stage.mock.ledger.charges) == (how == MADE)


async def test_a_cancel_while_the_answer_is_lost_loses_neither(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)], public_url=None) as stage:
        job_id = await stage.create(prompt=PROMPT)

        async def spoil(request: httpx.Request) -> None:
            if is_submit(request):
                await canceled(stage, job_id)
                raise httpx.ReadError("reset", request=request)

        stage.provider_wire.spoil = spoil
        await stage.settle()
        assert await stage.phase(job_id) is Phase.CANCELING
        await stage.wait(150, step=10)

        assert "had made and charged it" in await said(stage, job_id)


async def test_a_canceled_job_that_nobody_finds_says_that_nobody_knows(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)], public_url=None) as stage:
        without_lists(stage)
        fault(stage, MADE)
        job_id = await stage.create(prompt=PROMPT)
        await stage.settle()
        await canceled(stage, job_id)
        waiting = await stage.create(prompt=PROMPT)
        await stage.wait(1900, step=50)

        words = await said(stage, job_id)
        assert "nobody knows whether it was charged; no amount was told" in words
        assert "its price list is 8 credits" in words
        assert await stage.phase(waiting) is not Phase.WAITING_FOR_SLOT


async def test_a_canceled_job_that_never_ends_frees_its_slot_and_is_an_orphan(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)], public_url=None) as stage:
        job_id = await stage.create(prompt=f"{PROMPT} [[mock run=60m]]")
        await stage.settle()
        await canceled(stage, job_id)
        await stage.wait(1300, step=50)

        words = "; it was charged; no amount was told, an estimate by its price list is 8 credits"
        assert words in await said(stage, job_id)
        assert [one.url for one in await stage.orphans()] == [None]


async def test_a_rendering_job_that_fails_at_the_provider_leaves_no_orphan(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        job_id = await stage.create(prompt=f"{PROMPT} [[mock fail=failed]]")
        await stage.settle()
        assert (await canceled(stage, job_id)).phase is Phase.CANCELING
        await stage.wait(90, step=10)

        words = await said(stage, job_id)
        assert "pixverse-a had failed it already (" in words
        assert "nobody knows whether it was charged; no amount was told" in words
        assert await stage.orphans() == []


async def test_a_cancel_during_the_very_look_that_sees_the_end_counts(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        job_id = await stage.create(prompt=PROMPT)
        await stage.settle()
        await stage.mock.advance(100)

        async def spoil(request: httpx.Request) -> None:
            if request.method == "GET" and await stage.phase(job_id) is Phase.RENDERING:
                await canceled(stage, job_id)

        stage.provider_wire.spoil = spoil
        await stage.settle()

        assert "had made and charged it" in await said(stage, job_id)
        assert len(await stage.orphans()) == 1


async def test_there_is_nothing_to_cancel_once_the_film_is_on_its_way(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await stage.create(prompt=PROMPT)
        refused = []

        async def spoil(_: httpx.Request) -> None:
            with pytest.raises(FinishedError):
                await canceled(stage, job_id)
            refused.append(await stage.phase(job_id))

        stage.media_wire.spoil = spoil
        await stage.wait(90, step=10)
        assert refused == [Phase.DOWNLOADING]
        assert await stage.phase(job_id) is Phase.COMPLETED
        with pytest.raises(FinishedError):
            await canceled(stage, job_id)


async def test_a_job_that_needs_attention_ends_at_once_and_what_was_paid_for_is_kept(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        job_id = await stage.create(prompt=f"{PROMPT} [[mock run=60m]]")
        await stage.wait(1300, step=50)
        assert (await canceled(stage, job_id)).phase is Phase.FAILED

        words = "it needed attention; it was charged; no amount was told"
        assert words in await said(stage, job_id)
        (orphan,) = await stage.orphans()
        assert (orphan.reason, orphan.remote_id) == (
            Reason.CANCELED,
            (await stage.job(job_id)).remote_id,
        )
        moved, kept = (await stage.history(job_id))[-2:]
        assert (moved.event, kept.event) == ("canceled", "orphaned")
        assert kept.detail.startswith(f"canceled: {orphan.remote_id} on pictory-main: ")


async def test_a_job_that_was_sent_again_says_that_the_first_try_may_have_been_charged(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)], public_url=None) as stage:
        fault(stage, MADE)
        job_id = await stage.create(prompt=PROMPT)
        await stage.settle()
        await decide.resubmit(stage.tools, job_id)
        await canceled(stage, job_id)

        words = await said(stage, job_id)
        assert words == (
            "canceled: nothing more was spent; an earlier try may have been charged besides"
        )


async def test_a_job_whose_first_try_was_refused_says_that_nothing_was_spent(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pixverse(max_jobs=1)]) as stage:
        job_id = await stage.create(prompt=PROMPT)
        app, stage.provider_wire.app = stage.provider_wire.app, refusing(stage, 429)
        await stage.settle()
        stage.provider_wire.app = app
        assert (await stage.job(job_id)).attempts == 1
        await canceled(stage, job_id)

        assert await said(stage, job_id) == FREE


async def test_many_cancels_at_once_are_one(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await stage.create(prompt=PROMPT)
        await stage.settle()
        await asyncio.gather(*(canceled(stage, job_id) for _ in range(20)))
        await stage.wait(90, step=10)

        assert (await stage.events(job_id)).count("cancel_asked") == 1
        assert len(await stage.orphans()) == 1


async def test_a_cancel_between_an_intent_and_word_of_its_commit_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await stage.create(prompt=PROMPT)
        record = dispatch._record_intent

        async def unsure(*given: object) -> bool:
            assert await record(*given)  # type: ignore[arg-type]
            await canceled(stage, job_id)
            # The commit's answer was lost, so it is asked a second time.
            return await record(*given)  # type: ignore[arg-type]

        monkeypatch.setattr(dispatch, "_record_intent", unsure)
        await stage.settle()

        assert await said(stage, job_id) == FREE
        assert stage.submits() == 0


async def test_a_bug_while_the_outcome_of_a_canceled_job_is_recorded_loses_no_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await stage.create(prompt=PROMPT)
        cancel_while_sending(stage, job_id)

        async def broken(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(outcomes, "_accepted", broken)
        with pytest.raises(ZeroDivisionError):
            await stage.engine.turn()
        await stage.wait(150, step=10)

        assert "had made and charged it" in await said(stage, job_id)
        assert len(await stage.orphans()) == 1
