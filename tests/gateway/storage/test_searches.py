"""Which attempts are looked for, and what searches leave with them."""

import pytest
from sqlalchemy import Connection

from gateway.storage import Database, ledger, searches
from gateway.storage.ledger import Attempt, State
from tests.gateway.storage.rows_support import NOW, begin


@pytest.mark.parametrize(
    ("names", "credentials", "there"),
    [(["a"], "digest", 1), (["a"], "", 1), (["b"], "digest", 1), (["b"], "", 0)],
)
async def test_lost_attempts_are_those_of_an_account_by_its_name_or_its_credentials(
    database: Database, names: list[str], credentials: str, there: int
) -> None:
    def run(connection: Connection) -> tuple[bool, int, int, int]:
        begin(connection, State.SENDING)
        sending = searches.is_sending(connection, names, credentials)
        ledger.mark(connection, "att_1", State.UNKNOWN)
        lost = searches.lost(connection, names, credentials)
        ledger.end(connection, "att_1", NOW)
        now, later = (
            searches.given_up(connection, names, credentials, since) for since in (NOW, NOW + 1)
        )
        return sending, len(lost), len(now), len(later)

    assert await database.write(run) == (there, there, there, 0)


async def test_the_first_doubt_and_the_first_search_stay(database: Database) -> None:
    def run(connection: Connection) -> Attempt | None:
        begin(connection, State.UNKNOWN)
        searches.doubt(connection, NOW, "not after that")
        searches.doubt(connection, NOW - 1, "first")
        searches.doubt(connection, NOW - 1, "second")
        searches.searched(connection, "att_1", NOW + 1)
        searches.searched(connection, "att_1", NOW + 2)
        return ledger.by_id(connection, "att_1")

    attempt = await database.write(run)
    assert attempt is not None
    assert (attempt.doubt, attempt.searched_at, attempt.credentials) == ("first", NOW + 1, "digest")


async def test_the_oldest_is_the_first_without_an_id_that_has_not_ended(database: Database) -> None:
    def run(connection: Connection) -> list[int | None]:
        told = [searches.oldest(connection)]
        begin(connection, State.UNKNOWN)
        told.append(searches.oldest(connection))
        ledger.mark(connection, "att_1", State.ACCEPTED, remote_id="told")
        told.append(searches.oldest(connection))
        return told

    assert await database.write(run) == [None, NOW, None]
