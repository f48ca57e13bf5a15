"""Looking for the jobs of submissions whose answers were lost.

A lost submission is never sent again on a guess. It is looked for in the provider's lists,
together with all others of its account; it goes on where it is found, and goes back to its
place in line only when it is proved that nothing was made: whole lists without it, several
in a row, long enough after it was sent, and nobody left who might still send it.
"""

import asyncio
from collections.abc import Sequence
from contextlib import closing, suppress
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

import structlog
from msgspec.structs import replace

from gateway.engine import adoption, orphaning, policy
from gateway.engine.crash import crash_point
from gateway.engine.line import move_on
from gateway.engine.looks import Look, current, not_seen, nothing_new
from gateway.engine.tools import Tools
from gateway.model.clock import SECOND
from gateway.model.job import Job
from gateway.model.phases import Event, Phase
from gateway.net import NetFault
from gateway.storage import Connection, jobs, ledger
from gateway.storage.jobs import Change
from gateway.storage.ledger import Attempt, Sent
from gateway.storage.orphans import Orphan, Reason
from providers.contract import Account, Flow, Lost, Search, Trace, Unseen

CLOCKS: Final = 30 * SECOND
"""Where the provider's clock is further from ours, no search proves that a job is not there."""
NEAR: Final = 600 * SECOND
"""Attempts that were sent so long before one, or later, may be taken for it."""
MARGIN: Final = 7 * policy.DAY
"""Ids of attempts that were made so long before the oldest lost one are told apart from it."""
LONGEST: Final = 100.0
"""Seconds that a search may take, of all its pages; less than the lease on what it looks for,
after which another replica would begin the same."""

_log = structlog.get_logger()


class Missing(NamedTuple):
    """A job without an id, its attempt, and what that sent."""

    job: Job
    attempt: Attempt
    sent: Sent


async def search(tools: Tools, account: Account, group: Sequence[Job]) -> None:
    """Look for jobs of one account whose ids nobody knows, and record what came of it."""
    began = tools.clock.now()
    missing, known = await tools.database.read(
        lambda connection: _missing(connection, tools, account, group)
    )
    due = {job.id for job in group}
    found = await _run(tools, account, missing, known)
    crash_point("search-read")
    for trace in found.doubles:
        await _double(tools, account, missing, trace)
    traces = {trace.reference: trace for trace in found.found}
    for one in missing:
        mine = traces.get(one.attempt.id)
        seen = found
        if mine is not None:
            if _is_its_own(mine, missing) and await adoption.adopt(
                tools, one.job, mine.remote_id, mine.evidence
            ):
                continue
            words = f"what looks like it, {mine.remote_id}, is another's"
            seen = replace(found, whole=False, reason=words)
        if one.job.id in due:
            await _look_on(tools, account, one, began, seen)
    told = {one.job.id for one in missing}
    for job in group:
        if job.id not in told:
            at = Look(began=began, next_at=began + policy.SLOW_WATCH)
            await not_seen(tools, job, at, "what it sent is not known")


def _missing(
    connection: Connection, tools: Tools, account: Account, group: Sequence[Job]
) -> tuple[list[Missing], set[str]]:
    """What is to be looked for, and the provider's ids that belong to others of our attempts.

    Every lost attempt of the account that was sent in the same time is looked for at once,
    due or not: of two that are alike, one alone could be given what is the other's.
    """
    mine = {job.attempt_id: job for job in group}
    lost = ledger.lost(connection, _alike(tools, account))
    since = min((_sent_at(one) for one in lost if one.id in mine), default=0) - NEAR
    lost = [one for one in lost if _sent_at(one) >= since]
    sent = ledger.sent(connection, [attempt.id for attempt in lost])
    missing = [
        Missing(job, attempt, sent[attempt.id])
        for attempt in lost
        if attempt.id in sent
        and (job := mine.get(attempt.id) or jobs.get(connection, attempt.job_id))
        and job.attempt_id == attempt.id
    ]
    if not missing:
        return [], set()
    owned = ledger.remote_ids(
        connection,
        account.provider,
        since - MARGIN,
        but_claims_of={one.attempt.id for one in missing},
    )
    return missing, owned


def _alike(tools: Tools, account: Account) -> list[str]:
    """The names of the accounts that see the same lists: what one sent is in the others' too."""

    def sees(one: Account) -> tuple[object, ...]:
        return one.provider, one.base_url, one.key, one.email

    return [one.name for one in tools.accounts.values() if sees(one) == sees(account)]


def _is_its_own(trace: Trace, missing: Sequence[Missing]) -> bool:
    """Whether nothing better than the same order speaks for another attempt: its callback does."""
    claimants = [one.attempt.id for one in missing if one.attempt.claimed_id == trace.remote_id]
    return trace.named or not claimants or trace.reference in claimants


def _sent_at(attempt: Attempt) -> int:
    return attempt.sent_at or attempt.created_at


