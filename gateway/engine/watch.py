"""Reading how far the provider is, until it gives its own verdict.

Only what was read with our own key moves a job. A poll that fails changes nothing but the
time of the next one; a deadline makes a job visible to people, and it is watched on.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from typing import Final, assert_never

import structlog

from gateway.engine import policy
from gateway.engine.tools import Tools
from gateway.model.clock import SECOND
from gateway.model.ids import digest
from gateway.model.job import Job, JobError
from gateway.model.phases import Event, Phase
from gateway.net import NetFault
from gateway.storage import Connection, jobs, ledger
from gateway.storage.jobs import Change
from gateway.storage.ledger import State
from providers.contract import Account, Failed, Finished, Running, Sighting, Unseen

GRASP: Final = 200
"""Jobs taken up at a time."""
WATCHED: Final = (Phase.RENDERING, Phase.SUBMISSION_UNKNOWN, Phase.NEEDS_ATTENTION)

_log = structlog.get_logger()


def take_watched(connection: Connection, now: int, taken: Collection[str]) -> list[list[Job]]:
    """The jobs that are due for a look, one list per account; none that is looked at already."""
    due = [
        job
        for phase in WATCHED
        for job in jobs.take_due(
            connection, phase, now, until=now + policy.LEASE, limit=GRASP, taken=taken
        )
    ]
    due.sort(key=lambda job: job.account or "")
    return [list(group) for _, group in groupby(due, key=lambda job: job.account or "")]


async def look(tools: Tools, group: Sequence[Job]) -> None:
    """Look at jobs of one account and record what was seen."""
    began = tools.clock.now()
    account = tools.accounts.get(group[0].account or "")
    if account is None:
        words = f"account {group[0].account!r} is no longer configured, so it cannot be watched"
        for job in group:
            await _nothing_new(tools, job, began, Unseen(reason=words))
        return
    known: list[tuple[Job, str]] = []
    for job in group:
        remote_id = await _remote_id(tools, account, job)
        if remote_id is None:
            await _nothing_new(tools, job, began, Unseen(reason="its id is not known yet"))
        else:
            known.append((job, remote_id))
    size = tools.adapters[account.provider].capabilities.poll_batch
    for start in range(0, len(known), size):
        batch = known[start : start + size]
        began = tools.clock.now()
        # Recorded batch by batch: what is known must not wait for a slow answer about others.
        seen = await _poll(tools, account, [remote_id for _, remote_id in batch])
        for job, remote_id in batch:
            await _record(tools, job, began, remote_id, seen[remote_id])


async def called_back(
    tools: Tools, provider: str, token: str, body: bytes, taken: Collection[str]
) -> bool:
    """A provider called about an attempt: have its job looked at. False: unknown token.

    The body is only a claim. An id in it is kept where ours is missing, and counts after a
    look at it with our own key.
    """
    attempt = await tools.database.read(
        lambda connection: ledger.by_token(connection, digest(token))
    )
    if attempt is None or not attempt.target.startswith(f"{provider}/"):
        return False
    hint = tools.adapters[provider].receive(body)

    def wake(connection: Connection) -> bool:
        if attempt.remote_id is None and hint.remote_id is not None:
            ledger.claim(connection, attempt.id, hint.remote_id)
        return jobs.wake(
            connection,
            attempt.job_id,
            WATCHED,
            tools.clock.now(),
            taken=attempt.job_id in taken,
        )

    woken = await tools.database.write(wake)
    if attempt.state is State.ENDED and attempt.remote_id is None and hint.remote_id:
        _log.error(
            "a provider reports a job for an attempt that was taken as not made; "
            "it may have been charged",
            job=attempt.job_id,
            attempt=attempt.id,
            account=attempt.account,
            remote_id=hint.remote_id,
        )
    _log.info("callback", job=attempt.job_id, attempt=attempt.id, provider=provider, woken=woken)
    return True


async def _remote_id(tools: Tools, account: Account, job: Job) -> str | None:
    """The provider's id of a job; the one a callback claimed where the answer was lost."""
    if job.remote_id is not None or job.attempt_id is None:
        return job.remote_id
    attempt_id = job.attempt_id

    def claimed(connection: Connection) -> str | None:
        attempt = ledger.by_id(connection, attempt_id)
        found = attempt and (attempt.remote_id or attempt.claimed_id)
        if not attempt or not found:
            return None
        own = attempt.remote_id is not None
        taken = not own and ledger.remote_id_taken(connection, account.name, found)
        return None if taken else found

    return await tools.database.read(claimed)


async def _poll(tools: Tools, account: Account, ids: Sequence[str]) -> Mapping[str, Sighting]:
    flow = tools.adapters[account.provider].poll(account, ids)
    try:
        return await tools.upstream.run(flow, lane=account.name)
    except NetFault as error:
        _log.warning("a provider was not heard", provider=account.provider, reason=str(error))
        return dict.fromkeys(ids, Unseen(reason=str(error)))


