"""Fair sharing of slots between the owners of jobs (API keys): stride scheduling.

Each owner has used so much; whoever waits and used the least is next, and has used `SCALE`
more then. So owners with waiting jobs get slots in turn, however many jobs each of them has.
What is below `SCALE` tells who came first among those who are level.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

SCALE: Final = 2**32
"""What one slot counts."""


class Share(msgspec.Struct, frozen=True, order=True):
    """How much an owner has used. The smallest share is next; names settle what is equal."""

    used: int
    owner: str


def following(waiting: Iterable[Share]) -> Share | None:
    """Whose turn it is among the owners that have waiting jobs."""
    return min(waiting, default=None)


def after(used: int) -> int:
    """What an owner has used once it got a slot."""
    return used + SCALE


def joining(used: int, active: Collection[int]) -> int:
    """What an owner counts as having used, whose first job in a while begins to wait.

    `active` is what the others with waiting jobs have used. Who was away has no claim on
    what others used meanwhile: it stands behind those who have used the least, and before
    those who are one slot ahead of them.
    """
    if not active:
        return used
    turn = min(active) // SCALE
    return max(used, 1 + max(one for one in active if one // SCALE == turn))


def place(mine: int, share: Share, others: Mapping[str, tuple[int, int]]) -> int:
    """The place in line, from 1, of the `mine`-th waiting job of an owner with this share.

    It is exact where every job takes any slot and nobody joins; `others` holds what each
    other owner has used, and how many of its jobs wait.
    """
    last = Share(share.used + (mine - 1) * SCALE, share.owner)
    before = (
        min(waiting, _turns(Share(used, owner), last)) for owner, (used, waiting) in others.items()
    )
    return mine + sum(before)


def _turns(share: Share, last: Share) -> int:
    """How often an owner that always has waiting jobs gets a slot before this turn."""
    if share > last:
        return 0
    whole, rest = divmod(last.used - share.used, SCALE)
    return whole + (rest > 0 or share.owner < last.owner)
