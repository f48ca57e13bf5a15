"""Rules on callbacks: anybody can send one, twice, and none waits long for an answer."""

from collections.abc import Iterator

from mockserver.downloads import BASE_PATH
from mockserver.engine.callbacks import NOT_LOOPBACK, UNHEARD
from mockserver.engine.jobs import Job
from mockserver.engine.journal import Delivery, Exchange
from mockserver.provider import FORGED
from mockserver.verdict.history import FALSE, History
from mockserver.verdict.looking import NEGLECT_SECONDS, Found

ANSWER_SECONDS = 2.0
"""How long a receiver may take (chosen here; neither provider says how long it waits)."""


def trusted_a_forged_callback(history: History) -> Iterator[Found]:
    """Calls that no provider sent, and that were believed.

    The link of such a call was fetched, or the job was not looked at any more afterwards.
    """
    for call in history.deliveries:
        if call.how not in FALSE:
            continue
        job = history.jobs[call.job or ""]
        fetched = [line.n for line in history.requests if _is_fetch_of(line, call, job)]
        if fetched:
            text = f"#{fetched[0]} fetched the link of the {call.how} callback #{call.n}"
            yield Found((call.n, *fetched), text)
        elif call.how == "forged" and call in history.calls.get(job.id, ()):
            yield from _not_looked_after(history, call, job)


def _is_fetch_of(line: Exchange, call: Delivery, job: Job) -> bool:
    forged = f"{BASE_PATH}/{FORGED}{job.order.media_name}.mp4"
    return line.n > call.n and line.path == forged


def _not_looked_after(history: History, call: Delivery, job: Job) -> Iterator[Found]:
    told = history.tellings.get(job.id, ())
    if any(each.act != "callback" and each.is_end for each in told if each.n < call.n):
        return
    looks = (line for line in history.requests if line.act in {"poll", "list"})
    over = history.at_rest or history.now - call.at > NEGLECT_SECONDS
    if over and not any(line.n > call.n for line in looks):
        text = (
            f"#{call.n} was forged: it said that {history.name(job.id)} had completed, and nobody "
            f"asked the provider, who knows it as {job.phase}"
        )
        yield Found((call.n,), text)


def processed_a_duplicate_twice(history: History) -> Iterator[Found]:
    """Films that were fetched anew because the same callback came anew."""
    for job_id, calls in history.calls.items():
        ends = [call for call in calls if call.how not in FALSE and call.phase == "completed"]
        films = [
            line
            for line in history.films(job_id)
            if not line.faults and "range" not in line.headers
        ]
        if len(ends) > 1 and len(films) > 1 and films[-1].n > ends[1].n:
            text = (
                f"#{ends[1].n} repeated the callback #{ends[0].n}, and the film of "
                f"{history.name(job_id)} was fetched by #{films[0].n} and again by #{films[-1].n}"
            )
            lines = (ends[0].n, ends[1].n, films[0].n, films[-1].n)
            yield Found(tuple(sorted(lines)), text)


def answered_a_callback_badly(history: History) -> Iterator[Found]:
    """Callbacks that were refused, broke down or had to wait; false ones may be refused."""
    for call in history.deliveries:
        if call.how in FALSE or call.how in UNHEARD or call.error == NOT_LOOPBACK:
            continue
        if _is_held_here(history, call):
            continue
        waited = (call.answered_at or call.at) - call.at
        if call.error is not None:
            text = f"the callback #{call.n} could not be delivered: {call.error}"
        elif call.status is None or not 200 <= call.status < 300:  # noqa: PLR2004 - HTTP
            text = f"the callback #{call.n} was answered {call.status}"
        elif history.is_timed and waited > ANSWER_SECONDS:
            text = f"the callback #{call.n} was answered after {waited:g} s"
        else:
            continue
        yield Found((call.n,), text)


def _is_held_here(history: History, call: Delivery) -> bool:
    """Whether the receiver waited in vain for time to go on, which waits for the receiver.

    So it is where a fault delays what it asks for, on a clock that is moved by hand.
    """
    timed_out = (call.error or "").partition(":")[0].endswith(("Timeout", "TimeoutError"))
    if not timed_out or history.speed:
        return False
    until = call.at if call.answered_at is None else call.answered_at
    return any(
        line.n > call.n and call.at <= line.at <= until and line.replied_at > line.at
        for line in history.requests
    )
