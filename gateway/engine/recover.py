"""Taking over what an earlier process left; start-up is recovery, there is no other path."""

import structlog

from gateway.engine import policy, takeover
from gateway.engine.drop import drop
from gateway.engine.rebase import rebase
from gateway.engine.tools import Tools
from gateway.model.phases import Phase
from gateway.storage import Connection, accounts, agenda, holdings, line
from providers.contract import Fault

_log = structlog.get_logger()


async def recover(tools: Tools) -> None:
    """Take over what an earlier process left behind.

    What had not been sent goes back into the line; what may have been sent is looked for;
    everything else is simply due now. Where replicas share the database, only the work of
    those that are gone is touched.
    """
    await tools.database.write(
        lambda connection: accounts.sync(connection, tuple(tools.accounts.values()))
    )
    taken = await takeover.beat(tools, ())
    # What is sent from here on is dated by the clock that all share.
    tools.follow(tools.clock.now() - taken.ahead)
    await tools.database.write(lambda connection: rebase(connection, tools))
    if tools.database.dialect == "sqlite":
        due = await tools.database.write(lambda connection: _make_due(connection, tools))
        if any(due.values()):
            _log.info("jobs taken up", **due)
        # Others may be about to need bytes that only their own memory knows of.
        await drop(tools, await tools.database.read(holdings.doomed))
    lost = sum(change.entered is Phase.SUBMISSION_UNKNOWN for change in taken.changes)
    if lost:
        _log.warning("submissions are looked for whose answers were lost", jobs=lost)
    stranded = await tools.database.read(
        lambda connection: line.unserved(connection, _served(tools))
    )
    if stranded:
        _log.warning("jobs wait for providers that no account is configured for", jobs=stranded)


def _served(tools: Tools) -> tuple[str, ...]:
    return tuple({account.provider for account in tools.accounts.values()})


def _make_due(connection: Connection, tools: Tools) -> dict[str, int]:
    """Nobody else lives: no pause that an earlier process made has to be waited for."""
    now = tools.clock.now()
    agenda.rebase(connection, Phase.WAITING_FOR_SLOT, now)
    accounts.end_pauses(connection, now, Fault.THROTTLED.value, policy.LONGEST_REST)
    counts = {phase.value: agenda.make_due(connection, phase, now) for phase in agenda.LEASED}
    return {name: count for name, count in counts.items() if count}
