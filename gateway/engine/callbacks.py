"""Providers call about their jobs: a reason to look, and never more than that."""

from collections.abc import Collection

import structlog

from gateway.engine import hearsay
from gateway.engine.crash import crash_point
from gateway.engine.looks import WATCHED
from gateway.engine.tools import Tools, log_change
from gateway.model.ids import digest
from gateway.storage import Connection, agenda, ledger, tombstones
from gateway.storage.jobs import Change

_log = structlog.get_logger()


async def called_back(
    tools: Tools, provider: str, token: str, body: bytes, taken: Collection[str]
) -> bool:
    """A provider called about an attempt: have its job looked at. False: unknown token.

    The body is only a claim. An id in it is kept where ours is missing, and counts after a
    look at it with our own key; so does one that contradicts what is known of the attempt.
    """
    named = digest(token)
    attempt = await tools.database.read(
        lambda connection: (
            ledger.by_token(connection, named) or tombstones.by_token(connection, named)
        )
    )
    if attempt is None or attempt.provider != provider:
        return False
    claimed = tools.adapters[provider].receive(body).remote_id

    def wake(connection: Connection) -> tuple[Change | None, bool]:
        # As the attempt stands by now: it may have been given up since it was read.
        change = hearsay.hear(connection, tools, attempt, claimed)
        ledger.called(connection, attempt.id, tools.clock.now())
        woken = agenda.wake(
            connection,
            attempt.job_id,
            WATCHED,
            tools.clock.now(),
            taken=attempt.job_id in taken,
        )
        return change, woken

    change, woken = await tools.database.write(wake)
    crash_point("callback-stored")
    if change is not None:
        log_change(change)
    _log.info("callback", job=attempt.job_id, attempt=attempt.id, provider=provider, woken=woken)
    return True
