"""The loop under pytest: what a plugin has to say for a marked test to run in virtual time."""

import time

import pytest

pytest_plugins = ["pytester"]

PLUGIN = """
import asyncio
import pytest
from mockserver.testing.loop import loop_factory


def pytest_configure(config):
    config.addinivalue_line("markers", "virtual_time: a loop in virtual time")


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_asyncio_loop_factories(config, item):
    found = yield
    if item.get_closest_marker("virtual_time"):
        return {"virtual": loop_factory()}
    # Where anybody implements this hook, it has to answer for every test.
    return found or {"asyncio": asyncio.new_event_loop}


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc):
    test = metafunc.definition
    if "anyio_backend" in metafunc.fixturenames and test.get_closest_marker("virtual_time"):
        backend = ("asyncio", {"loop_factory": loop_factory()})
        test.add_marker(
            pytest.mark.parametrize(
                "anyio_backend", [backend], ids=[pytest.HIDDEN_PARAM], scope="module"
            )
        )
"""

SETTINGS = ["-o", "asyncio_default_fixture_loop_scope=function"]
IN_AUTO_MODE = [*SETTINGS, "--asyncio-mode=auto"]
IN_STRICT_MODE = [*SETTINGS, "--asyncio-mode=strict"]


@pytest.fixture(autouse=True)
def _plugin(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(PLUGIN)


def check(
    pytester: pytest.Pytester, source: str, *options: str, passed: int, failed: int = 0
) -> None:
    pytester.makepyfile(source)
    began = time.perf_counter()
    result = pytester.runpytest_inprocess(
        # Our own plugin does the same, and one is enough.
        *("-p", "no:filmgate_mock", "-p", "no:randomly", "-p", "no:cacheprovider", "-W", "error"),
        *(options or IN_STRICT_MODE),
    )
    result.assert_outcomes(passed=passed, failed=failed)
    assert time.perf_counter() - began < 60


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_a_marked_test_under_pytest_asyncio_sleeps_for_an_hour_at_once(
    pytester: pytest.Pytester, mode: str
) -> None:
    source = """
    import asyncio
    import time
    import pytest
    import pytest_asyncio

    @pytest_asyncio.fixture
    async def began():
        loop = asyncio.get_running_loop()
        yield loop, loop.time()
        await asyncio.sleep(3600)

    @pytest.mark.asyncio
    @pytest.mark.virtual_time
    async def test_marked(began):
        loop, at = began
        assert loop is asyncio.get_running_loop()
        await asyncio.sleep(3600)
        assert loop.time() == at + 3600

    @pytest.mark.asyncio
    async def test_unmarked():
        assert abs(asyncio.get_running_loop().time() - time.monotonic()) < 60

    def test_plain():
        pass
    """
    check(pytester, source, *(IN_AUTO_MODE if mode == "auto" else IN_STRICT_MODE), passed=3)


def test_the_tests_of_a_marked_module_may_share_one_virtual_loop(pytester: pytest.Pytester) -> None:
    source = """
    import asyncio
    import pytest

    pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.virtual_time]

    @pytest.mark.parametrize("n", [1, 2])
    async def test_time_goes_on(n):
        await asyncio.sleep(3600)
        assert asyncio.get_running_loop().time() == 3600 * n
    """
    check(pytester, source, passed=2)


def test_a_fixture_of_the_session_is_made_once_for_each_kind_of_loop(
    pytester: pytest.Pytester,
) -> None:
    source = """
    import asyncio
    import pytest
    import pytest_asyncio
    from mockserver.testing.loop import VirtualTimeLoop

    @pytest_asyncio.fixture(scope="session", loop_scope="session")
    async def loop_of_fixture():
        return asyncio.get_running_loop()

    @pytest.mark.asyncio
    async def test_unmarked(loop_of_fixture):
        assert not isinstance(loop_of_fixture, VirtualTimeLoop)

    @pytest.mark.asyncio
    @pytest.mark.virtual_time
    async def test_marked(loop_of_fixture):
        assert isinstance(loop_of_fixture, VirtualTimeLoop)

    @pytest.mark.asyncio(loop_scope="session")
    @pytest.mark.virtual_time
    async def test_of_one_loop_with_its_fixture(loop_of_fixture):
        assert loop_of_fixture is asyncio.get_running_loop()
        assert isinstance(loop_of_fixture, VirtualTimeLoop)
    """
    check(pytester, source, passed=3)


def test_a_poll_without_end_fails_its_test_and_no_other(pytester: pytest.Pytester) -> None:
    source = """
    import asyncio
    import pytest

    pytestmark = [pytest.mark.asyncio, pytest.mark.virtual_time]

    async def test_without_end():
        while True:
            await asyncio.sleep(15)

    async def test_after_it():
        await asyncio.sleep(15)
    """
    check(pytester, source, passed=1, failed=1)


@pytest.mark.parametrize("plugins", ["anyio alone", "anyio beside pytest-asyncio"])
@pytest.mark.parametrize("backend", ["by default", "by a fixture"])
def test_a_marked_test_under_anyios_plugin_sleeps_for_an_hour_at_once(
    pytester: pytest.Pytester, plugins: str, backend: str
) -> None:
    source = """
    import asyncio
    import time
    import anyio
    import pytest

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    async def began():
        yield anyio.current_time()
        await anyio.sleep(3600)

    @pytest.mark.virtual_time
    async def test_marked(began):
        await anyio.sleep(3600)
        assert asyncio.get_running_loop().time() == began + 3600

    async def test_unmarked():
        assert abs(anyio.current_time() - time.monotonic()) < 60

    @pytest.mark.virtual_time
    async def test_without_end():
        while True:
            await anyio.sleep(15)
    """
    if backend == "by a fixture":
        source += """
    @pytest.fixture
    def anyio_backend():
        return "asyncio"
    """
    options = ["-p", "no:asyncio"] if plugins == "anyio alone" else IN_STRICT_MODE
    check(pytester, source, "-k", "not trio", *options, passed=2, failed=1)
