"""Canceling: free while nothing was paid; later it stops what can be stopped, and says the rest."""

from typing import Final

from gateway.engine import orphaning, policy, spent
from gateway.engine.crash import crash_point
from gateway.engine.tools import Tools, log_change
from gateway.model.errors import FinishedError
from gateway.model.job import Job
from gateway.model.phases import Event, Phase
from gateway.storage import Connection, jobs, ledger
from gateway.storage.jobs import Change
from gateway.storage.orphans import Reason

_FREE: Final = (Phase.WAITING_FOR_INPUT, Phase.WAITING_FOR_SLOT, Phase.PREPARING)
"""Nothing was paid yet, and nothing will be once the job has left these."""
_RACING: Final = (Phase.SUBMITTING, Phase.SUBMISSION_UNKNOWN, Phase.RENDERING)


async def cancel(tools: Tools, owner: str | None, video_id: str) -> Job | None:
    """Cancel a job; it, as it stands then. None where the owner (None: anybody) has no such job.

    One that is canceled, or on its way there, stays as it is. No provider can be told to
    stop: a job that was sent is watched to its end and says what was spent.

    Raises:
        FinishedError: It has ended, or its film is on its way: there is nothing to cancel.
    """

    def run(connection: Connection) -> tuple[Job, Change | None] | None:
        job = jobs.get(connection, video_id)
        if job is None or (owner is not None and job.owner != owner):
            return None
        if job.phase is Phase.CANCELING or (job.error and job.error.code == "canceled"):
            return job, None
        change = _canceled(connection, tools, job)
        return jobs.get(connection, video_id) or job, change

    done = await tools.database.write(run)
    if done is None:
        return None
    crash_point("cancel-stored")
    job, change = done
    if change is not None:
        log_change(change)
    return job


def _canceled(connection: Connection, tools: Tools, job: Job) -> Change | None:
    now = tools.clock.now()
    if job.phase in _RACING:
        # A request under way tells its own outcome; until then nothing is due.
        due_at = None if job.phase is Phase.SUBMITTING else now
        return jobs.move(
            connection, job.id, job.phase, Event.CANCEL_ASKED, now, of=job.attempt_id, due_at=due_at
        )
    if job.phase is Phase.NEEDS_ATTENTION:
        words = f"it needed attention; {spent.known(job)}"
        words = spent.charged(connection, tools.routes.money, job, words)
    elif job.phase in _FREE:
        words = spent.nothing(connection, job.id)
    else:
        raise FinishedError(f"The video is {job.phase.value}; there is nothing to cancel any more.")
    change = jobs.move(
        connection,
        job.id,
        job.phase,
        Event.CANCELED,
        now,
        detail=words,
        error=policy.canceled(words),
    )
    if change is not None and job.attempt_id is not None:
        ledger.end(connection, job.attempt_id, now, evidence="canceled")
        orphaning.keep_of(connection, job, Reason.CANCELED, "it was canceled unfinished", now)
    return change
