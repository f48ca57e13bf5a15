"""Pictory AI Studio (docs.pictory.ai): text and first frame to video.

Wire facts: the pages "Generate Video API", "Get Video Generation Job" and the guides
"First frame" and "Extend video". The key goes into `Authorization` raw, without `Bearer`.
Pictory takes no idempotency key and echoes no reference, so the webhook URL of each
attempt is the only handle on a job whose id was lost.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from providers import _wire
from providers.contract import (
    Accepted,
    Account,
    Adapter,
    Capabilities,
    Failed,
    Fault,
    Finished,
    Flow,
    Hint,
    HttpRequest,
    HttpResponse,
    InputForm,
    Mode,
    Offer,
    Price,
    Refused,
    Role,
    Running,
    Scope,
    Sighting,
    Submission,
    SubmitOutcome,
    Unclear,
    Unseen,
    shorten,
)

PAGE: Final = "docs.pictory.ai: Generate Video API"
CREDIT: Final = "pictory_credit_tenths"
"""AI credits come in tenths (a 5 s clip at 1.6 a second costs 8.0, an 8 s one 12.8)."""

VEO: Final = {"aspect_ratios": ("16:9", "9:16"), "seconds": (4, 6, 8)}
PIXVERSE: Final = {"aspect_ratios": ("16:9", "9:16", "1:1", "3:4", "4:3"), "seconds": (5, 8, 10)}
MODELS: Final[dict[str, dict[str, Any]]] = {
    "pixverse5.5": PIXVERSE,
    "veo3.1": VEO,
    "veo3.1_fast": VEO,
}

CAPABILITIES: Final = Capabilities(
    provider="pictory",
    title="Pictory AI Studio",
    base_url="https://api.pictory.ai/pictoryapis",
    input_form=InputForm.URL,
    offers=tuple(
        Offer(model=model, mode=mode, prompt_min=5, prompt_max=5000, source=PAGE, **table)
        for model, table in MODELS.items()
        for mode in (Mode.TEXT, Mode.FIRST_FRAME)
    ),
)


class Refusal(msgspec.Struct, frozen=True):
    """A row of the error table: what an HTTP status means when it is a refusal."""

    fault: Fault
    scope: Scope
    retry: bool = False
    needs_json: bool = True
    """False where the edge in front of Pictory answers, which does not speak its JSON."""


REFUSALS: Final[dict[int, Refusal]] = {
    400: Refusal(Fault.INVALID_REQUEST, Scope.JOB),
    401: Refusal(Fault.UNAUTHORIZED, Scope.ACCOUNT),
    402: Refusal(Fault.NO_CREDITS, Scope.ACCOUNT),
    403: Refusal(Fault.UNAVAILABLE, Scope.PROVIDER, needs_json=False),
    429: Refusal(Fault.THROTTLED, Scope.ACCOUNT, retry=True, needs_json=False),
}
"""Every other status leaves the outcome unclear. So does 500: the page advises to send
again after a delay, but nothing says that the first request made no job."""

FAILURES: Final[dict[str, Fault]] = {"INSUFFICIENT_CREDITS": Fault.NO_CREDITS}
"""`error_code` of a failed job -> our code; any other code is a failed generation."""

UNKNOWN_JOB: Final = "JOB_NOT_FOUND"
JOB_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.~-]{0,199}")
"""An id that may go into a path as it is, whoever told it to us. Documented are UUIDs."""
MAX_CREDITS: Final = 1_000_000
"""A job that claims to have cost more is not believed."""


def submit(submission: Submission) -> Flow[SubmitOutcome]:
    """Ask for a video: one request, paid for when it is accepted."""
    account = submission.account
    response = yield HttpRequest(
        method="POST",
        url=f"{account.base_url}/v1/aistudio/videos",
        headers=(*_headers(account), ("content-type", "application/json")),
        body=msgspec.json.encode(encode(submission)),
    )
    outcome = _submitted(_wire.unkeyed(response, account))
    if isinstance(outcome, Unclear):
        # Nothing was read from it, so what is quoted of it can do without our key.
        return _submitted(_wire.unkeyed(response, account, always=True))
    return outcome


def encode(submission: Submission) -> dict[str, Any]:
    """The request body, with nothing left to Pictory's defaults."""
    spec = submission.spec
    body: dict[str, Any] = {
        "prompt": spec.prompt,
        "model": spec.model,
        "aspectRatio": spec.aspect_ratio,
        "duration": f"{spec.seconds}s",
    }
    if Role.FIRST_FRAME in submission.inputs:
        body["firstFrameImageUrl"] = submission.inputs[Role.FIRST_FRAME]
    if submission.callback_url is not None:
        body["webhook"] = submission.callback_url
    return body


