"""What was charged and what was given back, in whole units, never floats."""

from collections import Counter
from typing import Literal

import msgspec


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the ledger; a refund's amount is positive too."""

    at: float
    kind: Literal["charge", "refund"]
    job: str
    provider: str
    account: str
    amount: int
    unit: str

    @property
    def signed(self) -> int:
        """The amount as the balance feels it: refunds count against charges."""
        return self.amount if self.kind == "charge" else -self.amount


class Ledger:
    """Every accepted job is charged once; jobs that end without a film are refunded."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def write(self, entry: Entry) -> None:
        """Adds a line."""
        self.entries.append(entry)

    @property
    def charges(self) -> tuple[Entry, ...]:
        """The charges alone, refunded or not."""
        return tuple(entry for entry in self.entries if entry.kind == "charge")

    @property
    def refunds(self) -> tuple[Entry, ...]:
        """The refunds alone."""
        return tuple(entry for entry in self.entries if entry.kind == "refund")

    @property
    def total(self) -> dict[str, int]:
        """Charges less refunds by provider, each in its own unit."""
        totals: Counter[str] = Counter()
        for entry in self.entries:
            totals[entry.provider] += entry.signed
        return dict(totals)

    @property
    def per_job(self) -> dict[str, int]:
        """Charges less refunds by job id."""
        totals: Counter[str] = Counter()
        for entry in self.entries:
            totals[entry.job] += entry.signed
        return dict(totals)
