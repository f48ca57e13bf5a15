"""Replicas: being seen alive, and taking over from those that are not.

A replica that dies leaves work in hand. What had not been sent goes back into the line; what
may have been sent is looked for, never sent again on a guess. A replica that is only halted
may wake and go on: whatever it writes as a decision names its attempt, and finds that moved
on; what it learnt as a fact, such as the id of a paid job, is written all the same.
"""

from collections.abc import Collection
from typing import Final

import msgspec
import structlog

from gateway.engine import clocks
from gateway.engine.line import move_on
from gateway.engine.outcomes import lose
from gateway.engine.tools import Tools, log_change
from gateway.model.clock import SECOND
from gateway.model.phases import Event, Phase
from gateway.storage import Connection, agenda, deliveries, ledger, replicas
from gateway.storage.elapsed import elapsed
from gateway.storage.jobs import Change
from gateway.storage.ledger import Held, State

FORGOTTEN: Final = 60 * SECOND
"""An attempt of our own that no task has had in hand for so long: something went wrong."""

_log = structlog.get_logger()


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What a heartbeat found: who is gone, and what was taken over.

    `ahead` is how much further our own clock was than the database's, in microseconds, as far as
    that is known.
    """

    gone: tuple[str, ...]
    changes: tuple[Change, ...]
    ahead: int


async def beat(tools: Tools, own: Collection[str]) -> Taken:
    """Be seen, and take over from replicas that are gone; `own` are the attempts in hand here."""
    taken = await tools.database.write(lambda connection: _beat(connection, tools, own))
    for change in taken.changes:
        log_change(change)
    if taken.gone:
        _log.warning("took over from replicas that are gone", replicas=list(taken.gone))
    return taken


async def leave(tools: Tools) -> None:
    """Give back what this replica still has in hand, and be gone: nobody has to wait for it."""

    def run(connection: Connection) -> tuple[Change, ...]:
        changes = _take_over(connection, tools, {tools.replica}, {tools.replica}, proven=True)
        replicas.forget(connection, [tools.replica])
        return changes

    for change in await tools.database.write(run):
        log_change(change)


def _beat(connection: Connection, tools: Tools, own: Collection[str]) -> Taken:
    time, ahead = _compared(connection, tools)
    known = {one.id: one for one in replicas.listed(connection)}
    replicas.beat(connection, tools.replica, tools.host, time)
    mine = known.pop(tools.replica, None)
    # The clock was set back: they count as seen now, and have to be seen again.
    if any(one.seen_at > time for one in known.values()):
        replicas.rebase(connection, time)
    stale: set[str] = set()
    gone: set[str] = set()
    # After a while without the database everybody looks silent, and nobody is.
    deaf = mine is not None and time - mine.seen_at > tools.lease
    for one in () if deaf else known.values():
        lives = tools.database.lives(connection, one.id)
        silent = time - one.seen_at
        if silent > tools.lease:
            stale.add(one.id)
        # Its proof of life may be missing for a moment only, as when the database restarted.
        if not lives and (silent > tools.lease // 3 or tools.database.dialect == "sqlite"):
            gone.add(one.id)
    changes = _take_over(connection, tools, stale | gone, known, proven=False)
    changes += _forgotten(connection, tools, own)
    replicas.forget(connection, gone)
    if abs(ahead) <= clocks.SKEW:
        # Also where our own clock stays ahead of one that was set back.
        clocks.doubt_misdated(connection, min(time, tools.stamp() + clocks.CLOCKS))
    return Taken(gone=tuple(sorted(gone)), changes=changes, ahead=ahead)


def _compared(connection: Connection, tools: Tools) -> tuple[int, int]:
    """The database's time, and how far our clock is ahead of it.

    A difference no longer than the question took says nothing; a longer one is known to half of
    that, however slow the rest of a heartbeat is.
    """
    asked, before = elapsed(), tools.clock.now()
    time = tools.database.time(connection)
    ahead = (before + tools.clock.now()) // 2 - time
    took = round((elapsed() - asked) * SECOND)
    return time, ahead if abs(ahead) > took else 0


def _take_over(
    connection: Connection,
    tools: Tools,
    from_whom: Collection[str],
    known: Collection[str],
    *,
    proven: bool,
) -> tuple[Change, ...]:
    def is_left(one: Held) -> bool:
        # Before there were replicas, attempts named none.
        if one.replica is None or one.replica in from_whom:
            return True
        if proven:
            return False
        # Taken from once, it woke, began something, and went before it was seen again.
        strange = one.replica != tools.replica and one.replica not in known
        return strange and not tools.database.lives(connection, one.replica)

    now = tools.clock.now()
    changes = [
        _took(connection, tools, one, "its replica is gone", proven=proven)
        for one in ledger.in_hand(connection)
        if is_left(one)
    ]
    if from_whom:
        agenda.release(connection, from_whom, now)
        deliveries.release(connection, from_whom, now)
    return tuple(change for change in changes if change is not None)


def _forgotten(connection: Connection, tools: Tools, own: Collection[str]) -> tuple[Change, ...]:
    now = tools.clock.now()
    changes = [
        _took(connection, tools, one, "no task of this gateway had it in hand", proven=True)
        for one in ledger.in_hand(connection)
        # One that was made under a clock that was ahead is not new for all that time.
        if one.replica == tools.replica
        and one.id not in own
        and abs(now - one.created_at) > FORGOTTEN
    ]
    return tuple(change for change in changes if change is not None)


def _took(
    connection: Connection, tools: Tools, one: Held, words: str, *, proven: bool
) -> Change | None:
    """Take an attempt out of somebody's hands.

    Unless its sender is `proven` gone the attempt keeps the name, and is not taken as never
    sent before that sender is.
    """
    now = tools.clock.now()
    if one.state is State.SENDING:
        change = lose(connection, tools, one.job_id, one.id, f"{words}; its answer was awaited")
        if proven:
            ledger.sender_done(connection, one.id)
        return change
    change = move_on(
        connection,
        one.job_id,
        one.owner,
        Phase.PREPARING,
        Event.HELD_BACK,
        now,
        of=one.id,
        detail=f"{words}; nothing was sent",
    )
    # Also where its job moved on without it: nobody will end it otherwise.
    ledger.end(connection, one.id, now, evidence=f"{words}; nothing was sent")
    return change
