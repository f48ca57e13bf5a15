"""Whose move it is when a job failed, or needs attention."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from providers.contract import BLAME, Blame

Blamed: TypeAlias = Literal["caller", "operator", "provider", "gateway"]

_SAID: Final[Mapping[Blame, Blamed]] = {
    Blame.CALLER: "caller",
    Blame.OPERATOR: "operator",
    Blame.PROVIDER: "provider",
}

OWN: Final[Mapping[str, Blamed | None]] = MappingProxyType(
    {
        "input_unusable": "caller",
        # Of that video: its own error says whose.
        "source_failed": None,
        "expired": None,
        "not_sendable": "gateway",
        "overdue": "provider",
        "stalled": "provider",
        "canceled": "caller",
        "given_up": "operator",
        "submission_unknown": "provider",
        "result_not_saved": "gateway",
    }
)
"""Codes of errors that the gateway found itself; None where nobody is to blame."""

BLAMED: Final[Mapping[str, Blamed | None]] = MappingProxyType(
    {**{fault.value: _SAID[blame] for fault, blame in BLAME.items()}, **OWN}
)
"""Every `error.code` of a job."""
