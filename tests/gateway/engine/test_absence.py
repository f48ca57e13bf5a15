"""That a job is in no list proves something only where the lists would show it."""

from pathlib import Path
from typing import Any

import pytest

from gateway.model.clock import SECOND
from gateway.model.phases import Phase
from mockserver import World
from providers.contract import Secret
from tests.gateway.engine.lost_support import (
    MADE,
    MODELS,
    NEVER_DONE,
    PROMPT,
    Shifted,
    empty_lists,
    fault,
    sql,
)
from tests.rig import Rig, is_submit, lasting, pictory, pixverse, rig

SETTLE = 600
DAY = 86_400


async def lost(stage: Rig, model: str, how: str = MADE) -> str:
    """A job whose submission's answer is lost."""
    fault(stage, how)
    job_id = await stage.create(model=model, prompt=PROMPT)
    await stage.settle()
    assert await stage.phase(job_id) is Phase.SUBMISSION_UNKNOWN
    return job_id


async def lost_before_a_restart(
    folder: Path, mock: World, model: str, shift: float = 0, how: str = MADE
) -> str:
    """A job that was lost by a gateway that is gone, whose clock was wrong by so much."""
    async with rig(folder, public_url=None, mock=mock) as stage:
        object.__setattr__(stage.tools, "clock", Shifted(stage.tools.clock, shift))
        return await lost(stage, model, how)


async def words_of(stage: Rig, job_id: str) -> str:
    """What people are told of a job that needs their attention."""
    job = await stage.job(job_id)
    assert job.phase is Phase.NEEDS_ATTENTION
    assert job.error is not None
    return job.error.message


@pytest.mark.parametrize(
    ("model", "changed"),
    [
        (MODELS[0], {"api_key": Secret("pictai_another")}),
        (MODELS[0], {"base_url": "http://mock.test/pictoryapis/elsewhere"}),
        (MODELS[1], {"email": "new@example.com"}),
    ],
)
async def test_lists_of_other_credentials_under_the_same_name_prove_nothing(
    tmp_path: Path, model: str, changed: dict[str, Any]
) -> None:
    async with lasting() as mock:
        job_id = await lost_before_a_restart(tmp_path, mock, model)
        make = pictory if model == MODELS[0] else pixverse
        async with rig(tmp_path, accounts=[make(**changed)], public_url=None, mock=mock) as stage:
            empty_lists(stage)
            await stage.wait(2000, step=20)
            assert "other credentials" in await words_of(stage, job_id)
            assert stage.submits() == len(stage.mock.ledger.charges) == 1


@pytest.mark.parametrize(
    ("stored", "words"), [("'another'", "other credentials"), ("NULL", "is not known")]
)
async def test_with_other_credentials_a_job_is_still_found_but_never_proved_not_made(
    tmp_path: Path, stored: str, words: str
) -> None:
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        made = await lost(stage, MODELS[0])
        fault(stage, NEVER_DONE)
        missing = await stage.create(model=MODELS[0], prompt="Another bay")
        await stage.settle()
        await sql(stage, f"UPDATE attempts SET credentials = {stored}")  # noqa: S608
        await stage.wait(2000, step=20)

        assert await stage.phase(made) is Phase.COMPLETED
        assert words in await words_of(stage, missing)
        assert (stage.submits(), len(stage.mock.ledger.charges)) == (2, 1)


async def test_a_film_stays_its_jobs_own_whatever_the_account_is_called_by_now(
    tmp_path: Path,
) -> None:
    async with lasting() as mock:
        first = await lost_before_a_restart(tmp_path, mock, MODELS[0])
        accounts = [pictory("renamed")]
        async with rig(tmp_path, accounts=accounts, public_url=None, mock=mock) as stage:
            (film,) = stage.mock.jobs
            second = await lost(stage, MODELS[0], NEVER_DONE)
            await stage.wait(200, step=10)
            assert (await stage.job(second)).remote_id is None
            assert (await stage.job(first)).remote_id == film.order.id


@pytest.mark.parametrize("model", MODELS)
async def test_what_was_sent_under_a_clock_that_was_ahead_is_never_taken_as_not_made(
    tmp_path: Path, model: str
) -> None:
    async with lasting() as mock:
        job_id = await lost_before_a_restart(tmp_path, mock, model, shift=1200)
        await mock.advance(120)
        async with rig(tmp_path, public_url=None, mock=mock) as stage:
            empty_lists(stage)
            await stage.wait(3000, step=20)
            assert "under a clock that was ahead" in await words_of(stage, job_id)
            # Also when all the times have come long ago.
            await stage.wait(3000, step=60)
            assert await stage.phase(job_id) is Phase.NEEDS_ATTENTION
            assert stage.submits() == len(stage.mock.ledger.charges) == 1


