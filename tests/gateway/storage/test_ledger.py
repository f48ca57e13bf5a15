"""What is known of attempts that ended."""

import pytest
from sqlalchemy import Connection

from gateway.storage import Database, ledger
from gateway.storage.ledger import Attempt, State, Verdict
from tests.gateway.storage.rows_support import NOW, begin


@pytest.mark.parametrize(
    ("state", "remote_id", "verdict"),
    [
        (State.UNKNOWN, None, Verdict.GIVEN_UP),
        (State.OVERDUE, None, Verdict.GIVEN_UP),
        (State.UNKNOWN, "told", None),
        (State.SENDING, None, None),
        (State.ACCEPTED, "told", None),
    ],
)
async def test_what_ends_lost_is_given_up_unless_it_is_known_that_nothing_was_made(
    database: Database, state: State, remote_id: str | None, verdict: Verdict | None
) -> None:
    def run(connection: Connection) -> list[Attempt | None]:
        begin(connection, state, remote_id)
        ledger.end(connection, "att_1", NOW, state=State.OVERDUE)
        overdue = ledger.by_id(connection, "att_1")
        ledger.mark(connection, "att_1", state)
        ledger.end(connection, "att_1", NOW)
        ended = ledger.by_id(connection, "att_1")
        ledger.end(connection, "att_1", NOW, verdict=Verdict.NOT_MADE)
        again = ledger.by_id(connection, "att_1")
        ledger.mark(connection, "att_1", state)
        ledger.end(connection, "att_1", NOW, verdict=Verdict.NOT_MADE)
        return [overdue, ended, again, ledger.by_id(connection, "att_1")]

    found = [one.verdict for one in await database.write(run) if one is not None]
    assert found == [None, verdict, verdict, verdict and Verdict.NOT_MADE]
