"""The ledger under every order of events that hypothesis thinks of."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.simulation.machine import LedgerMachine


def test_no_order_of_events_pays_twice_or_loses_a_slot() -> None:
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=200,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
