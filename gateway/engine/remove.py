"""Removing a video that has ended, with its bytes."""

import structlog

from gateway.engine.drop import drop
from gateway.engine.tools import Tools
from gateway.model.errors import NotFinishedError
from gateway.model.phases import FINAL
from gateway.storage import Connection, jobs

_log = structlog.get_logger()


async def remove(tools: Tools, owner: str | None, video_id: str) -> bool:
    """Remove a video and all that is known of it.

    False where the owner (None: anybody) has none of this id.

    Raises:
        NotFinishedError: It is still being made.
    """

    def run(connection: Connection) -> list[str] | None:
        job = jobs.get(connection, video_id)
        if job is None or owner not in (None, job.owner):
            return None
        if job.phase not in FINAL:
            raise NotFinishedError(
                f"The video is {job.phase.value}; only one that has ended can be removed. "
                "Cancel it, or wait for its end."
            )
        return jobs.remove(connection, video_id, tools.clock.now())

    free = await tools.database.write(run)
    if free is None:
        return False
    _log.info("video removed", job=video_id)
    await drop(tools, free)
    return True
