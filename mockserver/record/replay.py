"""A world lived through once more, from its file, to the end or to any moment before.

Nothing goes out: receivers' answers and fetched inputs are those of the file. The clock stands
still between two inputs, so it makes no difference under which kind of clock they were recorded.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from mockserver.control import commands
from mockserver.engine.clock import Clock
from mockserver.engine.journal import Moved
from mockserver.engine.outside import Outside
from mockserver.engine.tape import (
    AnyInput,
    Asked,
    Began,
    Commanded,
    Ended,
    Fell,
    Named,
    Paused,
    Resumed,
    Tape,
)
from mockserver.media.store import MediaStore
from mockserver.record.worldfile import LOCAL, WorldFile, WorldFileError, outcome_of, read
from mockserver.registry import PROVIDERS
from mockserver.settings import Settings
from mockserver.wire.http import Request

if TYPE_CHECKING:
    from mockserver.engine.agenda import Due
    from mockserver.provider import Provider
    from mockserver.world import World

T = TypeVar("T")

log = logging.getLogger("mockserver")


class ReplayError(ValueError):
    """The past came out differently: the file is of another version, or was changed."""


class Player(Tape):
    """A tape that plays: what is waited for comes when, and as, it came at the time."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.fallen: dict[int, Due] = {}
        """What has fallen due so far, by its number."""
        self._gates: dict[int, asyncio.Future[Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy = 0
        self._quiet = asyncio.Event()

    def add(self, one: AnyInput) -> None:
        """Notes nothing, for all of it comes from a tape."""

    def wait(self, work: Callable[[], Awaitable[T]], kind: Any) -> Coroutine[Any, Any, T]:
        """Waits for the moment at which it came, and takes what came."""
        _ = work
        return self._taken(self._gate(), kind)

    async def _taken(self, gate: asyncio.Future[Any], kind: Any) -> Any:
        return msgspec.convert(await gate, kind)

    async def again(self, work: Callable[[], Awaitable[T]]) -> T:
        """Waits for the moment at which it came, and makes it anew."""
        await self._gate()
        return await work()

    def _gate(self) -> asyncio.Future[Any]:
        number = self._next_wait()
        self._gates[number] = future = asyncio.get_running_loop().create_future()
        self._rest()
        return future

    async def play(self, deed: Coroutine[Any, Any, object]) -> None:
        """Begins something and goes with it until it is done or waits."""
        self._work()
        task = asyncio.create_task(self._done(deed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await self._quiet.wait()

    async def go_on(self, number: int, result: object) -> None:
        """Lets something go on that waits, until it is done or waits again.

        Raises:
            ReplayError: it does not wait.
        """
        gate = self._gates.pop(number, None)
        if gate is None:
            raise ReplayError(f"nothing waits for answer {number} of the file")
        self._work()
        gate.set_result(result)
        await self._quiet.wait()

    async def _done(self, deed: Coroutine[Any, Any, object]) -> None:
        try:
            await deed
        except Exception as fault:  # noqa: BLE001 - so it did at the time, and the world went on
            log.debug("a step of the replay failed: %r", fault)
        finally:
            self._rest()

    def _work(self) -> None:
        self._busy += 1
        self._quiet.clear()

    def _rest(self) -> None:
        self._busy -= 1
        if not self._busy:
            self._quiet.set()

    async def aclose(self) -> None:
        """Leaves behind what still waits."""
        for gate in self._gates.values():
            gate.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def replay(
    data: bytes,
    *,
    until: float | None = None,
    outside: Outside | None = None,
    media: MediaStore | None = None,
    here: Settings | None = None,
) -> "World":
    """A world that has lived through what a file tells of; its clock is moved by hand from there.

    Requests and callbacks under way where it stops stay behind; inputs are fetched anew.

    Args:
        data: a world file.
        until: where to stop: a line of the journal as an `int`, once it is there; a moment in
            virtual seconds as a `float`. None plays everything, and checks what came out.
        outside: how callbacks of the time after travel.
        media: where rendered media are kept.
        here: settings of the place where the world is to live, such as the control API's token.

    Raises:
        WorldFileError: it is no world file that can be played.
        ReplayError: the journal came out differently.
    """
    file = read(data)
    world = _fresh(file, outside, media, here or Settings())
    player = Player(world.clock)
    world.engine.tape = world.engine.scheduler.tape = player
    moves: dict[int, float] = {}
    played: list[AnyInput] = []
    try:
        for one in file.inputs:
            if _is_over(world, one, until):
                break
            world.engine.clock.put(one.at)
            await _play(world, player, one, moves)
            played.append(one)
        world.engine.clock.put(_end(file, until))
        player.inputs = played
        copy = world.fork()
    finally:
        await player.aclose()
        await world.aclose()
    if until is None and outcome_of(copy) != file.journal:
        raise ReplayError("the journal came out differently than when the file was written")
    return copy


def _fresh(
    file: WorldFile, outside: Outside | None, media: MediaStore | None, here: Settings
) -> "World":
    from mockserver.world import World  # noqa: PLC0415 - its control API imports this module

    kinds = {kind.name: kind for kind in PROVIDERS}
    if unknown := [name for name in file.providers if name not in kinds]:
        raise WorldFileError(f"unknown providers: {', '.join(unknown)}")
    providers: tuple[type[Provider], ...] = tuple(kinds[name] for name in file.providers)
    local = {name: getattr(here, name) for name in LOCAL} | {"clock": "frozen"}
    settings = msgspec.convert(file.settings | local, Settings)
    return World(file.name, settings, providers=providers, outside=outside, media=media)


def _is_over(world: "World", one: AnyInput, until: float | None) -> bool:
    if until is None:
        return False
    if isinstance(until, int):
        return world.journal.get(until) is not None
    return one.at > until


def _end(file: WorldFile, until: float | None) -> float:
    if until is None:
        return file.now
    return 0.0 if isinstance(until, int) else min(until, file.now)


async def _play(world: "World", player: Player, one: AnyInput, moves: dict[int, float]) -> None:
    match one:
        case Asked():
            await player.play(world.answer(request_of(one)))
        case Fell():
            # What was being done when a world was forked has fallen due once more.
            due = world.engine.scheduler.agenda.take(one.due) or player.fallen.get(one.due)
            if due is None:
                raise ReplayError(f"nothing was due as number {one.due} of the file")
            player.fallen[due.n] = due
            await player.play(world.engine.scheduler.perform(due))
        case Resumed():
            await player.go_on(one.wait, one.result)
        case Commanded():
            if one.name not in commands.COMMANDS:
                raise ReplayError(f"there is no command {one.name!r}")
            await player.play(commands.run(world, one.name, one.given))
        case _:
            _note(world, one, moves)


def _note(world: "World", one: Named | Began | Ended | Paused, moves: dict[int, float]) -> None:
    journal = world.journal
    match one:
        case Named():
            world.name, world.prefix = one.name, one.prefix
            world.prefixes |= {one.prefix}
            world.engine.tape.named(one.name, one.prefix)
        case Began():
            moves[journal.next_number()] = one.at
        case Ended():
            start = moves.pop(one.line, None)
            if start is None:
                raise ReplayError(f"no move of time began as line {one.line} of the journal")
            if (seconds := round(one.at - start, 3)) > 0:
                journal.write(Moved(n=one.line, at=start, seconds=seconds))
        case Paused():
            world.engine.scheduler.at(one.at + one.seconds, "sleep", "wake")


def request_of(one: Asked) -> Request:
    """The request once more, with a key that is answered like its own."""
    key = {} if one.key is None else {"authorization": one.key}
    return Request(
        method=one.method,
        path=one.path,
        query_text=one.query,
        query=dict(parse_qsl(one.query, keep_blank_values=True)),
        headers={**one.headers, **key},
        body=one.body,
        origin=one.origin,
    )
