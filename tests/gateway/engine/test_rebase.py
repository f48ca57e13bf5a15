"""A clock that was ahead and is right again: no job, pause or look waits for the difference."""

from pathlib import Path

import pytest

from gateway.engine import policy
from gateway.engine.rebase import LONGEST
from gateway.model.clock import SECOND
from gateway.model.phases import Phase
from gateway.storage import orphans
from gateway.storage.orphans import Orphan, Reason
from mockserver import World
from tests.gateway.engine.lost_support import MADE, PROMPT, Shifted, fault, sql
from tests.rig import Rig, pictory, rig

HOUR = 3600
AHEAD = 48 * HOUR


def shift(stage: Rig, seconds: float) -> None:
    """Set the gateway's clock."""
    object.__setattr__(stage.tools, "clock", Shifted(stage.tools.clock, seconds))


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


def test_every_phase_that_waits_has_a_longest_pause() -> None:
    in_hand = {Phase.PREPARING, Phase.SUBMITTING}
    assert set(LONGEST) == set(Phase) - in_hand - {Phase.COMPLETED, Phase.FAILED}
