"""A test's world: its name, its settings, its clock and its end."""

import contextlib
import difflib
import hashlib
from collections.abc import Iterator

import msgspec
import pytest

from mockserver import naming
from mockserver.engine.clock import EPOCH
from mockserver.engine.jobs import Job
from mockserver.engine.journal import Event
from mockserver.settings import Settings
from mockserver.testing.fixtures import world_of_loop
from mockserver.ways.portal import portal
from mockserver.world import UNTIL_SECONDS, World


def name_of(nodeid: str) -> str:
    """What the world of a test is called, in every run alike."""
    return f"t{hashlib.sha256(nodeid.encode()).hexdigest()[:10]}"


def settings_of(item: pytest.Item) -> Settings:
    """What a test's marks ask for; the closest one counts.

    Raises:
        pytest.UsageError: there is no such setting, or it cannot be that.
    """
    given: dict[str, object] = {"clock": "frozen"}
    if world_of_loop(item):
        given = {"clock": "real", "epoch": EPOCH}
    for mark in reversed(list(item.iter_markers("world"))):
        given |= mark.kwargs
        if mark.args:
            raise pytest.UsageError("mark.world takes settings by name, such as seed=7")
    for name in given:
        if name not in Settings.__struct_fields__:
            close = difflib.get_close_matches(name, Settings.__struct_fields__, 1)
            hint = f"did you mean {close[0]!r}?" if close else "see mockserver.Settings"
            raise pytest.UsageError(f"mark.world: there is no setting {name!r}; {hint}")
    try:
        return msgspec.convert(msgspec.to_builtins(given), Settings)
    except ValueError as fault:
        raise pytest.UsageError(f"mark.world: {fault}") from None


@contextlib.contextmanager
def opened(item: pytest.Item) -> Iterator[World]:
    """The world of a test, closed at its end."""
    name, settings = name_of(item.nodeid), settings_of(item)
    try:
        world = World(name, settings, prefix=naming.prefix_of(name))
    except ValueError as fault:
        raise pytest.UsageError(f"mark.world: {fault}") from None
    try:
        yield world
    finally:
        portal().call(world.aclose)
        portal().call(world.outside.aclose)


class AwaitedClock:
    """The clock of a world for tests that await; `World.sync` is its sister for those that do not.

    Each move of time returns what happened, when all that fell due has settled.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def now(self) -> float:
        """Virtual seconds since the world began."""
        return self._world.clock.now()

    async def advance(self, seconds: float) -> tuple[Event, ...]:
        """Moves time."""
        return await self._world.advance(seconds)

    async def advance_until(
        self, job: str | Job, phase: str = "ended", *, limit: float = UNTIL_SECONDS
    ) -> tuple[Event, ...]:
        """Moves time until a job has reached a phase.

        Raises:
            KeyError: there is no such job.
            NeverError: it does not come to that.
        """
        return await self._world.advance_until(job, phase, limit=limit)

    async def run_until_idle(self, *, limit: float = UNTIL_SECONDS) -> tuple[Event, ...]:
        """Moves time until nothing is due any more.

        Raises:
            NeverError: something is still due after `limit` virtual seconds.
        """
        return await self._world.run_until_idle(limit=limit)
