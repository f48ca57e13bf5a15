"""Jobs: the phases as one table, the order a provider gives, and the store of all jobs."""

from collections.abc import Iterator, Mapping
from copy import copy
from enum import StrEnum
from itertools import islice
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


class Source(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A picture or film the job starts from: bytes already here, or a URL to fetch."""

    role: Role
    url: str = ""
    data: bytes | None = None


class Callback(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Whom to tell, and how often."""

    url: str
    progress: bool = False
    """Calls on the way too, not only at the end."""


class Order(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Everything a provider asks of the engine for one accepted request."""

    id: str
    """The provider's own job id, as its wire prints it."""
    key: str
    """The digest of the request that made it: the same whatever came before."""
    intent: str = ""
    """The same for a request that asks for the same once more."""
    cause: int | None = None
    """The journal's line of that request."""
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
    """Scheme and authority in front of the media links, without the world's own part."""
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
        return f"{self.provider}-{self.key}"


class Failure(msgspec.Struct, frozen=True, gc=False):
    """Why a job did not complete."""

    kind: FailureKind
    message: str


class Parcel(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A callback ready to be sent: it tells of the moment it was packed."""

    provider: str
    job: str
    url: str
    body: object
    phase: str
    how: str = ""
    """What is odd about it, for the journal."""
    cause: int | None = None
    faults: tuple[str, ...] = ()


class Job(msgspec.Struct, kw_only=True, gc=False):
    """One accepted order and how far it got; times are in virtual seconds."""

    order: Order
    number: int = 0
    """The how-manieth of its world it is, from 1 on."""
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
    line: int | None = None
    """The journal's last line about it, which is the cause of the next."""
    held: tuple[Parcel, ...] = ()
    """Callbacks that are to be sent after the next one."""
    early: tuple[str, ...] = ()
    """The faults that make it live before its submit is answered, while they do."""

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
        self._aliases: dict[str, Job] = {}
        self._aliased = 0
        self._flying: dict[tuple[str, str], dict[str, Job]] = {}

    def __iter__(self) -> Iterator[Job]:
        return iter(tuple(self._jobs.values()))

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, job: Job) -> None:
        """Keeps a new job and takes a slot of its account."""
        order = job.order
        job.number = len(self._jobs) + 1
        self._jobs[order.provider, order.id] = job
        self._flying.setdefault((order.provider, order.account), {})[order.id] = job

    def land(self, job: Job) -> None:
        """Frees the slot of a job that has ended or is no longer tracked."""
        self._flying[job.order.provider, job.order.account].pop(job.id, None)

    def get(self, provider: str, job_id: str) -> Job | None:
        """One job by its provider's id."""
        return self._jobs.get((provider, job_id))

    def of(self, provider: str) -> list[Job]:
        """A provider's jobs, newest first."""
        return [job for (name, _), job in reversed(self._jobs.items()) if name == provider]

    def in_flight(self, provider: str, account: str) -> tuple[Job, ...]:
        """The jobs that hold a slot of the account, oldest first."""
        return tuple(self._flying.get((provider, account), {}).values())

    def find(self, name: str) -> Job | None:
        """One job by its id at whichever provider, its key, the stem of its files, or `job2`."""
        for job in islice(self._jobs.values(), self._aliased, None):
            order = job.order
            for alias in (f"job{job.number}", order.key, order.media_name, job.id):
                self._aliases[alias] = job
        self._aliased = len(self._jobs)
        return self._aliases.get(name)

    def fork(self) -> "Jobs":
        """The same jobs, each as it stands, to live on separately."""
        jobs = Jobs()
        copies = {key: copy(job) for key, job in self._jobs.items()}
        jobs._jobs = copies
        jobs._flying = {
            account: {name: copies[account[0], name] for name in flying}
            for account, flying in self._flying.items()
        }
        return jobs
