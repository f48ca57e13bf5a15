"""Jobs: the phases as one table, the order a provider gives, and the store of all jobs."""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Literal

import msgspec


class Phase(StrEnum):
    """Where a job stands; providers translate it into their own words."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    MODERATED = "moderated"


LIFE: Mapping[Phase, frozenset[Phase]] = {
    Phase.QUEUED: frozenset({Phase.RUNNING}),
    Phase.RUNNING: frozenset({Phase.COMPLETED, Phase.FAILED, Phase.MODERATED}),
    Phase.COMPLETED: frozenset(),
    Phase.FAILED: frozenset(),
    Phase.MODERATED: frozenset(),
}

Role = Literal["first", "last", "reference", "extend"]

Quirk = Literal["queued-final", "odd-status"]
"""An oddity in what the provider says of a job, asked for by directive."""

FailureKind = Literal["generation", "input", "moderation", "credits"]


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A picture or film the job starts from: bytes already here, or a URL to fetch."""

    role: Role
    url: str = ""
    data: bytes | None = None


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to tell, how often and with which body."""

    url: str
    body: Callable[["Job"], object]
    progress: bool = False
    """Calls on the way too, not only at the end."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a provider asks of the engine for one accepted request."""

    id: str
    """The provider's own job id, as its wire prints it."""
    number: int
    provider: str
    account: str
    prompt: str
    params: Mapping[str, Any]
    """The request's fields with defaults filled in, for the provider's own answers."""
    cost: int
    unit: str
    width: int
    height: int
    seconds: int
    sources: tuple[Source, ...] = ()
    callback: Callback | None = None
    origin: str
    """Scheme and authority in front of the media links."""
    queue_seconds: float
    run_seconds: float
    fate: FailureKind | None = None
    """Why the job fails though its inputs can be read; None means it completes."""
    clean: bool = False
    """The result is deleted the moment it is there."""
    quirks: frozenset[Quirk] = frozenset()
    garbled_looks: int = 0
    """How many looks at the job are answered with a page that is no JSON."""

    @property
    def media_name(self) -> str:
        """The stem of the job's media files, safe in a path."""
        return f"{self.provider}-{self.number}"


class Failure(msgspec.Struct, frozen=True):
    """Why a job did not complete."""

    kind: FailureKind
    message: str


class Job(msgspec.Struct, kw_only=True):
    """One accepted order and how far it got; times are in virtual seconds."""

    order: Order
    accepted_at: float
    phase: Phase = Phase.QUEUED
    started_at: float | None = None
    ended_at: float | None = None
    failure: Failure | None = None
    material: tuple[Source, ...] = ()
    """The sources with their bytes; a source still without bytes is drawn from its URL."""
    tracked: bool = True
    """Holds a slot until it ends, and is told about."""
    cleaned: bool = False
    """The result has been deleted."""
    garbled: int = 0
    """How many looks at the job have been answered with a page so far."""

    @property
    def id(self) -> str:
        """The provider's own job id."""
        return self.order.id

    @property
    def ended(self) -> bool:
        """Nothing follows this phase."""
        return not LIFE[self.phase]

    def garbles(self) -> bool:
        """Whether this look at the job is to be answered with a page; counts it if so."""
        if self.garbled >= self.order.garbled_looks:
            return False
        self.garbled += 1
        return True

    def progress(self, now: float) -> int:
        """Percent done: 0 while queued, at most 99 until the end, 100 at any end."""
        if self.ended:
            return 100
        if self.started_at is None:
            return 0
        elapsed = now - self.started_at
        if elapsed >= self.order.run_seconds:
            return 99
        return min(99, int(elapsed / self.order.run_seconds * 100))

    def move(self, phase: Phase) -> None:
        """Goes to the next phase.

        Raises:
            ValueError: the table of phases has no such step; nothing is changed.
        """
        if phase not in LIFE[self.phase]:
            raise ValueError(f"{self.id} cannot go from {self.phase} to {phase}")
        self.phase = phase


class Jobs:
    """All jobs in order of acceptance, and who is in flight where."""

    def __init__(self) -> None:
        self._jobs: dict[tuple[str, str], Job] = {}
        self._names: dict[str, Job] = {}
        self._flying: dict[tuple[str, str], dict[str, Job]] = {}

    def __iter__(self) -> Iterator[Job]:
        return iter(tuple(self._jobs.values()))

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, job: Job) -> None:
        """Keeps a new job and takes a slot of its account."""
        order = job.order
        self._jobs[order.provider, order.id] = job
        self._names[order.media_name] = job
        self._flying.setdefault((order.provider, order.account), {})[order.id] = job

    def land(self, job: Job) -> None:
        """Frees the slot of a job that has ended or is no longer tracked."""
        self._flying[job.order.provider, job.order.account].pop(job.id, None)

    def get(self, provider: str, job_id: str) -> Job | None:
        """One job by its provider's id."""
        return self._jobs.get((provider, job_id))

    def named(self, media_name: str) -> Job | None:
        """One job by the stem of its media files."""
        return self._names.get(media_name)

    def of(self, provider: str) -> list[Job]:
        """A provider's jobs, newest first."""
        return [job for (name, _), job in reversed(self._jobs.items()) if name == provider]

    def in_flight(self, provider: str, account: str) -> tuple[Job, ...]:
        """The jobs that hold a slot of the account, oldest first."""
        return tuple(self._flying.get((provider, account), {}).values())
