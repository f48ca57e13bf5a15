"""A world for code that does not await: its clock, moved by plain calls."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from mockserver.ways.portal import move_in, portal

if TYPE_CHECKING:
    from mockserver.engine.jobs import FailureKind, Job
    from mockserver.engine.journal import Event
    from mockserver.world import World

T = TypeVar("T")


class SyncWorld:
    """What of a world is awaited, as calls that return when it is done; see `World`.

    They work with and without a running event loop. Where one is running they hold it up. From the
    first call on the world lives in a thread of its own.
    """

    def __init__(self, world: "World") -> None:
        self._world = world

    def _call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        move_in(self._world)
        return portal().call(work)

    @property
    def now(self) -> float:
        """Virtual seconds since the world began."""
        return self._world.clock.now()

    def advance(self, seconds: float) -> "tuple[Event, ...]":
        """Moves time; returns what happened, when all that fell due has settled."""
        return self._call(lambda: self._world.advance(seconds))

    def advance_until(
        self, job: "str | Job", phase: str = "ended", *, limit: float | None = None
    ) -> "tuple[Event, ...]":
        """Moves time until a job has reached a phase; returns what happened."""
        more = {} if limit is None else {"limit": limit}
        return self._call(lambda: self._world.advance_until(job, phase, **more))

    def run_until_idle(self, *, limit: float | None = None) -> "tuple[Event, ...]":
        """Moves time until nothing is due any more; returns what happened."""
        more = {} if limit is None else {"limit": limit}
        return self._call(lambda: self._world.run_until_idle(**more))

    def finish(self, job: str, failure: "FailureKind | None" = None) -> None:
        """Ends a job now, well or with a failure."""
        self._call(lambda: self._world.finish(job, failure))

    def reset(self) -> None:
        """Forgets everything."""
        self._call(self._world.reset)

    def close(self) -> None:
        """Stops what is under way."""
        self._call(self._world.aclose)
