"""When a job that no search finds counts as not made, and what follows.

Absence is proof only where the lists that lack it would show it: those of the credentials it was
sent with, read whole, several times, by clocks that agree with the provider's, over as long as
the provider may take to show it, and before it may have dropped it again.
"""

from collections.abc import Sequence
from typing import NamedTuple

from gateway.engine import policy, spent
from gateway.engine.clocks import Timed, agreed_at
from gateway.engine.credentials import alike, credentials
from gateway.engine.line import move_on
from gateway.engine.looks import Look, current, nothing_new
from gateway.engine.tools import Tools
from gateway.model.job import Job, JobError
from gateway.model.phases import Event, Phase
from gateway.storage import Connection, agenda, jobs, ledger, searches
from gateway.storage.jobs import Change
from gateway.storage.ledger import Attempt, State, Verdict
from providers.contract import Account, Search, Unseen


class Looked(NamedTuple):
    """A search that is over: when it began, when which answers came, and what they told."""

    began: int
    answers: Sequence[Timed]
    found: Search

    @property
    def agreed_at(self) -> int | None:
        """When it was by both clocks, if they agree."""
        return agreed_at(self.answers)


def missed(
    connection: Connection,
    tools: Tools,
    account: Account,
    job: Job,
    before: Attempt,
    looked: Looked,
) -> Change | None:
    """A search did not find a job, whose attempt was as `before` when it began.

    Where it is proved that nothing was made the job moves on; else it is looked for again.
    """
    now = current(connection, job)
    attempt = ledger.by_id(connection, before.id)
    if now is None or attempt is None or attempt.remote_id is not None:
        return None
    found = looked.found
    absent = found.whole and not found.suspects
    # Counted from what it was when the search began: this may be written twice.
    looks = before.looks + 1 if absent else 0
    # Unless others searched meanwhile: what they saw is not in this.
    counts = attempt.looks in {before.looks, before.looks + 1}
    if counts or not absent:
        searches.looked(connection, attempt.id, looks)
    if looked.agreed_at is not None:
        searches.searched(connection, attempt.id, looked.agreed_at)
    why = _doubt(tools, account, attempt, looked) if absent else None
    if (
        absent
        and counts
        and why is None
        and looks >= policy.LOOKS
        and _is_settled(tools, attempt, looked)
        and (attempt.replica is None or not tools.database.lives(connection, attempt.replica))
    ):
        return _not_made(connection, tools, now, looked, f"{looks} searches missed it")
    words = found.reason or "it is in none of the provider's lists"
    if found.suspects:
        words = f"{words}; jobs that nobody knows run there: {', '.join(found.suspects[:3])}"
    if why is not None:
        words = f"{words}; that it is not there proves nothing: {why}"
    since_sent, asked = looked.began - attempt.left_at, len(looked.answers)
    pause = policy.next_search(since_sent, tools.settle, asked, tools.rng)
    at = Look(began=looked.began, next_at=looked.began + pause)
    seen = Unseen(reason=words, wait_seconds=found.wait_seconds)
    return nothing_new(connection, tools, now, at, seen)


def _doubt(tools: Tools, account: Account, attempt: Attempt, looked: Looked) -> str | None:
    """Why no number of searches like this one proves that nothing was made; None: they do."""
    name = account.name
    sees_it = attempt.credentials == credentials(account)
    reasons = {
        "with which credentials it was sent is not known": attempt.credentials is None,
        f"it was sent with other credentials than account {name!r} has now": not sees_it,
        attempt.doubt: attempt.doubt is not None,
        f"others use the key of account {name!r} too": not all(
            one.exclusive for one in alike(account, tools.accounts.values())
        ),
        "its callback came, so it was read": attempt.was_heard_of,
        "it was sent so long ago that the provider's lists may have dropped it": (
            looked.began - attempt.left_at >= policy.PROVABLE
        ),
        "the provider's answers tell no time to hold ours against": looked.agreed_at is None,
    }
    return next((words for words, holds in reasons.items() if holds), None)


def _is_settled(tools: Tools, attempt: Attempt, looked: Looked) -> bool:
    """Whether the provider had time to show it, also if the clock was behind at its sending."""
    if looked.agreed_at is None or attempt.searched_at is None:
        return False
    searched = looked.agreed_at - attempt.searched_at
    # The first search comes a while after the request.
    return looked.began - attempt.left_at >= tools.settle and searched >= tools.settle * 9 // 10


def _not_made(
    connection: Connection, tools: Tools, job: Job, looked: Looked, words: str
) -> Change | None:
    """The attempt made nothing: a new one may be sent, or the job ends as its caller wished.

    One that this happens to again and again may be the reason itself, so people are asked.
    """
    now = tools.clock.now()
    attempt_id = job.attempt_id or ""
    values: dict[str, object]
    if job.phase is Phase.CANCELING:
        values = {"error": policy.canceled(spent.nothing(connection, job.id))}
    else:
        times = 1 + sum(
            one.verdict is Verdict.NOT_MADE and one.remote_id is None and one.id != attempt_id
            for one in ledger.of_job(connection, job.id)
        )
        if times >= policy.NEVER_MADE:
            return _never_made(connection, tools, job, looked, times)
        values = {"turned_away": job.turned_away + 1}
    change = move_on(
        connection,
        job.id,
        job.owner,
        job.phase,
        Event.NOT_MADE,
        now,
        of=attempt_id,
        detail=words,
        **values,
    )
    made_nothing = Verdict.NOT_MADE
    ledger.end(connection, attempt_id, now, evidence=f"not made: {words}", verdict=made_nothing)
    return change


def _never_made(
    connection: Connection, tools: Tools, job: Job, looked: Looked, times: int
) -> Change | None:
    """It is not sent again by itself; its slot is free, and it is looked for at a slow pace."""
    now = tools.clock.now()
    words = (
        f"it was submitted {times} times; none was answered, and nothing was made of any. "
        "It may be the request itself: resubmit it to try once more, or fail it"
    )
    error = JobError(code="submission_unknown", message=words)
    if job.phase is Phase.NEEDS_ATTENTION:
        due_at = now + policy.late_look(job.failures)
        agenda.look_again(connection, job.id, job.phase, looked.began, due_at, error=error)
        return None
    change = jobs.move(
        connection,
        job.id,
        job.phase,
        Event.NEVER_MADE,
        now,
        of=job.attempt_id,
        detail=words,
        error=error,
        due_at=now + policy.SLOW_WATCH,
    )
    if change is not None and job.attempt_id is not None:
        ledger.end(connection, job.attempt_id, now, evidence=words, state=State.OVERDUE)
    return change