async def _run(
    tools: Tools, account: Account, missing: Sequence[Missing], known: set[str]
) -> Search:
    reconcile = tools.adapters[account.provider].reconcile
    if reconcile is None or not missing:
        return Search(reason="the provider has no lists to look into")
    lost = [
        Lost(
            reference=one.attempt.id,
            spec=one.sent.spec,
            inputs=one.sent.inputs,
            sent_at=one.attempt.sent_at or one.attempt.created_at,
        )
        for one in missing
    ]
    answers: list[_Timed] = []
    flow = _timed(tools, reconcile(account, lost, known), answers)
    try:
        async with tools.calls(account.name), asyncio.timeout(LONGEST):
            found = await tools.upstream.run(flow, lane=account.name)
    except TimeoutError:
        return Search(reason=f"the provider's lists were not read within {LONGEST:g} s")
    except Exception as error:  # noqa: BLE001 - or the deadlines of these jobs would not count
        if not isinstance(error, NetFault):
            _log.exception("a search failed", account=account.name)
            return Search(reason=f"internal error: {type(error).__name__}")
        return Search(reason=str(error))
    apart = max((abs(one.theirs - one.ours) for one in answers), default=0)
    if apart > CLOCKS:
        # What was made after the submission may bear a time before it.
        words = f"the provider's clock and ours are {apart // SECOND} s apart"
        # Nor is one that looks like it known to have been made after it.
        return replace(
            found,
            found=tuple(one for one in found.found if one.named),
            doubles=tuple(one for one in found.doubles if one.named),
            whole=False,
            reason=words,
        )
    return found


class _Timed(NamedTuple):
    """When an answer came, by our clock and by that of whoever gave it."""

    ours: int
    theirs: int


def _timed(tools: Tools, flow: Flow[Search], answers: list[_Timed]) -> Flow[Search]:
    """The same flow; the times of its answers go to `answers`."""
    with closing(flow):
        try:
            request = next(flow)
            while True:
                answer = yield request
                with suppress(KeyError, ValueError):
                    theirs = parsedate_to_datetime(answer.headers["date"]).timestamp()
                    answers.append(_Timed(tools.clock.now(), round(theirs * SECOND)))
                request = flow.send(answer)
        except StopIteration as stop:
            found: Search = stop.value
            return found


async def _look_on(tools: Tools, account: Account, one: Missing, began: int, found: Search) -> None:
    await tools.moved(lambda connection: _missed(connection, tools, account, one, began, found))


def _missed(
    connection: Connection,
    tools: Tools,
    account: Account,
    one: Missing,
    began: int,
    found: Search,
) -> Change | None:
    """Where it is proved that nothing was made the job moves on; else it is looked for again."""
    job = current(connection, one.job)
    attempt = ledger.by_id(connection, one.attempt.id)
    if job is None or attempt is None or attempt.remote_id is not None:
        return None
    absent = found.whole and not found.suspects
    # Counted from what it was when the search began: this may be written twice.
    looks = one.attempt.looks + 1 if absent else 0
    # Unless others searched meanwhile: what they saw is not in this.
    counts = attempt.looks in {one.attempt.looks, one.attempt.looks + 1}
    if counts or not absent:
        ledger.looked(connection, attempt.id, looks)
    since_sent = began - _sent_at(attempt)
    proved = (
        all(tools.accounts[name].exclusive for name in _alike(tools, account))
        and absent
        and counts
        and looks >= policy.LOOKS
        and since_sent >= tools.settle
        and not attempt.was_heard_of
        and (attempt.replica is None or not tools.database.lives(connection, attempt.replica))
    )
    if proved:
        return _not_made(connection, tools, job, f"{looks} searches missed it")
    words = found.reason or "it is in none of the provider's lists"
    if found.suspects:
        words = f"{words}; jobs that nobody knows run there: {', '.join(found.suspects[:3])}"
    pause = policy.next_search(since_sent, tools.settle, tools.rng)
    at = Look(began=began, next_at=began + pause)
    seen = Unseen(reason=words, wait_seconds=found.wait_seconds)
    return nothing_new(connection, tools, job, at, seen)


def _not_made(connection: Connection, tools: Tools, job: Job, words: str) -> Change | None:
    """The attempt made nothing: a new one may be sent, or the job ends as its caller wished."""
    now = tools.clock.now()
    attempt_id = job.attempt_id or ""
    canceled = {"error": policy.canceled("nothing was spent")}
    change = move_on(
        connection,
        job.id,
        job.owner,
        job.phase,
        Event.NOT_MADE,
        now,
        of=attempt_id,
        detail=words,
        **(canceled if job.phase is Phase.CANCELING else {}),
    )
    ledger.end(connection, attempt_id, now, evidence=f"not made: {words}")
    return change


async def _double(tools: Tools, account: Account, missing: Sequence[Missing], trace: Trace) -> None:
    """The provider made more than one job of one submission."""
    mine = next((one for one in missing if one.attempt.id == trace.reference), None)
    if mine is None:
        return
    orphan = Orphan(
        account=mine.attempt.account,
        remote_id=trace.remote_id,
        job_id=mine.job.id,
        attempt_id=trace.reference,
        reason=Reason.DOUBLE,
        detail=trace.evidence,
        url=None,
        found_at=tools.clock.now(),
    )

    def keep(connection: Connection) -> bool:
        # An equal submission that is under way right now may be what this one is of.
        sending = ledger.is_sending(connection, _alike(tools, account))
        taken = ledger.remote_id_taken(connection, account.provider, trace.remote_id)
        return not sending and not taken and orphaning.keep(connection, orphan)

    if await tools.persist(keep):
        orphaning.tell(orphan)
