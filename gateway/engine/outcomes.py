"""Recording what became of an attempt: each outcome is one transaction.

What is learnt from a provider exists nowhere else yet, so it is written until the database
takes it. Attempts end, and slots are freed, only with the move that the job really made.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import structlog
from msgspec.structs import replace

from gateway.engine import adoption, hearsay, orphaning, policy, spent
from gateway.engine.adoption import ANSWERED
from gateway.engine.crash import crash_point
from gateway.engine.inputs import upload_store
from gateway.engine.line import Bound, move_on
from gateway.engine.rests import door, hold_against
from gateway.engine.tools import Tools
from gateway.model.clock import SECOND
from gateway.model.job import JobError
from gateway.model.phases import Event, Phase
from gateway.net import NotSent
from gateway.routing.characters import doubtful
from gateway.storage import Connection, accounts, jobs, ledger, line, refusals, remote_ids, uploads
from gateway.storage.jobs import Change
from gateway.storage.ledger import State, Verdict
from gateway.storage.orphans import Orphan, Reason
from providers.contract import (
    Accepted,
    Fault,
    Refused,
    Role,
    SubmitOutcome,
    Unclear,
)

UPLOAD_TRIES: Final = 20
"""How often an upload that gets no usable answer is tried: over a quarter of an hour."""
INPUT_TRIES: Final = 5
"""How often an input that cannot be fetched is tried before the job fails."""

_log = structlog.get_logger()


async def record_outcome(
    tools: Tools,
    bound: Bound,
    inputs: Mapping[Role, Sequence[str]],
    outcome: SubmitOutcome | NotSent,
) -> None:
    """Write down how a submission went, and what follows for job, attempt and account."""
    match outcome:
        case Accepted():
            await _accepted(tools, bound, outcome)
        case Refused():
            await refused(tools, bound, Phase.SUBMITTING, outcome, inputs)
        case Unclear():
            await lost(tools, bound, outcome.evidence, outcome.remote_id)
        case NotSent(ours=True):
            # No fault of the account's, which rests for nothing.
            await never_sent(tools, bound, str(outcome))
        case NotSent(retry=True):
            await not_reached(tools, bound, Phase.SUBMITTING, Event.NOT_SENT, str(outcome))
        case NotSent():
            error = JobError(code="not_sendable", message=str(outcome))
            await _fail(tools, bound, Phase.SUBMITTING, Event.REFUSED, error)


async def _accepted(tools: Tools, bound: Bound, accepted: Accepted) -> None:
    stray: list[Orphan] = []

    def record(connection: Connection) -> Change | None:
        name = bound.account.name
        if accounts.took_one(connection, name):
            line.forgive(connection, bound.account.provider)
            # Its door is open.
            accounts.end_rest(connection, bound.account.provider, Fault.BLOCKED.value)
        ledger.sender_done(connection, bound.attempt_id)
        if remote_ids.is_taken(
            connection, bound.account.provider, accepted.remote_id, by_others_than=bound.attempt_id
        ):
            words = f"the provider answered with the id of another job: {accepted.remote_id}"
            change = lose(connection, tools, bound.job.id, bound.attempt_id, words)
        else:
            change = _known(connection, tools, bound, accepted.remote_id, stray)
        crash_point("outcome-storing")
        return change

    await tools.moved(record)
    crash_point("outcome-stored")
    for orphan in stray[:1]:
        orphaning.tell(orphan)


def _known(
    connection: Connection, tools: Tools, bound: Bound, remote_id: str, stray: list[Orphan]
) -> Change | None:
    """The provider made the job; wherever ours stands, for others may have taken over meanwhile.

    What nobody waits for goes to `stray`.
    """
    attempt = ledger.by_id(connection, bound.attempt_id)
    now = tools.clock.now()
    if attempt is None:
        reason = orphaning.reason_of(connection, bound.job.id, None)
        remote_ids.spend(connection, bound.account.provider, remote_id, now)
    elif attempt.remote_id not in {None, remote_id}:
        reason = Reason.DOUBLE
    elif attempt.state is not State.ENDED:
        pause = policy.next_look(tools.poll_seconds(bound.choice.provider), tools.rng)
        return adoption.own(
            connection, tools, attempt, remote_id, ANSWERED, remote_id, due_at=now + pause
        )
    elif attempt.remote_id is not None:
        return None
    elif change := adoption.revive(connection, tools, attempt, remote_id, "its answer came late"):
        return change
    else:
        reason = orphaning.reason_of(connection, bound.job.id, attempt.verdict)
        ledger.mark(connection, attempt.id, State.ENDED, remote_id=remote_id)
    orphan = Orphan(
        account=bound.account.name,
        remote_id=remote_id,
        job_id=bound.job.id,
        attempt_id=bound.attempt_id,
        reason=reason,
        detail="the answer to its submission came late",
        url=None,
        found_at=now,
    )
    if orphaning.keep(connection, orphan):
        stray.append(orphan)
    return None


async def refused(
    tools: Tools,
    bound: Bound,
    leaving: Phase,
    answer: Refused,
    inputs: Mapping[Role, Sequence[str]] = MappingProxyType({}),
) -> None:
    """The provider said no: nothing was made. Only a refusal about the job itself ends it."""
    todo = policy.advice(answer.fault, bound.account.name)
    words = f"HTTP {answer.status}: {answer.words}" + (f" ({todo})" if todo else "")
    hint = _hint(tools, bound, answer)
    rests: list[int] = []

    def record(connection: Connection) -> Change | None:
        now = tools.clock.now()
        at = door(connection, bound, answer)
        then = policy.after_refusal(answer, at)
        error = then.error and replace(then.error, message=f"{then.error.message}{hint}")
        values = {**_after(bound, then), "error": error}
        change = _unmade(connection, tools, bound, leaving, then.event, words, **values)
        if at is not None:
            refusals.note(connection, bound.attempt_id, answer.fault.value)
        rests.append(hold_against(connection, tools, bound.account, answer, at, words, now))
        if inputs and policy.doubts_uploads(answer):
            sent = [reference for many in inputs.values() for reference in many]
            uploads.forget(connection, upload_store(bound.account), sent)
        crash_point("outcome-storing")
        return change

    await tools.moved(record)
    crash_point("outcome-stored")
    if rests[-1] and not answer.retry:
        _log.warning(
            "an account rests",
            account=bound.account.name,
            seconds=rests[-1] / SECOND,
            words=words,
        )


def _unmade(
    connection: Connection,
    tools: Tools,
    bound: Bound,
    leaving: Phase,
    event: Event,
    words: str,
    **values: object,
) -> Change | None:
    """The provider made nothing of this attempt: its job moves on, wherever it stands.

    It may have been canceled meanwhile, or taken over as one whose outcome is lost. Where a
    callback has told of a job all the same, a look with our own key has to settle it.
    """
    now = tools.clock.now()
    ways = {leaving: (event, values)}
    if leaving is Phase.SUBMITTING:
        ledger.sender_done(connection, bound.attempt_id)
        attempt = ledger.by_id(connection, bound.attempt_id)
        if attempt is not None and attempt.remote_id is not None:
            return None
        if attempt is not None and attempt.was_heard_of:
            told = f"{words}; but its callback came, about {attempt.claimed_id or 'no id'}"
            return lose(connection, tools, bound.job.id, bound.attempt_id, told)
        free = policy.canceled(spent.nothing(connection, bound.job.id))
        ways |= {
            Phase.CANCELING: (event, {"error": free}),
            Phase.SUBMISSION_UNKNOWN: (Event.NOT_MADE, {}),
            Phase.NEEDS_ATTENTION: (Event.NOT_MADE, {}),
        }
    for phase, (what, changed) in ways.items():
        change = move_on(
            connection,
            bound.job.id,
            bound.job.owner,
            phase,
            what,
            now,
            of=bound.attempt_id,
            detail=words,
            **changed,
        )
        if change is not None:
            made_nothing = Verdict.NOT_MADE
            ledger.end(connection, bound.attempt_id, now, evidence=words, verdict=made_nothing)
            return change
    return None


def _after(bound: Bound, then: policy.Consequence) -> dict[str, object]:
    """What a refusal sets along with the phase: a job that has not failed is in line again."""
    if then.event is Event.TURNED_AWAY:
        return {"turned_away": bound.job.turned_away + 1}
    return {}


def _hint(tools: Tools, bound: Bound, answer: Refused) -> str:
    """Our words after the provider's, where it may have been over a length counted otherwise."""
    spec = bound.choice.spec
    if answer.fault is not Fault.INVALID_REQUEST or spec.prompt is None:
        return ""
    offer = tools.adapters[bound.choice.provider].capabilities.offer(spec.model, spec.mode)
    hint = None if offer is None else doubtful(spec.prompt, offer)
    return f" ({hint})" if hint else ""


