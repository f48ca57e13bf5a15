"""From the line to the provider: bind a slot, bring the pictures over, submit once.

The order of the writes is the promise. The attempt is marked `sending` and the job
`submitting` in a transaction that is on disk *before* the paid request leaves; whatever
happens after that point is an outcome to be read, never a reason to send again.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec
import structlog

from gateway.engine import policy
from gateway.engine.pictures import (
    InputError,
    NotReachedError,
    UploadRefusedError,
    bring,
    upload_store,
)
from gateway.engine.tools import Tools, log_change
from gateway.model.clock import SECOND
from gateway.model.ids import digest, new_id, new_token
from gateway.model.job import Choice, Job, JobError
from gateway.model.phases import Event, Phase
from gateway.net import NoAnswer, NotSent
from gateway.routing.choose import choose
from gateway.storage import Connection, StorageError, jobs, ledger
from gateway.storage.jobs import Change
from gateway.storage.ledger import Attempt, State
from providers.contract import (
    Accepted,
    Account,
    Refused,
    Role,
    Scope,
    Submission,
    SubmitOutcome,
    Unclear,
)

PAGE: Final = 50
SUBMIT_SECONDS: Final = 30.0
INPUT_TRIES: Final = 5
"""How often a picture that cannot be fetched is tried before the job fails."""

_log = structlog.get_logger()


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """A job that has a slot. `token` exists here and in the callback URL only."""

    job: Job
    attempt_id: str
    account: Account
    choice: Choice
    token: str
    change: Change


def bind_line(connection: Connection, tools: Tools) -> list[Bound]:
    """Give every free slot to the first job in line that it can serve; one transaction."""
    now = tools.clock.now()
    free = ledger.free_slots(connection, now)
    bound: list[Bound] = []
    while free:
        providers = tuple(dict.fromkeys(slot.provider for slot in free))
        line = jobs.in_line(connection, providers, now, PAGE)
        before = len(bound)
        for job in line:
            found = choose(job.choices, free)
            if found is not None:
                index, slot = found
                free.remove(slot)
                bound.append(_bind(connection, tools, job, index, slot, now))
        if len(bound) == before:
            break
    return bound


def _bind(
    connection: Connection, tools: Tools, job: Job, index: int, slot: ledger.FreeSlot, now: int
) -> Bound:
    token = new_token()
    attempt = Attempt(
        id=new_id("att"),
        job_id=job.id,
        n=job.attempts + 1,
        account=slot.account,
        target=job.choices[index].target,
        state=State.PREPARING,
        remote_id=None,
        claimed_id=None,
    )
    if not ledger.begin(connection, attempt, slot, digest(token), now):
        raise RuntimeError(f"slot {slot} was free and is taken within one transaction")
    change = jobs.move(
        connection,
        job.id,
        Phase.WAITING_FOR_SLOT,
        Event.SLOT_BOUND,
        now,
        detail=f"{attempt.target} on {slot.account}",
        attempt_id=attempt.id,
        attempts=attempt.n,
        account=slot.account,
        chosen=index,
        error=None,
    )
    if change is None:
        raise RuntimeError(f"job {job.id} left the line within one transaction")
    return Bound(
        job=job,
        attempt_id=attempt.id,
        account=tools.accounts[slot.account],
        choice=job.choices[index],
        token=token,
        change=change,
    )


def log_bound(bound: Bound) -> None:
    """The log line of a binding, once it is committed."""
    log_change(bound.change)


class Gate:
    """What a stop has to know: whether there is one, and whose paid request is under way."""

    def __init__(self) -> None:
        self.stopping = False
        self.sending: set[str] = set()


async def carry_out(tools: Tools, bound: Bound, gate: Gate) -> None:
    """Everything from the bound slot to the recorded outcome of the submission."""
    try:
        inputs = await _prepare(tools, bound)
    except UploadRefusedError as error:
        await _refused(tools, bound, Phase.PREPARING, error.refused)
    except InputError as error:
        await _input_failed(tools, bound, str(error), retry=error.retry)
    except NotReachedError as error:
        await _not_reached(tools, bound, Phase.PREPARING, Event.HELD_BACK, str(error))
    except (StorageError, OSError) as error:
        await _hold_back(tools, bound, f"the gateway's own storage failed: {error}")
    except Exception as error:  # noqa: BLE001 - a bug must not keep the slot for ever
        _log.exception("preparing a job failed", job=bound.job.id)
        await _input_failed(tools, bound, f"internal error: {type(error).__name__}", retry=True)
    else:
        if gate.stopping:
            await _hold_back(tools, bound, "the gateway is stopping")
            return
        # No await between the question and this: from here on a stop waits for the outcome.
        gate.sending.add(bound.job.id)
        try:
            await _submit(tools, bound, inputs)
        finally:
            gate.sending.discard(bound.job.id)


async def _prepare(tools: Tools, bound: Bound) -> dict[Role, str]:
    adapter = tools.adapters[bound.choice.provider]
    return {
        role: await bring(tools, bound.account, adapter, role, value)
        for role, value in bound.job.request.inputs.items()
    }


async def _submit(tools: Tools, bound: Bound, inputs: Mapping[Role, str]) -> None:
    if not await _record_intent(tools, bound):
        return
    outcome: SubmitOutcome | NotSent | None = None
    try:
        outcome = await _send(tools, bound, inputs)
        await _record_outcome(tools, bound, inputs, outcome)
    except BaseException as error:
        # Whatever it was, the request may have left.
        told = outcome.remote_id if isinstance(outcome, Accepted) else None
        _log.error("a submission was cut short", job=bound.job.id, remote_id=told)
        await _lost(tools, bound, f"{type(error).__name__} while submitting", told)
        raise


async def _record_intent(tools: Tools, bound: Bound) -> bool:
    def intent(connection: Connection) -> Change | None:
        now = tools.clock.now()
        change = jobs.move(
            connection, bound.job.id, Phase.PREPARING, Event.INPUTS_READY, now, failures=0
        )
        if change is not None:
            ledger.mark(connection, bound.attempt_id, State.SENDING, sent_at=now)
        return change

    return await tools.moved(intent)


async def _send(tools: Tools, bound: Bound, inputs: Mapping[Role, str]) -> SubmitOutcome | NotSent:
    adapter = tools.adapters[bound.choice.provider]
    submission = Submission(
        account=bound.account,
        spec=bound.choice.spec,
        inputs=inputs,
        callback_url=(
            None
            if tools.links is None
            else tools.links.callback(bound.choice.provider, bound.token)
        ),
        reference=bound.attempt_id,
    )
    flow = adapter.submit(submission)
    try:
        return await tools.upstream.run(
            flow, lane=bound.account.name, paid=True, deadline=SUBMIT_SECONDS
        )
    except NotSent as error:
        return error
    except NoAnswer as error:
        return Unclear(evidence=str(error), status=0)


async def _record_outcome(
    tools: Tools, bound: Bound, inputs: Mapping[Role, str], outcome: SubmitOutcome | NotSent
) -> None:
    match outcome:
        case Accepted():
            await _accepted(tools, bound, outcome)
        case Refused():
            await _refused(tools, bound, Phase.SUBMITTING, outcome, inputs)
        case Unclear():
            await _lost(tools, bound, outcome.evidence)
        case NotSent(retry=True):
            await _not_reached(tools, bound, Phase.SUBMITTING, Event.NOT_SENT, str(outcome))
        case NotSent():
            error = JobError(code="not_sendable", message=str(outcome))
            await _fail(tools, bound, Phase.SUBMITTING, Event.REFUSED, error)


async def _accepted(tools: Tools, bound: Bound, accepted: Accepted) -> None:
    def record(connection: Connection) -> Change | None:
        now = tools.clock.now()
        ledger.reached(connection, bound.account.name)
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


async def _refused(
    tools: Tools,
    bound: Bound,
    leaving: Phase,
    refused: Refused,
    inputs: Mapping[Role, str] = MappingProxyType({}),
) -> None:
    then = policy.after_refusal(refused, tools.rng)
    todo = policy.advice(refused.fault, bound.account.name)
    words = f"HTTP {refused.status}: {refused.words}" + (f" ({todo})" if todo else "")

    def record(connection: Connection) -> Change | None:
        now = tools.clock.now()
        change = jobs.move(
            connection,
            bound.job.id,
            leaving,
            then.event,
            now,
            detail=words,
            error=then.error,
            **({} if then.error else _released()),
        )
        if change is not None:
            ledger.end(connection, bound.attempt_id, now, evidence=refused.words)
        ledger.reached(connection, bound.account.name)
        if then.cool:
            concerned = _concerned(tools, bound.account, then.scope)
            ledger.cool(connection, concerned, now + then.cool, refused.fault.value)
        elif inputs:
            # It may have been over a picture that the provider no longer keeps.
            ledger.forget_uploads(connection, upload_store(bound.account), inputs.values())
        return change

    await tools.moved(record)
    if then.event is Event.TURNED_AWAY:
        _log.warning(
            "an account rests", account=bound.account.name, seconds=then.cool / SECOND, words=words
        )


def _concerned(tools: Tools, account: Account, scope: Scope) -> list[str]:
    """The accounts that a refusal of this scope is about."""
    if scope is Scope.PROVIDER:
        return [one.name for one in tools.accounts.values() if one.provider == account.provider]
    return [account.name] if scope is Scope.ACCOUNT else []


async def _lost(tools: Tools, bound: Bound, evidence: str, remote_id: str | None = None) -> None:
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


async def _input_failed(tools: Tools, bound: Bound, words: str, *, retry: bool) -> None:
    """The picture is the caller's: it is tried some times, and then the job fails."""
    failures = bound.job.failures + 1
    if retry and failures < INPUT_TRIES:
        await _hold_back(tools, bound, words, failures=failures)
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


async def _not_reached(
    tools: Tools, bound: Bound, leaving: Phase, event: Event, words: str
) -> None:
    """The job goes back to its place; the account rests, longer with each silence in a row."""

    def record(connection: Connection) -> Change | None:
        now = tools.clock.now()
        change = _give_back(connection, bound, leaving, event, words, now)
        failures = ledger.not_reached(connection, bound.account.name)
        until = now + policy.backoff(failures, tools.rng)
        ledger.cool(connection, [bound.account.name], until, policy.UNREACHABLE)
        return change

    await tools.moved(record)


async def _hold_back(tools: Tools, bound: Bound, words: str, failures: int | None = None) -> None:
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
