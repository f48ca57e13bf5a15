"""From a bound slot to the provider: bring the pictures over, submit once.

The order of the writes is the promise. The attempt is marked `sending` and the job
`submitting` in a transaction that is on disk *before* the paid request leaves; whatever
happens after that point is an outcome to be read, never a reason to send again.
"""

from collections.abc import Mapping
from typing import Final

import structlog

from gateway.engine.line import Bound
from gateway.engine.outcomes import (
    hold_back,
    input_failed,
    lost,
    not_reached,
    record_outcome,
    refused,
)
from gateway.engine.pictures import InputError, NotReachedError, UploadRefusedError, bring
from gateway.engine.tools import Tools
from gateway.model.phases import Event, Phase
from gateway.net import NoAnswer, NotSent
from gateway.storage import Connection, StorageError, jobs, ledger
from gateway.storage.jobs import Change
from gateway.storage.ledger import State
from providers.contract import Accepted, Role, Submission, SubmitOutcome, Unclear

SUBMIT_SECONDS: Final = 30.0

_log = structlog.get_logger()


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
        await refused(tools, bound, Phase.PREPARING, error.refused)
    except InputError as error:
        await input_failed(tools, bound, str(error), retry=error.retry)
    except NotReachedError as error:
        await not_reached(tools, bound, Phase.PREPARING, Event.HELD_BACK, str(error))
    except (StorageError, OSError) as error:
        await hold_back(tools, bound, f"the gateway's own storage failed: {error}")
    except Exception as error:  # noqa: BLE001 - a bug must not keep the slot for ever
        _log.exception("preparing a job failed", job=bound.job.id)
        await input_failed(tools, bound, f"internal error: {type(error).__name__}", retry=True)
    else:
        if gate.stopping:
            await hold_back(tools, bound, "the gateway is stopping")
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
        await record_outcome(tools, bound, inputs, outcome)
    except BaseException as error:
        # Whatever it was, the request may have left.
        told = outcome.remote_id if isinstance(outcome, Accepted) else None
        _log.error("a submission was cut short", job=bound.job.id, remote_id=told)
        await lost(tools, bound, f"{type(error).__name__} while submitting", told)
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