async def _record(tools: Tools, job: Job, began: int, remote_id: str, seen: Sighting) -> None:
    if isinstance(seen, Unseen):
        await _nothing_new(tools, job, began, seen)
        return
    if job.remote_id is None:
        adopted = await tools.moved(lambda connection: _adopt(connection, tools, job, remote_id))
        if not adopted:
            return
        job = await _reread(tools, job)
    match seen:
        case Running():
            await _nothing_new(tools, job, began, seen)
        case Finished():
            await tools.moved(lambda connection: _finished(connection, tools, job, seen))
        case Failed():
            failed = await tools.moved(lambda connection: _failed(connection, tools, job, seen))
            if failed and (pause := policy.rest_after_failure(seen.fault, tools.rest)):
                _log.warning(
                    "an account rests",
                    account=job.account,
                    seconds=pause / SECOND,
                    words=seen.words,
                )
        case _:
            assert_never(seen)


async def _reread(tools: Tools, job: Job) -> Job:
    return await tools.database.read(lambda connection: jobs.get(connection, job.id)) or job


def _adopt(connection: Connection, tools: Tools, job: Job, remote_id: str) -> Change | None:
    """The job whose submit's answer was lost is found, and seen with our own key."""
    change = jobs.move(
        connection,
        job.id,
        job.phase,
        Event.ADOPTED,
        tools.clock.now(),
        detail=f"found again as {remote_id}",
        remote_id=remote_id,
        deadline_at=tools.deadline(),
        error=None,
    )
    if change is not None and job.attempt_id is not None:
        # An overdue attempt has given its slot back and stays without one.
        lost = job.phase is Phase.SUBMISSION_UNKNOWN
        state = State.ACCEPTED if lost else State.OVERDUE
        ledger.mark(connection, job.attempt_id, state, remote_id=remote_id)
    return change


def _finished(connection: Connection, tools: Tools, job: Job, finished: Finished) -> Change | None:
    now = tools.clock.now()
    # What people were told stays until the file is here: it may be why it is not.
    told: dict[str, object] = {} if job.phase is Phase.NEEDS_ATTENTION else {"error": None}
    change = jobs.move(
        connection,
        job.id,
        job.phase,
        Event.RENDERED,
        now,
        detail="",
        remote_url=finished.url,
        cost=finished.cost,
        progress=99,
        **told,
    )
    return _ended(connection, job, change, now)


def _failed(connection: Connection, tools: Tools, job: Job, failed: Failed) -> Change | None:
    now = tools.clock.now()
    change = jobs.move(
        connection,
        job.id,
        job.phase,
        Event.PROVIDER_FAILED,
        now,
        detail=failed.words,
        error=JobError(code=failed.fault.value, message=failed.words),
    )
    pause = policy.rest_after_failure(failed.fault, tools.rest)
    if pause and change is not None and job.account is not None:
        # It would fail the next job in the same way, as after a refusal that says so.
        ledger.cool(connection, [job.account], now + pause, failed.fault.value)
    return _ended(connection, job, change, now, evidence=failed.words)


def _ended(
    connection: Connection,
    job: Job,
    change: Change | None,
    now: int,
    *,
    evidence: str | None = None,
    state: State = State.ENDED,
) -> Change | None:
    """End the attempt with the move that ends it; never for a look that came too late."""
    if change is not None and job.attempt_id is not None:
        ledger.end(connection, job.attempt_id, now, evidence=evidence, state=state)
    return change


async def _nothing_new(tools: Tools, job: Job, began: int, seen: Running | Unseen) -> None:
    """Set the next look, or tell people that the job is overdue."""
    now = tools.clock.now()
    overdue = job.deadline_at is not None and now >= job.deadline_at
    if overdue and job.phase is not Phase.NEEDS_ATTENTION:
        words = seen.word if isinstance(seen, Running) else seen.reason
        await tools.moved(lambda connection: _overdue(connection, tools, job, words))
        return
    if job.phase is Phase.NEEDS_ATTENTION:
        pause = policy.late_look(job.failures)
    else:
        asked = seen.wait_seconds if isinstance(seen, Unseen) else None
        provider = job.choice.provider if job.choice else ""
        pause = policy.next_look(
            tools.poll_seconds(provider) if provider in tools.adapters else 60.0, asked, tools.rng
        )
        if job.deadline_at is not None:
            pause = min(pause, job.deadline_at - now)
    values: dict[str, object] = {}
    if isinstance(seen, Running) and seen.progress is not None:
        values["progress"] = max(job.progress, min(seen.progress, 98))
    await tools.persist(
        lambda connection: jobs.look_again(
            connection, job.id, job.phase, began, now + pause, **values
        )
    )


def _overdue(connection: Connection, tools: Tools, job: Job, words: str) -> Change | None:
    """The slot is given back, the id is kept, and the watch goes on at a slow pace."""
    now = tools.clock.now()
    minutes = tools.pace.deadline_seconds / 60
    change = jobs.move(
        connection,
        job.id,
        job.phase,
        Event.DEADLINE_PASSED,
        now,
        detail=words,
        due_at=now + policy.SLOW_WATCH,
        error=JobError(
            code="overdue" if job.remote_id else "submission_unknown",
            message=(
                f"no end after {minutes:g} minutes; last seen: {words}"
                if job.remote_id
                else f"the answer to the submission was lost and it was not found again: {words}"
            ),
        ),
    )
    return _ended(connection, job, change, now, state=State.OVERDUE)
