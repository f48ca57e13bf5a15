"""Recording what became of an attempt: each outcome is one transaction.

What is learnt from a provider exists nowhere else yet, so it is written until the database
takes it. Attempts end, and slots are freed, only with the move that the job really made.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import structlog
from msgspec.structs import replace

from gateway.engine import policy
from gateway.engine.inputs import upload_store
from gateway.engine.line import Bound
from gateway.engine.tools import Tools
from gateway.model.clock import SECOND
from gateway.model.job import JobError
from gateway.model.phases import Event, Phase
from gateway.net import NotSent
from gateway.routing.characters import doubtful
from gateway.storage import Connection, jobs, ledger
from gateway.storage.jobs import Change
from gateway.storage.ledger import State
from providers.contract import (
    Accepted,
    Account,
    Fault,
    Refused,
    Role,
    Scope,
    SubmitOutcome,
    Unclear,
)

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
        case NotSent(retry=True):
            await not_reached(tools, bound, Phase.SUBMITTING, Event.NOT_SENT, str(outcome))
        case NotSent():
            error = JobError(code="not_sendable", message=str(outcome))
            await _fail(tools, bound, Phase.SUBMITTING, Event.REFUSED, error)


async def _accepted(tools: Tools, bound: Bound, accepted: Accepted) -> None:
    def record(connection: Connection) -> Change | None:
        now = tools.clock.now()
        ledger.reached(connection, bound.account.name)
        ledger.not_throttled(connection, bound.account.name)
        if ledger.remote_id_taken(connection, bound.account.name, accepted.remote_id):
            return _lose(
                connection,
                tools,
                bound,
                f"the provider answered with the id of another job: {accepted.remote_id}",
            )
        # A fact, whoever has the job by now; so not only when the move is made.
        ledger.mark(connection, bound.attempt_id, State.ACCEPTED, remote_id=accepted.remote_id)
        pause = policy.next_look(tools.poll_seconds(bound.choice.provider), None, tools.rng)
        return jobs.move(
            connection,
            bound.job.id,
            Phase.SUBMITTING,
            Event.ACCEPTED,
            now,
            detail=accepted.remote_id,
            remote_id=accepted.remote_id,
            deadline_at=tools.deadline(),
            due_at=now + pause,
        )

    await tools.moved(record)


async def refused(
    tools: Tools,
    bound: Bound,
    leaving: Phase,
    answer: Refused,
    inputs: Mapping[Role, Sequence[str]] = MappingProxyType({}),
) -> None:
    """The provider said no: nothing was made. Only a refusal about the job itself ends it."""
    then = policy.after_refusal(answer)
    todo = policy.advice(answer.fault, bound.account.name)
    words = f"HTTP {answer.status}: {answer.words}" + (f" ({todo})" if todo else "")
    error = then.error and replace(then.error, message=_with_hint(tools, bound, answer))
    rests: list[int] = []

    def record(connection: Connection) -> Change | None:
        now = tools.clock.now()
        change = jobs.move(
            connection,
            bound.job.id,
            leaving,
            then.event,
            now,
            detail=words,
            error=error,
            **_after(bound, then),
        )
        name = bound.account.name
        if change is not None:
            ledger.end(connection, bound.attempt_id, now, evidence=answer.words)
        ledger.reached(connection, name)
        if error is None:
            reason = answer.fault.value
            before = ledger.throttled(connection, name, now, reason) if answer.retry else 0
            rests.append(policy.rest(answer, before, tools.rest, tools.rng))
            concerned = _concerned(tools, bound.account, answer.scope)
            ledger.cool(connection, concerned, now + rests[-1], reason)
        if inputs and policy.doubts_uploads(answer):
            sent = [reference for many in inputs.values() for reference in many]
            ledger.forget_uploads(connection, upload_store(bound.account), sent)
        return change

    await tools.moved(record)
    if then.event is Event.TURNED_AWAY:
        _log.warning(
            "an account rests",
            account=bound.account.name,
            seconds=rests[-1] / SECOND,
            words=words,
        )


def _after(bound: Bound, then: policy.Consequence) -> dict[str, object]:
    """What a refusal sets along with the phase: a job that has not failed is in line again."""
    if then.error is not None:
        return {}
    if then.event is Event.TURNED_AWAY:
        return {**_released(), "turned_away": bound.job.turned_away + 1}
    return _released()


def _with_hint(tools: Tools, bound: Bound, answer: Refused) -> str:
    """The provider's words; with ours where it may have been over a length counted otherwise."""
    spec = bound.choice.spec
    if answer.fault is not Fault.INVALID_REQUEST or spec.prompt is None:
        return answer.words
    offer = tools.adapters[bound.choice.provider].capabilities.offer(spec.model, spec.mode)
    hint = None if offer is None else doubtful(spec.prompt, offer)
    return f"{answer.words} ({hint})" if hint else answer.words


