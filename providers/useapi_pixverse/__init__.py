"""PixVerse through useapi.net, API v2: video from text, frames or a video to extend.

Wire facts: useapi.net, "PixVerse API v2", pages POST videos/create-frames-v3 (December
2024), POST videos/create-v4 (March 2025), POST videos/extend-v3, POST files and GET videos.
Pictures and videos are uploaded first and named by path. useapi.net queues nothing: when an
account is full it answers 429. `replyRef` comes back with the job, so a job whose answer was
lost can be found by it.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from providers.contract import Adapter
from providers.useapi_pixverse.errors import REFUSALS
from providers.useapi_pixverse.flows import (
    VIDEO_ID,
    encode,
    poll,
    receive,
    submit,
    upload,
)
from providers.useapi_pixverse.search import reconcile
from providers.useapi_pixverse.status import sighting
from providers.useapi_pixverse.table import (
    CAPABILITIES,
    PAGES,
    SETTINGS,
    capabilities,
    pages_from,
)

__all__ = [
    "ADAPTER",
    "CAPABILITIES",
    "PAGES",
    "REFUSALS",
    "SETTINGS",
    "VIDEO_ID",
    "configured",
    "encode",
    "poll",
    "receive",
    "reconcile",
    "sighting",
    "submit",
    "upload",
]


def configured(values: Mapping[str, str]) -> Adapter:
    """The adapter for pages and models as an operator names them (see `SETTINGS`)."""
    pages = pages_from(values)
    return Adapter(
        capabilities=capabilities(pages),
        submit=partial(submit, pages=pages),
        poll=poll,
        upload=upload,
        receive=receive,
        reconcile=reconcile,
        configured=configured,
        remote_id=VIDEO_ID,
    )


ADAPTER: Final = configured({})
