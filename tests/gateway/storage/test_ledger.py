"""What is known of attempts that ended, and which of them are still looked for."""

import pytest
from sqlalchemy import Connection

from gateway.storage import Database, accounts, jobs, ledger
from gateway.storage.accounts import FreeSlot
from gateway.storage.ledger import Attempt, Sent, State, Verdict
from tests.gateway.storage.rows_support import NOW, SPEC, a_job, an_account, an_attempt


def begin(connection: Connection, state: State, remote_id: str | None = None) -> None:
    """An attempt of the account `a`, sent just now, that has come so far."""
    accounts.sync(connection, [an_account("a", 1)])
    jobs.insert_job(connection, a_job())
    ledger.begin(connection, an_attempt("att_1"), FreeSlot("a", "pictory", 0), "h1", NOW)
    ledger.send(connection, "att_1", NOW, Sent(spec=SPEC), "digest")
    ledger.mark(connection, "att_1", state, remote_id=remote_id)


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


@pytest.mark.parametrize(
    ("names", "credentials", "there"),
    [(["a"], "digest", 1), (["a"], "", 1), (["b"], "digest", 1), (["b"], "", 0)],
)
async def test_lost_attempts_are_those_of_an_account_by_its_name_or_its_credentials(
    database: Database, names: list[str], credentials: str, there: int
) -> None:
    def run(connection: Connection) -> tuple[bool, int, int, int]:
        begin(connection, State.SENDING)
        sending = ledger.is_sending(connection, names, credentials)
        ledger.mark(connection, "att_1", State.UNKNOWN)
        lost = ledger.lost(connection, names, credentials)
        ledger.end(connection, "att_1", NOW)
        now, later = (
            ledger.given_up(connection, names, credentials, since) for since in (NOW, NOW + 1)
        )
        return sending, len(lost), len(now), len(later)

    assert await database.write(run) == (there, there, there, 0)


async def test_the_first_doubt_and_the_first_search_stay(database: Database) -> None:
    def run(connection: Connection) -> Attempt | None:
        begin(connection, State.UNKNOWN)
        ledger.doubt(connection, NOW, "not after that")
        ledger.doubt(connection, NOW - 1, "first")
        ledger.doubt(connection, NOW - 1, "second")
        ledger.searched(connection, "att_1", NOW + 1)
        ledger.searched(connection, "att_1", NOW + 2)
        return ledger.by_id(connection, "att_1")

    attempt = await database.write(run)
    assert attempt is not None
    assert (attempt.doubt, attempt.searched_at, attempt.credentials) == ("first", NOW + 1, "digest")