def _concerned(tools: Tools, account: Account, scope: Scope) -> list[str]:
    """The accounts that a refusal of this scope is about."""
    if scope is Scope.PROVIDER:
        return [one.name for one in tools.accounts.values() if one.provider == account.provider]
    return [account.name] if scope is Scope.ACCOUNT else []


async def lost(tools: Tools, bound: Bound, evidence: str, remote_id: str | None = None) -> None:
    """Nobody knows whether a job was made; an id that was heard of all the same is kept."""

    def record(connection: Connection) -> Change | None:
        if remote_id is not None:
            # Kept like an id from a callback: it counts after a look with our own key.
            ledger.claim(connection, bound.attempt_id, remote_id)
        return _lose(connection, tools, bound, evidence)

    await tools.moved(record)


def _lose(connection: Connection, tools: Tools, bound: Bound, evidence: str) -> Change | None:
    """The outcome is not known: the slot stays taken, for the job may well be running."""
    now = tools.clock.now()
    change = jobs.move(
        connection,
        bound.job.id,
        Phase.SUBMITTING,
        Event.OUTCOME_LOST,
        now,
        detail=evidence,
        deadline_at=tools.deadline(),
        due_at=now + 15 * SECOND,
    )
    if change is not None:
        ledger.mark(connection, bound.attempt_id, State.UNKNOWN, evidence=evidence)
    return change


async def input_failed(tools: Tools, bound: Bound, words: str, *, retry: bool) -> None:
    """The input is the caller's: it is tried some times, and then the job fails."""
    failures = bound.job.failures + 1
    if retry and failures < INPUT_TRIES:
        await hold_back(tools, bound, words, failures=failures)
        return
    error = JobError(code="input_unusable", message=words)
    await _fail(tools, bound, Phase.PREPARING, Event.INPUT_UNUSABLE, error)


async def _fail(tools: Tools, bound: Bound, leaving: Phase, event: Event, error: JobError) -> None:
    def record(connection: Connection) -> Change | None:
        now = tools.clock.now()
        change = jobs.move(
            connection, bound.job.id, leaving, event, now, detail=error.message, error=error
        )
        if change is not None:
            ledger.end(connection, bound.attempt_id, now, evidence=error.message)
        return change

    await tools.moved(record)


async def not_reached(tools: Tools, bound: Bound, leaving: Phase, event: Event, words: str) -> None:
    """The job goes back to its place; the account rests, longer with each silence in a row."""

    def record(connection: Connection) -> Change | None:
        now = tools.clock.now()
        change = _give_back(connection, bound, leaving, event, words, now)
        failures = ledger.not_reached(connection, bound.account.name)
        until = now + policy.backoff(failures, tools.rng)
        ledger.cool(connection, [bound.account.name], until, policy.UNREACHABLE)
        return change

    await tools.moved(record)


async def hold_back(tools: Tools, bound: Bound, words: str, failures: int | None = None) -> None:
    """Nothing was paid: the slot is given back, and the job tries again in a while."""

    def record(connection: Connection) -> Change | None:
        now = tools.clock.now()
        counted = {} if failures is None else {"failures": failures}
        return _give_back(
            connection,
            bound,
            Phase.PREPARING,
            Event.HELD_BACK,
            words,
            now,
            due_at=now + policy.backoff(failures or 1, tools.rng),
            **counted,
        )

    await tools.moved(record)


def _give_back(
    connection: Connection,
    bound: Bound,
    leaving: Phase,
    event: Event,
    words: str,
    now: int,
    **values: object,
) -> Change | None:
    change = jobs.move(
        connection, bound.job.id, leaving, event, now, detail=words, **_released(), **values
    )
    if change is not None:
        ledger.end(connection, bound.attempt_id, now, evidence=words)
    return change


def _released() -> dict[str, object]:
    return {"attempt_id": None, "account": None, "chosen": None}
