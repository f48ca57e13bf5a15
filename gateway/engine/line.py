"""The line: who gets the next free slot, where a job stands, and who has waited too long."""

from collections.abc import Iterable, Sequence
from math import ceil
from typing import Final

import msgspec

from gateway.engine.crash import crash_point
from gateway.engine.tools import Tools
from gateway.model.clock import SECOND
from gateway.model.errors import NoSlotError
from gateway.model.ids import digest, new_id, new_token
from gateway.model.job import Choice, Job, JobError
from gateway.model.phases import Event, Phase, step
from gateway.model.strategy import Strategy
from gateway.routing.choose import choose
from gateway.routing.shares import SCALE, Share, after, following, joining, place
from gateway.storage import Connection, accounts, jobs, ledger, line, shares, standings
from gateway.storage.accounts import FreeSlot
from gateway.storage.depth import Rank
from gateway.storage.jobs import Change
from gateway.storage.ledger import Attempt, State
from gateway.storage.line import Queue
from providers.contract import Account

GRASP: Final = 200
"""Jobs that are taken out of the line at a time, because they have waited too long."""
ASK_AGAIN: Final = 10
"""Seconds after which a caller who would not wait may ask for a slot again."""
_FRESH: Final[dict[str, object]] = {
    "attempt_id": None,
    "account": None,
    "chosen": None,
    "remote_id": None,
    "remote_url": None,
    "deadline_at": None,
    "progressed_at": None,
    "word": None,
    "progress": 0,
    "cost": None,
    "error": None,
}
"""What a job knows of the attempt that it has."""
LAST: Final[Rank] = (0, 2**31, 2**62, "")
"""The rank behind every job that no account has turned away."""


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """A job that has a slot. `token` exists here and in the callback URL only."""

    job: Job
    attempt_id: str
    account: Account
    choice: Choice
    token: str
    change: Change


def join(connection: Connection, owner: str) -> None:
    """An owner whose first job in a while begins to wait stands level with the others.

    To be called before that job stands in the line.
    """
    if line.waits(connection, owner):
        return
    active = {queue.owner for queue in line.queues(connection)}
    if not active:
        return
    used = shares.used(connection, {owner, *active})
    own = used.get(owner, 0)
    level = joining(own, [used.get(one, 0) for one in active])
    if level != own:
        shares.write(connection, {owner: level})


def move_on(
    connection: Connection,
    job_id: str,
    owner: str,
    leaving: Phase,
    event: Event,
    now: int,
    *,
    of: str,
    detail: str,
    **values: object,
) -> Change | None:
    """Move a job on from its attempt; see `jobs.move`.

    Where that leads back into the line, nothing the attempt came to is the job's any more.
    """
    if step(leaving, event) is Phase.WAITING_FOR_SLOT:
        join(connection, owner)
        values = {**_FRESH, **values}
    return jobs.move(connection, job_id, leaving, event, now, of=of, detail=detail, **values)


def bind_line(connection: Connection, tools: Tools) -> list[Bound]:
    """Give every free slot to the job whose turn it is; one transaction.

    It is the turn of the owner that had the fewest slots, and of that owner's first job that
    a free slot can serve.
    """
    now = tools.clock.now()
    accounts.recover(connection, now)
    # Another replica may have been started with accounts that this one was not told of.
    free = [slot for slot in accounts.free_slots(connection, now) if slot.account in tools.accounts]
    if not free:
        return []
    lanes = _lanes(line.queues(connection))
    used = shares.used(connection, lanes)
    changed: dict[str, int] = {}
    bound: list[Bound] = []
    while free and (turn := following(Share(used.get(one, 0), one) for one in lanes)):
        owner = turn.owner
        providers = {slot.provider for slot in free}
        open_lanes = [lane for lane in lanes[owner] if line.serves(lane, providers)]
        job = next(iter(line.first_in_line(connection, owner, open_lanes, now)), None)
        found = None if job is None else choose(job.choices, free, job.strategy)
        if job is None or found is None:
            del lanes[owner]
            continue
        index, slot = found
        free.remove(slot)
        bound.append(_bind(connection, tools, job, index, slot, now))
        used[owner] = changed[owner] = after(turn.used)
    shares.write(connection, changed)
    if bound:
        crash_point("slot-binding")
    return bound


