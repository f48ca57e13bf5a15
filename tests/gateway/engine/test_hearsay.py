"""What is only heard of a submission is kept until a look with our own key settles it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.engine import cancel, decide, dispatch, hearsay, line, outcomes, remove, standing
from gateway.engine.line import Bound
from gateway.model.clock import SECOND
from gateway.model.phases import Phase
from gateway.storage import Connection, orphans, remote_ids
from gateway.storage.orphans import Orphan, Reason
from providers.contract import Accepted
from tests.gateway.engine.lost_support import (
    MADE,
    PROMPT,
    call_back,
    empty_lists,
    fault,
    last_submit,
    submitted_by_others,
)
from tests.rig import Rig, is_submit, pictory, rig

ACCOUNT = "pictory-main"
QUIET = f"{PROMPT} [[mock no-callback]]"


async def bound(stage: Rig) -> Bound:
    """A slot for the job that is next in line."""
    (found,) = await stage.tools.database.write(
        lambda connection: line.bind_line(connection, stage.tools)
    )
    return found


async def given_up(stage: Rig) -> str:
    """A job that was made, and that no list shows until it is back in line; its id."""
    fault(stage, MADE)
    job_id = await stage.create(prompt=QUIET)
    await stage.settle()
    await standing.pause(stage.tools, ACCOUNT)
    for _ in range(33):
        empty_lists(stage)
        await stage.wait(20, step=20)
    assert await stage.phase(job_id) is Phase.WAITING_FOR_SLOT
    return job_id


def away(stage: Rig) -> None:
    """From now on the provider takes submissions, and answers nothing else."""
    stage.provider_wire.meddle = lambda one: None if is_submit(one) else httpx.Response(503)


async def resumed(stage: Rig) -> None:
    """The provider answers again, and the account takes jobs."""
    stage.provider_wire.meddle = lambda _: None
    await standing.resume(stage.tools, ACCOUNT)


async def test_a_job_that_is_heard_of_after_it_was_given_up_is_not_sent_again(
    tmp_path: Path, database_url: str
) -> None:
    async with rig(tmp_path, accounts=[pictory()], database_url=database_url) as stage:
        job_id = await given_up(stage)
        (made,) = stage.mock.jobs
        away(stage)
        await call_back(stage, {"job_id": made.order.id})
        await stage.settle()
        # The one look that could be made at once came to nothing: what was heard stays.
        assert await stage.phase(job_id) is Phase.SUBMISSION_UNKNOWN
        await resumed(stage)
        await stage.wait(150, step=10)

        job = await stage.job(job_id)
        assert (job.phase, job.remote_id) == (Phase.COMPLETED, made.order.id)
        assert stage.submits() == len(stage.mock.ledger.charges) == 1
        assert await stage.orphans() == []


async def test_nor_is_one_whose_callback_names_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await given_up(stage)
        await call_back(stage, {"event": "done"})
        assert await stage.phase(job_id) is Phase.SUBMISSION_UNKNOWN
        await resumed(stage)
        await stage.wait(150, step=10)

        assert await stage.phase(job_id) is Phase.COMPLETED
        assert stage.submits() == len(stage.mock.ledger.charges) == 1


async def test_what_an_operator_sends_again_is_not_held_back_by_what_was_said_before(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await given_up(stage)
        nobodys = {"job_id": "8e7c3c30-0000-4000-8000-000000000000"}
        for body in ({"event": "done"}, nobodys):
            await call_back(stage, body)
            assert await stage.phase(job_id) is Phase.SUBMISSION_UNKNOWN
            await decide.resubmit(stage.tools, job_id)
            await call_back(stage, body)
            assert await stage.phase(job_id) is Phase.WAITING_FOR_SLOT


async def test_a_new_attempt_that_was_not_sent_yet_gives_way(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await given_up(stage)
        (made,) = stage.mock.jobs
        await resumed(stage)
        second = await bound(stage)
        assert await stage.phase(job_id) is Phase.PREPARING
        await call_back(stage, {"job_id": made.order.id})
        await dispatch.carry_out(stage.tools, second, dispatch.Gate())
        await stage.wait(150, step=10)

        assert await stage.phase(job_id) is Phase.COMPLETED
        assert stage.submits() == 1
        assert [one.remote_id for one in await stage.attempts(job_id)] == [made.order.id, None]


async def test_a_callback_counts_for_what_its_attempt_is_when_it_is_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        fault(stage, MADE)
        job_id = await stage.create(prompt=QUIET)
        await stage.settle()
        (made,) = stage.mock.jobs
        database, write, go_on = stage.tools.database, stage.tools.database.write, asyncio.Event()

        async def slow(run: Callable[[Connection], Any], **options: Any) -> Any:
            if run.__qualname__.startswith("called_back"):
                await go_on.wait()
            return await write(run, **options)

        monkeypatch.setattr(database, "write", slow)
        call = asyncio.create_task(call_back(stage, {"job_id": made.order.id}))
        # Read, and not written yet, when all is given up.
        await asyncio.sleep(0.2)
        await standing.pause(stage.tools, ACCOUNT)
        for _ in range(33):
            empty_lists(stage)
            await stage.wait(20, step=20)
        assert await stage.phase(job_id) is Phase.WAITING_FOR_SLOT
        go_on.set()
        assert await call == 200
        await resumed(stage)
        await stage.wait(150, step=10)

        assert await stage.phase(job_id) is Phase.COMPLETED
        assert stage.submits() == len(stage.mock.ledger.charges) == 1


async def test_an_id_in_an_answer_that_comes_after_the_giving_up_is_kept(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        fault(stage, MADE)
        job_id = await stage.create(prompt=QUIET)
        first = await bound(stage)
        await dispatch.carry_out(stage.tools, first, dispatch.Gate())
        await standing.pause(stage.tools, ACCOUNT)
        for _ in range(33):
            empty_lists(stage)
            await stage.wait(20, step=20)
        assert await stage.phase(job_id) is Phase.WAITING_FOR_SLOT
        (made,) = stage.mock.jobs
        await outcomes.lost(stage.tools, first, "half an answer", made.order.id)
        assert await stage.phase(job_id) is Phase.SUBMISSION_UNKNOWN
        await resumed(stage)
        await stage.wait(150, step=10)

        assert await stage.phase(job_id) is Phase.COMPLETED
        assert stage.submits() == 1


async def test_an_answer_that_comes_after_its_video_was_deleted_is_an_orphan_and_nobody_elses(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        fault(stage, MADE)
        job_id = await stage.create(prompt=QUIET)
        first = await bound(stage)
        await dispatch.carry_out(stage.tools, first, dispatch.Gate())
        await decide.fail(stage.tools, job_id)
        assert await remove.remove(stage.tools, None, job_id)
        (made,) = stage.mock.jobs
        await outcomes.record_outcome(stage.tools, first, {}, Accepted(remote_id=made.order.id))

        (orphan,) = await stage.orphans()
        assert (orphan.remote_id, orphan.job_id) == (made.order.id, job_id)
        assert await stage.tools.database.read(
            lambda connection: remote_ids.is_taken(connection, "pictory", made.order.id)
        )


async def test_an_answer_with_another_id_than_its_early_callback_is_two_jobs(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        told: list[str] = []

        async def spoil(request: httpx.Request) -> None:
            if is_submit(request) and not told:
                told.append("")
                await submitted_by_others(stage)
                told[0] = next(reversed(list(stage.mock.jobs))).order.id
                await call_back(stage, {"job_id": told[0]}, request)

        stage.provider_wire.spoil = spoil
        job_id = await stage.create(prompt=QUIET)
        await stage.wait(100, step=10)

        job = await stage.job(job_id)
        assert job.phase is Phase.COMPLETED
        (orphan,) = await stage.orphans()
        assert (orphan.reason, orphan.job_id) == (Reason.DOUBLE, job_id)
        assert {orphan.remote_id, job.remote_id} == {one.order.id for one in stage.mock.jobs}
        assert told == [orphan.remote_id]


async def named(stage: Rig) -> tuple[str, str]:
    """A lost job that its callback named, and that cannot be looked at; it, and that film."""
    fault(stage, MADE)
    job_id = await stage.create(prompt=QUIET)
    await stage.settle()
    (made,) = stage.mock.jobs
    away(stage)
    await call_back(stage, {"job_id": made.order.id})
    await stage.settle()
    assert await stage.phase(job_id) is Phase.SUBMISSION_UNKNOWN
    return job_id, made.order.id


@pytest.mark.parametrize(
    ("verb", "seconds", "reason"),
    [
        ("fail", 0, Reason.ABANDONED),
        ("resubmit", 0, Reason.ABANDONED),
        ("cancel", 0, Reason.CANCELED),
        # Nobody could look at it in time, so it needs attention.
        ("cancel", 2400, Reason.CANCELED),
    ],
)
async def test_an_id_that_was_heard_of_is_looked_for_though_its_job_is_given_up(
    tmp_path: Path, verb: str, seconds: float, reason: Reason
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id, film = await named(stage)
        await stage.wait(seconds, step=60)
        if verb == "cancel":
            await cancel.cancel(stage.tools, "tester", job_id)
        else:
            await getattr(decide, verb)(stage.tools, job_id)
        await stage.wait(2400, step=60)
        assert await stage.orphans() == []
        stage.provider_wire.meddle = lambda _: None
        await stage.wait(3600, step=60)

        (orphan,) = await stage.orphans()
        assert (orphan.reason, orphan.remote_id, orphan.job_id) == (reason, film, job_id)
        assert (await stage.job(job_id)).remote_id != film
        assert len(stage.mock.ledger.charges) == (2 if verb == "resubmit" else 1)


async def test_an_id_that_was_heard_of_and_is_seen_before_its_job_is_sent_again_saves_that(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id, film = await named(stage)
        await standing.pause(stage.tools, ACCOUNT)
        await decide.resubmit(stage.tools, job_id)
        await stage.settle()
        assert await stage.phase(job_id) is Phase.WAITING_FOR_SLOT
        stage.provider_wire.meddle = lambda _: None
        await stage.wait(hearsay.PAUSE / SECOND + 90, step=10)

        job = await stage.job(job_id)
        assert (job.phase, job.remote_id) == (Phase.COMPLETED, film)
        assert stage.submits() == len(stage.mock.ledger.charges) == 1
        assert await stage.orphans() == []


async def sent_again(stage: Rig) -> tuple[httpx.Request, str]:
    """A job that was made, given up and sent once more; its first submission and that film."""
    await given_up(stage)
    (made,) = stage.mock.jobs
    submit = last_submit(stage)
    await resumed(stage)
    await stage.settle()
    assert stage.submits() == 2
    return submit, made.order.id


async def next_look(stage: Rig) -> int | None:
    """When the next job is looked at that was only heard of."""
    return await stage.tools.database.read(orphans.next_due)


@pytest.mark.parametrize("how", ["kept", "removed"])
async def test_a_film_nobody_waits_for_is_shown_once_it_was_seen(tmp_path: Path, how: str) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        submit, film = await sent_again(stage)
        if how == "removed":
            await stage.wait(100, step=10)
        away(stage)
        await call_back(stage, {"job_id": film}, submit)
        await stage.settle()
        assert await stage.orphans() == []
        if how == "removed":
            (job,) = await stage.every_job()
            await remove.remove(stage.tools, None, job.id)
        stage.provider_wire.meddle = lambda _: None
        await stage.wait(hearsay.PAUSE / SECOND + 10, step=10)

        (orphan,) = await stage.orphans()
        assert (orphan.reason, orphan.remote_id) == (Reason.REVIVED, film)
        assert orphan.url is not None
        assert await next_look(stage) is None


async def test_a_film_that_is_never_seen_is_looked_for_ever_less_and_for_a_week(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        submit, _ = await sent_again(stage)
        await stage.wait(100, step=10)
        asked = len(stage.provider_wire.requests)
        await call_back(stage, {"job_id": "8e7c3c30-0000-4000-8000-000000000000"}, submit)
        await stage.wait(86_400, step=600)
        assert await next_look(stage) is not None
        await stage.wait(8 * 86_400, step=3600)

        assert await next_look(stage) is None
        assert await stage.orphans() == []
        assert len(stage.provider_wire.requests) - asked < 30


async def test_what_was_heard_of_an_account_that_is_gone_is_given_up_in_time_too(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        orphan = Orphan(
            account="left-the-configuration",
            remote_id="job-1",
            job_id="video_1",
            attempt_id="att_1",
            reason=Reason.DOUBLE,
            detail="heard of",
            url=None,
            found_at=stage.now(),
            due_at=stage.now(),
        )
        await stage.tools.database.write(lambda connection: orphans.add(connection, orphan))
        await stage.wait(hearsay.GIVEN_UP / SECOND + 86_400, step=3600)

        assert await stage.tools.database.read(orphans.next_due) is None
