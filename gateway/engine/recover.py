"""Start-up is recovery: every job is taken up by the phase its row is in."""

import structlog

from gateway.engine import policy
from gateway.engine.drop import drop
from gateway.engine.tools import Tools
from gateway.model.phases import Event, Phase
from gateway.storage import Connection, deliveries, holdings, jobs, ledger, line
from gateway.storage.ledger import State
from providers.contract import Fault

UNKNOWN = {"outcome_lost", Phase.SUBMISSION_UNKNOWN.value}
RESTARTED = "the gateway restarted"

_log = structlog.get_logger()


async def recover(tools: Tools) -> None:
    """Take over what an earlier process left behind.

    What had not been sent goes back into the line; what may have been sent is not sent
    again; everything else is simply due now.
    """
    await tools.database.write(
        lambda connection: ledger.sync_accounts(connection, tuple(tools.accounts.values()))
    )
    taken = await tools.database.write(lambda connection: _take_over(connection, tools))
    if any(taken.values()):
        # Those of unknown outcome hold slots until they are found, or their deadline passes.
        tell = _log.warning if UNKNOWN & taken.keys() else _log.info
        tell("jobs taken over", **taken)
    await drop(tools, await tools.database.read(holdings.doomed))
    stranded = await tools.database.read(
        lambda connection: line.unserved(connection, _served(tools))
    )
    if stranded:
        _log.warning("jobs wait for providers that no account is configured for", jobs=stranded)


def _served(tools: Tools) -> tuple[str, ...]:
    return tuple({account.provider for account in tools.accounts.values()})


def _take_over(connection: Connection, tools: Tools) -> dict[str, int]:
    now = tools.clock.now()
    jobs.rebase(connection, now)
    ledger.rebase(connection, now, Fault.THROTTLED.value, policy.DAY)
    deliveries.rebase(connection, now, policy.DAY)
    counts: dict[str, int] = {}
    for job in jobs.in_phase(connection, Phase.PREPARING):
        if job.attempt_id is not None:
            ledger.end(connection, job.attempt_id, now, evidence=f"{RESTARTED} before it was sent")
        jobs.move(
            connection,
            job.id,
            Phase.PREPARING,
            Event.HELD_BACK,
            now,
            detail=RESTARTED,
            attempt_id=None,
            account=None,
            chosen=None,
        )
        counts["back_in_line"] = counts.get("back_in_line", 0) + 1
    for job in jobs.in_phase(connection, Phase.SUBMITTING):
        words = f"{RESTARTED} while the answer was awaited"
        if job.attempt_id is not None:
            ledger.mark(connection, job.attempt_id, State.UNKNOWN, evidence=words)
        jobs.move(
            connection,
            job.id,
            Phase.SUBMITTING,
            Event.OUTCOME_LOST,
            now,
            detail=words,
            deadline_at=tools.deadline(),
        )
        counts["outcome_lost"] = counts.get("outcome_lost", 0) + 1
    for phase in (
        Phase.WAITING_FOR_INPUT,
        Phase.SUBMISSION_UNKNOWN,
        Phase.RENDERING,
        Phase.DOWNLOADING,
        Phase.NEEDS_ATTENTION,
    ):
        if count := jobs.make_due(connection, phase, now):
            counts[phase.value] = count
    return counts
