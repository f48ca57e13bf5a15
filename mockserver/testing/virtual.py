"""Virtual time for a test: a loop for one that awaits, `time.sleep` for one that does not."""

from typing import TYPE_CHECKING, Any

import pytest

from mockserver.testing.loop import loop_factory

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Generator, Mapping

    from mockserver.testing.sleeping import Sleeping
    from mockserver.world import World

LOOPS = "filmgate_mock_loops"


class Loops:
    """Tells pytest-asyncio which loop a test has; there only once a test asks for virtual time.

    Where anybody tells it, every test must be told of.
    """

    @pytest.hookimpl(wrapper=True, optionalhook=True)
    def pytest_asyncio_loop_factories(
        self, item: pytest.Item
    ) -> "Generator[None, Any, Mapping[str, Callable[[], asyncio.AbstractEventLoop]]]":
        """The loop by its name."""
        import asyncio  # noqa: PLC0415 - not before it is needed

        found = yield
        if item.get_closest_marker("virtual_time"):
            return {"virtual": loop_factory()}
        return found or {"asyncio": asyncio.new_event_loop}


def give_loop(metafunc: pytest.Metafunc) -> None:
    """Has a test run on a loop in virtual time, whichever plugin runs it."""
    plugins, test = metafunc.config.pluginmanager, metafunc.definition
    if hasattr(plugins.hook, "pytest_asyncio_loop_factories"):
        if not plugins.has_plugin(LOOPS):
            plugins.register(Loops(), LOOPS)
    elif plugins.has_plugin("asyncio"):
        raise pytest.UsageError("mark.virtual_time needs a newer pytest-asyncio")
    if "anyio_backend" in metafunc.fixturenames:
        backend = ("asyncio", {"loop_factory": loop_factory()})
        hidden = getattr(pytest, "HIDDEN_PARAM", "virtual")
        test.add_marker(
            pytest.mark.parametrize("anyio_backend", [backend], ids=[hidden], scope="module")
        )


def sleeping(world: "World") -> "Sleeping":
    """Has `time.sleep` move a world's time."""
    from mockserver.testing.sleeping import Sleeping  # noqa: PLC0415 - not always needed

    sync, clock = world.sync, world.clock
    return Sleeping(sync.advance, clock=clock.now, epoch=clock.utc(0).timestamp())
