"""Submissions that the provider took, and charged, and whose answers never came."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx
import pytest

from gateway.model.phases import Phase
from mockserver import Account
from tests.end_to_end.conftest import MakeWorld
from tests.end_to_end.kills import ENDED, QUICK
from tests.end_to_end.processes import Gateway, stopping
from tests.rig import is_submit, pictory, pixverse, rig

MODELS: Final = ("useapi-pixverse/v4", "pictory/pixverse5.5")
QUICK_WAYS: Final = ("accept-then-reset", "accept-then-cut", "accept-then-status=502", "garble")
WAYS: Final = (*QUICK_WAYS, "accept-then-timeout")


def _faults(count: int, ways: Sequence[str]) -> list[str]:
    """Each answer gets lost, in turn in all these ways."""
    return [f"submit#{n + 1}:{ways[n % len(ways)]}" for n in range(count)]


@pytest.mark.slow
def test_fifty_real_ones_are_found_again_and_none_is_sent_again(
    tmp_path: Path, make_world: MakeWorld
) -> None:
    world = make_world(faults=_faults(50, WAYS), max_jobs=8)
    gateway = Gateway(tmp_path / "gate", world, max_jobs=8, tables=QUICK)
    with stopping(gateway):
        gateway.start()
        ids = [gateway.create(prompt=f"Take {n}", model=MODELS[n % len(MODELS)]) for n in range(50)]
        for one in ids:
            video = gateway.reaches(one, *ENDED, seconds=120)
            assert (video["phase"], video["attempts"]) == ("completed", 1)

    submits = [line for line in world.lines("exchange") if line["act"] == "submit"]
    assert len(submits) == 50
    assert sorted(world.charges().values()) == [1] * 50


@pytest.mark.parametrize("count", [40, pytest.param(500, marks=pytest.mark.slow)])
async def test_as_many_lost_answers_as_jobs_cost_one_charge_each(
    tmp_path: Path, count: int
) -> None:
    emails = [f"ops{n}@example.com" for n in range(4)]
    accounts = [
        pixverse(f"pixverse-{n}", email=email, max_jobs=8) for n, email in enumerate(emails)
    ]
    there = tuple(Account(email=email, max_jobs=8) for email in emails)
    async with rig(
        tmp_path, accounts=[*accounts, pictory(max_jobs=32)], mock_accounts=there
    ) as stage:
        stage.mock.fail_next(*_faults(count, QUICK_WAYS))

        async def hang(request: httpx.Request) -> None:
            # Told at once here, where the mock would have it take half a minute.
            if is_submit(request) and b"Take 5" in request.content:
                raise httpx.ReadTimeout("no answer came", request=request)

        stage.provider_wire.spoil = hang
        for n in range(count):
            await stage.create(prompt=f"Take {n}", model=MODELS[n % len(MODELS)])
        while any(job.phase.value not in ENDED for job in await stage.every_job()):
            await stage.wait(20, step=10)

        jobs = await stage.every_job()
        assert [(job.phase, job.attempts) for job in jobs] == [(Phase.COMPLETED, 1)] * count
        assert stage.submits() == count
        assert len(stage.mock.ledger.charges) == count
        assert len({charge.job for charge in stage.mock.ledger.charges}) == count
