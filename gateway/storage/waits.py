"""Which jobs wait for which videos."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import ColumnElement, Connection, exists, insert, select, update

from gateway.model.job import JobError, Result
from gateway.model.phases import Phase
from gateway.storage.tables import jobs, waits


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A video that another one is made from, as it stands."""

    id: str
    owner: str
    phase: Phase
    error: JobError | None
    result: Result | None


def add(connection: Connection, job_id: str, videos: Iterable[str]) -> None:
    """Note the videos that a new job is made from."""
    for video in videos:
        connection.execute(insert(waits).values(job_id=job_id, video_id=video))


def wake(connection: Connection, video_id: str, now: int) -> None:
    """This video has ended, or is gone: have those that wait for it looked at."""
    waiting = select(waits.c.job_id).where(waits.c.video_id == video_id)
    connection.execute(
        update(jobs)
        .where(_still_waits(jobs.c.phase), jobs.c.id.in_(waiting))
        .values(due_at=now, woken_at=now)
    )


def awaited(video_id: ColumnElement[str]) -> ColumnElement[bool]:
    """That some job waits for this video."""
    waiter = jobs.alias("waiter")
    return exists(
        select(waits.c.job_id)
        .join(waiter, waiter.c.id == waits.c.job_id)
        .where(waits.c.video_id == video_id, _still_waits(waiter.c.phase))
    )


def _still_waits(phase: ColumnElement[str]) -> ColumnElement[bool]:
    # "|| ''" keeps the planner from the index on phases, which would read all jobs that wait.
    return phase + "" == Phase.WAITING_FOR_INPUT.value


def sources(connection: Connection, ids: Sequence[str]) -> dict[str, Source]:
    """The videos of these ids, as far as there are any."""
    rows = connection.execute(
        select(jobs.c.id, jobs.c.owner, jobs.c.phase, jobs.c.error, jobs.c.result).where(
            jobs.c.id.in_(ids)
        )
    )
    return {
        row.id: Source(
            id=row.id,
            owner=row.owner,
            phase=Phase(row.phase),
            error=None if row.error is None else msgspec.json.decode(row.error, type=JobError),
            result=None if row.result is None else msgspec.json.decode(row.result, type=Result),
        )
        for row in rows
    }
