"""What is known of attempts, and which of them are looked for."""

import pytest
from sqlalchemy import Connection

from gateway.storage import Database, accounts, jobs, ledger
from gateway.storage.accounts import FreeSlot
from gateway.storage.ledger import Attempt, Sent, State
from tests.gateway.storage.rows_support import NOW, SPEC, a_job, an_account, an_attempt


def begin(connection: Connection, state: State) -> None:
    """An attempt of the account `a`, sent just now, that has come so far."""
    accounts.sync(connection, [an_account("a", 1)])
    jobs.insert_job(connection, a_job())
    ledger.begin(connection, an_attempt("att_1"), FreeSlot("a", "pictory", 0), "h1", NOW)
    ledger.send(connection, "att_1", NOW, Sent(spec=SPEC), "digest")
    ledger.mark(connection, "att_1", state)


@pytest.mark.parametrize(
    ("names", "credentials", "there"),
    [(["a"], "digest", 1), (["a"], "", 1), (["b"], "digest", 1), (["b"], "", 0)],
)
async def test_lost_attempts_are_those_of_an_account_by_its_name_or_its_credentials(
    database: Database, names: list[str], credentials: str, there: int
) -> None:
    def run(connection: Connection) -> tuple[bool, int]:
        begin(connection, State.SENDING)
        sending = ledger.is_sending(connection, names, credentials)
        ledger.mark(connection, "att_1", State.UNKNOWN)
        return sending, len(ledger.lost(connection, names, credentials))

    assert await database.write(run) == (there, there)


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