async def lost(tools: Tools, bound: Bound, evidence: str, remote_id: str | None = None) -> None:
    """Nobody knows whether a job was made; an id that was heard of all the same is kept."""

    def record(connection: Connection) -> Change | None:
        attempt = ledger.by_id(connection, bound.attempt_id)
        again = None
        if attempt is not None and remote_id is not None:
            # Kept like an id from a callback: it counts after a look with our own key.
            again = hearsay.hear(connection, tools, attempt, remote_id)
        change = lose(connection, tools, bound.job.id, bound.attempt_id, evidence) or again
        ledger.sender_done(connection, bound.attempt_id)
        crash_point("outcome-storing")
        return change

    await tools.moved(record)
    crash_point("outcome-stored")


def lose(
    connection: Connection, tools: Tools, job_id: str, attempt_id: str, evidence: str
) -> Change | None:
    """From here on an attempt is looked for, and never sent again on a guess.

    The slot stays taken, for the job may well be running. None where its outcome is known, or
    looked for already.
    """
    attempt = ledger.by_id(connection, attempt_id)
    if attempt is None or attempt.state is not State.SENDING:
        return None
    now = tools.clock.now()
    # An id that was heard of is looked at straight away.
    pause = 0 if attempt.claimed_id else policy.first_search(tools.settle)
    for leaving in (Phase.SUBMITTING, Phase.CANCELING):
        change = jobs.move(
            connection,
            job_id,
            leaving,
            Event.OUTCOME_LOST,
            now,
            of=attempt_id,
            detail=evidence,
            deadline_at=tools.deadline(),
            due_at=now + pause,
        )
        if change is not None:
            ledger.mark(connection, attempt_id, State.UNKNOWN, evidence=evidence)
            return change
    return None


