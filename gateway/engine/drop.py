"""Removing bytes that nobody needs, after the transaction that said so."""

from collections.abc import Sequence
from functools import partial

import structlog

from gateway.engine.tools import Tools
from gateway.storage import StorageError, holdings
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

    Never fails: what cannot be removed now stays marked, and the next start tries again.
    """
    for digest in digests:
        run = partial(holdings.drop, store=tools.media, digests=[digest])
        try:
            await tools.database.write(run, alone=True)
        except (StorageError, OSError) as error:
            _log.warning("a file could not be removed yet", digest=digest, error=str(error))
