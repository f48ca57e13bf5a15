"""Removing bytes that nobody needs, after the transaction that said so."""

from collections.abc import Sequence
from functools import partial

import structlog

from gateway.engine import ageing
from gateway.engine.tools import Tools
from gateway.storage import Connection, StorageError, holdings
from gateway.storage.media import Pins

_log = structlog.get_logger()


async def foresee(tools: Tools, pins: Pins, digests: Sequence[str]) -> None:
    """Mark bytes that are about to be saved: should no row come to need them, they go.

    Pinned first: whoever drops the same bytes meanwhile leaves the mark alone.

    Raises:
        StorageError: They could not be marked; do not save them.
    """
    pins.foresee(digests)
    await tools.database.write(lambda connection: holdings.mark(connection, digests))


async def drop(tools: Tools, digests: Sequence[str]) -> None:
    """Remove these files, unless somebody needs them after all.

    Never fails: what cannot be removed now stays marked, and is tried again later. Where
    other replicas may be about to need them, that is when the marks are `ripe`.
    """
    if tools.database.dialect == "sqlite":
        await _drop(tools, digests, None)


async def drop_ripe(tools: Tools) -> None:
    """Remove what was marked long ago; for folders that replicas share."""
    if tools.database.dialect != "sqlite":

        def run(connection: Connection) -> tuple[list[str], int]:
            now = ageing.judged_by(tools)
            before = ageing.look(connection, now).before(holdings.RIPE)
            return holdings.ripe(connection, now, before), before

        await _drop(tools, *await tools.database.write(run))


async def _drop(tools: Tools, digests: Sequence[str], before: int | None) -> None:
    for digest in digests:
        run = partial(holdings.drop, store=tools.media, digests=[digest], before=before)
        try:
            await tools.database.write(run, alone=True)
        except (StorageError, OSError) as error:
            _log.warning("a file could not be removed yet", digest=digest, error=str(error))
