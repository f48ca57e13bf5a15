"""The line: who gets the next free slot."""

from typing import Final

import msgspec

from gateway.engine.tools import Tools, log_change
from gateway.model.ids import digest, new_id, new_token
from gateway.model.job import Choice, Job
from gateway.model.phases import Event, Phase
from gateway.routing.choose import choose
from gateway.storage import Connection, jobs, ledger
from gateway.storage.jobs import Change
from gateway.storage.ledger import Attempt, State
from providers.contract import Account

PAGE: Final = 50


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
        line = jobs.in_line(connection, providers, now, PAGE)
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


def _bind(
    connection: Connection, tools: Tools, job: Job, index: int, slot: ledger.FreeSlot, now: int
) -> Bound:
    token = new_token()
    attempt = Attempt(
        id=new_id("att"),
        job_id=job.id,
        n=job.attempts + 1,
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
        attempts=attempt.n,
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
