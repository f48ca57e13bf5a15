"""How much of the providers' behaviour a suite has met."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from mockserver.coverage import answers, faulty
from mockserver.coverage.behaviour import ANY, Behaviour
from mockserver.engine.journal import Event, Exchange

if TYPE_CHECKING:
    from mockserver.world import World

BEHAVIOURS: tuple[Behaviour, ...] = (*answers.behaviours(), *faulty.behaviours())
"""Everything that a suite may meet, provider by provider."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was met, and what was not."""

    seen: tuple[Behaviour, ...]
    missed: tuple[Behaviour, ...]

    @property
    def percent(self) -> float:
        """How much was met, of a hundred; all of nothing is all."""
        total = len(self.seen) + len(self.missed)
        return 100.0 * len(self.seen) / total if total else 100.0

    def __str__(self) -> str:
        total = len(self.seen) + len(self.missed)
        head = f"exercised {len(self.seen)} of {total} ({self.percent:.0f} %)"
        if not self.missed:
            return head
        wide = max(len(row.id) for row in self.missed)
        rows = [
            f"  {row.id:{wide}}  {row.meaning}\n  {'':{wide}}  → {row.provoke}"
            for row in self.missed
        ]
        return "\n".join([f"{head}; never tested:", *rows])

    def as_data(self) -> dict[str, Any]:
        """The report for a program, to be written as JSON."""
        return {
            "percent": round(self.percent, 1),
            "seen": [row.id for row in self.seen],
            "missed": [
                {"id": row.id, "meaning": row.meaning, "provoke": str(row.provoke)}
                for row in self.missed
            ],
        }


def seen_in(journal: Iterable[Event]) -> frozenset[str]:
    """The ids of the behaviours that one journal shows."""
    lines = tuple(journal)
    return frozenset(row.id for row in BEHAVIOURS if row.shown(lines))


def providers_in(journal: Iterable[Event]) -> frozenset[str]:
    """The providers that were spoken to."""
    return frozenset(
        line.provider for line in journal if isinstance(line, Exchange) and line.provider
    )


def report(seen: Collection[str], providers: Collection[str] = ()) -> Report:
    """The report on behaviours that were met.

    Args:
        seen: their ids.
        providers: whose behaviours count; none means everybody's.
    """
    rows = [row for row in BEHAVIOURS if not providers or row.provider in {ANY, *providers}]
    return Report(
        seen=tuple(row for row in rows if row.id in seen),
        missed=tuple(row for row in rows if row.id not in seen),
    )


def coverage(world: "World") -> Report:
    """The report on one world."""
    return covered([world.journal])


def covered(
    journals: Iterable[Iterable[Event]], providers: Collection[str] | None = None
) -> Report:
    """The report on a whole suite.

    Args:
        journals: those of all its worlds.
        providers: whose behaviours count; None means those that were spoken to.
    """
    seen: set[str] = set()
    spoken_to: set[str] = set()
    for journal in journals:
        lines = tuple(journal)
        seen |= seen_in(lines)
        spoken_to |= providers_in(lines)
    return report(seen, spoken_to if providers is None else providers)
