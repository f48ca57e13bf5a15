"""PixVerse through useapi.net, API v2: first and last frame, first frame, text to video.

Wire facts: useapi.net, "PixVerse API v2", pages POST videos/create-frames-v3 (December
2024), POST videos/create-v4 (March 2025), POST files and GET videos. Pictures are uploaded
first and named by path. useapi.net queues nothing: when an account is full it answers 429.
`replyRef` comes back with the job, so a job whose answer was lost can be found by it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

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
    Refused,
    Role,
    Running,
    Scope,
    Sighting,
    Submission,
    SubmitOutcome,
    Unclear,
    Unseen,
    Uploaded,
    UploadOutcome,
    shorten,
)

RATIOS: Final = ("16:9", "9:16", "1:1", "4:3", "3:4")
SEED: Final = (1, 2_147_483_647)
PROMPT_MAX: Final = 2048
LIST_LIMIT: Final = 40
"""How many jobs `GET /videos` shows when no limit is asked for."""

V4_FIRST_FRAME: Final = Offer(
    model="v4",
    mode=Mode.FIRST_FRAME,
    seconds=(5, 8),
    aspect_ratios=RATIOS,
    resolutions=("540p", "360p", "720p", "1080p"),
    prompt_max=PROMPT_MAX,
    seed=SEED,
    source="useapi.net: POST videos/create-v4",
)

CAPABILITIES: Final = Capabilities(
    provider="useapi-pixverse",
    title="PixVerse through useapi.net",
    base_url="https://api.useapi.net/v2/pixverse",
    input_form=InputForm.UPLOAD,
    offers=(
        Offer(
            model="v3.5",
            mode=Mode.FIRST_LAST_FRAME,
            seconds=(5, 8),
            aspect_ratios=RATIOS,
            resolutions=("720p", "1080p", "540p", "360p"),
            prompt_required=False,
            prompt_max=PROMPT_MAX,
            seed=SEED,
            source="useapi.net: POST videos/create-frames-v3",
        ),
        V4_FIRST_FRAME,
        msgspec.structs.replace(V4_FIRST_FRAME, mode=Mode.TEXT),
    ),
    poll_batch=LIST_LIMIT,
    needs_email=True,
    max_jobs_limit=8,
)


class Endpoint(msgspec.Struct, frozen=True):
    """Where a mode is asked for, and whether that page lists a `model` field."""

    path: str
    names_model: bool


ENDPOINTS: Final[dict[Mode, Endpoint]] = {
    Mode.FIRST_LAST_FRAME: Endpoint("videos/create-frames-v3", names_model=True),
    Mode.FIRST_FRAME: Endpoint("videos/create-v4", names_model=False),
    Mode.TEXT: Endpoint("videos/create-v4", names_model=False),
}


class Refusal(msgspec.Struct, frozen=True):
    """A row of the error table. `says` narrows a status by what the `error` text contains."""

    status: int
    fault: Fault
    scope: Scope
    retry: bool = False
    says: str = ""


REFUSALS: Final = (
    Refusal(400, Fault.INVALID_REQUEST, Scope.JOB),
    # Of the account: each has a token of its own here, and one bad one says nothing of others.
    Refusal(401, Fault.UNAUTHORIZED, Scope.ACCOUNT),
    Refusal(402, Fault.NO_CREDITS, Scope.ACCOUNT),
    Refusal(412, Fault.NO_CREDITS, Scope.ACCOUNT),
    Refusal(422, Fault.MODERATED, Scope.JOB),
    # One status, three meanings: this account is full by its own maxJobs; every account
    # is; PixVerse itself refused, perhaps because of jobs started elsewhere.
    Refusal(429, Fault.THROTTLED, Scope.PROVIDER, retry=True, says="All configured accounts"),
    Refusal(429, Fault.THROTTLED, Scope.ACCOUNT, retry=True),
    # Outside the registered range: without its own row it would pass for a 5xx to retry.
    Refusal(596, Fault.ON_HOLD, Scope.ACCOUNT),
)
"""The first row that fits decides; no row means that the outcome is unclear."""

COMPLETED: Final = 1
MODERATED: Final = 7
FAILED: Final = 8
PENDING: Final = frozenset({5, 9, 10})
CODES: Final = {
    "COMPLETED": COMPLETED,
    "QUEUED": 5,
    "MODERATED": MODERATED,
    "FAILED": FAILED,
    "GENERATING": 10,
    "PROCESSING": 10,
}
"""`video_status_name` -> `video_status`: the name decides where it is known, else the number."""
NUMBERS: Final = {str(code) for code in (*CODES.values(), *PENDING)}

VIDEO_ID: Final = re.compile(
    r"user:[A-Za-z0-9._]{1,64}-pixverse:[A-Za-z0-9.!$&'*+=_~@-]{1,320}-video:[0-9]{1,40}"
)
"""The whole of an id that may go into a path as it is, whoever told it to us."""


def upload(account: Account, picture: bytes, media_type: str) -> Flow[UploadOutcome]:
    """Store a picture (`POST /files`, raw body); its path serves every later job."""
    response = yield HttpRequest(
        method="POST",
        url=_url(account, "files/", email=account.email),
        headers=(*_headers(account), ("content-type", media_type)),
        body=picture,
    )
    response = _wire.unkeyed(response, account)
    body = _wire.json_object(response.body)
    if refused := _refused(response, body):
        return refused
    results = body.get("result") if body else None
    first = results[0] if isinstance(results, list) and results else body
    entry = first if isinstance(first, dict) else None
    path = _wire.text(entry, "path")
    if response.status == 200 and entry and entry.get("err_msg"):  # noqa: PLR2004
        return Refused(
            fault=Fault.INVALID_INPUT,
            scope=Scope.JOB,
            retry=False,
            words=shorten(_wire.text(entry, "err_msg") or "the upload was refused"),
            status=response.status,
        )
    if response.status == 200 and path:  # noqa: PLR2004
        return Uploaded(reference=path)
    return _unclear(response, account)


def submit(submission: Submission) -> Flow[SubmitOutcome]:
    """Ask for a video: one request, paid for when it is accepted."""
    account = submission.account
    response = yield HttpRequest(
        method="POST",
        url=_url(account, ENDPOINTS[submission.spec.mode].path),
        headers=(*_headers(account), ("content-type", "application/json")),
        body=msgspec.json.encode(encode(submission)),
    )
    response = _wire.unkeyed(response, account)
    body = _wire.json_object(response.body)
    video_id = _wire.text(body, "video_id")
    # An answer that names a video is no refusal, whatever its status.
    if not video_id and (refused := _refused(response, body)):
        return refused
    if response.status == 200 and video_id:  # noqa: PLR2004
        return Accepted(remote_id=video_id)
    return _unclear(response, account)


def encode(submission: Submission) -> dict[str, Any]:
    """The request body. `email` is always sent: without it the account is left to chance."""
    spec, account = submission.spec, submission.account
    body: dict[str, Any] = {
        "email": account.email,
        "model": spec.model if ENDPOINTS[spec.mode].names_model else None,
        "prompt": spec.prompt,
        "first_frame_path": submission.inputs.get(Role.FIRST_FRAME),
        "last_frame_path": submission.inputs.get(Role.LAST_FRAME),
        "duration": spec.seconds,
        "quality": spec.resolution,
        "aspect_ratio": spec.aspect_ratio,
        "seed": spec.seed,
        "replyUrl": submission.callback_url,
        "replyRef": submission.reference,
        "maxJobs": account.max_jobs,
    }
    return {name: value for name, value in body.items() if value is not None}


def poll(account: Account, remote_ids: Sequence[str]) -> Flow[Mapping[str, Sighting]]:
    """Look at all jobs with one list, then one by one at those that are not on it.

    `GET /videos/{id}` answers 404 while a video is still in the making.
    """
    response = yield HttpRequest(
        method="GET",
        url=_url(account, "videos/", email=account.email, limit=max(LIST_LIMIT, len(remote_ids))),
        headers=_headers(account),
    )
    listed = _wire.json_object(response.body)
    rows = listed.get("data") if listed and response.status == 200 else None  # noqa: PLR2004
    if not isinstance(rows, list):
        return dict.fromkeys(remote_ids, _unseen(response, account))
    by_id = {_wire.text(row, "video_id"): row for row in rows if isinstance(row, dict)}
    seen: dict[str, Sighting] = {}
    trouble: Unseen | None = None
    for remote_id in remote_ids:
        if row := by_id.get(remote_id):
            seen[remote_id] = sighting(row)
        elif VIDEO_ID.fullmatch(remote_id) is None:
            seen[remote_id] = Unseen(reason="not listed, and its id is none that can be asked for")
        elif trouble:
            seen[remote_id] = trouble
        else:
            # The id goes into the path as it is: percent-encoded it would not be found.
            alone = yield HttpRequest(
                method="GET", url=_url(account, f"videos/{remote_id}"), headers=_headers(account)
            )
            found = _wire.json_object(alone.body) if alone.status == 200 else None  # noqa: PLR2004
            if found is not None:
                seen[remote_id] = sighting(found)
            elif alone.status == 404:  # noqa: PLR2004
                seen[remote_id] = Unseen(reason="not listed yet")
            else:
                # Whoever is told to slow down, or off, does not ask for the others as well.
                seen[remote_id] = trouble = _unseen(alone, account)
    return seen


def sighting(video: Mapping[str, Any]) -> Sighting:
    """What one video object says.

    `video_status_final` is true for queued videos too, and `url` can be set on unfinished
    ones, so neither decides alone; the order of the tests does.
    """
    name = (_wire.text(video, "video_status_name") or "").upper()
    given = _wire.text(video, "video_status") or ""
    code = CODES.get(name, int(given) if given in NUMBERS else None)
    word = shorten(name or given, 100)
    final = video.get("video_status_final")
    if not word:
        return Unseen(reason="a video without a status")
    if code == COMPLETED:
        url = _wire.text(video, "url")
        return Finished(url=url) if url else Running(word=f"{word} without url")
    if code == MODERATED:
        return Failed(fault=Fault.MODERATED, words="PixVerse moderated this video")
    if code not in PENDING and (final is True or (code == FAILED and final is not False)):
        said = _wire.text(video, "errMsg", "err_msg", "error", "errCode")
        return Failed(
            fault=Fault.GENERATION_FAILED, words=shorten(f"{word}: {said}" if said else word)
        )
    return Running(word=word)


def receive(body: bytes) -> Hint:
    """The ids in a callback's body; `replyRef` stands at the top or under `response`."""
    parsed = _wire.json_object(body)
    inner = _wire.child(parsed, "response")
    video_id = _wire.text(parsed, "video_id") or _wire.text(inner, "video_id")
    return Hint(
        remote_id=video_id if video_id and VIDEO_ID.fullmatch(video_id) else None,
        reference=_wire.text(parsed, "replyRef") or _wire.text(inner, "replyRef"),
    )


