"""What a hand does to a world, by the names under which the journal has it.

A replay does the same again, so whatever is noted by `Engine.note` needs a row here.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mockserver.pixverse import Pixverse

if TYPE_CHECKING:
    from mockserver.engine.jobs import FailureKind
    from mockserver.world import World


async def finish(world: "World", job: str, failure: "FailureKind | None" = None) -> None:
    """Ends a job now, well or with a failure.

    Raises:
        KeyError: there is no such job.
        ValueError: it has ended already.
    """
    await world.finish(job, failure)


async def add_faults(world: "World", lines: Sequence[str]) -> None:
    """Adds faults, written as lines.

    Raises:
        FaultError: a line is none; then none is added.
    """
    world.fail_next(*lines)


async def clear_faults(world: "World") -> None:
    """Lets everything go well from here on."""
    world.clear_faults()


async def hold(world: "World", email: str) -> None:
    """Puts a PixVerse account on hold until it is configured anew.

    Raises:
        KeyError: there is no such account.
    """
    world.provider(Pixverse).accounts.hold(email)
    world.engine.note("hold", email=email)


async def script(world: "World", inbox: str, script: str) -> None:
    """Tells an inbox how to answer from now on.

    Raises:
        ScriptError: it is no script.
    """
    world.inbox(inbox).script(script)


Command = Callable[..., Awaitable[None]]
"""Takes the world, and what was given by name."""

COMMANDS: Mapping[str, Command] = {
    "finish": finish,
    "faults": add_faults,
    "no faults": clear_faults,
    "hold": hold,
    "inbox": script,
}


async def run(world: "World", name: str, given: Mapping[str, Any]) -> None:
    """Does what a line of the journal says was done.

    Raises:
        KeyError: nothing is called that.
    """
    await COMMANDS[name](world, **given)
