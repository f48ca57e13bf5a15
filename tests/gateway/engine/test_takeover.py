"""Replicas that die, halt and wake: nothing is paid twice, no answer is lost."""

import asyncio
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.engine import dispatch, line, takeover
from gateway.model.clock import SECOND
from gateway.model.phases import Phase
from gateway.storage import Connection, UncertainError, jobs, replicas
from gateway.storage.orphans import Reason
from tests.gateway.engine.lost_support import (
    MADE,
    NEVER_DONE,
    PROMPT,
    empty_lists,
    fault,
)
from tests.rig import Rig, is_submit, pictory, rig, twin

LEASE = 15


class Halted:
    """A submission that hangs where a test says: the provider has it, its sender does not go on."""

    def __init__(self, stage: Rig) -> None:
        self._stage = stage
        self.there, self.go_on = asyncio.Event(), asyncio.Event()
        self.turn: asyncio.Task[int] | None = None
        stage.provider_wire.spoil = self._spoil

    async def _spoil(self, request: httpx.Request) -> None:
        if is_submit(request) and not self.there.is_set():
            self.there.set()
            await self.go_on.wait()

    async def begin(self) -> None:
        """Go until the provider has the request."""
        self.turn = asyncio.create_task(self._stage.engine.turn())
        await self.there.wait()

    async def wake(self) -> None:
        """Let the sender go on, to its end."""
        assert self.turn is not None
        self.go_on.set()
        await self.turn


async def taken_over(first: Rig, second: Rig) -> None:
    """The first replica is silent for longer than a lease, and the second one notices."""
    await first.mock.advance(LEASE + 1)
    # It was about all that time itself.
    await seen(second)
    await second.engine.beat()


async def seen(stage: Rig) -> None:
    """Have it been seen a moment ago."""
    await stage.tools.database.write(
        lambda connection: replicas.beat(connection, stage.tools.replica, "here", stage.now())
    )


@pytest.mark.parametrize("how", ["dead", "silent"])
async def test_what_a_lost_replica_was_preparing_goes_back_into_the_line(
    tmp_path: Path, database_url: str, how: str
) -> None:
    async with (
        rig(tmp_path, accounts=[pictory()], database_url=database_url) as first,
        twin(first) as (second, alive),
    ):
        job_id = await first.create(prompt=PROMPT)
        (bound,) = await first.tools.database.write(
            lambda connection: line.bind_line(connection, first.tools)
        )
        if how == "dead":
            alive.discard(first.tools.replica)
        await taken_over(first, second)
        assert await second.phase(job_id) is Phase.WAITING_FOR_SLOT
        await second.check_slots()
        await second.wait(90, step=10)
        assert await second.phase(job_id) is Phase.COMPLETED

        # Only now the first one comes to send it.
        await dispatch.carry_out(first.tools, bound, dispatch.Gate())
        assert second.submits() == len(second.mock.ledger.charges) == 1


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


async def test_a_graceful_end_leaves_nothing_in_hand(tmp_path: Path) -> None:
    async with (
        rig(tmp_path, accounts=[pictory()], public_url=None) as first,
        twin(first) as (second, _),
    ):
        job_id = await first.create(prompt=PROMPT)
        await second.tools.database.write(
            lambda connection: line.bind_line(connection, second.tools)
        )
        await second.engine.stop(1)
        assert await first.phase(job_id) is Phase.WAITING_FOR_SLOT
        names = await first.tools.database.read(
            lambda connection: [one.id for one in replicas.listed(connection)]
        )
        assert names == [first.tools.replica]
        # Its proof of life may outlive it for a moment: it has said itself that it is gone.
        await first.settle()
        assert await first.phase(job_id) is Phase.RENDERING


async def test_what_a_replica_began_that_nobody_lists_is_taken_over_too(tmp_path: Path) -> None:
    async with (
        rig(tmp_path, accounts=[pictory()]) as first,
        twin(first) as (second, alive),
    ):
        alive.discard(first.tools.replica)
        await taken_over(first, second)
        # Back from a partition, it takes up a job, and is gone before it is seen again.
        alive.add(first.tools.replica)
        job_id = await first.create(prompt=PROMPT)
        await first.tools.database.write(lambda connection: line.bind_line(connection, first.tools))
        await second.engine.beat()
        assert await second.phase(job_id) is Phase.PREPARING

        alive.discard(first.tools.replica)
        await second.engine.beat()
        assert await second.phase(job_id) is Phase.WAITING_FOR_SLOT


