"""Looking for the jobs of submissions whose answers were lost.

A lost submission is never sent again on a guess. It is looked for in the provider's lists,
together with all others of its account; it goes on where it is found, and goes back to the
line only when it is proved that nothing was made; see `absence`.
"""

import asyncio
from collections.abc import Sequence
from itertools import starmap
from typing import Final, NamedTuple

import structlog
from msgspec.structs import replace

from gateway.engine import absence, adoption, clocks, hearsay, orphaning, policy
from gateway.engine.absence import Looked
from gateway.engine.clocks import Timed
from gateway.engine.crash import crash_point
from gateway.engine.credentials import alike, credentials
from gateway.engine.looks import Look, not_seen
from gateway.engine.tools import Tools
from gateway.model.clock import SECOND
from gateway.model.job import Job
from gateway.net import NetFault
from gateway.storage import Connection, jobs, remote_ids, searches, tombstones
from gateway.storage.ledger import Attempt, Sent
from gateway.storage.orphans import Orphan, Reason
from providers.contract import Account, Lost, Search, Trace

NEAR: Final = 1500 * SECOND
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


class GivenUp(NamedTuple):
    """An attempt that nobody waits for any more; a film of it is nobody else's."""

    attempt: Attempt
    sent: Sent


class Sought(NamedTuple):
    """What one search is about; `known` are the provider's ids that belong to others of ours."""

    missing: Sequence[Missing] = ()
    given_up: Sequence[GivenUp] = ()
    known: frozenset[str] = frozenset()
    at: int = 0


async def search(tools: Tools, account: Account, group: Sequence[Job]) -> None:
    """Look for jobs of one account whose ids nobody knows, and record what came of it."""
    began = tools.clock.now()
    sought = await tools.database.read(
        lambda connection: _sought(connection, tools, account, group)
    )
    missing = sought.missing
    if any(clocks.is_misdated(one.attempt, sought.at) for one in missing):
        await tools.persist(lambda connection: clocks.doubt_misdated(connection, sought.at))
    due = {job.id for job in group}
    found, answers = await _run(tools, account, sought)
    crash_point("search-read")
    for trace in found.doubles:
        await _double(tools, account, missing, trace)
    for other in sought.given_up:
        await _heard_of(tools, other, found)
    traces = {trace.reference: trace for trace in found.found}
    for one in missing:
        mine = traces.get(one.attempt.id)
        if (
            mine is not None
            and _is_its_own(mine, missing)
            and await adoption.adopt(tools, one.job, mine.remote_id, mine.evidence)
        ):
            continue
        if one.job.id in due:
            looked = Looked(began, answers, _unproved(one, mine, sought, found))
            await _look_on(tools, account, one, looked)
    told = {one.job.id for one in missing}
    for job in group:
        if job.id not in told:
            at = Look(began=began, next_at=began + policy.SLOW_WATCH)
            await not_seen(tools, job, at, "what it sent is not known")


def _sought(connection: Connection, tools: Tools, account: Account, group: Sequence[Job]) -> Sought:
    """What is to be looked for, and what else there is that must not be taken for it.

    Every lost attempt of the account that was sent in the same time is looked for at once,
    due or not: of two that are alike, one alone could be given what is the other's. So are
    those that were given up, lest their films be taken for others'.
    """
    mine = {job.attempt_id: job for job in group}
    who = _alike(tools, account), credentials(account)
    lost = searches.lost(connection, *who)
    if not any(one.id in mine for one in lost):
        return Sought()
    since = min(one.left_at for one in lost if one.id in mine) - NEAR
    lost = [one for one in lost if one.left_at >= since]
    given_up = searches.given_up(connection, *who, since)
    sent = searches.sent(connection, [attempt.id for attempt in (*lost, *given_up)])
    missing = [
        Missing(job, attempt, sent[attempt.id])
        for attempt in lost
        if attempt.id in sent
        and (job := mine.get(attempt.id) or jobs.get(connection, attempt.job_id))
        and job.attempt_id == attempt.id
    ]
    if not missing:
        return Sought()
    owned = remote_ids.since(
        connection,
        account.provider,
        since - MARGIN,
        but_claims_of={one.attempt.id for one in missing},
    )
    return Sought(
        missing=missing,
        given_up=[
            *(GivenUp(one, sent[one.id]) for one in given_up if one.id in sent),
            *starmap(GivenUp, tombstones.given_up(connection, *who, since)),
        ],
        known=frozenset(owned),
        at=tools.clock.now(),
    )


