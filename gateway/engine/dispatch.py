"""From a bound slot to the provider: bring the inputs over, submit once.

The order of the writes is the promise. The attempt is marked `sending` and the job
`submitting` in a transaction that is on disk *before* the paid request leaves; whatever
happens after that point is an outcome to be read, never a reason to send again.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import structlog
from msgspec.structs import replace

from gateway.engine.crash import crash_point
from gateway.engine.credentials import credentials
from gateway.engine.inputs import (
    InputError,
    NotReachedError,
    OwnTroubleError,
    Target,
    UploadRefusedError,
    UploadUnclearError,
    bring,
)
from gateway.engine.line import Bound
from gateway.engine.outcomes import (
    hold_back,
    input_failed,
    lost,
    never_sent,
    not_reached,
    record_outcome,
    refused,
    upload_unclear,
)
from gateway.engine.tools import Tools, log_change
from gateway.model.job import Choice
from gateway.model.phases import Event, Phase
from gateway.net import NoAnswer, NotSent
from gateway.storage import Connection, StorageError, jobs, ledger
from gateway.storage.elapsed import elapsed
from gateway.storage.jobs import Change
from gateway.storage.ledger import Sent, State
from providers.contract import (
    Accepted,
    Account,
    Role,
    Submission,
    SubmitOutcome,
    Unclear,
    VideoSpec,
)

SUBMIT_SECONDS: Final = 30.0
MAY_SEND_SECONDS: Final = 60.0
"""From the stored intent to the request: later, others may have come to think it lost."""

Inputs = Mapping[Role, Sequence[str]]

_log = structlog.get_logger()


class Gate:
    """What this replica has in hand, for its own stop and for those that would take over.

    `sending` are the jobs whose paid request is under way, `attempts` all that some task of
    this process works on.
    """

    def __init__(self) -> None:
        self.stopping = False
        self.sending: set[str] = set()
        self.attempts: set[str] = set()


async def carry_out(tools: Tools, bound: Bound, gate: Gate) -> None:
    """Everything from the bound slot to the recorded outcome of the submission."""
    gate.attempts.add(bound.attempt_id)
    try:
        await _carry_out(tools, bound, gate)
    finally:
        gate.attempts.discard(bound.attempt_id)


async def _carry_out(tools: Tools, bound: Bound, gate: Gate) -> None:
    inputs = await _brought(tools, bound)
    if inputs is None:
        return
    # Whoever waited for a connection after the intent would look like one who may have sent.
    async with tools.submissions(bound.account.name):
        await _take_turn(tools, bound, inputs, gate)


async def _take_turn(tools: Tools, bound: Bound, inputs: Inputs, gate: Gate) -> None:
    if gate.stopping:
        await hold_back(tools, bound, "the gateway is stopping")
        return
    start_by = bound.job.start_by
    if start_by is not None and start_by <= tools.clock.now():
        await hold_back(tools, bound, "its deadline passed before it was submitted")
        return
    crash_point("input-uploaded")
    # No await between the question and this: from here on a stop waits for the outcome.
    gate.sending.add(bound.job.id)
    try:
        await _submit(tools, bound, inputs)
    finally:
        gate.sending.discard(bound.job.id)


async def _brought(tools: Tools, bound: Bound) -> Inputs | None:
    """The inputs as the provider wants them; None where that failed, which is recorded then."""
    try:
        adapter = tools.adapters[bound.choice.provider]
        return await bring(tools, Target(bound.account, adapter), bound.job)
    except UploadRefusedError as error:
        await refused(tools, bound, Phase.PREPARING, error.refused)
    except InputError as error:
        await input_failed(tools, bound, str(error), retry=error.retry)
    except NotReachedError as error:
        await not_reached(tools, bound, Phase.PREPARING, Event.HELD_BACK, str(error))
    except UploadUnclearError as error:
        await upload_unclear(tools, bound, str(error))
    except OwnTroubleError as error:
        await hold_back(tools, bound, str(error))
    except (StorageError, OSError) as error:
        await hold_back(tools, bound, f"the gateway's own storage failed: {error}")
    except Exception as error:  # noqa: BLE001 - a bug must not keep the slot for ever
        _log.exception("preparing a job failed", job=bound.job.id)
        await input_failed(tools, bound, f"internal error: {type(error).__name__}", retry=True)
    return None


async def _submit(tools: Tools, bound: Bound, inputs: Inputs) -> None:
    spec = seeded(tools, bound.choice)
    began = elapsed()
    drawn = spec.seed != bound.choice.spec.seed
    if not await _record_intent(tools, bound, Sent(spec=spec, inputs=inputs, drawn=drawn)):
        await never_sent(tools, bound, "it moved on before it was sent")
        return
    crash_point("intent-stored")
    # Whoever was halted here may have been taken for dead: what was not sent yet stays so.
    if not tools.database.holds_life or elapsed() - began > MAY_SEND_SECONDS:
        await never_sent(tools, bound, "this gateway was held up before it was sent")
        return
    outcome: SubmitOutcome | NotSent | None = None
    try:
        outcome = await _send(tools, bound, spec, inputs)
        crash_point("answer-read")
        await record_outcome(tools, bound, inputs, outcome)
    except BaseException as error:
        # Whatever it was, the request may have left.
        told = outcome.remote_id if isinstance(outcome, Accepted | Unclear) else None
        _log.error("a submission was cut short", job=bound.job.id, remote_id=told)
        await lost(tools, bound, f"{type(error).__name__} while submitting", told)
        raise


def seeded(tools: Tools, choice: Choice) -> VideoSpec:
    """The spec to be sent; with a seed of ours where none was given, to be found again by."""
    spec = choice.spec
    offer = tools.adapters[choice.provider].capabilities.offer(spec.model, spec.mode)
    if spec.seed is not None or offer is None or offer.seed is None:
        return spec
    return replace(spec, seed=tools.rng.randint(*offer.seed))


async def _record_intent(tools: Tools, bound: Bound, sent: Sent) -> bool:
    def intent(connection: Connection) -> Change | bool:
        now = tools.clock.now()
        change = jobs.move(
            connection,
            bound.job.id,
            Phase.PREPARING,
            Event.INPUTS_READY,
            now,
            of=bound.attempt_id,
            attempts=bound.job.attempts + 1,
            failures=0,
        )
        if change is None:
            # Where a commit's answer was lost, this asks a second time about the same intent.
            attempt, job = ledger.by_id(connection, bound.attempt_id), None
            if attempt is not None and attempt.state is State.SENDING:
                job = jobs.get(connection, bound.job.id)
            return job is not None and (job.phase, job.attempt_id) == (
                Phase.SUBMITTING,
                bound.attempt_id,
            )
        ledger.send(
            connection,
            bound.attempt_id,
            now,
            sent,
            credentials=credentials(bound.account),
        )
        crash_point("intent-storing")
        return change

    done = await tools.persist(intent)
    if isinstance(done, bool):
        return done
    log_change(done)
    return True


async def _send(
    tools: Tools, bound: Bound, spec: VideoSpec, inputs: Inputs
) -> SubmitOutcome | NotSent:
    choice = replace(bound.choice, spec=spec)
    submission = submission_of(
        tools, bound.account, choice, inputs, token=bound.token, reference=bound.attempt_id
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
