"""A job as its caller sees it: OpenAI's members with OpenAI's types, ours beside them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from gateway.model.clock import SECOND
from gateway.model.job import Job, JobError, Moment
from gateway.model.phases import STATUS, Phase, Status
from gateway.storage.ledger import Rest
from providers.contract import Price

POLL_AFTER_MS: Final = 2000
"""What OpenAI's clients are told to wait between two looks; a look costs no provider call."""


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """The place of a waiting job: 1 is next. `reason` says why the line stands still.

    It is null where the line moves, or waits for a slot only.
    """

    position: int
    reason: str | None


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """The finished video. `url` is relative to the gateway; sizes are pixels and bytes."""

    url: str
    media_type: str
    bytes: int
    duration_ms: int
    width: int
    height: int
    sha256: str


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to the job, at an RFC 3339 time."""

    at: str
    event: str
    phase: Phase
    detail: str


class Video(msgspec.Struct, frozen=True, kw_only=True):
    """A video, wanted or made.

    `status` is one of OpenAI's four words; `phase` is the finer truth. Times are seconds
    since 1970. `model` is the target chosen, or what was asked for while none is.
    """

    id: str
    object: Literal["video"] = "video"
    model: str
    status: Status
    phase: Phase
    progress: int
    created_at: int
    completed_at: int | None
    expires_at: int | None
    prompt: str | None
    seconds: str | None
    size: str | None
    aspect_ratio: str | None
    resolution: str | None
    seed: int | None
    error: JobError | None
    remixed_from_video_id: str | None
    provider: str | None
    account: str | None
    upstream_id: str | None
    attempts: int
    queue: Queue | None
    usage: Price | None
    output: Output | None
    metadata: dict[str, str]
    urls: dict[str, str]
    timeline: tuple[TimelineEntry, ...]


def line_reason(rests: Sequence[Rest] | None) -> str | None:
    """Why no account takes the job now, and until when."""
    if not rests:
        return None
    first = rests[0]
    until = datetime.fromtimestamp(first.until / SECOND, UTC).isoformat(timespec="seconds")
    return f"every account that could take it rests; {first.account} until {until}: {first.reason}"


def video(job: Job, history: Sequence[Moment], queue: Queue | None) -> Video:
    """The public view of a job."""
    spec = job.choice.spec if job.choice else None
    # With a single way to serve it the defaults are settled before a slot is.
    sole = job.choices[0].spec if len(job.choices) == 1 else spec
    seconds = sole.seconds if sole else job.request.seconds
    path = f"/v1/videos/{job.id}"
    output = None
    if job.result is not None:
        output = Output(
            url=f"{path}/content",
            media_type=job.result.media_type,
            bytes=job.result.bytes,
            duration_ms=job.result.duration_ms,
            width=job.result.width,
            height=job.result.height,
            sha256=job.result.digest,
        )
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
        seconds=str(seconds) if seconds else None,
        size=f"{output.width}x{output.height}" if output else None,
        aspect_ratio=sole.aspect_ratio if sole else job.request.aspect_ratio,
        resolution=sole.resolution if sole else job.request.resolution,
        seed=job.request.seed,
        error=job.error,
        remixed_from_video_id=None,
        provider=job.choice.provider if job.choice else None,
        account=job.account,
        upstream_id=job.remote_id,
        attempts=job.attempts,
        queue=queue,
        usage=job.cost,
        output=output,
        metadata=job.request.metadata,
        urls={"self": path, "content": f"{path}/content"},
        timeline=tuple(
            TimelineEntry(
                at=datetime.fromtimestamp(moment.at / SECOND, UTC).isoformat(
                    timespec="milliseconds"
                ),
                event=moment.event,
                phase=moment.phase,
                detail=moment.detail,
            )
            for moment in history
        ),
    )
