"""Whether a sender of webhooks did well: pure looks at what came in, each fault with its lines."""

import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from standardwebhooks import Webhook

from mockserver.engine.journal import Received

Key = Callable[[Any], object]
"""What an event is about, from its JSON."""
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


def video_of(event: Any) -> object:
    """The id of the video that one of the gateway's events is about."""
    return event["data"]["id"]


def by_id(received: Iterable[Received]) -> Mapping[str, Sequence[Received]]:
    """The tries of each webhook in order; what has no `webhook-id` stands for itself."""
    tries: dict[str, list[Received]] = {}
    for one in received:
        tries.setdefault(one.webhook_id or f"line {one.n}", []).append(one)
    return tries


def lines(received: Iterable[Received]) -> str:
    """Where in the journal they stand."""
    numbers = [str(one.n) for one in received]
    return f"line {numbers[0]}" if len(numbers) == 1 else f"lines {', '.join(numbers)}"


# --- signatures


def signature_fault(
    one: Received, secret: str, came: datetime, tolerance_seconds: float | None
) -> str | None:
    """What is wrong with a webhook's signature; None where nothing is.

    Args:
        one: the webhook.
        secret: what it should be signed with.
        came: when it came in.
        tolerance_seconds: how far its time stamp may be from that; None is any.
    """
    if missing := [name for name in HEADERS if not one.headers.get(name)]:
        return f"line {one.n} has no {', '.join(missing)}"
    stamp = one.headers["webhook-timestamp"]
    try:
        signed = datetime.fromtimestamp(int(stamp), UTC)
        body = one.body.decode()
    except (ValueError, OverflowError, OSError):
        return f"line {one.n} has the time stamp {stamp!r}, or a body that is no text"
    expected = Webhook(secret).sign(one.webhook_id, signed, body)
    signatures = one.headers["webhook-signature"].split()
    # Every one is compared, and in constant time, as a receiver should.
    if not any([hmac.compare_digest(expected, each) for each in signatures]):  # noqa: C419
        return f"line {one.n} is not signed with this inbox's secret"
    if tolerance_seconds is not None and abs(came - signed) > timedelta(seconds=tolerance_seconds):
        return (
            f"line {one.n} is stamped {signed:%Y-%m-%dT%H:%M:%SZ} "
            f"and came at {came:%Y-%m-%dT%H:%M:%SZ}"
        )
    return None


# --- order


def disorders(received: Iterable[Received], key: Key) -> Iterator[str]:
    """Where time or sequence went back.

    An event is looked at when it first comes in: that it is tried again later is no disorder. Its
    `timestamp`, and its `sequence` where it has one, must not be before those of the event about
    the same video that came in before it; nor must the `webhook-timestamp` of a later try.
    """
    tries = by_id(received)
    before: dict[object, tuple[Received, datetime, float]] = {}
    for one in sorted((each[0] for each in tries.values()), key=lambda each: each.n):
        try:
            about, moment, number = _placed(one.event, key)
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            yield f"line {one.n} cannot be put in order: {type(fault).__name__} {fault}"
            continue
        if about in before:
            earlier, then, last = before[about]
            if moment < then:
                yield f"{about}: line {one.n} tells of an earlier time than line {earlier.n}"
            if number < last:
                yield f"{about}: line {one.n} has a lower sequence than line {earlier.n}"
        before[about] = (one, moment, number)
    for name, each in tries.items():
        for first, second in pairwise(each):
            if _stamp(second) < _stamp(first):
                yield f"{name}: line {second.n} is stamped before line {first.n}"


def _placed(event: Any, key: Key) -> tuple[object, datetime, float]:
    moment = datetime.fromisoformat(event["timestamp"])
    data = event.get("data")
    inner = data.get("sequence", 0) if isinstance(data, dict) else 0
    return key(event), moment, float(event.get("sequence", inner))


def _stamp(one: Received) -> float:
    try:
        return float(one.headers.get("webhook-timestamp", "0"))
    except ValueError:
        return 0.0


# --- completeness


def gaps(
    received: Iterable[Received], expected: Iterable[tuple[str, object]], key: Key
) -> Iterator[str]:
    """Expected events that were never taken, and webhooks that came with several bodies."""
    heard: dict[tuple[object, object], list[Received]] = {}
    for one in received:
        try:
            heard.setdefault((one.event["type"], key(one.event)), []).append(one)
        except (KeyError, TypeError, AttributeError):
            continue
    for kind, about in expected:
        tries = heard.get((kind, about), [])
        if not tries:
            yield f"{kind} of {about} never came"
        elif not any(one.taken for one in tries):
            yield f"{kind} of {about} was never taken ({lines(tries)})"
    for name, each in by_id(received).items():
        other = next((one for one in each if one.body != each[0].body), None)
        if other is not None:
            yield f"{name} came with two bodies ({lines([each[0], other])})"


def repeats(received: Iterable[Received]) -> Iterator[str]:
    """Webhooks that were taken not once."""
    for name, each in by_id(received).items():
        taken = [one for one in each if one.taken]
        if not taken:
            yield f"{name} was never taken ({lines(each)})"
        elif len(taken) > 1:
            yield f"{name} was taken {len(taken)} times ({lines(taken)})"
