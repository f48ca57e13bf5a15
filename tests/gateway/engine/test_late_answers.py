"""Answers that come after others took over, gave up or sent again: none of them is lost."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.engine import dispatch
from gateway.model.phases import Phase
from gateway.storage.orphans import Reason
from tests.gateway.engine.lost_support import MADE, PROMPT, empty_lists, fault
from tests.gateway.engine.takeover_support import Halted, taken_over
from tests.rig import Rig, is_submit, pictory, rig, twin


async def test_an_answer_that_comes_after_a_takeover_is_the_jobs_own(
    tmp_path: Path, database_url: str
) -> None:
    async with (
        rig(tmp_path, accounts=[pictory()], database_url=database_url) as first,
        twin(first) as (second, _),
    ):
        job_id = await first.create(prompt=f"{PROMPT} [[mock no-callback]]")
        halted = Halted(first)
        await halted.begin()
        await taken_over(first, second)
        assert await second.phase(job_id) is Phase.SUBMISSION_UNKNOWN
        await halted.wake()

        job = await first.job(job_id)
        assert job.phase is Phase.RENDERING
        assert job.remote_id == next(iter(first.mock.jobs)).order.id
        await first.check_slots()
        await second.wait(90, step=10)
        assert await second.phase(job_id) is Phase.COMPLETED
        assert len(second.mock.ledger.charges) == 1


async def test_an_answer_that_comes_after_the_job_was_found_changes_nothing(
    tmp_path: Path,
) -> None:
    async with (
        rig(tmp_path, accounts=[pictory()], public_url=None) as first,
        twin(first) as (second, _),
    ):
        job_id = await first.create(prompt=PROMPT)
        halted = Halted(first)
        await halted.begin()
        await taken_over(first, second)
        await second.wait(120, step=10)
        before = await second.events(job_id)
        assert before[-1] == "saved"
        await halted.wake()

        assert await second.events(job_id) == before
        assert await second.orphans() == []
        await second.check_slots()


async def test_an_answer_that_comes_when_people_were_told_already_is_taken(tmp_path: Path) -> None:
    async with (
        rig(tmp_path, accounts=[pictory(exclusive=False)], public_url=None) as first,
        twin(first) as (second, _),
    ):
        job_id = await first.create(prompt=f"{PROMPT} [[mock run=60m]]")
        halted = Halted(first)
        await halted.begin()
        await taken_over(first, second)
        await second.wait(1900, step=100)
        assert await second.phase(job_id) is Phase.NEEDS_ATTENTION
        await halted.wake()

        assert await second.phase(job_id) is Phase.RENDERING
        await second.check_slots()
        await second.wait(2400, step=100)
        assert await second.phase(job_id) is Phase.COMPLETED


@pytest.mark.parametrize("known_to_people", [False, True])
async def test_a_refusal_that_comes_after_a_takeover_puts_the_job_back_into_the_line(
    tmp_path: Path, *, known_to_people: bool
) -> None:
    async with (
        rig(tmp_path, accounts=[pictory()], public_url=None) as first,
        twin(first) as (second, _),
    ):
        no = [httpx.Response(429, json={"message": "Too Many Requests"})]
        first.provider_wire.meddle = lambda one: no.pop() if no and is_submit(one) else None
        job_id = await first.create(prompt=PROMPT)
        sent, go_on = asyncio.Event(), asyncio.Event()
        send = dispatch._send

        async def slow(*given: Any) -> Any:
            answer = await send(*given)
            sent.set()
            await go_on.wait()
            return answer

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dispatch, "_send", slow)
            turn = asyncio.create_task(first.engine.turn())
            await sent.wait()
        await taken_over(first, second)
        if known_to_people:
            await second.wait(1900, step=100)
        expected = Phase.NEEDS_ATTENTION if known_to_people else Phase.SUBMISSION_UNKNOWN
        assert await second.phase(job_id) is expected
        go_on.set()
        await turn

        assert await second.phase(job_id) is Phase.WAITING_FOR_SLOT
        await second.check_slots()
        await second.wait(400, step=20)
        assert await second.phase(job_id) is Phase.COMPLETED
        assert len(second.mock.ledger.charges) == 1


async def lost_by(first: Rig) -> str | None:
    """The name of a sender that has lost an answer, as its attempt has it."""
    (job,) = await first.every_job()
    (attempt,) = await first.attempts(job.id)
    assert attempt.state == "unknown"
    return attempt.replica


async def test_a_sender_that_lost_an_answer_itself_will_not_send_it_any_more(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        fault(stage, MADE)
        await stage.create(prompt=PROMPT)
        await stage.settle()
        assert await lost_by(stage) is None


async def test_one_that_was_taken_over_from_may_until_it_says_so_or_is_dead(
    tmp_path: Path,
) -> None:
    async with (
        rig(tmp_path, accounts=[pictory()], public_url=None) as first,
        twin(first) as (second, _),
    ):
        fault(first, "garble")
        await first.create(prompt=f"{PROMPT} [[mock run=60m]]")
        halted = Halted(first)
        await halted.begin()
        await taken_over(first, second)
        assert await lost_by(first) == first.tools.replica
        await halted.wake()
        assert await lost_by(first) is None


async def test_an_answer_that_comes_after_all_was_given_up_is_taken_while_nothing_else_was_sent(
    tmp_path: Path,
) -> None:
    async with (
        rig(tmp_path, accounts=[pictory(max_jobs=1)], public_url=None) as first,
        twin(first) as (second, alive),
    ):
        job_id = await first.create(prompt=f"{PROMPT} [[mock run=60m]]")
        halted = Halted(first)
        await halted.begin()
        alive.discard(first.tools.replica)
        await given_up(first, second, job_id)
        # Somebody else has the slot meanwhile.
        other = await second.create(prompt=f"{PROMPT} 2", routing={"priority": "high"})
        await second.settle()
        assert await second.phase(other) is Phase.RENDERING
        await halted.wake()

        job = await second.job(job_id)
        assert (job.phase, job.remote_id) == (
            Phase.RENDERING,
            next(iter(second.mock.jobs)).order.id,
        )
        await second.check_slots()
        await second.wait(3600, step=120)
        assert await second.phase(job_id) is Phase.COMPLETED
        assert len(second.mock.ledger.charges) == 2
        assert await second.orphans() == []


async def given_up(first: Rig, second: Rig, job_id: str) -> None:
    """The lists show nothing of a job until it counts as not made; no slot is free then."""

    empty_lists(first)
    await taken_over(first, second)
    await second.tools.database.write(
        lambda connection: connection.exec_driver_sql("UPDATE accounts SET max_jobs = 0")
    )
    await second.wait(700, step=20)
    first.provider_wire.meddle = lambda _: None
    assert await second.phase(job_id) is Phase.WAITING_FOR_SLOT
    await second.tools.database.write(
        lambda connection: connection.exec_driver_sql("UPDATE accounts SET max_jobs = 1")
    )


async def test_an_answer_that_comes_after_the_job_was_sent_again_is_an_orphan(
    tmp_path: Path,
) -> None:
    async with (
        rig(tmp_path, accounts=[pictory(max_jobs=1)], public_url=None) as first,
        twin(first) as (second, alive),
    ):
        job_id = await first.create(prompt=f"{PROMPT} [[mock run=30s]]")
        halted = Halted(first)
        await halted.begin()
        alive.discard(first.tools.replica)
        await given_up(first, second, job_id)
        await second.settle()
        assert await second.phase(job_id) is Phase.RENDERING
        await halted.wake()
        await second.wait(90, step=10)

        job = await second.job(job_id)
        assert job.phase is Phase.COMPLETED
        (orphan,) = await second.orphans()
        assert orphan.reason is Reason.REVIVED
        assert {job.remote_id, orphan.remote_id} == {one.order.id for one in second.mock.jobs}
        await second.check_slots()
