"""useapi.net's wire: uploads, creations, looks and callbacks."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from providers import _wire
from providers.contract import (
    Accepted,
    Account,
    Fault,
    Finished,
    Flow,
    Hint,
    HttpRequest,
    Refused,
    Role,
    Scope,
    Sighting,
    Submission,
    SubmitOutcome,
    Unanswered,
    Unseen,
    Uploaded,
    UploadOutcome,
    shorten,
)
from providers.useapi_pixverse.errors import refusal, unclear, unseen
from providers.useapi_pixverse.status import sighting
from providers.useapi_pixverse.table import LIST_LIMIT, OPTIONS, PAGES, Pages, page_for

VIDEO_ID: Final = re.compile(
    r"user:[A-Za-z0-9._]{1,64}-pixverse:[A-Za-z0-9.!$&'*+=_~@-]{1,320}-video:[0-9]{1,40}"
)
"""The whole of an id that may go into a path as it is, whoever told it to us."""


def upload(account: Account, content: bytes, media_type: str) -> Flow[UploadOutcome]:
    """Store a picture or video (`POST /files`, raw body); its path serves every later job."""
    response = yield HttpRequest(
        method="POST",
        url=url_for(account, "files/", email=account.email),
        headers=(*headers_for(account), ("content-type", media_type)),
        body=content,
    )
    response = _wire.unkeyed(response, account)
    body = _wire.json_object(response.body)
    if refused := refusal(response, body):
        return refused
    # A picture's answer is the first of a list, a video's stands alone.
    results = body.get("result") if body else None
    first = results[0] if isinstance(results, list) and results else body
    entry = first if isinstance(first, dict) else None
    path = _wire.text(entry, "path")
    if response.status == 200 and entry and entry.get("err_msg"):  # noqa: PLR2004
        said = _wire.text(_wire.unkeyed_texts(entry, account), "err_msg")
        return Refused(
            fault=Fault.INVALID_INPUT,
            scope=Scope.JOB,
            retry=False,
            words=shorten(said or "the upload was refused"),
            status=response.status,
        )
    if response.status == 200 and path:  # noqa: PLR2004
        return Uploaded(reference=path)
    return unclear(response, account)


def submit(submission: Submission, *, pages: Pages = PAGES) -> Flow[SubmitOutcome]:
    """Ask for a video: one request, paid for when it is accepted."""
    account = submission.account
    path, _ = page_for(pages, submission.spec)
    response = yield HttpRequest(
        method="POST",
        url=url_for(account, path),
        headers=(*headers_for(account), ("content-type", "application/json")),
        body=msgspec.json.encode(encode(submission, pages=pages)),
    )
    response = _wire.unkeyed(response, account)
    body = _wire.json_object(response.body)
    video_id = _wire.text(body, "video_id")
    # An answer that names a video is no refusal, whatever its status.
    if not video_id and (refused := refusal(response, body)):
        return refused
    known = _known(video_id)
    if response.status == 200 and known:  # noqa: PLR2004
        return Accepted(remote_id=known)
    return msgspec.structs.replace(unclear(response, account), remote_id=known)


def encode(submission: Submission, *, pages: Pages = PAGES) -> dict[str, Any]:
    """The request body in the order of the documented example.

    `email` is always sent: without it the account is left to chance. So is everything else
    that has a default, but for `model` (see `page_for`) and `remove_watermark`, which the
    example leaves out.
    """
    spec, account = submission.spec, submission.account
    _, model = page_for(pages, spec)
    body: dict[str, Any] = {
        "email": account.email,
        "model": model,
        "prompt": spec.prompt,
        "negative_prompt": spec.negative_prompt,
        "first_frame_path": submission.input(Role.FIRST_FRAME),
        "last_frame_path": submission.input(Role.LAST_FRAME),
        "video_path": submission.input(Role.EXTEND),
        "duration": spec.seconds,
        "quality": spec.resolution,
        "motion_mode": spec.motion_mode,
        "aspect_ratio": spec.aspect_ratio,
        **{option.name: spec.options.get(option.name) for option in OPTIONS},
        "seed": spec.seed,
        "remove_watermark": False if spec.remove_watermark is False else None,
        "replyUrl": submission.callback_url,
        "replyRef": submission.reference,
        "maxJobs": account.max_jobs,
    }
    return {name: value for name, value in body.items() if value is not None}


def poll(account: Account, remote_ids: Sequence[str]) -> Flow[Mapping[str, Sighting]]:
    """Look at all jobs with one list, then one by one at those that are not on it.

    `GET /videos/{id}` answers 404 while a video is still in the making. Where one is not
    answered what was seen counts, and those after it are left for another look.
    """
    response = yield HttpRequest(
        method="GET",
        url=url_for(
            account, "videos/", email=account.email, limit=max(LIST_LIMIT, len(remote_ids))
        ),
        headers=headers_for(account),
    )
    listed = _wire.json_object(response.body)
    rows = listed.get("data") if listed and response.status == 200 else None  # noqa: PLR2004
    if not isinstance(rows, list):
        return dict.fromkeys(remote_ids, unseen(response, account))
    by_id = {_wire.text(row, "video_id"): row for row in rows if isinstance(row, dict)}
    seen: dict[str, Sighting] = {}
    trouble: Unseen | None = None
    for remote_id in remote_ids:
        if row := by_id.get(remote_id):
            seen[remote_id] = _seen(row, account)
        elif VIDEO_ID.fullmatch(remote_id) is None:
            seen[remote_id] = Unseen(reason="not listed, and its id is none that can be asked for")
        elif trouble:
            seen[remote_id] = trouble
        else:
            # The id goes into the path as it is: percent-encoded it would not be found.
            request = HttpRequest(
                method="GET",
                url=url_for(account, f"videos/{remote_id}"),
                headers=headers_for(account),
            )
            try:
                alone = yield request
            except Unanswered as fault:
                seen[remote_id] = trouble = Unseen(reason=str(fault))
                continue
            found = _wire.json_object(alone.body) if alone.status == 200 else None  # noqa: PLR2004
            if found is not None:
                seen[remote_id] = _seen(found, account)
            elif alone.status == 404:  # noqa: PLR2004
                seen[remote_id] = Unseen(
                    reason="not listed yet", wait_seconds=_wire.retry_after(alone)
                )
            else:
                # Whoever is told to slow down, or off, does not ask for the others as well.
                seen[remote_id] = trouble = unseen(alone, account)
    return seen


def receive(body: bytes) -> Hint:
    """The ids in a callback's body; `replyRef` stands at the top or under `response`."""
    parsed = _wire.json_object(body)
    inner = _wire.child(parsed, "response")
    video_id = _wire.text(parsed, "video_id") or _wire.text(inner, "video_id")
    return Hint(
        remote_id=_known(video_id),
        reference=_wire.text(parsed, "replyRef") or _wire.text(inner, "replyRef"),
    )


def _known(video_id: str | None) -> str | None:
    """The id, where it is one that can be asked for."""
    return video_id if video_id and VIDEO_ID.fullmatch(video_id) else None


def _seen(video: Mapping[str, Any], account: Account) -> Sighting:
    """What a video object says; only from a link nothing is taken out."""
    found = sighting(video)
    if isinstance(found, Finished):
        return found
    return sighting(_wire.unkeyed_texts(video, account))


def headers_for(account: Account) -> tuple[tuple[str, str], ...]:
    """What every request carries: the key, and which answers are understood."""
    return (
        ("authorization", f"Bearer {account.key.reveal()}"),
        ("accept", "application/json"),
    )


def url_for(account: Account, path: str, **query: str | int | None) -> str:
    """The address of a page, with what of the query there is."""
    asked = {name: value for name, value in query.items() if value is not None}
    return f"{account.base_url}/{path}" + (f"?{urlencode(asked)}" if asked else "")
