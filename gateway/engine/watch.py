"""Reading how far the provider is, until it gives its own verdict.

Only what was read with our own key moves a job. A poll that fails changes nothing but the
time of the next one; a deadline makes a job visible to people, and it is watched on. Jobs
of one account are read together: where the provider has a list, one request serves them all.
Those whose id nobody knows are looked at apart from the others, for a search takes its time.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Final, assert_never

import structlog
from msgspec.structs import replace

from gateway.engine import adoption, orphaning, policy, search, spent
from gateway.engine.crash import crash_point
from gateway.engine.looks import Look, current, ended, not_seen, nothing_new
from gateway.engine.polls import poll
from gateway.engine.tools import Tools
from gateway.model.clock import SECOND
from gateway.model.eta import updated
from gateway.model.job import Job, JobError
from gateway.model.phases import Event, Phase
from gateway.storage import Connection, accounts, agenda, durations, jobs, ledger, remote_ids
from gateway.storage.jobs import Change
from gateway.storage.ledger import State
from gateway.storage.orphans import Reason
from providers.contract import Account, Failed, Finished, Running, Sighting, Unseen

GRASP: Final = 500
"""Jobs taken up at a time."""
POLLED: Final = (Phase.RENDERING, Phase.CANCELING)

_log = structlog.get_logger()


class Hold:
    """Jobs that are being looked at: each is in `taken` until what was seen of it is recorded."""

    def __init__(self, taken: set[str], group: Iterable[Job]) -> None:
        self._taken = taken
        self._held = {job.id: job for job in group}
        taken.update(self._held)

    @property
    def left(self) -> list[Job]:
        """Those that are held still."""
        return list(self._held.values())

    def let_go(self, group: Iterable[Job]) -> None:
        """Others may look at these from now on; once, for they may have been taken up since."""
        for job in group:
            if self._held.pop(job.id, None) is not None:
                self._taken.discard(job.id)


def take_watched(
    connection: Connection, tools: Tools, now: int, taken: Collection[str]
) -> list[list[Job]]:
    """The jobs that are due for a look; none that is looked at already.

    Two lists per account at most: of those that have an id, and of those that have none.
    """

    def take(phase: Phase, along: Mapping[str, int]) -> list[Job]:
        return agenda.take_due(
            connection,
            phase,
            now,
            until=now + policy.LEASE,
            limit=GRASP,
            replica=tools.replica,
            taken=taken,
            along=along,
        )

    listed = _listed(tools, now)
    found = {phase: take(phase, listed) for phase in POLLED}
    due = [job for some in found.values() for job in some]
    # Whichever of an account's jobs are due, one list shows them all.
    for phase, mine in found.items():
        missing = {job.account for job in due} - {job.account for job in mine}
        due += agenda.take_along(
            connection,
            phase,
            now,
            {account: by for account, by in listed.items() if account in missing},
            until=now + policy.LEASE,
            limit=GRASP,
            replica=tools.replica,
            taken=taken,
        )
    searched = dict.fromkeys(tools.accounts, now + policy.SEARCH[1] * SECOND)
    due += take(Phase.SUBMISSION_UNKNOWN, searched)
    due += take(Phase.NEEDS_ATTENTION, {})

    def kind(job: Job) -> tuple[str, bool]:
        return job.account or "", job.remote_id is None

    return [list(group) for _, group in groupby(sorted(due, key=kind), key=kind)]


def _listed(tools: Tools, now: int) -> dict[str, int]:
    """By account that has a list: how early its jobs are read when one of them is."""
    return {
        name: now + round(max(tools.poll_seconds(account.provider), policy.SLOWEST) * SECOND)
        for name, account in tools.accounts.items()
        if tools.adapters[account.provider].capabilities.poll_batch > 1
    }


async def look(tools: Tools, group: Sequence[Job], hold: Hold) -> None:
    """Look at jobs of one account, and record what was seen; each is let go as soon as it is."""
    account = tools.accounts.get(group[0].account or "")
    began = tools.clock.now()
    if account is None:
        words = f"account {group[0].account!r} is no longer configured, so it cannot be watched"
        for job in group:
            await not_seen(tools, job, _usual(tools, job, began, 0), words)
        return
    ids, callbacks = await tools.database.read(
        lambda connection: (
            {job.id: _remote_id(connection, job) for job in group},
            accounts.callbacks(connection, account.name),
        )
    )
    known = [(job, remote_id) for job in group if (remote_id := ids[job.id]) is not None]
    size = tools.adapters[account.provider].capabilities.poll_batch
    batches = [known[start : start + size] for start in range(0, len(known), size)]
    looks = [_look_at(tools, account, batch, callbacks, hold) for batch in batches]
    results = await asyncio.gather(*looks, return_exceptions=True)
    lost = [job for job in group if ids[job.id] is None]
    # What a callback named, and nobody else ever saw, is looked for like all others.
    lost += [job for unseen in results if isinstance(unseen, list) for job in unseen]
    sought: list[Job] = []
    for some in _by_age(lost):
        if any((job.due_at or 0) <= began for job in some):
            sought += some
        else:
            # They came along with one that its callback had named: it is not their time yet.
            await put_back(tools, some, began)
            hold.let_go(some)

    async def seek(together: Sequence[Job]) -> None:
        for some in _by_age(together):
            await search.search(tools, account, some)

    if sought:
        await tools.searches.do(account.name, sought, seek)
    for error in results:
        if isinstance(error, BaseException):
            raise error


def _by_age(lost: Sequence[Job]) -> list[list[Job]]:
    """Those that people know of, sent long ago, apart: a search so far back proves little."""
    late = [job for job in lost if job.phase is Phase.NEEDS_ATTENTION]
    return [some for some in ([job for job in lost if job not in late], late) if some]


async def _look_at(
    tools: Tools,
    account: Account,
    batch: Sequence[tuple[Job, str]],
    callbacks: int,
    hold: Hold,
) -> list[Job]:
    """One request, or one for each where there is no list; recorded as soon as it is known.

    The jobs come back whose id was only heard of, and that were not seen under it.
    """
    async with tools.calls(account.name):
        began = tools.clock.now()
        seen = await poll(tools, account, [remote_id for _, remote_id in batch])
    crash_point("look-read")
    # Those that were read together stay together.
    at = _usual(tools, batch[0][0], began, callbacks)
    lost = [job for job, name in batch if not job.remote_id and isinstance(seen[name], Unseen)]
    # Together, for what is written together shares its way to the disk.
    await asyncio.gather(
        *(
            _record(tools, job, at, remote_id, seen[remote_id])
            for job, remote_id in batch
            if job not in lost
        )
    )
    hold.let_go(job for job, _ in batch if job not in lost)
    return lost


async def put_back(tools: Tools, group: Sequence[Job], began: int) -> None:
    """Nothing came of taking these up: they are due when they were, or were called about since."""

    def write(connection: Connection) -> None:
        for job in group:
            agenda.look_again(connection, job.id, job.phase, began, job.due_at or began)

    await tools.persist(write)


def _usual(tools: Tools, job: Job, began: int, callbacks: int) -> Look:
    provider = job.choice.provider if job.choice else ""
    pace = tools.poll_seconds(provider) if provider in tools.adapters else 60.0
    if tools.links is not None:
        pace = policy.stretched(pace, callbacks)
    return Look(began=began, next_at=tools.clock.now() + policy.next_look(pace, tools.rng))


def _remote_id(connection: Connection, job: Job) -> str | None:
    """The provider's id of a job; the one a callback claimed where the answer was lost."""
    if job.remote_id is not None or job.attempt_id is None:
        return job.remote_id
    attempt = ledger.by_id(connection, job.attempt_id)
    found = attempt and attempt.claimed_id
    if not attempt or not found:
        return None
    taken = remote_ids.is_taken(connection, attempt.provider, found)
    return None if taken else found


