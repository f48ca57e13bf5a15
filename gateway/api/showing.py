"""From a job to the document that its caller sees."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, assert_never

import msgspec

from gateway.api.views import (
    Applied,
    Estimate,
    Kind,
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
from gateway.storage.ledger import Rest
from providers.contract import Role

STILLS: Final[Mapping[str, Which]] = MappingProxyType(
    {"thumbnail": "first", "first_frame": "first", "last_frame": "last"}
)
"""Stills of a finished video: the frame of the film that each one is."""

_CHOSEN: Final = ("seconds", "aspect_ratio", "resolution", "motion_mode", "remove_watermark")
"""What a model has a default for."""


def video(
    job: Job, history: Sequence[Moment] = (), queue: Queue | None = None, *, money: Money
) -> Video:
    """The public view of a job."""
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
        expires_at=None,
        prompt=job.request.prompt,
        seconds=str(spec.seconds) if spec.seconds else None,
        size=_size(job.result, spec.aspect_ratio, spec.resolution),
        aspect_ratio=spec.aspect_ratio,
        resolution=spec.resolution,
        seed=job.request.seed,
        error=_error(job.error),
        remixed_from_video_id=_extended(job.request),
        provider=job.choice.provider if job.choice else None,
        account=job.account,
        upstream_id=job.remote_id,
        attempts=job.attempts,
        applied=_applied(settled, job.request) if settled else None,
        inputs=tuple(_input(one, job.kept.get(one.pointer)) for one in job.request.given),
        queue=queue,
        price=_price(settled, money),
        usage=_usage(job, money),
        output=_output(job.result, path),
        callback_url=job.request.callback_url,
        metadata=job.request.metadata,
        urls={
            "self": path,
            "content": f"{path}/content",
            **{name: f"{path}/content?variant={name}" for name in STILLS},
        },
        timeline=tuple(map(_entry, history)),
    )


def encoded(job: Job, history: Sequence[Moment], money: Money) -> bytes:
    """The public view as JSON, as a client is told of it."""
    return msgspec.json.encode(video(job, history, money=money))


def line_reason(rests: Sequence[Rest] | None) -> str | None:
    """Why no account takes the job now, and until when."""
    if not rests:
        return None
    first = rests[0]
    until = datetime.fromtimestamp(first.until / SECOND, UTC).isoformat(timespec="seconds")
    return f"every account that could take it rests; {first.account} until {until}: {first.reason}"


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


def _error(error: JobError | None) -> VideoError | None:
    if error is None:
        return None
    return VideoError(code=error.code, message=error.message, blame=BLAMED.get(error.code))


def _entry(moment: Moment) -> TimelineEntry:
    at = datetime.fromtimestamp(moment.at / SECOND, UTC)
    return TimelineEntry(
        at=at.isoformat(timespec="milliseconds"),
        event=moment.event,
        phase=moment.phase,
        detail=moment.detail,
    )
