"""The accounts before an operator: how they stand, and stopping one or letting it go on."""

import structlog

from gateway.engine.tools import Tools
from gateway.storage import Connection, accounts
from gateway.storage import standings as stored
from gateway.storage.accounts import FOREVER, PAUSED
from gateway.storage.standings import Standing

_log = structlog.get_logger()


async def standings(tools: Tools) -> list[Standing]:
    """Every account that is configured, or still has a job, by name."""
    return await tools.database.read(
        lambda connection: stored.standings(connection, tools.clock.now())
    )


async def pause(tools: Tools, name: str, words: str = "") -> Standing | None:
    """Give an account no more jobs until an operator says so; None where there is none.

    What it has in hand goes on. Jobs that only it can make keep their place in line.
    """

    def run(connection: Connection) -> Standing | None:
        now = tools.clock.now()
        accounts.pause(connection, [name], now, FOREVER, PAUSED, words)
        return _one(connection, name, now)

    standing = await tools.database.write(run)
    if standing is not None:
        _log.warning("an operator paused an account", account=name, words=words)
    return standing


async def resume(tools: Tools, name: str) -> Standing | None:
    """Give an account jobs again, whatever it rested for; None where there is none.

    One that had to be mended gets a single job first.
    """

    def run(connection: Connection) -> Standing | None:
        accounts.resume(connection, name)
        return _one(connection, name, tools.clock.now())

    standing = await tools.database.write(run)
    if standing is not None:
        _log.warning("an operator resumed an account", account=name)
    return standing


def _one(connection: Connection, name: str, now: int) -> Standing | None:
    found = (one for one in stored.standings(connection, now) if one.name == name)
    return next(found, None)