async def _record(tools: Tools, job: Job, at: Look, remote_id: str, seen: Sighting) -> None:
    if job.remote_id is None and not await adoption.adopt(
        tools, job, remote_id, "its callback named it"
    ):
        return
    moved = await tools.moved(lambda connection: _seen(connection, tools, job, at, remote_id, seen))
    if isinstance(seen, Finished | Failed):
        crash_point("end-stored")
    if moved and isinstance(seen, Failed):
        pause = policy.rest_after_failure(seen.fault, tools.rest)
        if pause:
            _log.warning(
                "an account rests", account=job.account, seconds=pause / SECOND, words=seen.words
            )


def _seen(
    connection: Connection, tools: Tools, job: Job, at: Look, remote_id: str, seen: Sighting
) -> Change | None:
    """What was seen counts for the job as it stands now: it may have been canceled meanwhile."""
    now = current(connection, job)
    if now is None or now.remote_id != remote_id:
        return None
    match seen:
        case Running() | Unseen():
            return nothing_new(connection, tools, now, at, seen)
        case Finished():
            return _finished(connection, tools, now, at, seen)
        case Failed():
            return _failed(connection, tools, now, at, seen)
        case _:
            assert_never(seen)


def _finished(
    connection: Connection, tools: Tools, job: Job, at: Look, finished: Finished
) -> Change | None:
    now = tools.clock.now()
    told: dict[str, object] = {"remote_url": finished.url, "cost": finished.cost}
    if job.phase is Phase.CANCELING:
        made = replace(job, remote_url=finished.url, cost=finished.cost)
        words = f"too late, {job.account} had made and charged it"
        words = spent.charged(connection, tools.routes.money, made, words)
        told |= {"error": policy.canceled(words)}
        detail = "it was made before it could be canceled"
        orphaning.keep_of(connection, made, Reason.CANCELED, detail, now)
    else:
        told |= {"progress": 99}
        # What people were told stays until the file is here: it may be why it is not.
        if job.phase is not Phase.NEEDS_ATTENTION:
            told |= {"error": None}
    _learn(connection, job, now)
    change = jobs.move(
        connection, job.id, job.phase, Event.RENDERED, now, of=job.attempt_id, detail="", **told
    )
    ended(connection, tools, job, at)
    return change


