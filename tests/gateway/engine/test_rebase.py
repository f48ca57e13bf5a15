"""A clock that was ahead and is right again: no job, pause or look waits for the difference."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from gateway.config import RetentionSettings
from gateway.engine import loop, policy
from gateway.engine.rebase import LASTING, LONGEST, PAUSE, Mending, rebase
from gateway.model.clock import SECOND
from gateway.model.phases import Phase
from gateway.storage import Connection, accounts, agenda, orphans
from gateway.storage.elapsed import elapsed
from gateway.storage.orphans import Orphan, Reason
from mockserver import World
from tests.gateway.engine.lost_support import MADE, PROMPT, Shifted, fault, sql
from tests.rig import Rig, pictory, rig

HOUR = 3600
AHEAD = 48 * HOUR


def shift(stage: Rig, seconds: float) -> None:
    """Set the gateway's clock."""
    object.__setattr__(stage.tools, "clock", Shifted(stage.tools.clock, seconds))


def shared(stage: Rig) -> None:
    """Have the gateway follow its database's clock, which is ahead until it is set back."""
    right = stage.tools.clock
    shift(stage, AHEAD)
    stage.tools.database.__dict__["time"] = lambda _: right.now()
    follow = partial(object.__setattr__, stage.tools, "clock", right)
    object.__setattr__(stage.tools, "follow", lambda _: follow())


async def test_a_submission_lost_under_a_clock_ahead_needs_attention_and_keeps_no_slot(
    tmp_path: Path, lasting_mock: World
) -> None:
    async with rig(tmp_path, accounts=[pictory()], mock=lasting_mock) as stage:
        shift(stage, AHEAD)
        fault(stage, MADE)
        job_id = await stage.create(prompt=f"{PROMPT} [[mock run=9999999s no-callback]]")
        await stage.settle()
        assert await stage.phase(job_id) is Phase.SUBMISSION_UNKNOWN

    async with rig(tmp_path, accounts=[pictory()], mock=lasting_mock) as stage:
        await stage.wait(HOUR, step=60)
        job = await stage.job(job_id)
        assert job.phase is Phase.NEEDS_ATTENTION
        assert job.error is not None
        assert (await stage.standing("pictory-main")).taken == 0
        assert len(stage.mock.ledger.charges) == 1


async def test_a_job_that_got_on_under_a_clock_ahead_is_told_of_when_it_stalls(
    tmp_path: Path, lasting_mock: World
) -> None:
    async with rig(tmp_path, accounts=[pictory()], mock=lasting_mock) as stage:
        job_id = await stage.create(prompt=f"{PROMPT} [[mock run=9999999s no-callback]]")
        await stage.settle()
        await sql(stage, f"UPDATE jobs SET progressed_at = progressed_at + {AHEAD * SECOND}")  # noqa: S608

    async with rig(tmp_path, accounts=[pictory()], mock=lasting_mock) as stage:
        # The provider's word is still the same.
        await sql(stage, "UPDATE jobs SET deadline_at = NULL")
        await stage.wait(stage.tools.pace.stalled_seconds + 120, step=30)
        job = await stage.job(job_id)
        assert job.error is not None
        assert job.error.code == "stalled"


async def test_what_was_heard_of_under_a_clock_ahead_is_looked_at_within_a_day(
    tmp_path: Path, lasting_mock: World
) -> None:
    async with rig(tmp_path, accounts=[pictory()], mock=lasting_mock) as stage:
        ahead = stage.now() + AHEAD * SECOND
        heard = Orphan(
            account="pictory-main",
            remote_id="nowhere",
            job_id="video_1",
            attempt_id="attempt_1",
            reason=Reason.REVIVED,
            detail="heard of",
            url=None,
            found_at=ahead,
            due_at=ahead,
        )
        await stage.tools.database.write(lambda connection: orphans.add(connection, heard))

    async with rig(tmp_path, accounts=[pictory()], mock=lasting_mock) as stage:
        due = await stage.tools.database.read(orphans.next_due)
        assert due is not None
        assert due <= stage.now() + policy.DAY + SECOND


@pytest.mark.parametrize("seconds", [0, HOUR])
async def test_a_start_under_an_honest_clock_leaves_deadlines_as_they_are(
    tmp_path: Path, lasting_mock: World, seconds: int
) -> None:
    async with rig(tmp_path, accounts=[pictory()], mock=lasting_mock) as stage:
        job_id = await stage.create(prompt=f"{PROMPT} [[mock run=9999999s no-callback]]")
        await stage.settle()
        before = await stage.job(job_id)
        await stage.mock.advance(seconds)

    async with rig(tmp_path, accounts=[pictory()], mock=lasting_mock) as stage:
        job = await stage.job(job_id)
        assert (job.deadline_at, job.progressed_at) == (before.deadline_at, before.progressed_at)