async def never_sent(tools: Tools, bound: Bound, words: str) -> None:
    """The intent is stored, and the request did not leave and never will."""

    def record(connection: Connection) -> Change | None:
        attempt = ledger.by_id(connection, bound.attempt_id)
        if attempt is None or attempt.state in {State.PREPARING, State.ENDED}:
            return None
        return _unmade(connection, tools, bound, Phase.SUBMITTING, Event.NOT_SENT, words)

    await tools.moved(record)
    crash_point("outcome-stored")


async def input_failed(tools: Tools, bound: Bound, words: str, *, retry: bool) -> None:
    """The input is the caller's: it is tried some times, and then the job fails."""
    failures = bound.job.failures + 1
    if retry and failures < INPUT_TRIES:
        await hold_back(tools, bound, words, failures=failures)
        return
    error = JobError(code="input_unusable", message=words)
    await _fail(tools, bound, Phase.PREPARING, Event.INPUT_UNUSABLE, error)


async def upload_unclear(tools: Tools, bound: Bound, words: str) -> None:
    """The file may be the trouble: the job lets others go first, and tries for a good while."""
    failures = bound.job.failures + 1
    if failures >= UPLOAD_TRIES:
        error = JobError(code="input_unusable", message=words)
        await _fail(tools, bound, Phase.PREPARING, Event.INPUT_UNUSABLE, error)
        return

    def record(connection: Connection) -> Change | None:
        return _unmade(
            connection,
            tools,
            bound,
            Phase.PREPARING,
            Event.HELD_BACK,
            words,
            due_at=tools.clock.now() + policy.backoff(failures, tools.rng),
            failures=failures,
            turned_away=bound.job.turned_away + 1,
        )

    await tools.moved(record)


async def _fail(tools: Tools, bound: Bound, leaving: Phase, event: Event, error: JobError) -> None:
    def record(connection: Connection) -> Change | None:
        return _unmade(connection, tools, bound, leaving, event, error.message, error=error)

    await tools.moved(record)


async def not_reached(tools: Tools, bound: Bound, leaving: Phase, event: Event, words: str) -> None:
    """The job goes back to its place; the account rests, longer with each silence in a row."""

    def record(connection: Connection) -> Change | None:
        now = tools.clock.now()
        change = _unmade(connection, tools, bound, leaving, event, words)
        failures = accounts.not_reached(connection, bound.account.name)
        until = now + policy.backoff(failures, tools.rng)
        accounts.cool(connection, [bound.account.name], now, until, policy.UNREACHABLE, words)
        return change

    await tools.moved(record)


async def hold_back(tools: Tools, bound: Bound, words: str, failures: int | None = None) -> None:
    """Nothing was paid: the slot is given back, and the job tries again in a while."""

    def record(connection: Connection) -> Change | None:
        due_at = tools.clock.now() + policy.backoff(failures or 1, tools.rng)
        values = {"due_at": due_at} | ({} if failures is None else {"failures": failures})
        return _unmade(connection, tools, bound, Phase.PREPARING, Event.HELD_BACK, words, **values)

    await tools.moved(record)
