"""Whose is which job: lost attempts shared out over the jobs of a provider's lists.

Shared by the adapters, who read the lists and say how much a job looks like an attempt's.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import Any, Final

import msgspec

from providers.contract import Lost, Search, Trace, shorten

MINUTE: Final = 60_000_000
"""In microseconds."""
DOUBT: Final = 20 * MINUTE
"""How much older than clocks allow a job may look, and yet be suspected.

The sender's clock may have been ahead, and was set since: what it sent then looks older than it
is, and taking it for a stranger's would prove that nothing was made.
"""
MAX_PAGES: Final = 20
"""Pages of one list that one search reads at most.

Until absence is proved lists are read some 50 minutes back (`DOUBT` and attempts of the same
time included): 400 jobs where eight at once take a minute each, on pages of 20 to 40.
"""


class Likeness(IntEnum):
    """How much a job looks like an attempt's."""

    OTHER = 0
    """It was made by somebody else, or for something else."""
    UNSURE = 1
    """It tells too little, or a part of it differs."""
    SAME = 2
    """It was made from what the attempt sent."""
    NAMED = 3
    """It carries the attempt's own reference."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A job that no other attempt owns.

    `facts` are the provider's own words on it, `made_at` is in microseconds since 1970, and
    `evidence` is what to say where it turns out to be an attempt's.
    """

    remote_id: str
    facts: Mapping[str, Any] | None = None
    made_at: int | None = None
    evidence: str = ""


Judge = Callable[[Lost, Candidate], Likeness]


def horizon(lost: Sequence[Lost], earlier: int) -> int:
    """How far back lists are read: what is older can be none of these attempts'."""
    return min(one.sent_at for one in lost) - earlier - DOUBT


def aged(look: Likeness, candidate: Candidate, one: Lost, earlier: int) -> Likeness:
    """A likeness by content, in the light of when the job was made.

    Up to `earlier` before its attempt is in order; what is older yet, or tells no time, is
    suspected at most.
    """
    if candidate.made_at is None:
        return min(look, Likeness.UNSURE)
    too_early = one.sent_at - earlier - candidate.made_at
    if too_early > DOUBT:
        return Likeness.OTHER
    return min(look, Likeness.UNSURE) if too_early > 0 else look


def shared_out(lost: Sequence[Lost], candidates: Sequence[Candidate], judge: Judge) -> Search:
    """Give each attempt at most one job, and each job to at most one attempt.

    Attempts that sent the same are interchangeable: as many of them are found as there are
    jobs, the oldest first. A job that could be of either of two attempts that sent different
    things is nobody's: the one must not get what was made for the other.

    Returns:
        A search with its traces and suspects; the rest of it is the caller's.
    """
    attempts = sorted({one.reference: one for one in lost}.values(), key=lambda one: one.sent_at)
    jobs = sorted(candidates, key=lambda one: (one.made_at or 0, one.remote_id))
    looks = [[judge(one, job) for job in jobs] for one in attempts]
    owners: dict[int, int] = {}
    doubles: dict[int, int] = {}
    for one, row in enumerate(looks):
        named = [job for job, look in enumerate(row) if look is Likeness.NAMED]
        owners |= dict.fromkeys(named[:1], one)
        doubles |= dict.fromkeys(named[1:], one)
    claims = _claims(attempts, looks)
    served = set(owners.values())
    wishes = {
        one: [job for job, claimants in claims.items() if one in claimants]
        for one in range(len(attempts))
        if one not in served
    }
    owners |= _matched(wishes)
    doubles |= {job: claimants[0] for job, claimants in claims.items() if job not in owners}
    missing = set(range(len(attempts))) - set(owners.values())
    suspects = [
        job
        for job in range(len(jobs))
        if job not in owners and job not in doubles and any(looks[one][job] for one in missing)
    ]

    def traces(whose: Mapping[int, int]) -> tuple[Trace, ...]:
        return tuple(
            Trace(
                reference=attempts[whose[job]].reference,
                remote_id=jobs[job].remote_id,
                evidence=jobs[job].evidence,
                named=looks[whose[job]][job] is Likeness.NAMED,
            )
            for job in sorted(whose)
        )

    return Search(
        found=traces(owners),
        doubles=traces(doubles),
        suspects=tuple(shorten(jobs[job].remote_id) for job in suspects),
    )


def in_order(times: Sequence[int | None], horizon: int) -> bool:
    """Whether nothing newer follows what is older than `horizon`, as where the newest is first."""
    known = [one for one in times if one is not None]
    first = next((place for place, one in enumerate(known) if one < horizon), len(known))
    return all(one < horizon for one in known[first:])


def _claims(attempts: Sequence[Lost], looks: Sequence[Sequence[Likeness]]) -> dict[int, list[int]]:
    """Jobs made from what was sent, and the attempts that sent just that, the oldest first."""
    sent = [
        (one.spec, {role: tuple(given) for role, given in one.inputs.items()}) for one in attempts
    ]
    claims: dict[int, list[int]] = {}
    for job in range(len(looks[0]) if looks else 0):
        claimants = [one for one, row in enumerate(looks) if row[job] is Likeness.SAME]
        if claimants and all(sent[one] == sent[claimants[0]] for one in claimants):
            claims[job] = claimants
    return claims


def _matched(wishes: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """A largest matching of jobs to attempts, by augmenting paths: job -> attempt.

    An attempt that has a job keeps one, so those that come first are served first.
    """
    owners: dict[int, int] = {}
    for start in wishes:
        wanted: dict[int, int] = {}
        queue = [start]
        for attempt in queue:
            for job in wishes[attempt]:
                if job not in wanted:
                    wanted[job] = attempt
                    if job in owners:
                        queue.append(owners[job])
        held = {attempt: job for job, attempt in owners.items()}
        free = next((job for job in wanted if job not in owners), None)
        while free is not None:
            attempt = owners[free] = wanted[free]
            free = held.get(attempt)
    return owners
