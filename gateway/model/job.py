"""A job and its attempts, as they stand in the database at one moment."""

import msgspec

from gateway.model.inputs import StoredInput
from gateway.model.phases import Phase
from gateway.model.request import CreateVideo
from gateway.model.strategy import Strategy
from providers.contract import Price, VideoSpec


class JobError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a job failed or is held up: our stable code, and words (the provider's, if any)."""

    code: str
    message: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The finished video in our own store.

    `digest` is the SHA-256 of its bytes and its name on disk; `duration_ms` and the size in
    pixels were read from the file itself.
    """

    digest: str
    media_type: str
    bytes: int
    duration_ms: int
    width: int
    height: int


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One way to serve a job: a provider, and the spec with that model's defaults filled in.

    `price` is what the provider's list asks for it, None where there is no list; `estimated`
    where the list is another's. Choices of one `tier` are equals to a strategy that chooses
    when a slot is given; a higher tier is for when no slot of a lower one is free.
    """

    provider: str
    spec: VideoSpec
    price: Price | None = None
    estimated: bool = False
    tier: int = 0

    @property
    def target(self) -> str:
        """`provider/model`."""
        return f"{self.provider}/{self.spec.model}"

    @property
    def kind(self) -> str:
        """What decides how long it takes: target, mode, length and resolution."""
        spec = self.spec
        return f"{self.target} {spec.mode.value} {spec.seconds}s {spec.resolution or ''}".rstrip()


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One video in the making. Times are microseconds since 1970, UTC.

    `choices` were frozen when the job was accepted, in the order of its route; `chosen` is
    the one whose attempt is current. `due_at` is when the engine next has something to do.
    `attempts` are the submissions that were sent, or may have been; `turned_away` counts how
    often an account or a provider could not take it, and puts it behind those not tried.
    `kept` holds, by the JSON pointer of an input, the file that was made or fetched for it;
    after `start_by` a job that still waits fails. `priority` orders the owner's own jobs, 0
    before 1; `progressed_at` is when the provider was last seen to get on, with `word`.
    """

    id: str
    owner: str
    phase: Phase
    request: CreateVideo
    choices: tuple[Choice, ...]
    created_at: int
    updated_at: int
    due_at: int | None
    kept: dict[str, StoredInput] = {}
    start_by: int | None = None
    turned_away: int = 0
    priority: int = 1
    strategy: Strategy = Strategy.PRIORITY
    deadline_at: int | None = None
    completed_at: int | None = None
    attempt_id: str | None = None
    attempts: int = 0
    account: str | None = None
    chosen: int | None = None
    remote_id: str | None = None
    remote_url: str | None = None
    progress: int = 0
    failures: int = 0
    error: JobError | None = None
    progressed_at: int | None = None
    word: str | None = None
    cost: Price | None = None
    result: Result | None = None

    @property
    def choice(self) -> Choice | None:
        """The way chosen for the current attempt, None while the job waits."""
        return None if self.chosen is None else self.choices[self.chosen]


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a job's history."""

    at: int
    event: str
    phase: Phase
    detail: str = ""
