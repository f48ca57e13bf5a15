"""From the line to the provider: bind a slot, bring the pictures over, submit once.

The order of the writes is the promise. The attempt is marked `sending` and the job
`submitting` in a transaction that is on disk *before* the paid request leaves; whatever
happens after that point is an outcome to be read, never a reason to send again.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
import structlog

from gateway.engine import policy
from gateway.engine.pictures import InputError, UploadRefusedError, bring
from gateway.engine.tools import Tools, log_change
from gateway.model.clock import SECOND
from gateway.model.ids import digest, new_id, new_token
from gateway.model.job import Choice, Job, JobError
from gateway.model.phases import Event, Phase
from gateway.net import NoAnswer, NotSent
from gateway.routing.choose import choose
from gateway.storage import Connection, jobs, ledger
from gateway.storage.jobs import Change
from gateway.storage.ledger import Attempt, State
from providers.contract import (
    Accepted,
    Account,
    Fault,
    Refused,
    Role,
    Scope,
    Submission,
    SubmitOutcome,
    Unclear,
)

PAGE: Final = 50
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


async def carry_out(tools: Tools, bound: Bound) -> None:
    """Everything from the bound slot to the recorded outcome of the submission."""
    try:
        inputs = await _prepare(tools, bound)
    except UploadRefusedError as error:
        await _refused(tools, bound, Phase.PREPARING, error.refused)
        return
    except InputError as error:
        await _input_failed(tools, bound, str(error), retry=error.retry)
        return
    except Exception as error:  # noqa: BLE001 - a bug must not keep the slot for ever
        _log.exception("preparing a job failed", job=bound.job.id)
        await _input_failed(tools, bound, f"internal error: {type(error).__name__}", retry=True)
        return
    if not await _record_intent(tools, bound):
        return
    try:
        outcome = await _send(tools, bound, inputs)
    except BaseException as error:
        # Whatever it was, the request may have left.
        await _lost(tools, bound, f"{type(error).__name__} while submitting")
        raise
    await _record_outcome(tools, bound, outcome)


async def _prepare(tools: Tools, bound: Bound) -> dict[Role, str]:
    adapter = tools.adapters[bound.choice.provider]
    return {
        role: await bring(tools, bound.account, adapter, role, value)
        for role, value in bound.job.request.inputs.items()
    }


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
    try:
        return await tools.upstream.run(adapter.submit(submission), paid=True)
    except NotSent as error:
        return error
    except NoAnswer as error:
        return Unclear(evidence=str(error), status=0)


async def _record_outcome(tools: Tools, bound: Bound, outcome: SubmitOutcome | NotSent) -> None:
    match outcome:
        case Accepted():
            await _accepted(tools, bound, outcome)
        case Refused():
            await _refused(tools, bound, Phase.SUBMITTING, outcome)
        case Unclear():
            await _lost(tools, bound, outcome.evidence)
        case NotSent():
            await _back_in_line(tools, bound, Phase.SUBMITTING, Event.NOT_SENT, str(outcome))


async def _accepted(tools: Tools, bound: Bound, accepted: Accepted) -> None:
    def record(connection: Connection) -> Change | None:
        now = tools.clock.now()
        if ledger.remote_id_taken(connection, bound.account.name, accepted.remote_id):
            return _lose(
                connection,
                tools,
                bound,
                f"the provider answered with the id of another job: {accepted.remote_id}",
            )
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


async def _refused(tools: Tools, bound: Bound, leaving: Phase, refused: Refused) -> None:
    def record(connection: Connection) -> Change | None:
        now = tools.clock.now()
        then = policy.after_refusal(
            refused, elsewhere=_elsewhere(connection, tools, bound, refused.scope), rng=tools.rng
        )
        concerned = _concerned(tools, bound.account, then.scope)
        if then.cool:
            ledger.cool(connection, concerned, now + then.cool, refused.fault.value)
        ledger.end(connection, bound.attempt_id, now, evidence=refused.words)
        todo = policy.advice(refused.fault, bound.account.name)
        return jobs.move(
            connection,
            bound.job.id,
            leaving,
            then.event,
            now,
            detail=f"HTTP {refused.status}: {refused.words}" + (f" ({todo})" if todo else ""),
            error=then.error,
            **({} if then.error else _released()),
        )

    await tools.moved(record)


def _concerned(tools: Tools, account: Account, scope: Scope) -> list[str]:
    """The accounts that a refusal of this scope is about."""
    if scope is Scope.PROVIDER:
        return [one.name for one in tools.accounts.values() if one.provider == account.provider]
    return [account.name] if scope is Scope.ACCOUNT else []


def _elsewhere(connection: Connection, tools: Tools, bound: Bound, scope: Scope) -> bool:
    """Whether an account that this refusal is not about could take the job."""
    providers = {choice.provider for choice in bound.job.choices}
    out = set(_concerned(tools, bound.account, scope)) | ledger.unusable(
        connection, tools.clock.now(), Fault.THROTTLED.value
    )
    return any(
        account.provider in providers and account.name not in out
        for account in tools.accounts.values()
    )


async def _lost(tools: Tools, bound: Bound, evidence: str) -> None:
    await tools.moved(lambda connection: _lose(connection, tools, bound, evidence))


def _lose(connection: Connection, tools: Tools, bound: Bound, evidence: str) -> Change | None:
    """The outcome is not known: the slot stays taken, for the job may well be running."""
    now = tools.clock.now()
    ledger.mark(connection, bound.attempt_id, State.UNKNOWN, evidence=evidence)
    return jobs.move(
        connection,
        bound.job.id,
        Phase.SUBMITTING,
        Event.OUTCOME_LOST,
        now,
        detail=evidence,
        deadline_at=tools.deadline(),
        due_at=now + 15 * SECOND,
    )


async def _input_failed(tools: Tools, bound: Bound, words: str, *, retry: bool) -> None:
    if retry and bound.job.failures + 1 < INPUT_TRIES:
        await _back_in_line(tools, bound, Phase.PREPARING, Event.HELD_BACK, words)
        return

    def record(connection: Connection) -> Change | None:
        now = tools.clock.now()
        ledger.end(connection, bound.attempt_id, now, evidence=words)
        return jobs.move(
            connection,
            bound.job.id,
            Phase.PREPARING,
            Event.INPUT_UNUSABLE,
            now,
            detail=words,
            error=JobError(code="input_unusable", message=words),
        )

    await tools.moved(record)


async def _back_in_line(
    tools: Tools, bound: Bound, leaving: Phase, event: Event, words: str
) -> None:
    """Nothing was paid: the slot is given back and the job keeps its place."""

    def record(connection: Connection) -> Change | None:
        now = tools.clock.now()
        failures = bound.job.failures + 1
        ledger.end(connection, bound.attempt_id, now, evidence=words)
        return jobs.move(
            connection,
            bound.job.id,
            leaving,
            event,
            now,
            detail=words,
            failures=failures,
            due_at=now + policy.backoff(failures, tools.rng),
            **_released(),
        )

    await tools.moved(record)


def _released() -> dict[str, None]:
    return {"attempt_id": None, "account": None, "chosen": None}
