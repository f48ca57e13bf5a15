"""Pictory AI Studio (docs.pictory.ai): video from text, a first frame, pictures or a video.

Wire facts: the pages "Generate Video API", "Get Video Generation Job" and the guides
"First frame", "Reference images" and "Extend video". The key goes into `Authorization` raw,
without `Bearer`. Pictory takes no idempotency key and echoes no reference: a job whose id was
lost is known again by the webhook URL of its attempt, or by what was ordered.
"""

from typing import Final

from providers.contract import Adapter
from providers.pictory.errors import FAILURES, REFUSALS
from providers.pictory.flows import JOB_ID, encode, poll, receive, sighting, submit
from providers.pictory.search import reconcile
from providers.pictory.table import CAPABILITIES

__all__ = [
    "ADAPTER",
    "CAPABILITIES",
    "FAILURES",
    "JOB_ID",
    "REFUSALS",
    "encode",
    "poll",
    "receive",
    "reconcile",
    "sighting",
    "submit",
]

ADAPTER: Final = Adapter(
    capabilities=CAPABILITIES,
    submit=submit,
    poll=poll,
    receive=receive,
    reconcile=reconcile,
    remote_id=JOB_ID,
)