async def test_jobs_go_on_when_the_clock_that_replicas_share_is_set_back(
    tmp_path: Path, migrated_postgres_url: str
) -> None:
    async with rig(
        tmp_path, accounts=[pictory(max_jobs=1)], database_url=migrated_postgres_url
    ) as stage:
        prompts = [f"{PROMPT} {n} [[mock run=30s no-callback]]" for n in range(2)]
        shared(stage)
        ids = [await stage.create(prompt=prompt) for prompt in prompts]
        await stage.settle()
        assert [await stage.phase(one) for one in ids] == [
            Phase.RENDERING,
            Phase.WAITING_FOR_SLOT,
        ]
        await stage.engine.beat()
        await stage.wait(900, step=10)
        assert [await stage.phase(one) for one in ids] == [Phase.COMPLETED] * 2
        assert len(stage.mock.ledger.charges) == 2


async def test_old_videos_are_removed_on_time_after_the_clock_was_set_back(
    tmp_path: Path, migrated_postgres_url: str
) -> None:
    async with rig(
        tmp_path,
        accounts=[pictory()],
        database_url=migrated_postgres_url,
        retention=RetentionSettings(days=1),
    ) as stage:
        await stage.create(prompt=PROMPT)
        await stage.until_ended(600, step=10)
        shared(stage)
        # Nothing is old enough yet, by any clock.
        await sql(stage, f"UPDATE jobs SET completed_at = completed_at + {AHEAD * SECOND}")  # noqa: S608
        await stage.settle()
        await stage.engine.beat()
        await sql(stage, f"UPDATE jobs SET completed_at = completed_at - {2 * AHEAD * SECOND}")  # noqa: S608
        await stage.wait(120, step=30)
        assert await stage.every_job() == []


def test_it_is_looked_for_at_once_and_now_and_then_for_a_while() -> None:
    mending = Mending()
    assert not mending.is_due(1000)
    mending.begin(1000)
    assert [mending.is_due(1000 + n) for n in (0, 5, PAUSE - 1, PAUSE, PAUSE + 5)] == [
        True,
        False,
        False,
        True,
        False,
    ]
    assert mending.is_due(1000 + LASTING - 1)
    assert not mending.is_due(1000 + LASTING + PAUSE)


async def test_what_other_replicas_date_by_the_clock_as_it_was_is_mended_by_later_heartbeats(
    tmp_path: Path, migrated_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, accounts=[pictory()], database_url=migrated_postgres_url) as stage:
        shared(stage)
        job_id = await stage.create(prompt=f"{PROMPT} [[mock no-callback]]")
        await stage.settle()
        await stage.engine.beat()
        await sql(stage, f"UPDATE jobs SET due_at = due_at + {AHEAD * SECOND}")  # noqa: S608
        later = elapsed() + PAUSE
        monkeypatch.setattr(loop, "elapsed", lambda: later)
        await stage.engine.beat()
        await stage.wait(900, step=10)
        assert await stage.phase(job_id) is Phase.COMPLETED


@pytest.mark.parametrize("ahead", [0, AHEAD])
async def test_an_account_rests_as_long_as_its_provider_asked_for_whatever_the_clock_was(
    tmp_path: Path, lasting_mock: World, database_url: str, ahead: int
) -> None:
    pause = 20 * HOUR * SECOND

    def cool(connection: Connection) -> None:
        now = stage.tools.clock.now()
        accounts.cool(connection, ["pictory-main"], now, now + pause, "provider_throttled")

    async with rig(
        tmp_path, accounts=[pictory()], mock=lasting_mock, database_url=database_url
    ) as stage:
        shift(stage, ahead)
        await stage.tools.database.write(cool)

    async with rig(
        tmp_path, accounts=[pictory()], mock=lasting_mock, database_url=database_url
    ) as stage:
        until = (await stage.standing("pictory-main")).rests_until
        assert until is not None
        assert 0 <= until - stage.now() - pause <= SECOND


async def test_a_notice_put_off_under_a_clock_ahead_comes_as_late_as_it_was_put_off(
    tmp_path: Path, lasting_mock: World, database_url: str
) -> None:
    got: list[int] = []

    def away(request: httpx.Request) -> httpx.Response | None:
        if request.url.host != "client.test":
            return None
        got.append(stage.now())
        return httpx.Response(503, headers={"retry-after": "600"})

    async with rig(
        tmp_path, accounts=[pictory()], mock=lasting_mock, database_url=database_url
    ) as stage:
        shift(stage, AHEAD)
        stage.media_wire.meddle = away
        await stage.create(prompt=PROMPT, callback_url="https://client.test/hook")
        await stage.wait(120, step=10)
        assert len(got) == 1

    async with rig(
        tmp_path, accounts=[pictory()], mock=lasting_mock, database_url=database_url
    ) as stage:
        stage.media_wire.meddle = away
        began = stage.now()
        await stage.wait(660, step=10)
        assert [time >= began + 600 * SECOND for time in got[1:]] == [True]


