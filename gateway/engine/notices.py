"""Telling callers that a job has ended: from the outbox to their `callback_url`.

At least once: after a crash the same notice may come again, under the same id and with the
same bytes. Signed as Standard Webhooks (https://www.standardwebhooks.com) says.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from random import Random
from typing import Final

import msgspec
import structlog
from standardwebhooks import Webhook

from gateway.engine import policy
from gateway.engine.crash import crash_point
from gateway.engine.tools import Tools
from gateway.model.clock import SECOND, http_time
from gateway.model.job import Job
from gateway.model.phases import Phase
from gateway.net import Answered, NetFault
from gateway.storage import Connection, deliveries, jobs
from gateway.storage.deliveries import Delivery
from providers.contract import Secret

AT_ONCE: Final = 16
"""Notices under way at the same time."""
EACH: Final = 4
"""Of those, to one host: a receiver that hangs must not hold up the others' notices."""
SECONDS: Final = 15.0
LEASE: Final = 120 * SECOND
SCHEDULE: Final = (0, 5, 300, 1800, 7200, 18_000, 36_000, 36_000)
"""Seconds to wait before each try."""

_log = structlog.get_logger()


class _Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What a receiver reads; `data` is the job as the API shows it."""

    type: str
    timestamp: str
    data: msgspec.Raw


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from a try: the pause before the next one (None: there is none), in words."""

    delivered: bool
    pause: int | None
    words: str


def take_due(
    connection: Connection,
    replica: str,
    now: int,
    room: int,
    free: Callable[[str], int] = lambda _: EACH,
) -> list[Delivery]:
    """Notices to be sent now, at most `room`, and of each host what is `free`."""
    if room <= 0:
        return []
    return deliveries.take_due(
        connection, now, until=now + LEASE, limit=room, free=free, replica=replica
    )


async def deliver(tools: Tools, delivery: Delivery) -> None:
    """One try of one notice, and what follows from it."""
    tries = delivery.tries + 1
    try:
        body = await _body(tools, delivery)
        if body is None:
            return
        answer = await tools.upstream.tell(
            delivery.url, headers_of(tools, delivery.id, body), body.encode(), deadline=SECONDS
        )
        result = after(answer, tries, tools.rng, now=tools.stamp())
    except NetFault as error:
        result = after(str(error), tries, tools.rng)
    except Exception as error:  # noqa: BLE001 - a bug must not send it round for ever
        _log.exception("a notice could not be sent", job=delivery.job_id)
        result = after(f"internal error: {type(error).__name__}", tries, tools.rng)
    crash_point("notice-sent")

    def record(connection: Connection) -> bool:
        now = tools.clock.now()
        due = None if result.pause is None else now + result.pause
        there = deliveries.tried(connection, delivery.id, tries, due)
        job = jobs.get(connection, delivery.job_id)
        if there and due is None and job is not None:
            event = "notice_delivered" if result.delivered else "notice_given_up"
            jobs.note(connection, job.id, now, event, job.phase, result.words)
        return there

    await tools.persist(record)
    crash_point("notice-stored")
    tell = _log.info if result.delivered else _log.warning
    tell(
        "notice",
        job=delivery.job_id,
        notice=delivery.id,
        tries=tries,
        delivered=result.delivered,
        words=result.words,
    )


async def _body(tools: Tools, delivery: Delivery) -> str | None:
    """What the notice says: written down before the first try. None: it is gone."""
    if delivery.body is not None:
        return delivery.body
    job, history = await tools.database.read(
        lambda connection: (
            jobs.get(connection, delivery.job_id),
            jobs.history(connection, delivery.job_id),
        )
    )
    if job is None:
        return None
    body = notice_of(job, tools.render(job, history))
    return await tools.persist(
        lambda connection: deliveries.write_body(connection, delivery.id, body)
    )


def notice_of(job: Job, document: bytes) -> str:
    """The notice of a job's end, as JSON."""
    ended = datetime.fromtimestamp((job.completed_at or job.updated_at) / SECOND, UTC)
    notice = _Notice(
        type="video.completed" if job.phase is Phase.COMPLETED else "video.failed",
        timestamp=ended.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        data=msgspec.Raw(document),
    )
    return msgspec.json.encode(notice).decode()


def headers_of(tools: Tools, notice_id: str, body: str) -> tuple[tuple[str, str], ...]:
    """The headers of one try; only the time, and so the signature, is new on each."""
    at = datetime.fromtimestamp(tools.stamp() // SECOND, UTC)
    headers = (
        ("content-type", "application/json"),
        ("webhook-id", notice_id),
        ("webhook-timestamp", str(int(at.timestamp()))),
    )
    if tools.webhook_secret is None:
        return headers
    return (*headers, ("webhook-signature", _signature(tools.webhook_secret, notice_id, at, body)))


def _signature(secret: Secret, notice_id: str, at: datetime, body: str) -> str:
    return Webhook(secret.reveal()).sign(notice_id, at, body)


def after(answer: Answered | str, tries: int, rng: Random, *, now: int = 0) -> Result:
    """What follows from an answer, or from the words of there being none.

    Only 2xx is success; 410 says that nobody wants to hear of it again.
    """
    if isinstance(answer, str):
        return Result(delivered=False, pause=_pause(tries, 0, rng), words=answer)
    words = f"status {answer.status} on try {tries}"
    if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return Result(delivered=True, pause=None, words=words)
    if answer.status == HTTPStatus.GONE:
        return Result(delivered=False, pause=None, words=words)
    return Result(
        delivered=False, pause=_pause(tries, _asked(answer.retry_after, now), rng), words=words
    )


def _pause(tries: int, asked: int, rng: Random) -> int | None:
    """Microseconds until the next try: the schedule's with jitter, never less than asked."""
    if tries >= len(SCHEDULE):
        return None
    return max(round(SCHEDULE[tries] * SECOND * rng.uniform(1.0, 1.2)), asked)


def _asked(retry_after: str | None, now: int) -> int:
    """Microseconds that a `Retry-After` (seconds or a date) asks for, a day at most."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]) * SECOND, policy.DAY)
    until = http_time(text)
    return 0 if until is None else min(max(until - now, 0), policy.DAY)
