"""What is still known of attempts whose jobs were removed, and for how long."""

import pytest
from sqlalchemy import Connection

from gateway.storage import Database, accounts, jobs, ledger, tombstones
from gateway.storage.accounts import FreeSlot
from gateway.storage.ledger import Attempt, Sent, State, Verdict
from tests.gateway.storage.rows_support import NOW, SPEC, a_job, an_account, an_attempt

SENT = Sent(spec=SPEC)


def begin(connection: Connection, job_id: str, name: str, sent_at: int = NOW) -> None:
    """A job, and its attempt of the account `a` whose answer was lost."""
    accounts.sync(connection, [an_account("a", 5)])
    jobs.insert_job(connection, a_job(job_id))
    (slot, *_) = accounts.free_slots(connection, NOW)
    attempt = Attempt(
        id=name, job_id=job_id, n=1, account="a", target="pictory/m", state=State.PREPARING
    )
    ledger.begin(connection, attempt, FreeSlot("a", "pictory", slot.n), f"h-{name}", NOW)
    ledger.send(connection, name, sent_at, SENT, "digest")
    ledger.mark(connection, name, State.UNKNOWN)


def bury(connection: Connection, sent_at: int = NOW, verdict: Verdict = Verdict.GIVEN_UP) -> None:
    """A lost attempt that ended so, and whose job was removed."""
    begin(connection, "video_1", "att_1", sent_at)
    ledger.end(connection, "att_1", NOW, verdict=verdict)
    jobs.remove(connection, "video_1", NOW)


@pytest.mark.parametrize(
    ("names", "credentials", "since", "there"),
    [
        (["a"], "", NOW, 1),
        (["b"], "digest", NOW, 1),
        (["b"], "", NOW, 0),
        (["a"], "digest", NOW + 1, 0),
    ],
)
async def test_what_was_given_up_is_known_to_searches_though_its_job_is_gone(
    database: Database, names: list[str], credentials: str, since: int, there: int
) -> None:
    def run(connection: Connection) -> list[tuple[Attempt, Sent]]:
        bury(connection)
        assert ledger.by_id(connection, "att_1") is None
        return tombstones.given_up(connection, names, credentials, since)

    found = await database.write(run)
    assert len(found) == there
    for attempt, sent in found:
        assert (attempt.id, attempt.job_id, attempt.provider) == ("att_1", "video_1", "pictory")
        assert (attempt.state, attempt.left_at, sent) == (State.ENDED, NOW, SENT)


async def test_what_is_known_of_already_is_known_by_its_token_only(database: Database) -> None:
    def run(connection: Connection) -> tuple[Attempt | None, int]:
        bury(connection)
        tombstones.found(connection, "att_1")
        kept = tombstones.by_token(connection, "h-att_1")
        return kept, len(tombstones.given_up(connection, ["a"], "", 0))

    kept, known = await database.write(run)
    assert kept is not None
    assert (kept.id, known) == ("att_1", 0)


async def test_what_was_proved_not_made_is_known_by_its_token_only(database: Database) -> None:
    def run(connection: Connection) -> tuple[Attempt | None, int]:
        bury(connection, verdict=Verdict.NOT_MADE)
        assert tombstones.by_token(connection, "h-other") is None
        found = tombstones.given_up(connection, ["a"], "digest", NOW)
        return tombstones.by_token(connection, "h-att_1"), len(found)

    attempt, found = await database.write(run)
    assert attempt is not None
    assert (attempt.id, attempt.verdict, found) == ("att_1", Verdict.NOT_MADE, 0)


@pytest.mark.parametrize("how", ["never sent", "refused", "has an id"])
async def test_nothing_is_kept_of_what_needs_no_protection(database: Database, how: str) -> None:
    def run(connection: Connection) -> Attempt | None:
        if how == "never sent":
            accounts.sync(connection, [an_account("a", 1)])
            jobs.insert_job(connection, a_job())
            slot = FreeSlot("a", "pictory", 0)
            ledger.begin(connection, an_attempt("att_1"), slot, "h-att_1", NOW)
        else:
            begin(connection, "video_1", "att_1")
        if how == "refused":
            ledger.mark(connection, "att_1", State.SENDING)
        if how == "has an id":
            ledger.mark(connection, "att_1", State.UNKNOWN, remote_id="told")
        ledger.end(connection, "att_1", NOW)
        jobs.remove(connection, "video_1", NOW)
        return tombstones.by_token(connection, "h-att_1")

    assert await database.write(run) is None


async def test_what_was_sent_is_forgotten_by_age(database: Database) -> None:
    def run(connection: Connection) -> list[int]:
        bury(connection)
        told = []
        for before in (NOW, NOW + 1):
            tombstones.expire(connection, before)
            told.append(len(tombstones.given_up(connection, ["a"], "digest", NOW)))
        return told

    assert await database.write(run) == [1, 0]
