"""Replicas that die, halt and wake: others take over, and nothing is paid twice."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gateway.engine import dispatch, line, takeover
from gateway.model.clock import SECOND
from gateway.model.phases import Phase
from gateway.storage import Connection, UncertainError, replicas
from tests.gateway.engine.lost_support import MADE, NEVER_DONE, PROMPT, Shifted, fault, sql
from tests.gateway.engine.takeover_support import LEASE, Halted, seen, taken_over
from tests.rig import Rig, pictory, rig, twin

AHEAD = 6 * 3600 * SECOND


async def seen_ahead(stage: Rig) -> None:
    """Have it been seen when the clock was ahead."""
    ahead = stage.now() + AHEAD
    await stage.tools.database.write(
        lambda connection: replicas.beat(connection, stage.tools.replica, "here", ahead)
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


async def test_what_was_begun_under_a_clock_ahead_does_not_keep_its_slot_for_that_long(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await stage.create(prompt=PROMPT)
        await stage.tools.database.write(lambda connection: line.bind_line(connection, stage.tools))
        await sql(stage, f"UPDATE attempts SET created_at = created_at + {AHEAD}")  # noqa: S608
        await stage.engine.beat()
        assert await stage.phase(job_id) is Phase.WAITING_FOR_SLOT


async def test_a_replica_that_died_under_a_clock_ahead_is_taken_over_from(
    tmp_path: Path, migrated_postgres_url: str
) -> None:
    async with (
        rig(tmp_path, accounts=[pictory()], database_url=migrated_postgres_url) as first,
        twin(first) as (second, alive),
    ):
        job_id = await first.create(prompt=f"{PROMPT} [[mock no-callback]]")
        halted = Halted(first)
        await halted.begin()
        await seen_ahead(first)
        alive.discard(first.tools.replica)
        # Its lock may be away for a moment only, as when the database restarted.
        await second.engine.beat()
        assert await second.phase(job_id) is Phase.SUBMITTING
        await taken_over(first, second)
        assert await second.phase(job_id) is Phase.SUBMISSION_UNKNOWN
        await halted.wake()


async def test_a_replica_that_lives_is_not_taken_over_from_when_the_clock_is_set_back(
    tmp_path: Path, migrated_postgres_url: str
) -> None:
    async with (
        rig(tmp_path, accounts=[pictory()], database_url=migrated_postgres_url) as first,
        twin(first) as (second, alive),
    ):
        job_id = await first.create(prompt=f"{PROMPT} [[mock no-callback]]")
        halted = Halted(first)
        await halted.begin()
        await seen_ahead(first)
        alive.discard(first.tools.replica)
        await second.engine.beat()
        alive.add(first.tools.replica)
        for _ in range(9):
            await first.mock.advance(LEASE / 4)
            await seen(first)
            await second.engine.beat()
        assert await second.phase(job_id) is Phase.SUBMITTING
        await halted.wake()


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
        assert [one.phase for one in await stage.every_job()] == [Phase.COMPLETED]


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


@pytest.mark.parametrize(("ahead", "doubted"), [(3600, True), (20, False)])
async def test_a_heartbeat_notes_what_is_sent_while_the_machines_own_clock_was_set_back(
    tmp_path: Path, ahead: int, *, doubted: bool
) -> None:
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        right = stage.tools.clock
        object.__setattr__(stage.tools, "wall", lambda: right.now() - ahead * SECOND)
        fault(stage, MADE)
        job_id = await stage.create(prompt=PROMPT)
        await stage.settle()
        await stage.engine.beat()
        (attempt,) = await stage.attempts(job_id)
        assert (attempt.doubt is not None) is doubted


@pytest.mark.parametrize("hours", [-1, 1])
async def test_the_databases_clock_is_followed_however_slow_a_heartbeat_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        right, write = stage.tools.clock, stage.tools.database.write
        told: list[int] = []
        object.__setattr__(stage.tools, "follow", told.append)
        object.__setattr__(stage.tools, "clock", Shifted(right, hours * 3600))

        async def slow(run: Callable[[Connection], Any]) -> Any:
            done = await write(run)
            await stage.mock.advance(5)
            return done

        monkeypatch.setattr(stage.tools.database, "write", slow)
        began = right.now()
        await stage.engine.beat()
        assert told == [began + 5 * SECOND]


@pytest.mark.parametrize(("hours", "follows"), [(0.0005, False), (1, True), (-1, True)])
async def test_a_clock_is_set_only_by_more_than_its_reading_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: float, *, follows: bool
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        right = stage.tools.clock
        told: list[int] = []
        object.__setattr__(stage.tools, "follow", told.append)
        object.__setattr__(stage.tools, "clock", Shifted(right, hours * 3600))
        # Two seconds from one reading of our own clock to the next.
        monkeypatch.setattr(takeover, "elapsed", iter((10.0, 12.0)).__next__)
        await stage.engine.beat()
        assert told == [(right if follows else stage.tools.clock).now()]