def poll(account: Account, remote_ids: Sequence[str]) -> Flow[Mapping[str, Sighting]]:
    """Look at each job in turn; Pictory has no list that shows a job's result."""
    seen: dict[str, Sighting] = {}
    for remote_id in remote_ids:
        if JOB_ID.fullmatch(remote_id) is None:
            seen[remote_id] = Unseen(reason="its id is none that can be asked for")
            continue
        response = yield HttpRequest(
            method="GET",
            url=f"{account.base_url}/v1/jobs/{remote_id}",
            headers=_headers(account),
        )
        found = sighting(_wire.unkeyed(response, account))
        if not isinstance(found, Finished):
            found = sighting(_wire.unkeyed(response, account, always=True))
        seen[remote_id] = found
    return seen


def sighting(response: HttpResponse) -> Sighting:
    """What one answer of `GET /v1/jobs/{id}` says.

    HTTP 200 alone says nothing; any other status says nothing about how the job ended.
    """
    body = _wire.json_object(response.body)
    if body is None or response.status != 200:  # noqa: PLR2004
        return Unseen(
            reason=f"HTTP {response.status}: {shorten(_wire.printable(response.body), 120)}",
            wait_seconds=_wire.retry_after(response),
        )
    data = _wire.child(body, "data")
    word = (_wire.text(data, "status") or "").lower()
    if word == "completed":
        return _finished(data)
    if word == "cleaned":
        return Failed(fault=Fault.RESULT_GONE, words="the job's data was deleted at Pictory")
    # `success` counts only where no status is given.
    if word == "failed" or (not word and body.get("success") is False):
        return _failed(data, _wire.child(body, "error"), body)
    if not word:
        return Unseen(reason="HTTP 200 without a status")
    return Running(word=shorten(word, 100))


def receive(body: bytes) -> Hint:
    """The job id in a webhook's body, which is the answer of `GET /v1/jobs/{id}`."""
    job_id = _job_id(_wire.json_object(body))
    return Hint(remote_id=job_id if job_id and JOB_ID.fullmatch(job_id) else None)


def _job_id(body: dict[str, Any] | None) -> str | None:
    """The id, which has two spellings and two places."""
    return _wire.text(_wire.child(body, "data"), "jobId", "job_id") or _wire.text(
        body, "job_id", "jobId"
    )


def _headers(account: Account) -> tuple[tuple[str, str], ...]:
    return (("authorization", account.key.reveal()), ("accept", "application/json"))


def _submitted(response: HttpResponse) -> SubmitOutcome:
    body = _wire.json_object(response.body)
    job_id = _job_id(body)
    refusal = REFUSALS.get(response.status)
    # An answer that names a job is no refusal, whatever its status.
    if refusal and not job_id and (_is_complaint(body) or not refusal.needs_json):
        return Refused(
            fault=refusal.fault,
            scope=refusal.scope,
            retry=refusal.retry,
            words=_words(body, response),
            status=response.status,
            wait_seconds=_wire.retry_after(response),
        )
    if response.status == 200 and body and body.get("success") is not False and job_id:  # noqa: PLR2004
        return Accepted(remote_id=job_id)
    return Unclear(
        evidence=f"HTTP {response.status}: {shorten(_wire.printable(response.body))}",
        status=response.status,
    )


def _is_complaint(body: dict[str, Any] | None) -> bool:
    """Whether this is Pictory's own JSON for an error, not just any JSON."""
    return body is not None and not body.keys().isdisjoint({"message", "code", "fields"})


def _words(body: dict[str, Any] | None, response: HttpResponse) -> str:
    """`message`, and for a 400 each entry of `fields` (`errors` may be text or a list)."""
    if body is None or not _is_complaint(body):
        return shorten(_wire.printable(response.body)) or f"HTTP {response.status}"
    parts = [_wire.text(body, "message", "code") or f"HTTP {response.status}"]
    fields = body.get("fields")
    for field in fields if isinstance(fields, list) else []:
        if isinstance(field, dict):
            said = field.get("errors")
            listed = said if isinstance(said, list) else [said]
            errors = [one for one in listed if isinstance(one, str)]
            parts.append(f"{_wire.text(field, 'name') or 'body'}: {'; '.join(errors)}")
    return shorten(" | ".join(parts))


def _finished(data: dict[str, Any] | None) -> Sighting:
    url = _wire.text(data, "url")
    if url is None:
        return Unseen(reason="completed, but without a url")
    credits_used = _wire.number(data, "aiCreditsUsed")
    if credits_used is None or not 0 <= credits_used <= MAX_CREDITS:
        return Finished(url=url)
    return Finished(url=url, cost=Price(amount=round(credits_used * 10), unit=CREDIT))


def _failed(*places: dict[str, Any] | None) -> Sighting:
    """The reason, which stands under `data`, under `error` or at the top."""
    codes = (_wire.text(place, "error_code", "code") for place in places)
    messages = (_wire.text(place, "error_message", "message") for place in places)
    code = next(filter(None, codes), "")
    message = next(filter(None, messages), "no reason given")
    if UNKNOWN_JOB in {code, message}:
        return Unseen(reason="Pictory does not know this job")
    return Failed(
        fault=FAILURES.get(code, Fault.GENERATION_FAILED),
        words=shorten(f"{code}: {message}" if code else message),
    )


ADAPTER: Final = Adapter(capabilities=CAPABILITIES, submit=submit, poll=poll, receive=receive)
