"""What other clocks say of ours: a time that was written down is only as good as its clock."""

from collections.abc import Sequence
from contextlib import closing
from typing import Final, NamedTuple

from gateway.model.clock import SECOND, Clock, http_time
from gateway.storage import Connection, searches
from gateway.storage.ledger import Attempt
from providers.contract import Flow, Search

CLOCKS: Final = 30 * SECOND
"""Where the provider's clock is further from ours, no search proves that a job is not there."""
SKEW: Final = SECOND
"""The clocks of replicas that share a database are closer than this."""


class Timed(NamedTuple):
    """When an answer came, by our clock and by that of whoever gave it."""

    ours: int
    theirs: int


def timed(clock: Clock, flow: Flow[Search], answers: list[Timed]) -> Flow[Search]:
    """The same flow; the times of its answers go to `answers`."""
    with closing(flow):
        try:
            request = next(flow)
            while True:
                answer = yield request
                theirs = http_time(answer.headers.get("date", ""))
                if theirs is not None:
                    answers.append(Timed(clock.now(), theirs))
                request = flow.send(answer)
        except StopIteration as stop:
            found: Search = stop.value
            return found


def apart(answers: Sequence[Timed]) -> int:
    """How far the provider's clock is from ours at most; 0 also where it told no time."""
    return max((abs(one.theirs - one.ours) for one in answers), default=0)


def agreed_at(answers: Sequence[Timed]) -> int | None:
    """When these answers began to come, by both clocks; None where they do not agree on it."""
    if not answers or apart(answers) > CLOCKS:
        return None
    return min(one.ours for one in answers)


def is_misdated(attempt: Attempt, now: int) -> bool:
    """Whether an attempt was sent under a clock that was ahead, as far as this one can tell."""
    return attempt.left_at > now + SKEW


def doubt_misdated(connection: Connection, now: int) -> None:
    """Note of which lost attempts that is so: later nobody could tell any more."""
    searches.doubt(connection, now + SKEW, "it was sent under a clock that was ahead")
