"""Jobs at providers that were paid for and that nobody waits for: kept, shown, told of once."""

from typing import Final

import structlog

from gateway.model.job import Job
from gateway.storage import Connection, jobs, ledger, orphans
from gateway.storage.ledger import Attempt, State, Verdict
from gateway.storage.orphans import Orphan, Reason

HEARD: Final = "a callback with the token of this attempt, or its answer, named it"
ORPHANED: Final = "orphaned"
"""The event in a job's history; moves have words such as `canceled` and `given_up`, too."""

_log = structlog.get_logger()


def keep(connection: Connection, orphan: Orphan) -> bool:
    """Keep it, and put it into the job's history; False where it was known."""
    new = orphans.add(connection, orphan)
    job = jobs.get(connection, orphan.job_id) if new else None
    if job is not None:
        words = f"{orphan.reason}: {orphan.remote_id} on {orphan.account}: {orphan.detail}"
        jobs.note(connection, job.id, orphan.found_at, ORPHANED, job.phase, words)
    return new


def keep_of(connection: Connection, job: Job, reason: Reason, detail: str, now: int) -> None:
    """Keep the provider's job that a job of ours had to its end, for nobody waits on.

    Where only an id was heard of, that is looked at from now on as any other that is nobody's.
    """
    if job.account and job.remote_id and job.attempt_id:
        orphan = Orphan(
            account=job.account,
            remote_id=job.remote_id,
            job_id=job.id,
            attempt_id=job.attempt_id,
            reason=reason,
            detail=detail,
            url=job.remote_url,
            found_at=now,
        )
        keep(connection, orphan)
        return
    attempt = ledger.by_id(connection, job.attempt_id) if job.attempt_id else None
    if attempt is not None and attempt.remote_id is None and attempt.claimed_id is not None:
        suspect(connection, attempt, attempt.claimed_id, now)


def suspect(
    connection: Connection, attempt: Attempt, remote_id: str, now: int, detail: str = HEARD
) -> None:
    """Keep an id that was heard of and that may be nobody's; it is looked at straight away."""
    reason = Reason.DOUBLE
    if attempt.state is State.ENDED and attempt.remote_id is None:
        reason = reason_of(connection, attempt.job_id, attempt.verdict)
    orphan = Orphan(
        account=attempt.account,
        remote_id=remote_id,
        job_id=attempt.job_id,
        attempt_id=attempt.id,
        reason=reason,
        detail=detail,
        url=None,
        found_at=now,
        due_at=now,
    )
    orphans.add(connection, orphan)


def tell(orphan: Orphan) -> None:
    """Money went out for which nobody gets a film: the operator should know."""
    _log.error(
        "a job at a provider was paid for and belongs to nobody",
        job=orphan.job_id,
        attempt=orphan.attempt_id,
        account=orphan.account,
        remote_id=orphan.remote_id,
        reason=orphan.reason.value,
    )


def reason_of(connection: Connection, job_id: str, verdict: Verdict | None) -> Reason:
    """Why nobody waits for what an attempt made that had ended already, with this `verdict`."""
    job = jobs.get(connection, job_id)
    if job is not None and job.error is not None and job.error.code == "canceled":
        return Reason.CANCELED
    if verdict is Verdict.GIVEN_UP:
        return Reason.ABANDONED
    return Reason.CANCELED if job is None and verdict is None else Reason.REVIVED
