"""From a job to the document that its caller sees."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, assert_never

import msgspec

from gateway.api.masking import Mask
from gateway.api.views import (
    Applied,
    AttemptEvidence,
    Estimate,
    Eta,
    Evidence,
    Kind,
    Orphaned,
    Output,
    Queue,
    TimelineEntry,
    Usage,
    Video,
    VideoError,
    VideoInput,
)
from gateway.model.blame import BLAMED
from gateway.model.clock import SECOND
from gateway.model.eta import Eta as Expected
from gateway.model.inputs import (
    FileInput,
    FrameInput,
    Given,
    InlineInput,
    StoredInput,
    UrlInput,
    Which,
)
from gateway.model.inputs import VideoInput as WholeVideo
from gateway.model.job import Choice, Job, JobError, Moment, Result
from gateway.model.phases import STATUS
from gateway.model.request import CreateVideo
from gateway.model.sizes import pixels
from gateway.routing.money import Money
from gateway.storage.accounts import FOREVER
from gateway.storage.ledger import Attempt
from gateway.storage.orphans import Orphan
from gateway.storage.standings import Rest
from providers.contract import Role

STILLS: Final[Mapping[str, Which]] = MappingProxyType(
    {"thumbnail": "first", "first_frame": "first", "last_frame": "last"}
)
"""Stills of a finished video: the frame of the film that each one is."""

_CHOSEN: Final = ("seconds", "aspect_ratio", "resolution", "motion_mode", "remove_watermark")
"""What a model has a default for."""


def video(
    job: Job,
    history: Sequence[Moment] = (),
    queue: Queue | None = None,
    eta: Eta | None = None,
    evidence: Evidence | None = None,
    *,
    money: Money,
    mask: Mask,
    retention: int | None,
) -> Video:
    """The view of a job, its words and ids as `mask` lets them be seen.

    `retention` is how long videos that have ended are kept, in microseconds; None for ever.
    """
    # With a single way to serve it the target is settled before a slot is.
    settled = job.choices[0] if len(job.choices) == 1 else job.choice
    spec = settled.spec if settled else job.request
    path = f"/v1/videos/{job.id}"
    return Video(
        id=job.id,
        model=job.choice.target if job.choice else job.request.model,
        status=STATUS[job.phase],
        phase=job.phase,
        progress=job.progress,
        created_at=job.created_at // SECOND,
        completed_at=None if job.completed_at is None else job.completed_at // SECOND,
        expires_at=_expiry(job, retention),
        prompt=job.request.prompt,
        seconds=str(spec.seconds) if spec.seconds else None,
        size=_size(job.result, spec.aspect_ratio, spec.resolution),
        aspect_ratio=spec.aspect_ratio,
        resolution=spec.resolution,
        seed=job.request.seed,
        error=_error(job.error, mask),
        remixed_from_video_id=_extended(job.request),
        provider=job.choice.provider if job.choice else None,
        account=job.account,
        upstream_id=mask(job.remote_id) if job.remote_id else None,
        attempts=job.attempts,
        applied=_applied(settled, job.request) if settled else None,
        inputs=tuple(_input(one, job.kept.get(one.pointer)) for one in job.request.given),
        queue=queue,
        eta=eta,
        price=_price(settled, money),
        usage=_usage(job, money),
        output=_output(job.result, path),
        callback_url=job.request.callback_url,
        metadata=job.request.metadata,
        urls={
            "self": path,
            "cancel": f"{path}/cancel",
            "content": f"{path}/content",
            **{name: f"{path}/content?variant={name}" for name in STILLS},
        },
        timeline=tuple(_entry(moment, mask) for moment in history),
        evidence=evidence,
    )


def encoded(
    job: Job, history: Sequence[Moment], *, money: Money, mask: Mask, retention: int | None
) -> bytes:
    """The view as JSON, as a client is told of it."""
    return msgspec.json.encode(video(job, history, money=money, mask=mask, retention=retention))


def expected(eta: Expected | None) -> Eta | None:
    """When it will be finished, in seconds."""
    if eta is None:
        return None
    return Eta(
        at=eta.expected // SECOND, earliest=eta.earliest // SECOND, latest=eta.latest // SECOND
    )


def evidence_of(job: Job, attempts: Sequence[Attempt], orphans: Sequence[Orphan]) -> Evidence:
    """What an operator is shown besides."""
    return Evidence(
        owner=job.owner,
        attempts=tuple(map(_attempt, attempts)),
        orphans=tuple(map(orphaned, orphans)),
    )


def orphaned(orphan: Orphan) -> Orphaned:
    """A job at a provider that belongs to nobody, as operators see it."""
    return Orphaned(
        id=orphan.id,
        account=orphan.account,
        upstream_id=orphan.remote_id,
        video_id=orphan.job_id,
        attempt_id=orphan.attempt_id,
        reason=orphan.reason,
        detail=orphan.detail,
        url=orphan.url,
        found_at=orphan.found_at // SECOND,
    )


def line_reason(rests: Sequence[Rest] | None) -> str | None:
    """Why no account takes the job now, and until when."""
    if not rests:
        return None
    first = rests[0]
    if first.until >= FOREVER:
        return f"every account that could take it is paused; {first.account}: by the operator"
    until = datetime.fromtimestamp(first.until / SECOND, UTC).isoformat(timespec="seconds")
    return f"every account that could take it rests; {first.account} until {until}: {first.reason}"


def _expiry(job: Job, retention: int | None) -> int | None:
    """When the film may be gone; a job without one has nothing that could expire."""
    if retention is None or job.completed_at is None or job.result is None:
        return None
    return (job.completed_at + retention) // SECOND


def _size(result: Result | None, ratio: str | None, resolution: str | None) -> str | None:
    if result is not None:
        return f"{result.width}x{result.height}"
    return pixels(ratio, resolution) if ratio and resolution else None


def _applied(choice: Choice, request: CreateVideo) -> Applied:
    spec = choice.spec
    return Applied(
        target=choice.target,
        mode=spec.mode,
        seconds=spec.seconds,
        aspect_ratio=spec.aspect_ratio,
        resolution=spec.resolution,
        motion_mode=spec.motion_mode,
        remove_watermark=spec.remove_watermark,
        seed=spec.seed,
        negative_prompt=spec.negative_prompt,
        options=dict(spec.options),
        unused={
            name: options
            for name, options in request.provider_options.items()
            if name != choice.provider
        },
        defaults=tuple(
            name
            for name in _CHOSEN
            if getattr(request, name) is None and getattr(spec, name) is not None
        ),
    )


def _input(given: Given, kept: StoredInput | None) -> VideoInput:
    kind: Kind
    more: dict[str, Any] = {"sha256": kept.digest if kept else None}
    match given.value:
        case UrlInput(url=url):
            kind, more["url"] = "url", url
        case StoredInput(digest=digest, file_id=None):
            kind, more["sha256"] = "inline", digest
        case StoredInput(digest=digest, file_id=file_id):
            kind, more = "file", {"file_id": file_id, "sha256": digest}
        case FileInput(file_id=file_id):
            kind, more["file_id"] = "file", file_id
        case InlineInput():
            kind = "inline"
        case FrameInput(video=source, frame=frame):
            kind = "frame"
            more |= {"video": source, "frame": frame}
        case WholeVideo(video=source):
            kind, more["video"] = "video", source
        case _:
            assert_never(given.value)
    return VideoInput(field=given.pointer, kind=kind, **more)


def _extended(request: CreateVideo) -> str | None:
    sources = [one.source for one in request.given if one.role is Role.EXTEND]
    return sources[0] if sources else None


def _price(choice: Choice | None, money: Money) -> Estimate | None:
    if choice is None or choice.price is None:
        return None
    return Estimate(
        amount=choice.price.amount,
        unit=choice.price.unit,
        credits=money.in_credits(choice.price),
        money=money.of(choice.provider, choice.price),
        currency=money.currency,
        estimated=choice.estimated,
    )


def _usage(job: Job, money: Money) -> Usage | None:
    if job.cost is None:
        return None
    return Usage(
        amount=job.cost.amount,
        unit=job.cost.unit,
        credits=money.in_credits(job.cost),
        money=money.of(job.choice.provider, job.cost) if job.choice else None,
        currency=money.currency,
    )


def _output(result: Result | None, path: str) -> Output | None:
    if result is None:
        return None
    return Output(
        url=f"{path}/content",
        media_type=result.media_type,
        bytes=result.bytes,
        duration_ms=result.duration_ms,
        width=result.width,
        height=result.height,
        sha256=result.digest,
    )


def _error(error: JobError | None, mask: Mask) -> VideoError | None:
    if error is None:
        return None
    return VideoError(code=error.code, message=mask(error.message), blame=BLAMED.get(error.code))


def _attempt(attempt: Attempt) -> AttemptEvidence:
    return AttemptEvidence(
        n=attempt.n,
        id=attempt.id,
        account=attempt.account,
        target=attempt.target,
        state=attempt.state,
        upstream_id=attempt.remote_id,
        claimed_id=attempt.claimed_id,
        evidence=attempt.evidence,
        sent_at=None if attempt.sent_at is None else attempt.sent_at // SECOND,
        ended_at=None if attempt.ended_at is None else attempt.ended_at // SECOND,
        looks=attempt.looks,
        replica=attempt.replica,
    )


def _entry(moment: Moment, mask: Mask) -> TimelineEntry:
    at = datetime.fromtimestamp(moment.at / SECOND, UTC)
    return TimelineEntry(
        at=at.isoformat(timespec="milliseconds"),
        event=moment.event,
        phase=moment.phase,
        detail=mask(moment.detail),
    )
