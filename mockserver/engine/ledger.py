"""What was charged and what was given back, in whole units, never floats."""

from collections import Counter
from collections.abc import Iterable

from mockserver.engine.journal import Entry


class Ledger:
    """Every accepted job is charged once; jobs that end without a film are refunded."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries: list[Entry] = list(entries)
        self._spent: Counter[tuple[str, str]] = Counter()
        for entry in self.entries:
            self._spent[entry.provider, entry.account] += entry.signed

    def write(self, entry: Entry) -> None:
        """Adds a line."""
        self.entries.append(entry)
        self._spent[entry.provider, entry.account] += entry.signed

    def spent(self, provider: str, account: str) -> int:
        """Charges less refunds of one account."""
        return self._spent[provider, account]

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
            totals[entry.job or ""] += entry.signed
        return dict(totals)

    def fork(self) -> "Ledger":
        """The same lines, to be continued separately."""
        ledger = Ledger()
        ledger.entries = self.entries.copy()
        ledger._spent = self._spent.copy()
        return ledger
