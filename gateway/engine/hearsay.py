"""What was only heard of a submission: a callback came, or an answer that told too little.

Nothing is sent again that somebody has heard of, and an id counts after a look at it with our
own key. Until then it is a row: neither a crash nor a provider that is away makes it forgotten.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

import structlog
from msgspec.structs import replace

from gateway.engine import adoption, ageing, orphaning, policy
from gateway.engine.polls import poll
from gateway.engine.tools import Tools
from gateway.model.clock import SECOND
from gateway.storage import Connection, ledger, orphans, remote_ids, tombstones
from gateway.storage.jobs import Change
from gateway.storage.ledger import Attempt, State
from gateway.storage.orphans import Orphan
from providers.contract import Account, Finished, Sighting, Unseen

GRASP: Final = 20
"""Ids that are looked at in one go."""
PAUSE: Final = 60 * SECOND
"""Before the second look at one that was not seen; from there on its age again, up to a day."""
GIVEN_UP: Final = 7 * policy.DAY
"""One that nobody has seen for so long is not there."""

_log = structlog.get_logger()


def hear(
    connection: Connection, tools: Tools, attempt: Attempt, remote_id: str | None
) -> Change | None:
    """Somebody told of an attempt, and of an id or none: what follows as it stands now.

    One that was given up is looked for again, as long as nothing was sent in its place.
    """
    now = tools.clock.now()
    found = ledger.by_id(connection, attempt.id)
    if found is None:
        if remote_id and not remote_ids.is_taken(connection, attempt.provider, remote_id):
            orphaning.suspect(connection, attempt, remote_id, now)
            remote_ids.spend(connection, attempt.provider, remote_id, now)
        return None
    if remote_id is not None:
        ledger.claim(connection, found.id, remote_id)
    if remote_id is not None and (
        remote_id == found.remote_id
        or remote_ids.is_owned(connection, found.provider, remote_id, by_others_than=found.id)
    ):
        return None
    given_up = found.state is State.ENDED and found.remote_id is None
    # Said once more it is no reason to overrule whoever gave it up since.
    news = not found.was_heard_of if remote_id is None else remote_id != found.claimed_id
    change = None
    if given_up and news and found.sent_at is not None:
        told = "its callback came" if remote_id is None else f"it was heard of as {remote_id}"
        change = adoption.look_for_again(connection, tools, found, told)
    known = {found.remote_id, found.claimed_id} - {None, remote_id}
    if remote_id is not None and (known or (given_up and change is None)):
        orphaning.suspect(connection, found, remote_id, now)
    return change


def take_heard(connection: Connection, now: int) -> list[list[Orphan]]:
    """Those that are due for a look, one list per account."""
    due = orphans.take_due(connection, now, now + policy.LEASE, GRASP)
    due.sort(key=lambda one: one.account)
    return [list(group) for _, group in groupby(due, key=lambda one: one.account)]


async def look(tools: Tools, group: Sequence[Orphan]) -> None:
    """See with our own key whether jobs are there that were heard of and that nobody waits for."""
    account = tools.accounts.get(group[0].account)
    if account is None:
        await tools.persist(lambda connection: _none_seen(connection, tools, group))
        return
    attempts = await tools.database.read(
        lambda connection: {
            one.attempt_id: ledger.by_id(connection, one.attempt_id) for one in group
        }
    )
    # Where two are said to be of one attempt whose own id is not known yet, both are looked at.
    claims = [one.claimed_id for one in attempts.values() if one and not one.remote_id]
    names = dict.fromkeys([one.remote_id for one in group] + [name for name in claims if name])
    seen = await _seen(tools, account, list(names))
    for one in group:
        stray: list[Orphan] = []
        await tools.moved(
            lambda connection, one=one, stray=stray: _settled(  # type: ignore[misc]
                connection, tools, one, seen, stray
            )
        )
        for orphan in stray[:1]:
            orphaning.tell(orphan)


def _settled(
    connection: Connection,
    tools: Tools,
    heard: Orphan,
    seen: Mapping[str, Sighting],
    stray: list[Orphan],
) -> Change | None:
    """What follows from a look; a job that is there, and that nobody waits for, goes to `stray`."""
    now = tools.clock.now()
    remote_id, sighting = heard.remote_id, seen[heard.remote_id]
    account = tools.accounts[heard.account]
    if remote_ids.is_owned(connection, account.provider, remote_id):
        orphans.drop(connection, heard)
        return None
    if isinstance(sighting, Unseen):
        _not_seen(connection, tools, heard)
        return None
    attempt = ledger.by_id(connection, heard.attempt_id)
    nameless = attempt if attempt is not None and attempt.remote_id is None else None
    reason = heard.reason
    if attempt is None:
        tombstones.found(connection, heard.attempt_id)
    if nameless is not None and nameless.state is State.ENDED:
        change = adoption.revive(connection, tools, nameless, remote_id, heard.detail)
        if change is not None:
            return change
        ledger.mark(connection, nameless.id, State.ENDED, remote_id=remote_id)
        reason = orphaning.reason_of(connection, heard.job_id, nameless.verdict)
    elif nameless is not None:
        first = nameless.claimed_id or remote_id
        if isinstance(seen.get(first, sighting), Unseen):
            # The one that was said first is nowhere to be seen.
            ledger.claim(connection, nameless.id, remote_id, instead_of=first)
            first = remote_id
        if first == remote_id:
            # It is looked for under this very id.
            orphans.drop(connection, heard)
            return None
    orphan = replace(
        heard,
        reason=reason,
        url=sighting.url if isinstance(sighting, Finished) else None,
        found_at=now,
        due_at=None,
    )
    if orphaning.keep(connection, orphan):
        stray.append(orphan)
    return None


def _none_seen(connection: Connection, tools: Tools, group: Sequence[Orphan]) -> None:
    """Their account is not configured any more: nobody can see them."""
    for one in group:
        _not_seen(connection, tools, one)


def _not_seen(connection: Connection, tools: Tools, heard: Orphan) -> None:
    now = tools.clock.now()
    age = now - heard.found_at
    if heard.found_at >= ageing.look(connection, ageing.judged_by(tools)).before(GIVEN_UP):
        orphans.look_again(connection, heard, now + min(max(age, PAUSE), policy.DAY))
        return
    _log.warning("a job that was heard of was never seen", remote_id=heard.remote_id)
    orphans.drop(connection, heard)


async def _seen(tools: Tools, account: Account, names: Sequence[str]) -> Mapping[str, Sighting]:
    seen: dict[str, Sighting] = {}
    size = tools.adapters[account.provider].capabilities.poll_batch
    for start in range(0, len(names), size):
        async with tools.calls(account.name):
            seen |= await poll(tools, account, names[start : start + size])
    return seen