async def test_attempts_from_before_there_were_replicas_are_taken_over(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await stage.create(prompt=PROMPT)
        await stage.tools.database.write(lambda connection: line.bind_line(connection, stage.tools))
        await stage.tools.database.write(
            lambda connection: connection.exec_driver_sql("UPDATE attempts SET replica = NULL")
        )
        await takeover.beat(stage.tools, ())
        assert await stage.phase(job_id) is Phase.WAITING_FOR_SLOT


async def test_whoever_was_without_the_database_judges_nobody_by_their_silence(
    tmp_path: Path,
) -> None:
    async with (
        rig(tmp_path, accounts=[pictory()]) as first,
        twin(first) as (second, _),
    ):
        job_id = await first.create(prompt=PROMPT)
        await first.tools.database.write(lambda connection: line.bind_line(connection, first.tools))
        await first.mock.advance(LEASE * 10)
        await second.engine.beat()
        assert await first.phase(job_id) is Phase.PREPARING
        await first.mock.advance(LEASE / 2)
        await second.engine.beat()
        assert await first.phase(job_id) is Phase.WAITING_FOR_SLOT


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


async def test_what_was_held_up_before_it_was_sent_is_not_sent_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        monkeypatch.setattr(dispatch, "MAY_SEND_SECONDS", -1)
        job_id = await stage.create(prompt=PROMPT)
        await stage.engine.turn()
        assert await stage.phase(job_id) is Phase.WAITING_FOR_SLOT
        assert stage.submits() == 0
        # It was no fault of the account's.
        standing = await stage.standing("pictory-main")
        assert (standing.rests_until, standing.failures) == (None, 0)
        monkeypatch.undo()
        await stage.wait(90, step=10)
        assert await stage.phase(job_id) is Phase.COMPLETED


async def test_without_proof_that_it_lives_a_replica_begins_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await stage.create(prompt=PROMPT)
        monkeypatch.setattr(type(stage.tools.database), "holds_life", False)
        await stage.settle()
        assert await stage.phase(job_id) is Phase.WAITING_FOR_SLOT
        monkeypatch.undo()
        await stage.settle()
        assert await stage.phase(job_id) is Phase.RENDERING


async def test_a_task_that_went_wrong_does_not_keep_its_slot_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:

        async def broken(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(dispatch, "_carry_out", broken)
        job_id = await stage.create(prompt=PROMPT)
        with pytest.raises(ZeroDivisionError):
            await stage.engine.turn()
        monkeypatch.undo()
        await stage.mock.advance(takeover.FORGOTTEN / SECOND + 1)
        await stage.engine.beat()

        assert await stage.phase(job_id) is Phase.WAITING_FOR_SLOT
        await stage.wait(90, step=10)
        assert await stage.phase(job_id) is Phase.COMPLETED


async def test_accounts_that_only_another_replica_knows_are_left_to_it(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        del_account = dict(stage.tools.accounts)
        stage.tools.accounts.clear()  # type: ignore[attr-defined]
        job_id = await stage.create(model="pictory/pixverse5.5", prompt=PROMPT)
        await stage.settle()
        assert await stage.phase(job_id) is Phase.WAITING_FOR_SLOT
        stage.tools.accounts.update(del_account)  # type: ignore[attr-defined]
        await stage.settle()
        assert await stage.phase(job_id) is Phase.RENDERING


@pytest.mark.parametrize("how", [None, MADE, NEVER_DONE], ids=["well", "lost", "not made"])
async def test_where_the_answer_to_every_commit_is_lost_each_thing_is_done_once_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str | None
) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=2)], public_url=None) as stage:
        database, write = stage.tools.database, stage.tools.database.write
        times: Counter[object] = Counter()

        async def unsure(run: Callable[[Connection], Any], **options: Any) -> Any:
            answer = await write(run, **options)
            # What a turn of the engine takes up comes up again by itself; all else is retried.
            times[run.__code__] += run.__module__ != "gateway.engine.loop"
            if times[run.__code__] % 2:
                raise UncertainError("the connection was lost during the commit")
            return answer

        async def nap(_: float) -> None:
            pass

        object.__setattr__(stage.tools, "sleep", nap)
        monkeypatch.setattr(database, "write", unsure)
        if how is not None:
            fault(stage, how)
        job_id = await stage.create(prompt=PROMPT)
        looks = []
        for _ in range(90):
            await stage.wait(10, step=10)
            looks += [one.looks for one in await stage.attempts(job_id)][:1]

        assert await stage.phase(job_id) is Phase.COMPLETED
        assert len(stage.mock.ledger.charges) == 1
        assert stage.submits() == (2 if how == NEVER_DONE else 1)
        assert all(after - before <= 1 for before, after in pairwise(looks))
        stored = await stage.tools.database.read(
            lambda connection: len(jobs.in_phase(connection, Phase.COMPLETED))
        )
        assert stored == 1


async def test_a_heartbeat_notes_what_was_sent_under_a_clock_that_was_ahead(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        made: list[str] = []
        for prompt in ("Bay one", "Bay two"):
            fault(stage, MADE)
            made.append(await stage.create(prompt=prompt))
            await stage.settle()
        await stage.tools.database.write(
            lambda connection: connection.exec_driver_sql(
                f"UPDATE attempts SET sent_at = sent_at + {60 * SECOND} "  # noqa: S608
                f"WHERE job_id = '{made[1]}'"
            )
        )
        await stage.engine.beat()
        notes = [(await stage.attempts(job_id))[0].doubt for job_id in made]
        assert notes == [None, "it was sent under a clock that was ahead"]
