"""What a look at a job comes to where it told nothing final: the next one, or a word to people."""

from typing import Final

import msgspec

from gateway.engine import orphaning, policy, spent
from gateway.engine.crash import crash_point
from gateway.engine.tools import Tools
from gateway.model.clock import SECOND
from gateway.model.job import Job, JobError
from gateway.model.phases import Event, Phase
from gateway.storage import Connection, accounts, agenda, jobs, ledger
from gateway.storage.jobs import Change
from gateway.storage.ledger import State
from gateway.storage.orphans import Reason
from providers.contract import Running, Unseen

WATCHED: Final = (
    Phase.RENDERING,
    Phase.CANCELING,
    Phase.SUBMISSION_UNKNOWN,
    Phase.NEEDS_ATTENTION,
)


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """A look at some jobs: when it began, and when the next one is due."""

    began: int
    next_at: int


def current(connection: Connection, job: Job) -> Job | None:
    """A job that was looked at as it stands now; None where the look is of no use any more."""
    now = jobs.get(connection, job.id)
    same = now is not None and now.attempt_id == job.attempt_id and now.phase in WATCHED
    return now if same else None


def ended(
    connection: Connection,
    tools: Tools,
    job: Job,
    at: Look,
    *,
    evidence: str | None = None,
    state: State = State.ENDED,
) -> None:
    """End a job's attempt along with the move that ends it."""
    attempt = ledger.by_id(connection, job.attempt_id) if job.attempt_id else None
    if attempt is not None and attempt.state is not State.ENDED:
        ledger.end(connection, attempt.id, tools.clock.now(), evidence=evidence, state=state)
        if tools.links is not None and state is State.ENDED:
            told = at.began - agenda.woken_at(connection, job.id) < policy.CALLBACK_FRESH
            accounts.called_back(connection, attempt.account, told=told)
    crash_point("end-storing")


def nothing_new(
    connection: Connection, tools: Tools, job: Job, at: Look, seen: Running | Unseen
) -> Change | None:
    """Set the next look at a job as it stands, or tell people that it is overdue."""
    now = tools.clock.now()
    values = _progress(job, seen, now)
    since = values.get("progressed_at", job.progressed_at)
    stalled = isinstance(since, int) and now >= since + tools.stalled
    overdue = job.deadline_at is not None and now >= job.deadline_at
    if (overdue or stalled) and job.phase is not Phase.NEEDS_ATTENTION:
        words = seen.word if isinstance(seen, Running) else seen.reason
        return _overdue(connection, tools, job, at, words, stalled=not overdue)
    wish = seen.wait_seconds if isinstance(seen, Unseen) else None
    next_at = max(at.next_at, now + policy.asked(wish))
    if job.phase is Phase.NEEDS_ATTENTION:
        next_at = now + policy.late_look(job.failures)
    elif job.deadline_at is not None:
        next_at = min(next_at, job.deadline_at)
    agenda.look_again(connection, job.id, job.phase, at.began, next_at, **values)
    return None


async def not_seen(tools: Tools, job: Job, at: Look, reason: str) -> None:
    """Record a look that could not be made."""

    def record(connection: Connection) -> Change | None:
        now = current(connection, job)
        seen = Unseen(reason=reason)
        return None if now is None else nothing_new(connection, tools, now, at, seen)

    await tools.moved(record)


def _progress(job: Job, seen: Running | Unseen, now: int) -> dict[str, object]:
    """What a look changes of what is known; progress never falls."""
    if not isinstance(seen, Running):
        return {}
    progress = max(job.progress, min(seen.progress or 0, 98))
    values: dict[str, object] = {}
    if progress != job.progress:
        values["progress"] = progress
    if seen.word != job.word:
        values["word"] = seen.word
    if values:
        values["progressed_at"] = now
    return values


def _overdue(
    connection: Connection, tools: Tools, job: Job, at: Look, words: str, *, stalled: bool
) -> Change | None:
    """The slot is given back, the id is kept, and the watch goes on at a slow pace."""
    now = tools.clock.now()
    canceling = job.phase is Phase.CANCELING
    change = jobs.move(
        connection,
        job.id,
        job.phase,
        Event.DEADLINE_PASSED,
        now,
        of=job.attempt_id,
        detail=words,
        error=_overdue_error(connection, tools, job, words, stalled=stalled),
        **({} if canceling else {"due_at": now + policy.SLOW_WATCH}),
    )
    state = State.ENDED if canceling else State.OVERDUE
    ended(connection, tools, job, at, evidence=words, state=state)
    if canceling:
        detail = "it had not ended when the watch of it did"
        orphaning.keep_of(connection, job, Reason.CANCELED, detail, now)
    return change


def _overdue_error(
    connection: Connection, tools: Tools, job: Job, words: str, *, stalled: bool
) -> JobError:
    if job.phase is Phase.CANCELING:
        late = f"{job.account} gave no end of it in time; {spent.known(job)}"
        return policy.canceled(spent.charged(connection, tools.routes.money, job, late))
    if job.remote_id is None:
        return JobError(
            code="submission_unknown",
            message=f"the answer to the submission was lost and it was not found again: {words}",
        )
    if stalled:
        minutes = tools.stalled / SECOND / 60
        message = f"no progress for {minutes:g} minutes; last seen: {words}"
        return JobError(code="stalled", message=message)
    minutes = tools.pace.deadline_seconds / 60
    return JobError(code="overdue", message=f"no end after {minutes:g} minutes; last seen: {words}")
