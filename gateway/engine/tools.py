"""What every stage of the engine works with, put together once by the composition root."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TypeVar

from gateway.engine.links import Links
from gateway.engine.sharing import Locks, Shared
from gateway.model.clock import SECOND, Clock
from gateway.model.job import Job, Moment
from gateway.net import Upstream
from gateway.observe.phases import phase_changed
from gateway.routing.routes import Routes
from gateway.storage import Connection, Database, StorageError
from gateway.storage.jobs import Change
from gateway.storage.media import MediaStore, Pins
from providers.contract import Account, Adapter, Secret

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often and how long a job is watched.

    Attributes:
        poll_seconds: Between two looks; None takes each provider's own pace.
        deadline_seconds: After submission, when a job becomes `needs_attention`.
        rest_seconds: How long an account rests that cannot work until somebody mends it.
        max_media_bytes: A larger result is refused.
    """

    poll_seconds: float | None = None
    deadline_seconds: float = 1800.0
    rest_seconds: float = 300.0
    max_media_bytes: int = 2 * 1024**3


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

    def deadline(self) -> int:
        """When a job submitted now is overdue."""
        return self.clock.now() + round(self.pace.deadline_seconds * SECOND)

    @property
    def rest(self) -> int:
        """How long an account rests that cannot work, in microseconds."""
        return round(self.pace.rest_seconds * SECOND)

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
