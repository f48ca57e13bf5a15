"""How old something is that is kept for a while: clocks may be wrong, so not every hour counts.

Gateways look at the clock every minute. Where it went on by much more since the last look, none
was running, or the clock is wrong, or was wrong until then: nobody can tell. Such a *gap* is no
time in which anything grew older, until all that was there before it has been seen to be there
for as long as it is kept, by whichever clock it was dated. What is taken back of a gap, as when
the clock is put right, is none.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import structlog

from gateway.engine.tools import Tools
from gateway.model.clock import SECOND
from gateway.storage import Connection, keep

NOTED: Final = 3600 * SECOND
"""A gap is longer."""
SHARE: Final = 24
"""A gap counts as time to whatever is kept for so many times as long, or longer: it shortens
that by little, and machines may be off at night."""
NAME: Final = "clock_seen"

_log = structlog.get_logger()


class Gap(msgspec.Struct, frozen=True, array_like=True):
    """By how much the clock had gone on, and how much time was seen to go by since."""

    by: int
    since: int = 0


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What the clock showed at the last look, and the gaps that may still count, oldest first."""

    at: int
    gaps: tuple[Gap, ...] = ()

    def again(self, now: int) -> "Seen":
        """The same after one more look."""
        step = now - self.at
        if step > NOTED:
            return Seen(at=now, gaps=(*self.gaps, Gap(step)))
        if step < -NOTED:
            return Seen(at=now, gaps=tuple(_left(self.gaps, -step))[::-1])
        if step < 0:
            # The clocks of two machines are never quite the same.
            return self
        older = (Gap(one.by, one.since + step) for one in self.gaps)
        return Seen(at=now, gaps=tuple(one for one in older if one.since < SHARE * one.by))

    def before(self, span: int) -> int:
        """What is dated earlier has been there for `span`."""
        counting = (one for one in self.gaps if span < SHARE * one.by and one.since < span)
        return self.at - span - sum(one.by for one in counting)


def judged_by(tools: Tools) -> int:
    """The time that age is judged by: where the machine's clock was set back, that one's."""
    return min(tools.clock.now(), tools.stamp())


def look(connection: Connection, now: int) -> Seen:
    """Look at the clock, for all gateways that share the database."""
    found = keep.found(connection, NAME)
    before = Seen(at=now) if found is None else msgspec.json.decode(found, type=Seen)
    seen = before.again(now)
    if len(seen.gaps) > len(before.gaps):
        _log.warning(
            "the clock went on while no gateway looked; nothing that is kept grows older by that",
            seconds=(now - before.at) / SECOND,
        )
    keep.put(connection, NAME, msgspec.json.encode(seen).decode())
    return seen


def _left(gaps: Sequence[Gap], taken: int) -> Iterator[Gap]:
    """What is left of gaps, newest first, when so much is taken back."""
    for one in reversed(gaps):
        if one.by > taken:
            yield Gap(one.by - taken, one.since)
        taken = max(taken - one.by, 0)
