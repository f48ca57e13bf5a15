"""Failure coverage: like that of lines, but of what the providers may do to their client."""

from mockserver.coverage.behaviour import Behaviour, Provocation
from mockserver.coverage.report import (
    BEHAVIOURS,
    Report,
    coverage,
    covered,
    providers_in,
    report,
    seen_in,
)

__all__ = [
    "BEHAVIOURS",
    "Behaviour",
    "Provocation",
    "Report",
    "coverage",
    "covered",
    "providers_in",
    "report",
    "seen_in",
]
