"""Rows of jobs, attempts and slots; the schema that migrations make."""

from functools import partial
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from gateway.model.job import Job, JobError, Result
from gateway.model.phases import IN_HAND, INITIAL, TRANSITIONS, Event, IllegalMoveError, Phase
from gateway.storage import Database, accounts, jobs, ledger
from gateway.storage.accounts import FreeSlot
from gateway.storage.keep import kept
from gateway.storage.ledger import Attempt, State
from gateway.storage.tables import metadata
from providers.contract import Account, Price
from tests.gateway.storage.rows_support import NOW, a_job, an_account, an_attempt


async def test_migrations_make_exactly_the_tables_of_the_code(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    assert await database.read(differences) == []


async def test_migrating_again_changes_nothing(database: Database) -> None:
    database.migrate()

    assert await database.read(lambda connection: jobs.get(connection, "nobody")) is None


async def test_a_job_comes_back_as_it_was_stored(database: Database) -> None:
    job = a_job()
    await database.write(lambda connection: jobs.insert_job(connection, job))

    assert await database.read(lambda connection: jobs.get(connection, job.id)) == job


async def test_every_column_survives_the_round_trip(database: Database) -> None:
    values: dict[str, Any] = {
        "error": JobError(code="c", message="m"),
        "cost": Price(amount=128, unit="tenths"),
        "result": Result(
            digest="d", media_type="video/mp4", bytes=1, duration_ms=5000, width=2, height=3
        ),
        "remote_id": "r",
        "remote_url": "https://x",
        "chosen": 0,
        "progress": 7,
    }
    await database.write(lambda connection: jobs.insert_job(connection, a_job()))
    moved = await database.write(
        lambda connection: jobs.move(
            connection, "video_1", INITIAL, Event.SLOT_BOUND, NOW + 1, detail="", **values
        )
    )
    assert moved is not None

    job = await database.read(lambda connection: jobs.get(connection, "video_1"))
    assert job is not None
    assert {name: getattr(job, name) for name in values} == values
    assert job.choice == job.choices[0]


async def test_of_two_movers_one_finds_nothing_to_move(database: Database) -> None:
    def move(connection: Connection) -> object:
        return jobs.move(
            connection, "video_1", Phase.WAITING_FOR_SLOT, Event.SLOT_BOUND, NOW, detail="d"
        )

    await database.write(lambda connection: jobs.insert_job(connection, a_job()))

    assert await database.write(move) is not None
    assert await database.write(move) is None
    told = await database.read(lambda connection: jobs.history(connection, "video_1"))
    assert [moment.event for moment in told] == ["created", "slot_bound"]


async def test_a_move_the_table_does_not_list_is_refused_and_leaves_no_trace(
    database: Database,
) -> None:
    await database.write(lambda connection: jobs.insert_job(connection, a_job()))

    with pytest.raises(IllegalMoveError):
        await database.write(
            lambda connection: jobs.move(connection, "video_1", INITIAL, Event.SAVED, NOW)
        )
    told = await database.read(lambda connection: jobs.history(connection, "video_1"))
    assert len(told) == 1


@pytest.mark.parametrize("leaving", [phase for phase in TRANSITIONS if TRANSITIONS[phase]])
async def test_every_listed_move_can_be_stored(database: Database, leaving: Phase) -> None:
    def run(connection: Connection, moved_by: Event) -> tuple[object, Job | None]:
        name = f"video_{moved_by.value}"
        jobs.insert_job(connection, a_job(name))
        connection.execute(
            text("UPDATE jobs SET phase = :phase WHERE id = :id"),
            {"phase": leaving.value, "id": name},
        )
        moved = jobs.move(connection, name, leaving, moved_by, NOW)
        return moved, jobs.get(connection, name)

    for moved_by, entered in TRANSITIONS[leaving].items():
        moved, job = await database.write(partial(run, moved_by=moved_by))
        assert moved is not None
        assert job is not None
        assert job.phase is entered
        final = not TRANSITIONS[job.phase]
        assert (job.due_at is None) == (final or job.phase in IN_HAND)
        assert (job.completed_at == NOW) == final


async def test_slots_follow_the_configuration_and_never_exceed_it(database: Database) -> None:
    async def sync(*configured: Account) -> None:
        await database.write(lambda connection: accounts.sync(connection, configured))

    async def free(at: int = NOW) -> list[tuple[str, int]]:
        found = await database.read(lambda connection: accounts.free_slots(connection, at))
        return [(slot.account, slot.n) for slot in found]

    await sync(an_account("a", 2), an_account("b", 1))
    assert await free() == [("a", 0), ("a", 1), ("b", 0)]

    def begin(connection: Connection) -> bool:
        jobs.insert_job(connection, a_job())
        return ledger.begin(
            connection, an_attempt("att_1"), FreeSlot("a", "pictory", 1), "hash", NOW
        )

    assert await database.write(begin)
    assert await free() == [("a", 0), ("b", 0)]

    # One slot is taken: a limit of one leaves none, whichever number the taken one has.
    await sync(an_account("a", 1), an_account("b", 1))
    assert await free() == [("b", 0)]

    await database.write(lambda connection: ledger.end(connection, "att_1", NOW))
    assert await free() == [("a", 0), ("b", 0)]

    await database.write(
        lambda connection: accounts.cool(connection, ["b"], NOW, NOW + 10, "throttled")
    )
    await database.write(
        lambda connection: accounts.cool(connection, ["b"], NOW, NOW + 5, "throttled")
    )
    assert await free(NOW + 9) == [("a", 0)]
    assert await free(NOW + 10) == [("a", 0), ("b", 0)]

    await sync(an_account("b", 1))
    assert await free(NOW + 10) == [("b", 0)]


async def test_a_slot_is_bound_to_one_attempt_only(database: Database) -> None:
    slot = FreeSlot("a", "pictory", 0)

    def begin(connection: Connection) -> tuple[bool, bool]:
        accounts.sync(connection, [an_account("a", 1)])
        jobs.insert_job(connection, a_job())
        return (
            ledger.begin(connection, an_attempt("att_1"), slot, "h1", NOW),
            ledger.begin(connection, an_attempt("att_2", n=2), slot, "h2", NOW),
        )

    assert await database.write(begin) == (True, False)


async def test_a_claimed_id_never_replaces_the_providers_own(database: Database) -> None:
    def run(connection: Connection) -> Attempt | None:
        accounts.sync(connection, [an_account("a", 1)])
        jobs.insert_job(connection, a_job())
        ledger.begin(connection, an_attempt("att_1"), FreeSlot("a", "pictory", 0), "h1", NOW)
        ledger.claim(connection, "att_1", "claimed-first")
        ledger.mark(connection, "att_1", State.ACCEPTED, remote_id="told-by-provider")
        ledger.claim(connection, "att_1", "claimed-late")
        return ledger.by_token(connection, "h1")

    attempt = await database.write(run)
    assert attempt is not None
    assert (attempt.remote_id, attempt.claimed_id) == ("told-by-provider", "claimed-first")


async def test_what_is_kept_is_kept_as_it_was_first(database: Database) -> None:
    for value in ("first", "second"):
        found = await database.write(
            lambda connection, value=value: kept(connection, "name", value)  # type: ignore[misc]
        )
        assert found == "first"
