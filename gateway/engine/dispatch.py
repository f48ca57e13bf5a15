"""From a bound slot to the provider: bring the inputs over, submit once.

The order of the writes is the promise. The attempt is marked `sending` and the job
`submitting` in a transaction that is on disk *before* the paid request leaves; whatever
happens after that point is an outcome to be read, never a reason to send again.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from gateway.engine.inputs import (
    InputError,
    NotReachedError,
    OwnTroubleError,
    Target,
    UploadRefusedError,
    bring,
)
from gateway.engine.line import Bound
from gateway.engine.outcomes import (
    hold_back,
    input_failed,
    lost,
    not_reached,
    record_outcome,
    refused,
)
from gateway.engine.tools import Tools
from gateway.model.job import Choice
from gateway.model.phases import Event, Phase
from gateway.net import NoAnswer, NotSent
from gateway.storage import Connection, StorageError, jobs, ledger
from gateway.storage.jobs import Change
from gateway.storage.ledger import State
from providers.contract import Accepted, Account, Role, Submission, SubmitOutcome, Unclear

SUBMIT_SECONDS: Final = 30.0

Inputs = Mapping[Role, Sequence[str]]

_log = structlog.get_logger()


class Gate:
    """What a stop has to know: whether there is one, and whose paid request is under way."""

    def __init__(self) -> None:
        self.stopping = False
        self.sending: set[str] = set()


async def carry_out(tools: Tools, bound: Bound, gate: Gate) -> None:
    """Everything from the bound slot to the recorded outcome of the submission."""
    try:
        adapter = tools.adapters[bound.choice.provider]
        inputs = await bring(tools, Target(bound.account, adapter), bound.job)
    except UploadRefusedError as error:
        await refused(tools, bound, Phase.PREPARING, error.refused)
    except InputError as error:
        await input_failed(tools, bound, str(error), retry=error.retry)
    except NotReachedError as error:
        await not_reached(tools, bound, Phase.PREPARING, Event.HELD_BACK, str(error))
    except OwnTroubleError as error:
        await hold_back(tools, bound, str(error))
    except (StorageError, OSError) as error:
        await hold_back(tools, bound, f"the gateway's own storage failed: {error}")
    except Exception as error:  # noqa: BLE001 - a bug must not keep the slot for ever
        _log.exception("preparing a job failed", job=bound.job.id)
        await input_failed(tools, bound, f"internal error: {type(error).__name__}", retry=True)
    else:
        if gate.stopping:
            await hold_back(tools, bound, "the gateway is stopping")
            return
        start_by = bound.job.start_by
        if start_by is not None and start_by <= tools.clock.now():
            await hold_back(tools, bound, "its deadline passed before it was submitted")
            return
        # No await between the question and this: from here on a stop waits for the outcome.
        gate.sending.add(bound.job.id)
        try:
            await _submit(tools, bound, inputs)
        finally:
            gate.sending.discard(bound.job.id)


async def _submit(tools: Tools, bound: Bound, inputs: Inputs) -> None:
    if not await _record_intent(tools, bound):
        return
    outcome: SubmitOutcome | NotSent | None = None
    try:
        outcome = await _send(tools, bound, inputs)
        await record_outcome(tools, bound, inputs, outcome)
    except BaseException as error:
        # Whatever it was, the request may have left.
        told = outcome.remote_id if isinstance(outcome, Accepted | Unclear) else None
        _log.error("a submission was cut short", job=bound.job.id, remote_id=told)
        await lost(tools, bound, f"{type(error).__name__} while submitting", told)
        raise


async def _record_intent(tools: Tools, bound: Bound) -> bool:
    def intent(connection: Connection) -> Change | None:
        now = tools.clock.now()
        change = jobs.move(
            connection,
            bound.job.id,
            Phase.PREPARING,
            Event.INPUTS_READY,
            now,
            attempts=bound.job.attempts + 1,
            failures=0,
        )
        if change is not None:
            ledger.mark(connection, bound.attempt_id, State.SENDING, sent_at=now)
        return change

    return await tools.moved(intent)


async def _send(tools: Tools, bound: Bound, inputs: Inputs) -> SubmitOutcome | NotSent:
    submission = submission_of(
        tools, bound.account, bound.choice, inputs, token=bound.token, reference=bound.attempt_id
    )
    flow = tools.adapters[bound.choice.provider].submit(submission)
    try:
        return await tools.upstream.run(
            flow, lane=bound.account.name, paid=True, deadline=SUBMIT_SECONDS
        )
    except NotSent as error:
        return error
    except NoAnswer as error:
        return Unclear(evidence=str(error), status=0)


def submission_of(
    tools: Tools, account: Account, choice: Choice, inputs: Inputs, *, token: str, reference: str
) -> Submission:
    """What the adapter is given for one attempt; a quote shows exactly this."""
    links = tools.links
    return Submission(
        account=account,
        spec=choice.spec,
        inputs=inputs,
        callback_url=None if links is None else links.callback(choice.provider, token),
        reference=reference,
    )
