"""The pytest plugin, loaded in every run: options, marks and hooks; the rest comes when needed.

Nothing of the mock is imported before a test asks for it.
"""

import inspect
from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from mockserver.testing.fixtures import (
    ENVIRONMENT,
    WORLD,
    _mock_environment,
    clock,
    inbox,
    mock_server,
    pictory,
    pixverse,
    world,
)

if TYPE_CHECKING:
    from mockserver.testing.guard import NetworkGuard

__all__ = [
    "_mock_environment",
    "clock",
    "inbox",
    "mock_server",
    "pictory",
    "pixverse",
    "world",
]

MARKS = (
    "world(**settings): settings of the test's mock world, as of `mockserver.Settings`",
    "mock_env(*pairs, **variables): environment variables, such as KEY={pictory.key}",
    "virtual_time: sleeping costs nothing, and the mock agrees about what time it is",
    "mock_network_guard(enabled=True, allow=()): the test fails where it leaves this machine",
)
NEEDS_WORLD = ("world", "mock_env", "virtual_time")
"""Marks that make a world even where no fixture asks for one."""
LEVELS = ("off", "warn", "error")

GUARD: "pytest.StashKey[NetworkGuard]" = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options."""
    group = parser.getgroup("filmgate mock")
    group.addoption("--mock-cov", action="store_true", help="Report which failures were met.")
    group.addoption("--mock-cov-report", metavar="FILE", help="Write that report as JSON.")
    group.addoption(
        "--mock-cov-fail-under", type=float, metavar="PERCENT", help="Fail where less was met."
    )
    parser.addini("mock_env", "Environment variables of tests with a world.", "args", [])
    parser.addini("mock_network_guard", "Tests may reach loopback only.", "bool", default=False)
    parser.addini("mock_network_allow", "Hosts that tests may reach as well.", "args", [])
    parser.addini(
        "mock_good_client", f"What follows on a bad client: {', '.join(LEVELS)}.", default="off"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Marks, and the count of failures where it is wanted."""
    for line in MARKS:
        config.addinivalue_line("markers", line)
    if config.getini("mock_good_client") not in LEVELS:
        raise pytest.UsageError(f"mock_good_client is one of: {', '.join(LEVELS)}")
    option = config.option
    if option.mock_cov or option.mock_cov_report or option.mock_cov_fail_under is not None:
        from mockserver.testing.covering import Covering  # noqa: PLC0415

        config.pluginmanager.register(Covering(config), "filmgate_mock_covering")


@pytest.hookimpl(wrapper=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> Generator[None]:
    """Gives tests in virtual time their event loop, before anybody else looks for one."""
    if metafunc.definition.get_closest_marker("virtual_time") and awaits(metafunc.definition):
        from mockserver.testing.virtual import give_loop  # noqa: PLC0415

        give_loop(metafunc)
    yield


def pytest_itemcollected(item: pytest.Item) -> None:
    """Sees to it that the environment is there before any fixture that may read it."""
    names: list[str] = getattr(item, "fixturenames", [])
    marked = any(item.get_closest_marker(name) for name in NEEDS_WORLD)
    named = "world" in names and item.config.getini("mock_env")
    if (marked or named) and ENVIRONMENT not in names:
        names.insert(0, ENVIRONMENT)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Stands guard for the whole of a test."""
    mark = item.get_closest_marker("mock_network_guard")
    given = mark.kwargs if mark else {}
    if not given.get("enabled", bool(mark) or item.config.getini("mock_network_guard")):
        return (yield)
    from mockserver.testing.guard import NetworkGuard  # noqa: PLC0415

    hosts = item.config.getini("mock_network_allow")
    with NetworkGuard([*hosts, *given.get("allow", ())]) as item.stash[GUARD]:
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    """A fixture may not leave the machine either."""
    yield
    stay_here(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Virtual time for tests that do not await; and what is to be said after the test."""
    world = item.stash.get(WORLD, None)
    if world is not None and item.get_closest_marker("virtual_time") and not awaits(item):
        from mockserver.testing.virtual import sleeping  # noqa: PLC0415

        with sleeping(world):
            yield
    else:
        yield
    stay_here(item)
    level = item.config.getini("mock_good_client")
    if world is not None and level != "off":
        from mockserver.testing.reporting import judge  # noqa: PLC0415

        judge(item, world, level)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """Neither may the end of a fixture."""
    yield
    stay_here(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tells with a failure what went on in the mock."""
    report = yield
    marked = any(item.get_closest_marker(name) for name in NEEDS_WORLD)
    if marked and call.excinfo is not None and call.excinfo.errisinstance(pytest.UsageError):
        # Where it comes from is no help.
        report.longrepr = f"UsageError: {call.excinfo.value}"
    world = item.stash.get(WORLD, None)
    if report.failed and world is not None:
        from mockserver.testing.reporting import sections  # noqa: PLC0415

        report.sections.extend(sections(item, world))
    return report


def awaits(item: pytest.Item) -> bool:
    """Whether a test is a coroutine function."""
    test = getattr(item, "obj", None)
    return inspect.iscoroutinefunction(
        # Hypothesis hides it.
        getattr(getattr(test, "hypothesis", None), "inner_test", test)
    )


def stay_here(item: pytest.Item) -> None:
    """Fails where the test has tried to leave the machine, even if it swallowed the error.

    Raises:
        pytest.fail.Exception: it has.
    """
    guard = item.stash.get(GUARD, None)
    if guard is None or not guard.attempts:
        return
    tried = ", ".join(dict.fromkeys(map(str, guard.attempts)))
    guard.attempts.clear()
    pytest.fail(
        f"the test tried to leave this machine: {tried}. Point the client's base URL at the mock,"
        " or allow the host: `mock_network_guard(allow=[…])`",
        pytrace=False,
    )