def _alike(tools: Tools, account: Account) -> list[str]:
    return [one.name for one in alike(account, tools.accounts.values())]


async def _heard_of(tools: Tools, one: GivenUp, found: Search) -> None:
    """What bears the reference of an attempt that was given up is told of like a callback."""
    trace = next((some for some in found.found if some.reference == one.attempt.id), None)
    if trace is not None and trace.named:
        remote_id = trace.remote_id
        await tools.moved(
            lambda connection: hearsay.hear(connection, tools, one.attempt, remote_id)
        )


def _unproved(one: Missing, mine: Trace | None, sought: Sought, found: Search) -> Search:
    """What a search is worth to an attempt that did not get `mine`, or for which it found none."""
    equal = {
        other.attempt.id
        for other in sought.given_up
        if (other.sent.spec, other.sent.inputs) == (one.sent.spec, one.sent.inputs)
    }
    theirs = (some for some in found.found if some.reference in equal and not some.named)
    if mine is not None:
        words = f"what looks like it, {mine.remote_id}, is another's"
    elif (film := next(theirs, None)) is not None:
        words = f"what looks like it, {film.remote_id}, may be of an equal one that was given up"
    else:
        return found
    return replace(found, whole=False, reason=words)


def _is_its_own(trace: Trace, missing: Sequence[Missing]) -> bool:
    """Whether nothing better than the same order speaks for another attempt: its callback does."""
    claimants = [one.attempt.id for one in missing if one.attempt.claimed_id == trace.remote_id]
    return trace.named or not claimants or trace.reference in claimants


async def _run(tools: Tools, account: Account, sought: Sought) -> tuple[Search, list[Timed]]:
    """What the provider's lists tell, and when each of them came."""
    reconcile = tools.adapters[account.provider].reconcile
    answers: list[Timed] = []
    if reconcile is None or not sought.missing:
        return Search(reason="the provider has no lists to look into"), answers
    lost = [
        *(_asked(one.attempt, one.sent) for one in sought.missing),
        *(_asked(one.attempt, one.sent) for one in sought.given_up),
    ]
    flow = clocks.timed(tools.clock, reconcile(account, lost, sought.known), answers)
    try:
        async with tools.calls(account.name), asyncio.timeout(LONGEST):
            found = await tools.upstream.run(flow, lane=account.name)
    except TimeoutError:
        words = f"the provider's lists were not read within {LONGEST:g} s"
        return Search(reason=words), answers
    except Exception as error:  # noqa: BLE001 - or the deadlines of these jobs would not count
        if not isinstance(error, NetFault):
            _log.exception("a search failed", account=account.name)
            return Search(reason=f"internal error: {type(error).__name__}"), answers
        return Search(reason=str(error)), answers
    apart = clocks.apart(answers)
    if apart > clocks.CLOCKS:
        # What was made after the submission may bear a time before it.
        words = f"the provider's clock and ours are {apart // SECOND} s apart"
        # Nor is one that looks like it known to have been made after it.
        found = replace(
            found,
            found=tuple(one for one in found.found if one.named),
            doubles=tuple(one for one in found.doubles if one.named),
            whole=False,
            reason=words,
        )
    return found, answers


def _asked(attempt: Attempt, sent: Sent) -> Lost:
    return Lost(
        reference=attempt.id,
        spec=sent.spec,
        inputs=sent.inputs,
        sent_at=attempt.left_at,
        drawn=sent.drawn,
    )


async def _look_on(tools: Tools, account: Account, one: Missing, looked: Looked) -> None:
    await tools.moved(
        lambda connection: absence.missed(connection, tools, account, one.job, one.attempt, looked)
    )


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
        sending = searches.is_sending(connection, _alike(tools, account), credentials(account))
        taken = remote_ids.is_taken(connection, account.provider, trace.remote_id)
        return not sending and not taken and orphaning.keep(connection, orphan)

    if await tools.persist(keep):
        orphaning.tell(orphan)
