"""Rules on submits: when not to send, what not to send again, and what not to send at all."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise

import msgspec

from mockserver.engine.journal import Exchange
from mockserver.verdict.history import History, configured, doubt_about, is_ok, is_readable
from mockserver.verdict.looking import TOLERANCE_SECONDS, Found
from mockserver.verdict.quoting import numbers
from mockserver.verdict.wishes import EXCLUSIVES, body_of, content_type, fields_of

WAIT_SECONDS = 10.0
"""How long to wait after a 429 that does not say."""
OPERATOR_SECONDS = 3600.0
"""After how long an operator may have put right what a client cannot (chosen here)."""

FINAL = frozenset({400, 401, 402, 403, 412, 422, 596})
"""Refusals that a repeat does not change."""
MENDED_BY_OPERATORS = frozenset({401, 402, 403, 412, 596})
OUT_OF_CREDITS = frozenset({402, 412})
HELD, BUSY = 596, 429
TO_BE_REPEATED = frozenset({("pictory", 500)})
"""Providers and answers after which the documents ask for a repeat after a brief delay."""
PAUSE_SECONDS = 1.0
"""The least that is a delay (chosen here)."""


# --- waiting


class Wait(msgspec.Struct, kw_only=True):
    """A time in which nothing is to be sent, and what was sent in it all the same."""

    line: Exchange
    until: float
    account: str | None
    said: str
    broken_by: list[int]


def ignored_wait(history: History) -> Iterator[Found]:
    """Submits within the wait of a 429, and looks within that of a look's 429 that names one.

    A 429 without a time ends early when a job of the account ends: then there is room.
    """
    if not history.is_timed:
        return
    yield from _ignored(history, history.submits, WAIT_SECONDS)
    looks = [line for line in history.requests if line.act in {"poll", "list"}]
    yield from _ignored(history, looks, None)


def _ignored(history: History, lines: Iterable[Exchange], unsaid: float | None) -> Iterator[Found]:
    waits: defaultdict[str, list[Wait]] = defaultdict(list)
    done: list[Wait] = []
    for line in lines:
        mine = waits[line.provider]
        done += [wait for wait in mine if line.at >= wait.until]
        mine[:] = [wait for wait in mine if line.at < wait.until]
        breaks = [wait for wait in mine if _breaks(history, line, wait)]
        for wait in breaks:
            wait.broken_by.append(line.n)
        seconds = _seconds_to_wait(line, unsaid)
        if seconds is None:
            continue
        until = line.replied_at + seconds - TOLERANCE_SECONDS
        if breaks:
            breaks[0].until = max(breaks[0].until, until)
            continue
        said = f"after {seconds:g} s" if "retry-after" in line.reply_headers else ""
        account = history.account(line)
        mine.append(Wait(line=line, until=until, account=account, said=said, broken_by=[]))
    for wait in (*done, *(wait for mine in waits.values() for wait in mine)):
        if wait.broken_by:
            asked = f"asked to come back {wait.said}" if wait.said else "was a 429 without a time"
            text = (
                f"#{wait.line.n} at {wait.line.at:g} s {asked}, yet {numbers(wait.broken_by)} "
                "came before"
            )
            yield Found((wait.line.n, *wait.broken_by), text)


def _breaks(history: History, line: Exchange, wait: Wait) -> bool:
    if not history.concerns(wait.account, line) or line.at < wait.line.replied_at:
        return False
    if history.may_cross(wait.line, line) and not _is_same(history, line, wait.line):
        # Sent in the same burst, maybe before the answer was there.
        return False
    # A job that ends makes room before the time is over, where none was named.
    return bool(wait.said) or not history.is_end_told_between(line.provider, wait.line.n, line.n)


def _is_same(history: History, line: Exchange, other: Exchange) -> bool:
    if line.act == "submit":
        return history.wish(line) == history.wish(other)
    return (line.path, line.query) == (other.path, other.query)


def _seconds_to_wait(line: Exchange, unsaid: float | None) -> float | None:
    if line.status != BUSY or line.lost:
        return None
    text = line.reply_headers.get("retry-after", "")
    return float(text) if text.isdecimal() else unsaid


# --- sending again


def retried_the_unretryable(history: History) -> Iterator[Found]:
    """The same again after a refusal that says no for good, with nothing changed in between.

    Keys are not in the journal. That one has changed is taken from the answer being another one;
    an answer that a fault gave says nothing of that.
    """
    uploads: defaultdict[object, list[Exchange]] = defaultdict(list)
    for line in history.requests:
        if line.act == "upload":
            uploads[line.path, line.query, content_type(line), body_of(line)].append(line)
    for repeats in (*history.wishes.values(), *uploads.values()):
        again = [
            (first, second)
            for first, second in pairwise(repeats)
            if first.status in FINAL
            and not first.lost
            and second.at >= first.replied_at
            and not _has_changed(history, first, second)
        ]
        # Two may have been under way at one moment.
        if len(again) > 1 or any(not history.may_cross(*pair) for pair in again):
            first = again[0][0]
            lines = sorted({line.n for pair in again for line in pair})
            sent = numbers([second.n for _, second in again])
            text = f"#{first.n} was refused with {first.status}, and {sent} sent the same again"
            yield Found(tuple(lines), text)


def _has_changed(history: History, first: Exchange, second: Exchange) -> bool:
    if history.account(first) != history.account(second):
        return True
    if content_type(first) != content_type(second):
        return True
    status = first.status
    if status in MENDED_BY_OPERATORS and second.at - first.at >= OPERATOR_SECONDS:
        return True
    if status == HELD and _is_configured_between(history, first, second):
        return True
    if status in OUT_OF_CREDITS and any(
        entry.kind == "refund" and entry.provider == first.provider and first.n < entry.n < second.n
        for entry in history.entries
    ):
        return True
    return not first.faults and not second.faults and first.status != second.status


def _is_configured_between(history: History, first: Exchange, second: Exchange) -> bool:
    account = history.account(first)
    return any(
        first.n < line.n < second.n and account in {None, configured(line)[0]}
        for line in history.configurations
    )


def resubmitted_after_unknown(history: History) -> Iterator[Found]:
    """The same again while nobody could know whether the first had been taken.

    It is in order once the client has found the job, or has looked for it in a list, after the
    request was over, and there was none; and once after a pause where the provider asks for that.
    """
    for repeats in history.wishes.values():
        bad: dict[int, tuple[Exchange, str]] = {}
        for at, again in enumerate(repeats):
            for first in repeats[:at]:
                doubt = _doubt_at(first, again)
                asked = first is repeats[at - 1] and _is_asked_for(first, again)
                if doubt and not asked and not _is_cleared(history, first, again):
                    bad[again.n] = (first, doubt)
        if not bad:
            continue
        first, doubt = next(iter(bad.values()))
        job = history.jobs.get(first.job or "")
        made = "no job had come of it" if job is None else f"{history.name(job.id)} had come of it"
        why = f"({doubt}; {made})"
        text = f"what became of #{first.n} was unknown {why}, and {numbers(bad)} sent it again"
        yield Found((first.n, *bad), text)


def _doubt_at(first: Exchange, again: Exchange) -> str:
    if first.at < again.at < first.replied_at:
        return "it had not been answered yet"
    if first.at == again.at and first.replied_at > first.at and not first.lost:
        # Both were under way at once.
        return ""
    return doubt_about(first)


def _is_asked_for(first: Exchange, again: Exchange) -> bool:
    """Whether the repeat is what the provider's documents ask for; not where it pays twice."""
    documented = (first.provider, first.status) in TO_BE_REPEATED and not first.lost
    return documented and first.job is None and again.at - first.replied_at >= PAUSE_SECONDS


