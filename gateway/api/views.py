"""The documents of `/v1/videos`: OpenAI's members with OpenAI's types, ours beside them."""

from typing import Final, Literal, TypeAlias

import msgspec

from gateway.api.listing import Listing
from gateway.model.blame import Blamed
from gateway.model.phases import Phase, Status
from gateway.storage.orphans import Reason
from gateway.storage.states import State
from providers.contract import Mode, OptionValue

Kind: TypeAlias = Literal["url", "file", "frame", "video", "inline"]

POLL_AFTER_MS: Final = 2000
"""What OpenAI's clients are told to wait between two looks; a look costs no provider call."""


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """The place of a waiting job: 1 is next. `reason` says why the line stands still.

    It is null where the line moves, or waits for a slot only.
    """

    position: int
    reason: str | None


class Eta(msgspec.Struct, frozen=True, kw_only=True):
    """When the video will most likely be finished, and when at the earliest and the latest.

    Seconds since 1970; learned from how long videos of its kind took.
    """

    at: int
    earliest: int
    latest: int


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the provider, to the last default.

    null stands where the model has no such field. `seed`, `negative_prompt` and `options`
    are as the caller gave them; `defaults` names what the gateway chose because the caller
    did not say; `unused` holds `provider_options` that were for other providers.
    """

    target: str
    mode: Mode
    seconds: int
    aspect_ratio: str | None
    resolution: str | None
    motion_mode: str | None
    remove_watermark: bool | None
    seed: int | None
    negative_prompt: str | None
    options: dict[str, OptionValue]
    unused: dict[str, dict[str, OptionValue]]
    defaults: tuple[str, ...]


class VideoInput(msgspec.Struct, frozen=True, kw_only=True):
    """A picture or film that the video is made from.

    `field` is its JSON pointer in the request. `kind` says which of the others tell more:
    `url`; `file` has `file_id`; `frame` has `video` and `frame`; `video` has `video`;
    `inline` came inside the request. `sha256` is of the bytes, once the gateway keeps them.
    """

    field: str
    kind: Kind
    url: str | None = None
    file_id: str | None = None
    video: str | None = None
    frame: Literal["first", "last"] | None = None
    sha256: str | None = None


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What the video will cost: whole `unit`s of the provider's, and `money` where configured.

    `credits` is the same amount in the provider's credits, `money` a decimal amount of
    `currency`. `estimated` says that the price list is not the provider's own, but the
    nearest one published.
    """

    amount: int
    unit: str
    credits: str | None
    money: str | None
    currency: str | None
    estimated: bool


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider says it charged, told as in `price`."""

    amount: int
    unit: str
    credits: str | None
    money: str | None
    currency: str | None


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """The finished video. `url` is relative to the gateway; sizes are pixels and bytes."""

    url: str
    media_type: str
    bytes: int
    duration_ms: int
    width: int
    height: int
    sha256: str


class VideoError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a video failed, or is held up. `blame` says whose move it is, null where unknown."""

    code: str
    message: str
    blame: Blamed | None


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to the job, at an RFC 3339 time.

    `event` is what moved it, or one of `created`, `called_back`, `orphaned` (its film, or
    another one, was paid for and is nobody's), `notice_delivered` and `notice_given_up`.
    """

    at: str
    event: str
    phase: Phase
    detail: str


class AttemptEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """One try to submit the job, and what is known of it.

    `upstream_id` is the provider's id of it, `claimed_id` one that was only heard of.
    `looks` are the whole searches in a row that missed it. Times are seconds since 1970.
    """

    n: int
    id: str
    account: str
    target: str
    state: State
    upstream_id: str | None
    claimed_id: str | None
    evidence: str | None
    sent_at: int | None
    ended_at: int | None
    looks: int
    replica: str | None


class Orphaned(msgspec.Struct, frozen=True, kw_only=True):
    """A job at a provider that was paid for and whose film nobody gets.

    `url` leads to the film for as long as the provider keeps it.
    """

    id: str
    account: str
    upstream_id: str
    video_id: str
    attempt_id: str
    reason: Reason
    detail: str
    url: str | None
    found_at: int


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator decides by: whose job it is, its attempts, and what became of them."""

    owner: str
    attempts: tuple[AttemptEvidence, ...]
    orphans: tuple[Orphaned, ...]


class Video(msgspec.Struct, frozen=True, kw_only=True):
    """A video, wanted or made.

    `status` is one of OpenAI's four words; `phase` is the finer truth. Times are seconds
    since 1970. `model` is the target chosen, or what was asked for while none is. `size`
    and `seconds` tell what will come as soon as that is known. `applied` and `price` are
    null until a target is settled. `expires_at` is when the film may be removed, null until
    there is one and where the gateway keeps films for ever. `remixed_from_video_id` is the
    video this one extends. `eta` is null where nothing is known yet of how long such videos
    take, and `evidence` for all but operators.
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
    error: VideoError | None
    remixed_from_video_id: str | None
    provider: str | None
    account: str | None
    upstream_id: str | None
    attempts: int
    applied: Applied | None
    inputs: tuple[VideoInput, ...]
    queue: Queue | None
    eta: Eta | None
    price: Estimate | None
    usage: Usage | None
    output: Output | None
    callback_url: str | None
    metadata: dict[str, str]
    urls: dict[str, str]
    timeline: tuple[TimelineEntry, ...]
    evidence: Evidence | None


class VideoList(Listing[Video], frozen=True, kw_only=True):
    """A page of videos."""


class VideoDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """The video is gone."""

    id: str
    object: Literal["video.deleted"] = "video.deleted"
    deleted: Literal[True] = True
