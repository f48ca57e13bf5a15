"""What every stage of the engine works with, put together once by the composition root."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, TypeVar

from gateway.engine.links import Links
from gateway.engine.room import Room
from gateway.engine.sharing import Locks, Shared, Turns
from gateway.model.clock import SECOND, Clock
from gateway.model.ids import new_id
from gateway.model.job import Job, Moment
from gateway.net import Upstream
from gateway.net.upstream import IN_FLIGHT
from gateway.observe.phases import phase_changed
from gateway.routing.memory import Weighings
from gateway.routing.routes import Routes
from gateway.storage import Connection, Database, StorageError
from gateway.storage.jobs import Change
from gateway.storage.media import MediaStore, Pins
from providers.contract import Account, Adapter, Secret

T = TypeVar("T")

CALLS: Final = 8
"""Requests that an account has under way at a time, submissions and uploads not counted."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often and how long a job is watched.

    Attributes:
        poll_seconds: Between two looks; None takes each provider's own pace.
        deadline_seconds: After submission, when a job becomes `needs_attention`.
        rest_seconds: How long an account rests that cannot work until somebody mends it.
        max_media_bytes: A larger result is refused.
        stalled_seconds: Without progress for so long a job becomes `needs_attention`.
        settle_seconds: How long after it was sent a lost submission may be taken as not made.
        lease_seconds: A replica that was not seen for so long is taken to be gone.
        retention_seconds: How long videos that have ended are kept; None for ever.
    """

    poll_seconds: float | None = None
    deadline_seconds: float = 1800.0
    rest_seconds: float = 300.0
    max_media_bytes: int = 2 * 1024**3
    stalled_seconds: float = 1200.0
    settle_seconds: float = 600.0
    lease_seconds: float = 15.0
    retention_seconds: float | None = None

    @property
    def retention(self) -> int | None:
        """How long videos that have ended are kept, in microseconds; None for ever."""
        kept = self.retention_seconds
        return None if kept is None else round(kept * SECOND)


@dataclass(frozen=True, kw_only=True)
class Tools:
    """The engine's surroundings; every one of them can be replaced in a test.

    Attributes:
        render: The public JSON document of a job, as notices carry it.
        webhook_secret: What notices are signed with; unsigned without.
        uploads: One upload at a time for each account and picture.
        cutting: One child process for each still that is wanted.
        children: How many of them at a time.
        heavy: How many films are in memory at a time, on their way to providers.
        replica: The name of this process among those that share the database.
        host: The machine it runs on, for people.
        wall: The time as others have it, where that may not be what `clock` shows.
        follow: Told the database's time, for a clock that replicas share.
        searches: One search of an account at a time, for all that are to be looked for.
        lanes: How many requests besides submissions an account has under way.
        paid: How many submissions it has under way.
        room: How much of the media's disk is left.
        weighings: What the routes said of requests like this one.
    """

    database: Database
    media: MediaStore
    upstream: Upstream
    clock: Clock
    rng: Random
    sleep: Callable[[float], Awaitable[None]]
    adapters: Mapping[str, Adapter]
    accounts: Mapping[str, Account]
    routes: Routes
    links: Links | None
    pace: Pace
    render: Callable[[Job, Sequence[Moment]], bytes]
    webhook_secret: Secret | None = None
    uploads: Locks = field(default_factory=Locks)
    cutting: Shared[Path] = field(default_factory=Shared)
    children: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    heavy: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    replica: str = field(default_factory=lambda: new_id("rep"))
    host: str = field(default_factory=socket.gethostname)
    wall: Callable[[], int] | None = None
    follow: Callable[[int], None] = lambda _: None
    searches: Turns[Job] = field(default_factory=Turns)
    lanes: dict[str, asyncio.Semaphore] = field(default_factory=dict)
    paid: dict[str, asyncio.Semaphore] = field(default_factory=dict)
    room: Room = field(default_factory=Room)
    weighings: Weighings = field(default_factory=Weighings)

    def stamp(self) -> int:
        """The time by which others will judge what is dated now, in microseconds."""
        return self.clock.now() if self.wall is None else self.wall()

    def deadline(self) -> int:
        """When a job submitted now is overdue."""
        return self.clock.now() + round(self.pace.deadline_seconds * SECOND)

    @property
    def rest(self) -> int:
        """How long an account rests that cannot work, in microseconds."""
        return round(self.pace.rest_seconds * SECOND)

    @property
    def stalled(self) -> int:
        """Without progress for so long a job needs attention, in microseconds."""
        return round(self.pace.stalled_seconds * SECOND)

    @property
    def settle(self) -> int:
        """How long a lost submission is looked for at least, in microseconds."""
        return round(self.pace.settle_seconds * SECOND)

    @property
    def lease(self) -> int:
        """How long a replica may be silent, in microseconds."""
        return round(self.pace.lease_seconds * SECOND)

    @property
    def retention(self) -> int | None:
        """How long videos that have ended are kept, in microseconds; None for ever."""
        return self.pace.retention

    def calls(self, account: str) -> asyncio.Semaphore:
        """A turn among the account's requests, of which only so many are under way at a time."""
        return self.lanes.setdefault(account, asyncio.Semaphore(CALLS))

    def submissions(self, account: str) -> asyncio.Semaphore:
        """A turn among the account's submissions, as many at a time as there are connections."""
        return self.paid.setdefault(account, asyncio.Semaphore(IN_FLIGHT))

    def poll_seconds(self, provider: str) -> float:
        """Seconds between two looks at a job of this provider."""
        own = self.adapters[provider].capabilities.poll_seconds
        return float(own) if self.pace.poll_seconds is None else self.pace.poll_seconds

    def pins(self) -> Pins:
        """A block in which files are kept that no row needs yet; see `Pins`."""
        return self.media.pins(self.database.afterwards)

    async def persist(self, run: Callable[[Connection], T]) -> T:
        """Write what must not be lost: tried until the database takes it.

        What was learnt from a provider exists nowhere else yet, so a full disk or a locked
        file delays it and never drops it.
        """
        while True:
            try:
                return await self.database.write(run)
            except StorageError:
                await self.sleep(1.0)

    async def moved(self, run: Callable[[Connection], Change | None]) -> bool:
        """Persist a move and log it; False where the job had moved on already."""
        change = await self.persist(run)
        if change is None:
            return False
        log_change(change)
        return True


def log_change(change: Change) -> None:
    """The canonical log line of a move; for after its commit."""
    phase_changed(
        job=change.job_id,
        before=change.left.value,
        after=change.entered.value,
        event=change.event.value,
        attempt=change.attempt_id,
        account=change.account,
        detail=change.detail or None,
    )
