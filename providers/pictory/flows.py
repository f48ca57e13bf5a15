"""Pictory's wire: one request makes a job, one request looks at it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from providers import _wire
from providers._refusals import refused
from providers.contract import (
    Accepted,
    Account,
    Failed,
    Fault,
    Finished,
    Flow,
    Hint,
    HttpRequest,
    HttpResponse,
    Price,
    Role,
    Running,
    Sighting,
    Submission,
    SubmitOutcome,
    Unclear,
    Unseen,
    shorten,
)
from providers.pictory.errors import REFUSALS, complaint, failure
from providers.pictory.table import CREDIT

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
        headers=(*headers_for(account), ("content-type", "application/json")),
        body=msgspec.json.encode(encode(submission)),
    )
    outcome = _submitted(_wire.unkeyed(response, account))
    if isinstance(outcome, Unclear):
        # Nothing was read from it, so what is quoted of it can do without our key.
        return _submitted(_wire.unkeyed(response, account, always=True))
    return outcome


def encode(submission: Submission) -> dict[str, Any]:
    """The request body in the order of the documented examples, nothing left to defaults.

    At most one of the three inputs is there; with more, Pictory answers 400 (section
    "Parameter Exclusivity").
    """
    spec = submission.spec
    body = {
        "prompt": spec.prompt,
        "firstFrameImageUrl": submission.input(Role.FIRST_FRAME),
        "extendVideoUrl": submission.input(Role.EXTEND),
        "referenceImageUrls": submission.inputs.get(Role.REFERENCE),
        "model": spec.model,
        "aspectRatio": spec.aspect_ratio,
        "duration": f"{spec.seconds}s",
        "webhook": submission.callback_url,
    }
    return {name: value for name, value in body.items() if value is not None}


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
            headers=headers_for(account),
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
    wait = _wire.retry_after(response)
    if body is None or response.status != 200:  # noqa: PLR2004
        said = shorten(_wire.printable(response.body), 120)
        return Unseen(reason=f"HTTP {response.status}: {said}", wait_seconds=wait)
    data = _wire.child(body, "data")
    word = (_wire.text(data, "status") or "").lower()
    if word == "completed":
        url = _wire.text(data, "url")
        missing = Unseen(reason="completed, but without a url", wait_seconds=wait)
        return Finished(url=url, cost=_cost(data)) if url else missing
    if word == "cleaned":
        return Failed(fault=Fault.RESULT_GONE, words="the job's data was deleted at Pictory")
    if word == "failed" or (word != "in-progress" and body.get("success") is False):
        return failure(response, body, told=word == "failed")
    if not word:
        return Unseen(reason="HTTP 200 without a status", wait_seconds=wait)
    return Running(word=shorten(word, 100))


def receive(body: bytes) -> Hint:
    """The job id in a webhook's body, which is the answer of `GET /v1/jobs/{id}`."""
    return Hint(remote_id=_known(job_id_in(_wire.json_object(body))))


def _known(job_id: str | None) -> str | None:
    """The id, where it is one that can be asked for."""
    return job_id if job_id and JOB_ID.fullmatch(job_id) else None


def job_id_in(body: Mapping[str, Any] | None) -> str | None:
    """The id, which has two spellings and two places."""
    return _wire.text(_wire.child(body, "data"), "jobId", "job_id") or _wire.text(
        body, "job_id", "jobId"
    )


def headers_for(account: Account) -> tuple[tuple[str, str], ...]:
    """What every request carries: the key, and which answers are understood."""
    return (("authorization", account.key.reveal()), ("accept", "application/json"))


def _submitted(response: HttpResponse) -> SubmitOutcome:
    body = _wire.json_object(response.body)
    job_id = job_id_in(body)
    # An answer that names a job is no refusal, whatever its status.
    if not job_id and (no := refused(REFUSALS, response, complaint(body, response.status))):
        return no
    known = _known(job_id)
    if response.status == 200 and body and body.get("success") is not False and known:  # noqa: PLR2004
        return Accepted(remote_id=known)
    return Unclear(
        evidence=f"HTTP {response.status}: {shorten(_wire.printable(response.body))}",
        status=response.status,
        remote_id=known,
    )


def _cost(data: dict[str, Any] | None) -> Price | None:
    used = _wire.number(data, "aiCreditsUsed")
    if used is None or not 0 <= used <= MAX_CREDITS:
        return None
    return Price(amount=round(used * CREDIT.parts), unit=CREDIT.unit)
