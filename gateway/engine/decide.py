"""What an operator decides about a job that the engine cannot decide about.

Each verb acts on a job whose submission's answer was lost, or that needs attention: `adopt`
names the provider's job, `resubmit` sends it again (and may pay twice: that is the
operator's to know), `fail` ends it.
"""

from collections.abc import Callable
from typing import Final

from gateway.engine import adoption, orphaning
from gateway.engine.line import move_on
from gateway.engine.tools import Tools, log_change
from gateway.model.errors import ConflictError, FieldFault, InvalidError
from gateway.model.job import Job, JobError
from gateway.model.phases import Event, Phase
from gateway.storage import Connection, jobs, ledger
from gateway.storage.jobs import Change
from gateway.storage.orphans import Reason

OPEN: Final = (Phase.SUBMISSION_UNKNOWN, Phase.NEEDS_ATTENTION)

Verb = Callable[[Connection, Job], Change | None]


async def adopt(tools: Tools, video_id: str, remote_id: str) -> Job | None:
    """Say which job of the provider's it is; the watch goes on from there. None: no such job.

    An id under which nothing was ever seen may be a slip, and is replaced.

    Raises:
        ConflictError: It is not open, was seen under its id, or another job has this one.
        InvalidError: The provider has no such ids.
    """
    remote_id = remote_id.strip()

    def run(connection: Connection, job: Job) -> Change | None:
        if job.remote_id is not None and (job.remote_id == remote_id or _was_seen(job)):
            raise ConflictError(f"The video has an id at its provider already: {job.remote_id}")
        _check_id(tools, job, remote_id)
        return adoption.take(
            connection, tools, job, remote_id, "the operator says so", instead_of=job.remote_id
        )

    return await _decide(tools, video_id, run)


def _was_seen(job: Job) -> bool:
    """Whether the provider ever showed the job under the id that it has."""
    return job.word is not None or job.progress > 0 or job.remote_url is not None


def _check_id(tools: Tools, job: Job, remote_id: str) -> None:
    adapter = tools.adapters.get(job.choice.provider) if job.choice else None
    shape = adapter.remote_id if adapter else None
    if not (shape.fullmatch(remote_id) if shape else remote_id):
        words = f"{remote_id!r} is no id that the provider can be asked for"
        fault = FieldFault(pointer="/upstream_id", code="bad_id", detail=words)
        raise InvalidError("The body cannot be used.", errors=[fault])


async def resubmit(tools: Tools, video_id: str) -> Job | None:
    """Put it back into the line, whatever became of its attempt. None: no such job.

    Raises:
        ConflictError: It is not open.
    """

    def run(connection: Connection, job: Job) -> Change | None:
        now = tools.clock.now()
        change = move_on(
            connection,
            job.id,
            job.owner,
            job.phase,
            Event.RESUBMITTED,
            now,
            of=job.attempt_id or "",
            detail="by the operator",
            # It did start in time.
            start_by=None,
            failures=0,
        )
        return _ended(connection, job, change, now, "resubmitted by the operator")

    return await _decide(tools, video_id, run)


async def fail(tools: Tools, video_id: str, words: str = "") -> Job | None:
    """End it. None: no such job.

    Raises:
        ConflictError: It is not open.
    """

    def run(connection: Connection, job: Job) -> Change | None:
        now = tools.clock.now()
        said = words or "the operator gave it up"
        change = jobs.move(
            connection,
            job.id,
            job.phase,
            Event.GIVEN_UP,
            now,
            detail=said,
            error=JobError(code="given_up", message=said),
        )
        return _ended(connection, job, change, now, said)

    return await _decide(tools, video_id, run)


async def _decide(tools: Tools, video_id: str, verb: Verb) -> Job | None:
    def run(connection: Connection) -> tuple[Job, Change] | None:
        job = jobs.get(connection, video_id)
        if job is None:
            return None
        if job.phase not in OPEN:
            raise ConflictError(
                f"The video is {job.phase.value}; only one that is "
                f"{' or '.join(phase.value for phase in OPEN)} is open to this."
            )
        change = verb(connection, job)
        if change is None:
            raise ConflictError("Another video has this id, or this one has just moved on.")
        return jobs.get(connection, video_id) or job, change

    done = await tools.database.write(run)
    if done is None:
        return None
    log_change(done[1])
    return done[0]


def _ended(
    connection: Connection, job: Job, change: Change | None, now: int, words: str
) -> Change | None:
    if change is not None and job.attempt_id is not None:
        ledger.end(connection, job.attempt_id, now, evidence=words)
        orphaning.keep_of(connection, job, Reason.ABANDONED, words, now)
    return change
