"""Who finds nothing proves nothing: mistakes that are planted on purpose are found."""

from collections.abc import Iterable
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.simulation.machine import LedgerMachine
from tests.simulation.planted import MISTAKES
from tests.simulation.run import Failure, run

ENOUGH: Final = 500
"""Histories within which a mistake has to show."""
EXAMPLES: Final = 4_000
"""Of the state machine; a mistake shows within some 250 on the average."""
STEPS: Final = 20
"""Of one example, before it is cut down."""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_simulation_finds_a_mistake(mistake: str) -> None:
    with MISTAKES[mistake](), pytest.raises(Failure, match="see it again"):
        _run_all(range(ENOUGH))


def test_the_state_machine_finds_a_slot_that_is_freed_too_early() -> None:
    early = MISTAKES["frees_the_slot_without_ending"]
    with early(), pytest.raises(AssertionError, match="an attempt in flight has no slot"):
        _search(shrink=False)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_state_machine_finds_a_job_that_ends_twice() -> None:
    with MISTAKES["ends_twice"](), pytest.raises(AssertionError):
        _search(shrink=False)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_state_machine_tells_of_a_second_payment_in_few_steps() -> None:
    with MISTAKES["sends_again"](), pytest.raises(AssertionError, match="charged 2 times") as found:
        _search(shrink=True)
    steps = [
        line
        for note in found.value.__notes__
        for line in note.splitlines()
        if "state." in line and "()" not in line
    ]
    # How far hypothesis comes depends on where it began.
    assert len(steps) <= STEPS * 2 // 3, steps


def _run_all(seeds: Iterable[int]) -> None:
    for seed in seeds:
        run(seed)


def _search(*, shrink: bool) -> None:
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=True,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        ),
    )
