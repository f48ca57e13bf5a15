"""A move of time as it stands in the journal."""

from typing import TYPE_CHECKING, Self

from mockserver.engine.journal import Event, Moved
from mockserver.engine.tape import Began, Ended

if TYPE_CHECKING:
    from mockserver.world import World


class Moving:
    """Writes a move of time down, at its beginning, with how far it went."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._start = world.clock.now()
        world.engine.tape.add(Began(at=self._start))
        self._n = world.journal.next_number()
        self.happened: tuple[Event, ...] = ()
        """What happened on the way."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        journal, now = self._world.journal, self._world.clock.now()
        self._world.engine.tape.add(Ended(at=now, line=self._n))
        seconds = round(now - self._start, 3)
        self.happened = journal.since(self._n)
        if seconds > 0:
            journal.write(Moved(n=self._n, at=self._start, seconds=seconds))
