"""When a video will be finished, as its caller is told."""

from typing import Any

import pytest

from gateway.model.clock import SECOND
from gateway.model.eta import Estimate
from gateway.model.job import Choice
from gateway.model.phases import Phase
from gateway.storage import Connection, accounts, durations, ledger
from gateway.storage.ledger import Attempt, State
from providers.contract import Mode, VideoSpec
from tests.gateway.api.conftest import PROMPT, Gate

NOW = 1_800_000_000


def choice(provider: str, model: str) -> Choice:
    spec = VideoSpec(
        model=model,
        mode=Mode.TEXT,
        prompt=PROMPT,
        seconds=5,
        aspect_ratio="16:9",
        resolution="720p",
    )
    return Choice(provider=provider, spec=spec)


PICTORY = choice("pictory", "pixverse5.5")
PIXVERSE = choice("useapi-pixverse", "v4")


@pytest.fixture(autouse=True)
def stands(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still."""
    monkeypatch.setattr(gate.tools.clock, "now", lambda: NOW * SECOND)


async def learn(gate: Gate, of: Choice = PICTORY, seconds: int = 60) -> None:
    known = Estimate(count=5, mean=seconds * SECOND, spread=5 * SECOND)
    await gate.tools.database.write(lambda connection: durations.put(connection, of.kind, known))


async def eta(gate: Gate, **values: Any) -> dict[str, int] | None:
    facts: dict[str, Any] = {"phase": Phase.WAITING_FOR_SLOT, "choices": (PICTORY,)}
    job = await gate.job(**(facts | values))
    told: dict[str, int] | None = (await gate.client.get(f"/v1/videos/{job.id}")).json()["eta"]
    return told


async def test_nothing_is_told_while_nothing_is_known(gate: Gate) -> None:
    assert await eta(gate) is None


async def test_a_waiting_video_is_told_by_its_place_and_the_slots_there_are(gate: Gate) -> None:
    await learn(gate)
    # The first in line, on three slots: a third of a film later than one that has a slot now.
    assert await eta(gate) == {"at": NOW + 80, "earliest": NOW + 66, "latest": NOW + 93}
    later = await eta(gate)
    assert later is not None
    assert later["at"] == NOW + 100


async def test_of_several_ways_the_first_one_counts(gate: Gate) -> None:
    await learn(gate, PIXVERSE)
    assert await eta(gate, choices=(PICTORY, PIXVERSE)) is None
    told = await eta(gate, choices=(PIXVERSE, PICTORY))
    assert told is not None
    # The second in line, on the six slots of both providers.
    assert told["at"] == NOW + 80


async def test_a_line_that_stands_still_is_counted_from_when_it_moves(gate: Gate) -> None:
    await learn(gate)
    until = (NOW + 300) * SECOND
    await gate.tools.database.write(
        lambda connection: accounts.cool(
            connection, ["pictory"], gate.tools.clock.now(), until, "provider_throttled"
        )
    )
    told = await eta(gate)
    assert told is not None
    assert told["at"] == NOW + 380


async def test_a_rendering_video_is_told_by_when_it_was_sent(gate: Gate) -> None:
    await learn(gate)
    sent_at = (NOW - 40) * SECOND
    job = await gate.job(phase=Phase.WAITING_FOR_SLOT, choices=(PICTORY,))
    attempt = Attempt(
        id="att_1",
        job_id=job.id,
        n=1,
        account="pictory",
        target=PICTORY.target,
        state=State.PREPARING,
    )

    def send(connection: Connection) -> None:
        slot = next(one for one in accounts.free_slots(connection, sent_at) if one.n == 0)
        assert ledger.begin(connection, attempt, slot, "hash", sent_at)
        ledger.mark(connection, attempt.id, State.ACCEPTED, sent_at=sent_at)
        connection.exec_driver_sql(
            "UPDATE jobs SET phase = 'rendering', attempt_id = 'att_1', chosen = 0"
        )

    await gate.tools.database.write(send)
    told = (await gate.client.get(f"/v1/videos/{job.id}")).json()
    assert told["eta"] == {"at": NOW + 20, "earliest": NOW + 10, "latest": NOW + 30}
    assert told["queue"] is None


@pytest.mark.parametrize("phase", sorted(set(Phase) - {Phase.WAITING_FOR_SLOT}))
async def test_whatever_is_at_work_or_over_is_told_alike(gate: Gate, phase: Phase) -> None:
    await learn(gate)
    told = await eta(gate, phase=phase, chosen=0)
    works = phase in {Phase.PREPARING, Phase.SUBMITTING, Phase.RENDERING}
    assert told == ({"at": NOW + 60, "earliest": NOW + 50, "latest": NOW + 70} if works else None)