def _learn(connection: Connection, job: Job, now: int) -> None:
    """Remember how long it took, unless nobody looked in time."""
    attempt = ledger.by_id(connection, job.attempt_id) if job.attempt_id else None
    if attempt is None or attempt.sent_at is None or job.choice is None:
        return
    # Once more rendering, for a fresh link to its film, it took no longer.
    if job.phase is Phase.RENDERING and attempt.state is not State.ENDED:
        kind = job.choice.kind
        known = durations.get(connection, kind)
        durations.put(connection, kind, updated(known, now - attempt.sent_at))


def _failed(
    connection: Connection, tools: Tools, job: Job, at: Look, failed: Failed
) -> Change | None:
    now = tools.clock.now()
    error = JobError(code=failed.fault.value, message=failed.words)
    if job.phase is Phase.CANCELING:
        words = f"{job.account} had failed it already ({failed.words}); {spent.UNKNOWN}"
        error = policy.canceled(spent.charged(connection, tools.routes.money, job, words))
    change = jobs.move(
        connection,
        job.id,
        job.phase,
        Event.PROVIDER_FAILED,
        now,
        of=job.attempt_id,
        detail=failed.words,
        error=error,
    )
    pause = policy.rest_after_failure(failed.fault, tools.rest)
    if pause and job.account is not None:
        # It would fail the next job in the same way, as after a refusal that says so.
        todo = policy.advice(failed.fault, job.account)
        words = f"{failed.words} ({todo})" if todo else failed.words
        accounts.pause(connection, [job.account], now, now + pause, failed.fault.value, words)
    ended(connection, tools, job, at, evidence=failed.words)
    return change
