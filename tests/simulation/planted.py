"""Mistakes, to be planted into the engine for a while: whoever looks for such must find them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final
from unittest.mock import patch

from sqlalchemy import Connection, update

from gateway.engine import dispatch, outcomes
from gateway.model.phases import Phase
from gateway.net import NotSent
from gateway.storage import jobs, ledger
from gateway.storage.ledger import State
from gateway.storage.tables import jobs as job_rows
from gateway.storage.tables import slots
from providers.contract import Unclear
from tests.simulation.disk import SimDatabase


@contextmanager
def sends_again() -> Iterator[None]:
    """An answer that was lost is taken for a request that never left."""
    real = outcomes.record_outcome

    async def record(tools: Any, bound: Any, inputs: Any, outcome: Any) -> None:
        if isinstance(outcome, Unclear):
            outcome = NotSent(bound.account.provider, outcome.evidence)
        await real(tools, bound, inputs, outcome)

    with patch.object(dispatch, "record_outcome", record):
        yield


@contextmanager
def trusts_the_lease() -> Iterator[None]:
    """Whoever was not seen for a while is taken for dead, whether or not its lock is held."""

    def lives(self: SimDatabase, _connection: object, replica: str) -> bool:
        return replica == self.replica

    with patch.object(SimDatabase, "lives", lives):
        yield


@contextmanager
def frees_the_slot_early() -> Iterator[None]:
    """A submission whose answer was lost gives its slot back, though its job may be running."""
    real = ledger.mark

    def mark(connection: Connection, attempt_id: str, state: State, **values: object) -> None:
        if state is State.UNKNOWN:
            connection.execute(
                update(slots).where(slots.c.attempt_id == attempt_id).values(attempt_id=None)
            )
        real(connection, attempt_id, state, **values)

    with patch.object(ledger, "mark", mark):
        yield


@contextmanager
def frees_the_slot_without_ending() -> Iterator[None]:
    """The slot is given back, and the attempt stays as it was."""

    def end(connection: Connection, attempt_id: str, *_: object, **__: object) -> None:
        connection.execute(
            update(slots).where(slots.c.attempt_id == attempt_id).values(attempt_id=None)
        )

    with patch.object(ledger, "end", end):
        yield


@contextmanager
def ends_twice() -> Iterator[None]:
    """A job is moved without a look at where it stands, and whose it is, by now."""
    real = jobs.move

    def move(
        connection: Connection, job_id: str, leaving: Phase, *given: Any, **values: Any
    ) -> Any:
        values.pop("of", None)
        where = update(job_rows).where(job_rows.c.id == job_id)
        connection.execute(where.values(phase=leaving.value))
        return real(connection, job_id, leaving, *given, **values)

    with patch.object(jobs, "move", move):
        yield


MISTAKES: Final[Mapping[str, Callable[[], AbstractContextManager[None]]]] = {
    mistake.__name__: mistake
    for mistake in (
        sends_again,
        trusts_the_lease,
        frees_the_slot_early,
        frees_the_slot_without_ending,
        ends_twice,
    )
}