def spare_slots(connection: Connection, now: int) -> list[FreeSlot]:
    """The slots that are left when everybody in line has got one."""
    free = accounts.free_slots(connection, now)
    for queue in line.queues(connection) if free else ():
        if not line.serves(queue.lane, {slot.provider for slot in free}):
            continue
        for job in line.first_in_line(connection, queue.owner, [queue.lane], now, len(free)):
            found = choose(job.choices, free, job.strategy)
            if found is not None:
                free.remove(found[1])
    return free


def place_in_line(connection: Connection, job: Job) -> int:
    """A waiting job's place, from 1, among those that could take a slot from it."""
    return _place(connection, job.owner, job.choices, line.rank(job))


def last_place(connection: Connection, owner: str, choices: Sequence[Choice]) -> int:
    """The place in line that a new job with these choices would get."""
    return _place(connection, owner, choices, LAST)


def _place(connection: Connection, owner: str, choices: Sequence[Choice], before: Rank) -> int:
    providers = {choice.provider for choice in choices}
    lanes = _lanes(one for one in line.queues(connection) if line.serves(one.lane, providers))
    mine = line.ahead(connection, owner, lanes.pop(owner, []), before) + 1
    used = shares.used(connection, {owner, *lanes})
    share = Share(used.get(owner, 0), owner)
    others: dict[str, tuple[int, int]] = {}
    for other, theirs in lanes.items():
        # More of them than this cannot come first, however many wait.
        most = max(0, mine + 1 + (share.used - used.get(other, 0)) // SCALE)
        if most:
            count = line.waiting(connection, other, theirs, most)
            others[other] = (used.get(other, 0), count)
    return place(mine, share, others)


def _lanes(queues: Iterable[Queue]) -> dict[str, list[str]]:
    lanes: dict[str, list[str]] = {}
    for queue in queues:
        lanes.setdefault(queue.owner, []).append(queue.lane)
    return lanes


def no_slot(
    connection: Connection,
    choices: Sequence[Choice],
    strategy: Strategy,
    spare: Sequence[FreeSlot],
    now: int,
) -> NoSlotError | None:
    """Why none of `choices` could start now in a spare slot, None where one can."""
    if choose(choices, spare, strategy) is not None:
        return None
    rests = standings.resting(connection, [choice.provider for choice in choices], now)
    wait = ceil((rests[0].until - now) / SECOND) if rests else ASK_AGAIN
    return NoSlotError(
        "No slot is free for this video now, and routing.queue is false: leave that out to wait.",
        headers={"retry-after": str(min(max(wait, 1), 86_400))},
    )


def expire(connection: Connection, tools: Tools) -> list[Change]:
    """Fail the jobs that wait although they should have started; nothing was spent on them."""
    now = tools.clock.now()
    changes = [
        jobs.move(
            connection,
            job.id,
            job.phase,
            Event.EXPIRED,
            now,
            detail=job.phase.value,
            error=JobError(
                code="expired",
                message=f"it was still {job.phase.value} at routing.deadline; nothing was spent",
            ),
        )
        for job in line.past_start(connection, now, GRASP)
    ]
    return [change for change in changes if change is not None]


def _bind(
    connection: Connection, tools: Tools, job: Job, index: int, slot: FreeSlot, now: int
) -> Bound:
    token = new_token()
    attempt = Attempt(
        id=new_id("att"),
        job_id=job.id,
        n=ledger.next_n(connection, job.id),
        account=slot.account,
        target=job.choices[index].target,
        state=State.PREPARING,
        replica=tools.replica,
    )
    if not ledger.begin(connection, attempt, slot, digest(token), now):
        raise RuntimeError(f"slot {slot} was free and is taken within one transaction")
    change = jobs.move(
        connection,
        job.id,
        Phase.WAITING_FOR_SLOT,
        Event.SLOT_BOUND,
        now,
        detail=f"{attempt.target} on {slot.account}",
        attempt_id=attempt.id,
        account=slot.account,
        chosen=index,
        error=None,
    )
    if change is None:
        raise RuntimeError(f"job {job.id} left the line within one transaction")
    return Bound(
        job=job,
        attempt_id=attempt.id,
        account=tools.accounts[slot.account],
        choice=job.choices[index],
        token=token,
        change=change,
    )
