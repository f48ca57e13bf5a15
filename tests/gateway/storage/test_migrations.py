"""A database of an earlier version is brought up to date with everything that is in it."""

from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from gateway.model.inputs import StoredInput
from gateway.model.job import Job
from gateway.model.phases import Phase
from gateway.storage import Database, holdings, jobs, ledger
from gateway.storage.migrations import upgrade

NOW = 1_800_000_000_000_000
CHOICES = (
    '[{"provider":"pictory","spec":{"model":"veo3.1","mode":"first_frame","prompt":"a bay",'
    '"seconds":8,"aspect_ratio":"16:9","resolution":null,"seed":null}}]'
)
REQUESTS = {
    "video_1": '{"model":"default","prompt":"a bay","first_frame":{"kind":"stored","digest":"aa",'
    '"media_type":"image/png"},"last_frame":{"kind":"stored","digest":"aa",'
    '"media_type":"image/png"},"metadata":{}}',
    "video_2": '{"model":"default","prompt":"a bay","seconds":8,"aspect_ratio":"16:9",'
    '"resolution":null,"first_frame":{"kind":"url","url":"https://x/y.png"},"last_frame":null,'
    '"seed":7,"metadata":{"a":"b"}}',
    "video_3": '{"model":"default","prompt":"a bay","first_frame":null,"metadata":{}}',
}
RESULT = (
    '{"digest":"ff","media_type":"video/mp4","bytes":1,"duration_ms":8000,"width":2,"height":2}'
)
DONE = {"video_1", "video_2"}


def old_rows(connection: Connection) -> None:
    for name, request in REQUESTS.items():
        connection.execute(
            text(
                "INSERT INTO jobs (id, owner, phase, request, choices, providers, created_at, "
                "updated_at, due_at, result) VALUES (:id, 'tester', :phase, :request, :choices, "
                "'|pictory|', :now, :now, NULL, :result)"
            ),
            {
                "id": name,
                "phase": "completed" if name in DONE else "waiting_for_slot",
                "request": request,
                "choices": CHOICES,
                "now": NOW,
                "result": RESULT if name in DONE else None,
            },
        )
    for n, sent_at in enumerate((None, NOW)):
        connection.execute(
            text(
                "INSERT INTO attempts (id, job_id, n, account, target, token_hash, state, "
                "created_at, sent_at) VALUES (:id, 'video_3', :n, 'main', 'pictory/veo3.1', :id, "
                "'ended', :now, :sent_at)"
            ),
            {"id": f"att_{n}", "n": n + 1, "now": NOW, "sent_at": sent_at},
        )
    connection.execute(text("UPDATE jobs SET attempts = 2 WHERE id = 'video_3'"))
    connection.execute(
        text("INSERT INTO accounts (name, provider, max_jobs) VALUES ('main', 'pictory', 3)")
    )


@pytest.fixture
def migrated(tmp_path: Path) -> Database:
    database = Database(tmp_path / "filmgate.db")
    with database._writer.connect() as connection:
        upgrade(connection, "0001")
        old_rows(connection)
        connection.commit()
    database.migrate()
    return database


async def test_jobs_of_the_first_version_are_still_read(migrated: Database) -> None:
    try:
        found = await migrated.read(
            lambda connection: [jobs.get(connection, name) for name in REQUESTS]
        )
        assert all(isinstance(job, Job) for job in found)
        first = found[0]
        assert first is not None
        assert first.phase is Phase.COMPLETED
        assert (first.kept, first.start_by) == ({}, None)
        assert first.request.first_frame == StoredInput(digest="aa", media_type="image/png")
        assert [one.seconds for one in (job.choices[0].spec for job in found if job)] == [8, 8, 8]
    finally:
        migrated.close()


async def test_what_old_jobs_need_is_held_so_that_nobody_drops_it(migrated: Database) -> None:
    def look(connection: Connection) -> dict[str, list[str]]:
        return {name: holdings.of(connection, name) for name in REQUESTS}

    try:
        assert await migrated.read(look) == {
            "video_1": ["aa", "ff"],
            "video_2": ["ff"],
            "video_3": [],
        }
        free = await migrated.write(lambda connection: jobs.remove(connection, "video_1", NOW))
        assert free == ["aa"]
    finally:
        migrated.close()


async def test_accounts_begin_without_refusals(migrated: Database) -> None:
    try:
        before = await migrated.write(
            lambda connection: ledger.throttled(connection, "main", NOW, "provider_throttled")
        )
        assert before == 0
    finally:
        migrated.close()


async def test_attempts_that_were_never_sent_do_not_count_any_more(migrated: Database) -> None:
    def look(connection: Connection) -> tuple[Job | None, int]:
        return jobs.get(connection, "video_3"), ledger.next_n(connection, "video_3")

    try:
        job, n = await migrated.read(look)
        assert job is not None
        assert (job.attempts, job.turned_away, n) == (1, 0, 3)
    finally:
        migrated.close()
