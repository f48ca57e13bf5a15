"""Pictory's errors: refused requests and failed jobs."""

import re
from typing import Any, Final

from providers import _wire
from providers._refusals import Refusal
from providers.contract import Failed, Fault, HttpResponse, Scope, Sighting, Unseen, shorten

REFUSALS: Final = (
    Refusal(
        status=400,
        fault=Fault.INVALID_REQUEST,
        scope=Scope.JOB,
        source="docs.pictory.ai: Generate Video API",
    ),
    Refusal(
        status=401,
        fault=Fault.UNAUTHORIZED,
        scope=Scope.ACCOUNT,
        source="docs.pictory.ai: Generate Video API",
    ),
    Refusal(
        status=402,
        fault=Fault.NO_CREDITS,
        scope=Scope.ACCOUNT,
        source="inferred",
    ),
    # The edge in front of Pictory turns user agents away and does not speak its JSON.
    Refusal(
        status=403,
        fault=Fault.BLOCKED,
        scope=Scope.PROVIDER,
        any_body=True,
        source="github.com/pictoryai/pictory-claude-skills",
    ),
    Refusal(
        status=429,
        fault=Fault.THROTTLED,
        scope=Scope.ACCOUNT,
        retry=True,
        pause=(30.0, 300.0),
        any_body=True,
        source="docs.pictory.ai: Get Video Generation Job; the pause is inferred",
    ),
)
"""The first row that fits decides. Every other status leaves the outcome unclear. So does
500: the page advises to send again after a delay, but nothing says that the first request
made no job."""

FAILURES: Final = {
    "INSUFFICIENT_CREDITS": Fault.NO_CREDITS,
    "TEXT_TO_VIDEO_FAILED": Fault.GENERATION_FAILED,
    "AI_VIDEO_INPUT_UNREADABLE": Fault.INVALID_INPUT,
}
"""`error_code` of a failed job (github.com/pictoryai/pictory-claude-skills) -> our code.

What AI_VIDEO_INPUT_UNREADABLE means is inferred from its name."""

MODERATION: Final = re.compile(
    r"(?<![a-z])(?:moderat(?:ed|ion|or)|content[ _-]policy)(?![a-z])", re.IGNORECASE
)
"""How a failed job may say that its content was refused; no page tells (inferred)."""

UNKNOWN_JOB: Final = "JOB_NOT_FOUND"


def complaint(body: dict[str, Any] | None, status: int) -> str | None:
    """What Pictory's own JSON for an error says, None where this is not one.

    That is `message`, and each entry of a 400's `fields` (`errors` may be text or a list).
    """
    if body is None or body.keys().isdisjoint({"message", "code", "fields"}):
        return None
    parts = [_wire.text(body, "message", "code") or f"HTTP {status}"]
    fields = body.get("fields")
    for field in fields if isinstance(fields, list) else []:
        if isinstance(field, dict):
            said = field.get("errors")
            listed = said if isinstance(said, list) else [said]
            errors = [one for one in listed if isinstance(one, str)]
            parts.append(f"{_wire.text(field, 'name') or 'body'}: {'; '.join(errors)}")
    return " | ".join(parts)


def failure(response: HttpResponse, body: dict[str, Any], *, told: bool) -> Sighting:
    """What a failed job says; the reason stands under `data`, under `error` or at the top.

    Where its status has not `told` that it failed, only an `error_code` does: without one it may
    be the request that failed, and the job is looked at again.
    """
    places = (_wire.child(body, "data"), _wire.child(body, "error"), body)
    codes = (_wire.text(place, "error_code", "code") for place in places)
    messages = (_wire.text(place, "error_message", "message") for place in places)
    code = next(filter(None, codes), "")
    message = next(filter(None, messages), "")
    wait = _wire.retry_after(response)
    if UNKNOWN_JOB in {code, message}:
        return Unseen(reason="Pictory does not know this job", wait_seconds=wait)
    said = ": ".join(filter(None, (code, message or "no reason given")))
    if not told and not any(_wire.text(place, "error_code") for place in places):
        reason = f"HTTP 200 without success, and without an end of the job: {said}"
        return Unseen(reason=shorten(reason, 160), wait_seconds=wait)
    fault = FAILURES.get(code)
    if fault is None:
        fault = Fault.MODERATED if MODERATION.search(said) else Fault.GENERATION_FAILED
    return Failed(fault=fault, words=shorten(said))
