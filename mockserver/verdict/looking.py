"""Rules on looking at jobs: often enough, not too often, to the end and no further."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from mockserver.engine.jobs import Job, Phase
from mockserver.engine.journal import Exchange
from mockserver.verdict.history import History, Telling, is_answered, is_ok

LOOK_SECONDS = 10.0
"""The least that lies between two looks: both providers say 10 to 30 s."""
HASTY_LOOKS = 2
"""How many looks that come too soon are too many."""
LOOK_SECONDS_AT_MOST = 30.0
"""The most: who has not looked for longer does not look any more, once nothing is due."""
NEGLECT_SECONDS = 300.0
"""After how long without a look a live job counts as given up (chosen here)."""
TOLERANCE_SECONDS = 0.01
"""How much sooner a client may be whose clock is not the world's."""


class Found(NamedTuple):
    """A breach of a rule: the journal lines and a sentence."""

    lines: tuple[int, ...]
    text: str


def polled_too_fast(history: History) -> Iterator[Found]:
    """Looks at one job, or at one list, that follow each other too closely.

    A look after a failed one, or after a callback, is a look of its own right; so is a list after
    a submit. A single one that comes too soon is let pass: a program that was started anew looks
    when it starts.
    """
    if not history.is_timed:
        return
    for job_id, polls in history.polls.items():
        hasty = [
            (first, second)
            for first, second in pairwise(polls)
            if _is_hasty(first, second) and not history.is_called_between(job_id, first.n, second.n)
        ]
        yield from _hasty(f"{history.name(job_id)} was looked at again", hasty)
    lists: defaultdict[tuple[str, str], list[Exchange]] = defaultdict(list)
    for line in history.lists:
        lists[line.path, line.query].append(line)
    for (path, _), looks in lists.items():
        hasty = [
            (first, second)
            for first, second in pairwise(looks)
            if _is_hasty(first, second)
            and not history.is_called_between(None, first.n, second.n)
            and not history.is_submitted_between(first.n, second.n)
        ]
        yield from _hasty(f"{path} was listed again", hasty)


def _is_hasty(first: Exchange, second: Exchange) -> bool:
    return is_answered(first) and second.at - first.at < LOOK_SECONDS - TOLERANCE_SECONDS


def _hasty(what: str, pairs: Sequence[tuple[Exchange, Exchange]]) -> Iterator[Found]:
    if len(pairs) < HASTY_LOOKS:
        return
    first, second = pairs[0]
    seconds = second.at - first.at
    numbers = sorted({line.n for pair in pairs for line in pair})
    text = f"{what} too soon, {len(pairs)} times: after {seconds:g} s at #{second.n}, and so on"
    yield Found(tuple(numbers), text)


def polled_a_dead_job(history: History) -> Iterator[Found]:
    """Looks at a job after a look has told its end.

    A callback since, or a film that could not be had, is reason enough to look once more.
    """
    for job_id, polls in history.polls.items():
        end = _told_end(history, job_id)
        if end is None:
            continue
        fetches = history.downloads.get(job_id, ())
        failed = [line.n for line in fetches if line.faults or not is_ok(line)]
        later, before = [], end.n
        for line in polls:
            if line.n <= end.n:
                continue
            called = history.is_called_between(job_id, before, line.n)
            if not called and not any(before < n < line.n for n in failed):
                later.append(line)
            before = line.n
        # Two looks may have been under way at one moment.
        if len(later) > 1 or any(line.at > end.at for line in later):
            text = (
                f"{history.name(job_id)} was looked at {_times(len(later))} more after #{end.n} "
                f"had told that it was {end.phase}"
            )
            yield Found((end.n, *(line.n for line in later)), text)


def _told_end(history: History, job_id: str) -> Telling | None:
    """The first look of its own by which the client surely knew of a job's end."""
    for telling in history.tellings.get(job_id, ()):
        if telling.is_end and telling.sure and telling.act == "poll":
            return telling
    return None


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def gave_up_on_a_live_job(history: History) -> Iterator[Found]:
    """Jobs of whose end the client never heard, or that it no longer looks at."""
    for job in history.jobs.values():
        if not job.tracked or history.was_told_end(job.id):
            continue
        idle = history.now - _last_contact(history, job)
        # Who is to be called back need not look before the end.
        waits = not job.ended and job.order.callback is not None
        if waits or not _is_left_alone(history, job, idle):
            continue
        state = (
            f"{job.phase} at {job.ended_at:g} s, and nobody was there to hear of it"
            if job.ended
            else f"is {job.phase} and was not looked at for {idle:g} s"
        )
        polls = history.polls.get(job.id, ())
        made = history.submit_of(job)
        lines = tuple(line.n for line in (made, *polls[-1:]) if line is not None)
        last = f"the last look was #{polls[-1].n}" if polls else "it was never looked at by its id"
        yield Found(lines, f"{history.name(job.id)} {state}; {last}")


def _is_left_alone(history: History, job: Job, idle: float) -> bool:
    over = job.ended and history.at_rest
    if not history.is_timed:
        return over
    return idle > (LOOK_SECONDS_AT_MOST if over else NEGLECT_SECONDS)


def _last_contact(history: History, job: Job) -> float:
    looks = [line.at for line in history.polls.get(job.id, ())]
    told = [telling.at for telling in history.tellings.get(job.id, ())]
    return max([job.accepted_at, *looks, *told])


def never_fetched(history: History) -> Iterator[Found]:
    """Films that were paid for and told of, and that nobody has."""
    used = {line.url.rpartition("/")[2] for line in history.loaded if not line.fault}
    for job in history.jobs.values():
        ends = [each for each in history.tellings.get(job.id, ()) if each.is_end]
        if job.phase is not Phase.COMPLETED or not ends or job.order.clean:
            continue
        if history.films(job.id) or f"{job.order.media_name}.mp4" in used:
            continue
        tries = [line for line in history.downloads.get(job.id, ()) if line.path.endswith(".mp4")]
        what = (
            f"{_times(len(tries))} tried and never had, last {tries[-1].status or 'broken'} at "
            f"#{tries[-1].n}, {tries[-1].at - (job.ended_at or 0):g} s after the end"
            if tries
            else "never asked for"
        )
        lines = (ends[0].n, *(line.n for line in tries))
        yield Found(lines, f"{history.name(job.id)} completed, but its film was {what}")