def _is_cleared(history: History, first: Exchange, again: Exchange) -> bool:
    between = range(first.n + 1, again.n)
    if first.job is None:
        return any(
            line.n in between
            and line.at >= first.replied_at
            and line.provider == first.provider
            and is_readable(line)
            for line in history.lists
        )
    known = (*history.polls.get(first.job, ()), *history.downloads.get(first.job, ()))
    ended_badly = any(
        telling.is_end and telling.phase != "completed" and telling.n in between
        for telling in history.tellings.get(first.job, ())
    )
    return ended_badly or any(line.n in between for line in known)


# --- sending at all


def exceeded_max_jobs(history: History) -> Iterator[Found]:
    """Submits to accounts that the client's own jobs had already filled."""
    limits = {each.email: each.max_jobs for each in history.settings.pixverse_accounts()}
    changes = {line.n: configured(line) for line in history.configurations}
    over: defaultdict[str, list[Exchange]] = defaultdict(list)
    flying: defaultdict[str, list[str]] = defaultdict(list)
    for line in sorted((*history.submits, *history.configurations), key=lambda one: one.n):
        if line.n in changes:
            limits.update([changes[line.n]])
            continue
        if line.provider != "pixverse":
            continue
        account = history.account(line)
        names = [account] if account in limits else list(limits)
        if line.job is None and line.status != BUSY:
            continue
        for name in names:
            flying[name] = [job for job in flying[name] if _is_live(history, job, line.at)]
        asked = str(fields_of(line).get("maxJobs"))
        room = sum(int(asked) if asked.isdecimal() else limits[name] for name in names)
        live = sum(len(flying[name]) for name in names)
        if live >= room:
            over[account or "all accounts"].append(line)
        if line.job is not None:
            flying[history.jobs[line.job].order.account].append(line.job)
    for name, lines in over.items():
        sent = tuple(line.n for line in lines)
        text = f"{numbers(sent)} went to {name} while the client's own jobs took up every slot"
        yield Found(sent, text)


def _is_live(history: History, job_id: str, at: float) -> bool:
    job = history.jobs[job_id]
    return job.tracked and (job.ended_at is None or job.ended_at > at)


def sent_exclusive_fields(history: History) -> Iterator[Found]:
    """Requests that hold fields of which only one may be there."""
    for line in history.submits:
        names = EXCLUSIVES.get(line.operation, ())
        fields = fields_of(line)
        there = [name for name in names if fields.get(name)]
        if len(there) > 1:
            yield Found((line.n,), f"#{line.n} holds {' and '.join(there)}")


def used_a_held_account(history: History) -> Iterator[Found]:
    """Other submits to an account after a 596 and before it was configured anew."""
    held: list[tuple[Exchange, list[int]]] = []
    for line in history.submits:
        for refused, used in held:
            if _is_on_hold(history, refused, line):
                used.append(line.n)
                break
        known = any(line.n in used for _, used in held)
        if line.status == HELD and not line.lost and not known:
            held.append((line, []))
    for refused, used in held:
        if used:
            name = history.account(refused) or "every account"
            text = f"#{refused.n} told that {name} is on hold, and {numbers(used)} went there"
            yield Found((refused.n, *used), text)


def _is_on_hold(history: History, refused: Exchange, line: Exchange) -> bool:
    if history.may_cross(refused, line) or line.at >= refused.at + OPERATOR_SECONDS:
        return False
    if history.wish(line) == history.wish(refused):
        return False
    natural = not refused.faults and not line.faults
    ended = _is_configured_between(history, refused, line) or (natural and is_ok(line))
    return history.concerns(history.account(refused), line) and not ended
