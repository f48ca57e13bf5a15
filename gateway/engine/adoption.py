"""A job of the provider's turns out to be an attempt's: its own job goes on from there."""

from collections.abc import Mapping
from typing import Final

from gateway.engine import orphaning
from gateway.engine.crash import crash_point
from gateway.engine.tools import Tools
from gateway.model.job import Job
from gateway.model.phases import Event, Phase
from gateway.storage import Connection, jobs, ledger, orphans, remote_ids
from gateway.storage.jobs import Change
from gateway.storage.ledger import Attempt, State

ANSWERED: Final[Mapping[Phase, Event]] = {
    Phase.SUBMITTING: Event.ACCEPTED,
    Phase.CANCELING: Event.ACCEPTED,
    Phase.SUBMISSION_UNKNOWN: Event.ADOPTED,
    Phase.NEEDS_ATTENTION: Event.ADOPTED,
}
"""Where a job may stand when the provider's own yes arrives, and what that makes of it."""
_FOUND: Final[Mapping[Phase, Event]] = {
    Phase.SUBMISSION_UNKNOWN: Event.ADOPTED,
    Phase.CANCELING: Event.ADOPTED,
    Phase.NEEDS_ATTENTION: Event.ADOPTED,
}
_BACK: Final = (Phase.WAITING_FOR_SLOT, Phase.PREPARING)
"""Nothing was sent again yet."""


async def adopt(tools: Tools, job: Job, remote_id: str, evidence: str) -> bool:
    """The job is the provider's `remote_id`, as `evidence` says; False where it moved on."""
    adopted = await tools.moved(
        lambda connection: take(connection, tools, job, remote_id, evidence)
    )
    crash_point("adoption-stored")
    return adopted


def take(
    connection: Connection,
    tools: Tools,
    job: Job,
    remote_id: str,
    evidence: str,
    *,
    instead_of: str | None = None,
) -> Change | None:
    """The same inside a transaction; None also where another job has this id already.

    An id that it has is replaced only where that is `instead_of`.
    """
    attempt = ledger.by_id(connection, job.attempt_id) if job.attempt_id else None
    if attempt is None or attempt.state is State.SENDING:
        return None
    if remote_ids.is_taken(connection, attempt.provider, remote_id, by_others_than=attempt.id):
        return None
    words = f"found again as {remote_id}: {evidence}"
    return own(connection, tools, attempt, remote_id, _FOUND, words, instead_of=instead_of)


def own(
    connection: Connection,
    tools: Tools,
    attempt: Attempt,
    remote_id: str,
    moves: Mapping[Phase, Event],
    detail: str,
    *,
    instead_of: str | None = None,
    **values: object,
) -> Change | None:
    """The attempt has this id from now on, and its job goes on by one of `moves`.

    None where the job is in none of their phases, has an id other than `instead_of`, or has
    another attempt.
    """
    job = jobs.get(connection, attempt.job_id)
    if job is None or job.attempt_id != attempt.id or job.remote_id != instead_of:
        return None
    event = moves.get(job.phase)
    if event is None:
        return None
    now = tools.clock.now()
    change = jobs.move(
        connection,
        job.id,
        job.phase,
        event,
        now,
        of=attempt.id,
        detail=detail,
        remote_id=remote_id,
        deadline_at=tools.deadline(),
        progressed_at=now,
        error=None,
        **values,
    )
    # An overdue attempt has given its slot back and stays without one.
    late = attempt.state is State.OVERDUE
    state = State.OVERDUE if late else State.ACCEPTED
    ledger.mark(connection, attempt.id, state, remote_id=remote_id)
    if instead_of is not None:
        # Nobody's from now on; should it be there after all, people are told.
        orphaning.suspect(connection, attempt, instead_of, now, f"replaced by {remote_id}")
    _named(connection, attempt, remote_id, now)
    return change


def _named(connection: Connection, attempt: Attempt, remote_id: str, now: int) -> None:
    """This id has a caller; where another one was heard of, there may be a job besides."""
    orphans.forget(connection, attempt.provider, remote_id)
    if attempt.claimed_id not in {None, remote_id}:
        orphaning.suspect(connection, attempt, str(attempt.claimed_id), now)


def revive(
    connection: Connection, tools: Tools, attempt: Attempt, remote_id: str, evidence: str
) -> Change | None:
    """An attempt that was given up as not made was made after all: its job takes it back.

    None where it is too late for that: the job has ended, or was sent once more.
    """
    words = f"found again as {remote_id}: {evidence}"
    now = tools.clock.now()
    change = _take_back(
        connection,
        tools,
        attempt,
        Event.ADOPTED,
        words,
        remote_id=remote_id,
        progressed_at=now,
    )
    if change is not None:
        ledger.mark(connection, attempt.id, State.OVERDUE, remote_id=remote_id)
        _named(connection, attempt, remote_id, now)
    return change


def look_for_again(
    connection: Connection, tools: Tools, attempt: Attempt, evidence: str
) -> Change | None:
    """An attempt that was given up was heard of: its job is looked for, and not sent again.

    None where it is too late for that, as with `revive`.
    """
    words = f"given up, and now {evidence}"
    return _take_back(connection, tools, attempt, Event.OUTCOME_LOST, words)


def _take_back(
    connection: Connection,
    tools: Tools,
    attempt: Attempt,
    event: Event,
    words: str,
    **values: object,
) -> Change | None:
    """A job that is in line, or not sent yet, has this earlier attempt again."""
    job = jobs.get(connection, attempt.job_id)
    if job is None or job.phase not in _BACK:
        return None
    now = tools.clock.now()
    if job.phase is Phase.PREPARING and job.attempt_id is not None:
        ledger.end(connection, job.attempt_id, now, evidence="an earlier one may have been made")
    targets = [choice.target for choice in job.choices]
    # Its slot went to others meanwhile.
    ledger.mark(connection, attempt.id, State.OVERDUE, ended_at=None, looks=0)
    return jobs.move(
        connection,
        job.id,
        job.phase,
        event,
        now,
        of=job.attempt_id,
        detail=words,
        attempt_id=attempt.id,
        account=attempt.account,
        chosen=targets.index(attempt.target),
        deadline_at=tools.deadline(),
        error=None,
        **values,
    )
