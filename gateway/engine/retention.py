"""Removing what is older than the operator wants to keep, a little at a time."""

from typing import Final

import structlog

from gateway.engine import ageing, hearsay, search
from gateway.engine.crash import crash_point
from gateway.engine.drop import drop
from gateway.engine.tools import Tools
from gateway.model.clock import SECOND
from gateway.storage import Connection, jobs, remote_ids, searches, tombstones

BATCH: Final = 100
"""Videos in one transaction: others wait for it."""
SPENT: Final = 90 * 24 * 3600 * SECOND
"""How long a removed video's film stays nobody else's: longer than providers keep films."""
PAUSE: Final = 60 * SECOND
"""Between two rounds, when there is nothing left to remove."""

_log = structlog.get_logger()


def forget(connection: Connection, now: int) -> None:
    """Forget what videos sent that were removed: no callback comes, and no search asks, so late.

    A search asks for what was sent up to `search.NEAR` before the oldest attempt it looks for.
    """
    seen, oldest = ageing.look(connection, now), searches.oldest(connection)
    asked = now if oldest is None else oldest - search.NEAR
    tombstones.expire(connection, min(seen.before(hearsay.GIVEN_UP), asked))
    remote_ids.expire(connection, min(seen.before(SPENT), asked))


async def prune(tools: Tools) -> int:
    """Remove some of the videos that ended too long ago, with their media; how many."""
    retention = tools.retention
    if retention is None:
        return 0

    def run(connection: Connection) -> tuple[int, list[str]]:
        now = tools.clock.now()
        before = ageing.look(connection, ageing.judged_by(tools)).before(retention)
        ended = jobs.ended_before(connection, before, BATCH)
        free = [digest for job_id in ended for digest in jobs.remove(connection, job_id, now)]
        return len(ended), free

    count, free = await tools.database.write(run)
    if count:
        crash_point("prune-stored")
        _log.info("old videos removed", videos=count, files=len(free))
        await drop(tools, free)
    return count
