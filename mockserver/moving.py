"""A move of time as it stands in the journal."""

from mockserver.engine.core import Engine
from mockserver.engine.journal import Event, Moved
from mockserver.engine.tape import Began, Ended


class Moving:
    """Writes a move of time down, at its beginning, with how far it went.

    Args:
        engine: whose time it is, also if its world has begun anew meanwhile.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._start = 0.0
        self._n = 0
        self.happened: tuple[Event, ...] = ()
        """What happened on the way."""

    def __enter__(self) -> None:
        self._start = self._engine.clock.now()
        self._engine.tape.add(Began(at=self._start))
        self._n = self._engine.journal.next_number()

    def __exit__(self, *_: object) -> None:
        journal, now = self._engine.journal, self._engine.clock.now()
        self._engine.tape.add(Ended(at=now, line=self._n))
        seconds = round(now - self._start, 3)
        self.happened = journal.since(self._n)
        if seconds > 0:
            journal.write(Moved(n=self._n, at=self._start, seconds=seconds))