async def test_a_search_notes_a_time_that_has_not_come_yet(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        job_id = await lost(stage, MODELS[0], NEVER_DONE)
        await sql(stage, f"UPDATE attempts SET sent_at = sent_at + {100 * SECOND}")  # noqa: S608
        await stage.wait(20, step=10)
        assert (await stage.attempts(job_id))[0].doubt == "it was sent under a clock that was ahead"


@pytest.mark.parametrize("model", MODELS)
async def test_what_was_sent_under_a_clock_that_was_behind_is_searched_for_as_long_as_any(
    tmp_path: Path, model: str
) -> None:
    async with lasting() as mock:
        job_id = await lost_before_a_restart(tmp_path, mock, model, shift=-1200)
        async with rig(tmp_path, public_url=None, mock=mock) as stage:
            # The provider takes its time to show what it made.
            empty_lists(stage)
            await stage.wait(SETTLE - 100, step=20)
            assert (await stage.attempts(job_id))[0].looks >= 3
            assert stage.submits() == 1

            stage.provider_wire.meddle = lambda _: None
            await stage.wait(900, step=20)
            assert await stage.phase(job_id) is Phase.COMPLETED
            assert stage.submits() == len(stage.mock.ledger.charges) == 1


async def test_what_was_sent_under_a_clock_that_was_behind_is_proved_not_made_in_the_end(
    tmp_path: Path,
) -> None:
    async with lasting() as mock:
        job_id = await lost_before_a_restart(tmp_path, mock, MODELS[0], -1200, NEVER_DONE)
        async with rig(tmp_path, public_url=None, mock=mock) as stage:
            await stage.wait(1800, step=20)
            assert await stage.phase(job_id) is Phase.COMPLETED
            assert len(stage.mock.ledger.charges) == 1


async def test_answers_that_tell_no_time_prove_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        job_id = await lost(stage, MODELS[0], NEVER_DONE)
        empty_lists(stage, dated=False)
        await stage.wait(1900, step=20)
        assert "tell no time" in await words_of(stage, job_id)
        assert stage.submits() == 1


@pytest.mark.parametrize("model", MODELS)
async def test_what_lists_may_have_dropped_is_never_taken_as_not_made(
    tmp_path: Path, model: str
) -> None:
    async with lasting() as mock:
        job_id = await lost_before_a_restart(tmp_path, mock, model)
        # Nobody starts the gateway for a month.
        await mock.advance(30 * DAY)
        async with rig(tmp_path, public_url=None, mock=mock) as stage:
            empty_lists(stage)
            await stage.wait(3000, step=60)
            assert "may have dropped it" in await words_of(stage, job_id)
            assert stage.submits() == len(stage.mock.ledger.charges) == 1


async def test_what_was_sent_within_a_day_is_proved_not_made_also_after_a_long_pause(
    tmp_path: Path,
) -> None:
    async with lasting() as mock:
        job_id = await lost_before_a_restart(tmp_path, mock, MODELS[0], how=NEVER_DONE)
        await mock.advance(DAY // 2)
        async with rig(tmp_path, public_url=None, mock=mock) as stage:
            await stage.wait(2000, step=60)
            assert await stage.phase(job_id) is Phase.COMPLETED
            assert len(stage.mock.ledger.charges) == 1


async def test_a_request_that_is_never_answered_lets_others_go_first_and_is_not_sent_for_ever(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)], public_url=None) as stage:
        fault(stage, NEVER_DONE)
        poison = await stage.create(model=MODELS[0], prompt="poison")
        await stage.settle()
        good = await stage.create(model=MODELS[0], prompt=PROMPT)
        for n in (3, 4):
            stage.mock.fail_next(f"submit#{n}:{NEVER_DONE}")
        await stage.wait(SETTLE + 200, step=20)
        assert await stage.phase(good) is Phase.COMPLETED
        assert (await stage.job(poison)).turned_away == 1

        await stage.wait(2 * SETTLE + 200, step=20)
        words = await words_of(stage, poison)
        assert "submitted 3 times" in words
        assert "resubmit" in words
        assert (await stage.events(poison)).count("not_made") == 2
        assert (await stage.events(poison))[-1] == "never_made"
        sent = sum(is_submit(one) for one in stage.provider_wire.requests)
        assert sent == 4

        # It holds no slot, and nothing changes by itself.
        await stage.wait(2 * SETTLE, step=60)
        assert words == await words_of(stage, poison)
        assert sum(is_submit(one) for one in stage.provider_wire.requests) == sent