def _headers(account: Account) -> tuple[tuple[str, str], ...]:
    return (
        ("authorization", f"Bearer {account.key.reveal()}"),
        ("accept", "application/json"),
    )


def _url(account: Account, path: str, **query: str | int | None) -> str:
    asked = {name: value for name, value in query.items() if value is not None}
    return f"{account.base_url}/{path}" + (f"?{urlencode(asked)}" if asked else "")


def _refused(response: HttpResponse, body: dict[str, Any] | None) -> Refused | None:
    said = body.get("error") if body else None
    if said is None:
        return None
    # Errors that are passed on from PixVerse can be objects: then the answer is the words.
    words = said if isinstance(said, str) else _wire.printable(response.body)
    for row in REFUSALS:
        if row.status == response.status and row.says in words:
            return Refused(
                fault=row.fault,
                scope=row.scope,
                retry=row.retry,
                words=shorten(words),
                status=response.status,
                wait_seconds=_wire.retry_after(response),
            )
    return None


def _unseen(response: HttpResponse, account: Account) -> Unseen:
    said = _wire.printable(_wire.unkeyed(response, account, always=True).body)
    return Unseen(
        reason=f"HTTP {response.status}: {shorten(said, 120)}",
        wait_seconds=_wire.retry_after(response),
    )


def _unclear(response: HttpResponse, account: Account) -> Unclear:
    said = _wire.printable(_wire.unkeyed(response, account, always=True).body)
    return Unclear(
        evidence=f"HTTP {response.status}: {shorten(said)}",
        status=response.status,
    )


ADAPTER: Final = Adapter(
    capabilities=CAPABILITIES, submit=submit, poll=poll, upload=upload, receive=receive
)
