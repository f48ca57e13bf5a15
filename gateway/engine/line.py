"""The line: who gets the next free slot, and who has waited too long."""

from collections.abc import Sequence
from math import ceil
from typing import Final

import msgspec

from gateway.engine.tools import Tools, log_change
from gateway.model.clock import SECOND
from gateway.model.errors import NoSlotError
from gateway.model.ids import digest, new_id, new_token
from gateway.model.job import Choice, Job, JobError
from gateway.model.phases import Event, Phase
from gateway.routing.choose import choose
from gateway.storage import Connection, jobs, ledger
from gateway.storage.jobs import Change
from gateway.storage.ledger import Attempt, State
from gateway.storage.line import in_line, past_start
from providers.contract import Account

PAGE: Final = 50
GRASP: Final = 200
"""Jobs that are taken out of the line at a time, because they have waited too long."""
ASK_AGAIN: Final = 10
"""Seconds after which a caller who would not wait may ask for a slot again."""


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """A job that has a slot. `token` exists here and in the callback URL only."""

    job: Job
    attempt_id: str
    account: Account
    choice: Choice
    token: str
    change: Change


def bind_line(connection: Connection, tools: Tools) -> list[Bound]:
    """Give every free slot to the first job in line that it can serve; one transaction."""
    now = tools.clock.now()
    free = ledger.free_slots(connection, now)
    bound: list[Bound] = []
    while free:
        providers = tuple(dict.fromkeys(slot.provider for slot in free))
        line = in_line(connection, providers, now, PAGE)
        before = len(bound)
        for job in line:
            found = choose(job.choices, free)
            if found is not None:
                index, slot = found
                free.remove(slot)
                bound.append(_bind(connection, tools, job, index, slot, now))
        if len(bound) == before:
            break
    return bound


def spare_slots(connection: Connection, now: int) -> list[ledger.FreeSlot]:
    """The slots that are left when everybody in line has got one."""
    free = ledger.free_slots(connection, now)
    behind: Job | None = None
    while free:
        providers = tuple(dict.fromkeys(slot.provider for slot in free))
        line = in_line(connection, providers, now, PAGE, behind=behind)
        for job in line:
            found = choose(job.choices, free)
            if found is not None:
                free.remove(found[1])
        if len(line) < PAGE:
            break
        behind = line[-1]
    return free


def no_slot(
    connection: Connection, choices: Sequence[Choice], spare: Sequence[ledger.FreeSlot], now: int
) -> NoSlotError | None:
    """Why none of `choices` could start now in a spare slot, None where one can."""
    if choose(choices, spare) is not None:
        return None
    rests = ledger.resting(connection, [choice.provider for choice in choices], now)
    wait = ceil((rests[0].until - now) / SECOND) if rests else ASK_AGAIN
    return NoSlotError(
        "No slot is free for this video now, and routing.queue is false.",
        headers={"retry-after": str(max(wait, 1))},
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
        for job in past_start(connection, now, GRASP)
    ]
    return [change for change in changes if change is not None]


def _bind(
    connection: Connection, tools: Tools, job: Job, index: int, slot: ledger.FreeSlot, now: int
) -> Bound:
    token = new_token()
    attempt = Attempt(
        id=new_id("att"),
        job_id=job.id,
        n=ledger.next_n(connection, job.id),
        account=slot.account,
        target=job.choices[index].target,
        state=State.PREPARING,
        remote_id=None,
        claimed_id=None,
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


def log_bound(bound: Bound) -> None:
    """The log line of a binding, once it is committed."""
    log_change(bound.change)