async def stand_in_line(stage: Rig, **body: Any) -> str:
    """Accept a job that finds no free slot, under a clock that is ahead."""
    shift(stage, AHEAD)
    await stage.create(prompt=f"{PROMPT} [[mock run=60s]]")
    await stage.settle()
    job_id = await stage.create(prompt=PROMPT, **body)
    await stage.settle()
    assert await stage.phase(job_id) is Phase.WAITING_FOR_SLOT
    return job_id


async def test_who_came_under_a_clock_ahead_goes_before_those_that_come_later(
    tmp_path: Path, lasting_mock: World, database_url: str
) -> None:
    async with rig(
        tmp_path, accounts=[pictory(max_jobs=1)], mock=lasting_mock, database_url=database_url
    ) as stage:
        first = await stand_in_line(stage)
        second = await stage.create(prompt=PROMPT)

    async with rig(
        tmp_path, accounts=[pictory(max_jobs=1)], mock=lasting_mock, database_url=database_url
    ) as stage:
        await stage.wait(10, step=5)
        third = await stage.create(prompt=PROMPT)
        await stage.wait(600, step=10)
        ends = [(await stage.job(one)).completed_at or 0 for one in (first, second, third)]
        assert 0 < ends[0] < ends[1] < ends[2]


@pytest.mark.parametrize(("deadline", "phase"), [(600, Phase.FAILED), (7200, Phase.COMPLETED)])
async def test_who_has_to_start_in_time_has_as_long_whatever_the_clock_was(
    tmp_path: Path, lasting_mock: World, database_url: str, deadline: int, phase: Phase
) -> None:
    async with rig(
        tmp_path, accounts=[pictory(max_jobs=1)], mock=lasting_mock, database_url=database_url
    ) as stage:
        job_id = await stand_in_line(stage, routing={"deadline": deadline})

    def pause(connection: Connection) -> None:
        until = stage.now() + HOUR * SECOND
        accounts.pause(connection, ["pictory-main"], stage.now(), until, "account_on_hold", "x")

    async with rig(
        tmp_path, accounts=[pictory(max_jobs=1)], mock=lasting_mock, database_url=database_url
    ) as stage:
        await stage.tools.database.write(pause)
        await stage.wait(540, step=60)
        assert await stage.phase(job_id) is Phase.WAITING_FOR_SLOT
        await stage.wait(2 * HOUR, step=120)
        assert await stage.phase(job_id) is phase


async def test_a_film_that_could_not_be_saved_is_tried_again_when_it_would_have_been(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await stage.create(prompt=PROMPT)
        for failures in range(12):
            due = stage.now() + policy.late_look(failures) + AHEAD * SECOND
            await sql(
                stage,
                f"UPDATE jobs SET phase = 'needs_attention', failures = {failures}, due_at = {due}",  # noqa: S608
            )
            await stage.tools.database.write(lambda connection: rebase(connection, stage.tools))
            left = await stage.tools.database.read(
                lambda connection: agenda.next_due(connection, stage.now())
            )
            assert left == stage.now() + policy.late_look(failures) + SECOND
        assert (await stage.job(job_id)).failures == 11


RESTS: Final[dict[str, Callable[[Connection, int], object]]] = {
    "an operator resumed it": lambda c, _: accounts.resume(c, "pictory-main"),
    "what it rested for is over": lambda c, _: accounts.end_rest(c, "pictory", "blocked"),
    "the gateway started": lambda c, now: accounts.end_pauses(c, now, "other", policy.LONGEST_REST),
}


@pytest.mark.parametrize(
    ("how", "hours"), [*((how, 100) for how in RESTS), *((how, 1) for how in list(RESTS)[:2])]
)
async def test_a_rest_that_was_ended_under_a_clock_ahead_stays_ended(
    tmp_path: Path, how: str, hours: int
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        right, until = stage.tools.clock, stage.now() + hours * HOUR * SECOND

        def rest(connection: Connection) -> None:
            accounts.pause(connection, ["pictory-main"], stage.now(), until, "blocked", "x")

        await stage.tools.database.write(rest)
        shift(stage, 20 * HOUR)
        await stage.tools.database.write(lambda connection: RESTS[how](connection, stage.now()))
        object.__setattr__(stage.tools, "clock", right)
        await stage.tools.database.write(lambda connection: rebase(connection, stage.tools))
        assert (await stage.standing("pictory-main")).rests_until is None


def test_every_phase_that_waits_has_a_longest_pause() -> None:
    in_hand = {Phase.PREPARING, Phase.SUBMITTING}
    assert set(LONGEST) == set(Phase) - in_hand - {Phase.COMPLETED, Phase.FAILED}
