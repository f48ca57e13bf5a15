"""What came into a world from outside, in the order in which it came.

A world lives in steps. Each begins with something from outside: a request, a moment of time, an
answer that was waited for, a command. It ends where the world waits for the next such thing.
Within a step time stands still and the world's own state decides alone. Whoever plays the same
beginnings into a world with the same settings gets the same journal (`record.replay`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from mockserver.engine.clock import Clock

T = TypeVar("T")


class Input(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="what", tag=str.lower):
    """Something from outside."""

    at: float
    """Virtual seconds."""


class Named(Input, frozen=True, kw_only=True):
    """The world began, or went on as a fork, under this name."""

    name: str
    prefix: str


class Asked(Input, frozen=True, kw_only=True):
    """A request came in."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = {}
    """Those that hold no secret."""
    key: str | None = None
    """Another key that is answered like the one that was sent; None where it was none."""
    body: bytes = b""
    origin: str = ""


class Fell(Input, frozen=True, kw_only=True):
    """Something was due, and begun."""

    due: int


class Resumed(Input, frozen=True, kw_only=True):
    """What had been waited for was there."""

    wait: int
    result: Any = None


class Commanded(Input, frozen=True, kw_only=True):
    """Somebody told the mock to do something."""

    name: str
    given: Mapping[str, Any] = {}


class Began(Input, frozen=True, kw_only=True):
    """A hand began to move time."""


class Ended(Input, frozen=True, kw_only=True):
    """It came to its end."""

    line: int


class Paused(Input, frozen=True, kw_only=True):
    """A reply on its way waits for so many seconds."""

    seconds: float


AnyInput = Named | Asked | Fell | Resumed | Commanded | Began | Ended | Paused


class Tape:
    """The inputs of one world, for ever appended to."""

    def __init__(self, clock: Clock, inputs: Iterable[AnyInput] = (), waits: int = 0) -> None:
        self._clock = clock
        self.inputs: list[AnyInput] = list(inputs)
        self._name: tuple[str, str] | None = None
        self.waits = waits
        """How often something has been waited for."""

    def now(self) -> float:
        """When the step under way began."""
        return self._clock.now()

    def add(self, one: AnyInput) -> None:
        """Notes the beginning of a step."""
        self.inputs.append(one)

    def named(self, name: str, prefix: str) -> None:
        """Notes how the world is called from here on, without a look at the clock."""
        at = self.inputs[-1].at if self.inputs else 0.0
        if self._name != (name, prefix):
            self._name = (name, prefix)
            self.add(Named(at=at, name=name, prefix=prefix))

    def wait(self, work: Callable[[], Awaitable[T]], kind: Any) -> Coroutine[Any, Any, T]:
        """Waits for something outside of the world, and notes what came and when.

        Its place among those who wait is that of the call, not of the first look at it.

        Args:
            work: begins it.
            kind: the type of what comes, which must be plain data.
        """
        _ = kind
        return self._waited(self._next_wait(), work)

    async def _waited(self, number: int, work: Callable[[], Awaitable[T]]) -> T:
        result = await work()
        self.add(Resumed(at=self.now(), wait=number, result=result))
        return result

    async def again(self, work: Callable[[], Awaitable[T]]) -> T:
        """The same for what a replay can make anew, so that it need not be kept."""
        number = self._next_wait()
        try:
            return await work()
        except asyncio.CancelledError:
            number = 0
            raise
        finally:
            if number:
                self.add(Resumed(at=self.now(), wait=number))

    def _next_wait(self) -> int:
        self.waits += 1
        return self.waits

    def fork(self, clock: Clock) -> "Tape":
        """The same inputs, to be continued separately."""
        tape = Tape(clock, self.inputs, self.waits)
        tape._name = self._name
        return tape
