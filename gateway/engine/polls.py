"""Asking a provider about jobs by their ids, whatever comes of it."""

from collections.abc import Mapping, Sequence

import structlog

from gateway.engine.tools import Tools
from gateway.net import NetFault
from providers.contract import Account, Sighting, Unseen

_log = structlog.get_logger()


async def poll(tools: Tools, account: Account, ids: Sequence[str]) -> Mapping[str, Sighting]:
    """What the provider says of each, at most `poll_batch` of them; never raises.

    A look that fails saw nothing: only then do the deadlines of these jobs go on counting.
    """
    # Whoever cannot be read may keep those after it from being read: they take turns.
    turns = tools.rng.sample(ids, len(ids))
    flow = tools.adapters[account.provider].poll(account, turns)
    try:
        return await tools.upstream.run(flow, lane=account.name)
    except NetFault as error:
        _log.warning("a provider was not heard", provider=account.provider, reason=str(error))
        return dict.fromkeys(ids, Unseen(reason=str(error)))
    except Exception as error:  # noqa: BLE001 - a bug in reading must not stop the clock
        _log.exception("a look failed", provider=account.provider)
        return dict.fromkeys(ids, Unseen(reason=f"internal error: {type(error).__name__}"))
