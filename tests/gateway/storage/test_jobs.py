"""Rows of jobs, attempts and slots; the schema that migrations make."""

from collections.abc import Callable
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, event, text

from gateway.model.job import JobError, Result
from gateway.model.phases import IN_HAND, INITIAL, TRANSITIONS, Event, IllegalMoveError, Phase
from gateway.storage import Database, jobs, ledger, line
from gateway.storage.ledger import Attempt, FreeSlot, State
from gateway.storage.tables import metadata
from providers.contract import Account, Price, Secret
from tests.gateway.storage.rows_support import NOW, a_job


def an_account(name: str, max_jobs: int, provider: str = "pictory") -> Account:
    return Account(
        name=name, provider=provider, key=Secret("k"), base_url="https://x", max_jobs=max_jobs
    )


def an_attempt(name: str, n: int = 1) -> Attempt:
    return Attempt(
        id=name,
        job_id="video_1",
        n=n,
        account="a",
        target="pictory/m",
        state=State.PREPARING,
        remote_id=None,
        claimed_id=None,
    )


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
    values = {
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


@pytest.mark.parametrize(
    ("leaving", "moved_by"),
    [(phase, event) for phase, moves in TRANSITIONS.items() for event in moves],
    ids=lambda value: value.value,
)
async def test_every_listed_move_can_be_stored(
    database: Database, leaving: Phase, moved_by: Event
) -> None:
    def run(connection: Connection) -> object:
        jobs.insert_job(connection, a_job())
        connection.execute(text("UPDATE jobs SET phase = :phase"), {"phase": leaving.value})
        return jobs.move(connection, "video_1", leaving, moved_by, NOW)

    assert await database.write(run) is not None
    job = await database.read(lambda connection: jobs.get(connection, "video_1"))
    assert job is not None
    assert job.phase is TRANSITIONS[leaving][moved_by]
    final = not TRANSITIONS[job.phase]
    assert (job.due_at is None) == (final or job.phase in IN_HAND)
    assert (job.completed_at == NOW) == final


async def test_what_was_taken_comes_up_again_when_its_lease_ends(database: Database) -> None:
    await database.write(lambda connection: jobs.insert_job(connection, a_job()))

    async def taken(at: int) -> list[str]:
        found = await database.write(
            lambda connection: jobs.take_due(connection, INITIAL, at, until=at + 100, limit=5)
        )
        return [job.id for job in found]

    assert await taken(NOW - 1) == []
    assert await taken(NOW) == ["video_1"]
    assert await taken(NOW + 99) == []
    assert await taken(NOW + 100) == ["video_1"]


async def test_a_callback_during_a_look_is_not_forgotten_when_the_look_ends(
    database: Database,
) -> None:
    async def due() -> int | None:
        job = await database.read(lambda connection: jobs.get(connection, "video_1"))
        assert job is not None
        return job.due_at

    await database.write(lambda connection: jobs.insert_job(connection, a_job()))
    began = NOW + 10
    await database.write(lambda connection: jobs.wake(connection, "video_1", [INITIAL], began + 5))
    await database.write(
        lambda connection: jobs.look_again(connection, "video_1", INITIAL, began, began + 1000)
    )
    assert await due() == began + 5 + jobs.WAKE_GAP

    later = began + 20
    await database.write(
        lambda connection: jobs.look_again(connection, "video_1", INITIAL, later, later + 1000)
    )
    assert await due() == later + 1000


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (lambda c: jobs.take_due(c, Phase.RENDERING, NOW, until=NOW, limit=9), "ix_jobs_due"),
        (lambda c: line.in_line(c, ["pictory"], NOW, 9), "ix_jobs_line"),
        (lambda c: line.in_line(c, ["pictory"], NOW, 9, behind=a_job()), "ix_jobs_line"),
        (lambda c: line.place_in_line(c, a_job()), "ix_jobs_line"),
        (lambda c: line.last_place(c, a_job().choices), "ix_jobs_line"),
        (lambda c: jobs.next_due(c, NOW), "ix_jobs_due"),
        (lambda c: jobs.history(c, "video_1"), "ix_events_job_id_seq"),
        (lambda c: ledger.by_token(c, "hash"), "sqlite_autoindex_attempts"),
    ],
    ids=["due", "line", "behind", "place", "last", "next", "history", "token"],
)
async def test_a_hot_query_uses_its_index(
    database: Database, query: Callable[[Connection], object], index: str
) -> None:
    def plan(connection: Connection) -> str:
        seen: list[tuple[str, Any]] = []

        def note(_c: object, _u: object, statement: str, parameters: object, *_: object) -> None:
            seen.append((statement, parameters))

        event.listen(connection, "before_cursor_execute", note)
        query(connection)
        event.remove(connection, "before_cursor_execute", note)
        plans = [
            connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            for statement, parameters in seen
        ]
        assert all(index in str(one) for one in plans), plans
        return str(plans)

    assert "TEMP B-TREE" not in await database.write(plan)


async def test_what_is_due_but_has_to_wait_does_not_keep_the_engine_awake(
    database: Database,
) -> None:
    def fill(connection: Connection) -> None:
        jobs.insert_job(connection, a_job("video_waiting"))
        jobs.insert_job(connection, a_job("video_ready"))
        connection.execute(text("UPDATE jobs SET phase = 'downloading' WHERE id = 'video_ready'"))

    async def due(*waiting: Phase) -> int | None:
        return await database.read(lambda connection: jobs.next_due(connection, NOW + 5, *waiting))

    await database.write(fill)

    assert await due() == NOW
    assert await due(Phase.DOWNLOADING) is None


async def test_slots_follow_the_configuration_and_never_exceed_it(database: Database) -> None:
    async def sync(*accounts: Account) -> None:
        await database.write(lambda connection: ledger.sync_accounts(connection, accounts))

    async def free(at: int = NOW) -> list[tuple[str, int]]:
        found = await database.read(lambda connection: ledger.free_slots(connection, at))
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

    await database.write(lambda connection: ledger.cool(connection, ["b"], NOW + 10, "throttled"))
    await database.write(lambda connection: ledger.cool(connection, ["b"], NOW + 5, "throttled"))
    assert await free(NOW + 9) == [("a", 0)]
    assert await free(NOW + 10) == [("a", 0), ("b", 0)]

    await sync(an_account("b", 1))
    assert await free(NOW + 10) == [("b", 0)]


async def test_a_slot_is_bound_to_one_attempt_only(database: Database) -> None:
    slot = FreeSlot("a", "pictory", 0)

    def begin(connection: Connection) -> tuple[bool, bool]:
        ledger.sync_accounts(connection, [an_account("a", 1)])
        jobs.insert_job(connection, a_job())
        return (
            ledger.begin(connection, an_attempt("att_1"), slot, "h1", NOW),
            ledger.begin(connection, an_attempt("att_2", n=2), slot, "h2", NOW),
        )

    assert await database.write(begin) == (True, False)


async def test_a_claimed_id_never_replaces_the_providers_own(database: Database) -> None:
    def run(connection: Connection) -> Attempt | None:
        ledger.sync_accounts(connection, [an_account("a", 1)])
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
        kept = await database.write(
            lambda connection, value=value: ledger.kept(connection, "name", value)  # type: ignore[misc]
        )
        assert kept == "first"


async def test_a_job_that_is_gone_is_not_woken(database: Database) -> None:
    assert not await database.write(
        lambda connection: jobs.wake(connection, "video_gone", [INITIAL], NOW)
    )
