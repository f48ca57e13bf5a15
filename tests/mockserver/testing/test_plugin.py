"""The fixtures and marks of the pytest plugin."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.mockserver.testing.suites import Suite

pytest_plugins = ["pytester"]

REPOSITORY = Path(__file__).parents[3]


def test_pytest_finds_the_plugin_and_the_extra_brings_what_it_needs() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"filmgate_mock": "mockserver.testing.plugin"}
    assert [line.partition(">")[0] for line in project["optional-dependencies"]["testing"]] == [
        "pytest",
        "respx",
    ]


def test_the_plugin_brings_nothing_of_the_mock_before_a_test_asks() -> None:
    code = """
import sys, pytest, _pytest.config
before = set(sys.modules)
import mockserver.testing.plugin
own = {"mockserver", "mockserver.testing", "mockserver.testing.plugin",
       "mockserver.testing.fixtures"}
print(sorted(set(sys.modules) - before - own))
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


def test_a_test_gets_a_world_its_clock_and_clients(suite: Suite) -> None:
    result = suite("""
    ORDER = {"prompt": "A drone over a forest"}

    async def test_awaiting(world, clock, pictory, pixverse):
        async with pictory.async_client() as client:
            job = (await client.post("/v1/aistudio/videos", json=ORDER)).json()["data"]["jobId"]
            happened = await clock.advance_until(job, "completed")
            assert happened[-1].at == clock.now == 50
            link = (await client.get(f"/v1/jobs/{job}")).json()["data"]["url"]
            assert (await client.get(link)).content[4:8] == b"ftyp"
        async with pixverse.async_client() as client:
            assert (await client.post("/videos/create-v4", json=ORDER)).status_code == 200
        await clock.run_until_idle()
        assert [job.phase for job in world.jobs] == ["completed", "completed"]

    def test_not_awaiting(world, clock, pictory, pixverse):
        with pictory.client() as client, pixverse.client() as other:
            client.post("/v1/aistudio/videos", json=ORDER)
            other.post("/videos/create-v4", json=ORDER)
        clock.advance(10)
        assert clock.now == 10
        clock.run_until_idle()
        assert [job.phase for job in world.jobs] == ["completed", "completed"]

    def test_each_has_its_own(world, clock):
        assert len(world.jobs) == 0
        assert clock.now == 0

    def test_clients_take_httpx_s_options(pictory):
        with pictory.client(headers={"User-Agent": "me"}, timeout=1) as client:
            assert client.headers["Authorization"] == pictory.key
            assert client.headers["User-Agent"] == "me"
            assert client.timeout.read == 1
            assert str(client.base_url) == "https://api.pictory.ai/pictoryapis/"

    def test_an_inbox_is_the_world_s(inbox, world):
        assert inbox.url("http://mock.test") == world.inbox().url("http://mock.test")
    """)
    result.assert_outcomes(passed=5)


def test_a_world_is_called_after_its_test(suite: Suite) -> None:
    source = """
    import pytest

    @pytest.mark.parametrize("n", [1, 2])
    def test_name(world, n):
        print(f"name {n} {world.name} {world.key('pictory')}")
    """
    first, second = (
        [line for line in suite(source, "-s").outlines if "name" in line] for _ in range(2)
    )
    assert first == second
    assert len({line.split()[-1] for line in first}) == 2


def test_a_mark_sets_the_world_s_settings_and_the_closest_counts(suite: Suite) -> None:
    result = suite("""
    import pytest
    from mockserver import Account

    pytestmark = pytest.mark.world(seed=7, max_jobs=2)

    @pytest.mark.world(max_jobs=1, faults=["submit#1:reset"], clock="per-poll")
    def test_marked(world):
        assert (world.settings.seed, world.settings.max_jobs) == (7, 1)
        assert world.settings.faults == ("submit#1:reset",)
        assert world.clock.kind == "per-poll"

    def test_of_the_module(world):
        assert (world.settings.seed, world.settings.max_jobs) == (7, 2)
        assert world.clock.kind == "frozen"

    @pytest.mark.world(accounts=[Account(email="a@b.example", max_jobs=8)])
    def test_accounts(world):
        assert world.settings.accounts[0].max_jobs == 8
    """)
    result.assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("mark", "told"),
    [
        ("world(sed=7)", "mark.world: there is no setting 'sed'; did you mean 'seed'?"),
        ("world(zzz=7)", "mark.world: there is no setting 'zzz'; see mockserver.Settings"),
        ("world(seed='x')", "mark.world: Expected `int`, got `str`*seed*"),
        ("world(clock='x')", "mark.world:*x*"),
        ("world(7)", "mark.world takes settings by name, such as seed=7"),
        ("world(faults=['x'])", "mark.world: 'x' is no fault*"),
        ("mock_env('X')", "mock_env: 'X' is not NAME=TEXT"),
    ],
)
def test_a_mark_that_cannot_be_says_why(suite: Suite, mark: str, told: str) -> None:
    result = suite(f"""
    import pytest

    @pytest.mark.{mark}
    def test_marked(world):
        pass
    """)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"UsageError: {told}"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_environment_variables_lead_the_application_to_the_mock(suite: Suite) -> None:
    result = suite(
        """
        import os
        import pytest
        import httpx

        @pytest.fixture(scope="session")
        def of_session():
            return os.environ["TOKEN"]

        @pytest.fixture
        def application():
            return os.environ["URL"], os.environ["TOKEN"]

        def test_by_ini(of_session, application, pixverse):
            assert application == (pixverse.base_url, pixverse.key)
            assert of_session == pixverse.key

        @pytest.mark.mock_env("TOKEN={pictory.key}", OTHER="{pictory.url}/v1")
        def test_by_mark(application, pictory):
            assert os.environ["TOKEN"] == pictory.key
            assert os.environ["OTHER"] == pictory.url + "/v1"

        @pytest.mark.mock_env
        def test_by_a_bare_mark(application):
            assert application[1].startswith("user:")

        def test_without_a_world():
            assert "TOKEN" not in os.environ
        """,
        ini="mock_env = URL={pixverse.base_url} TOKEN={pixverse.key}\n",
    )
    result.assert_outcomes(passed=4)


def test_one_mock_is_served_for_all_tests_and_each_has_its_world_there(suite: Suite) -> None:
    result = suite("""
    import asyncio
    import httpx
    import pytest

    ORDER = {"prompt": "A drone over a forest"}
    seen = []

    def ordered(pictory):
        with httpx.Client(base_url=pictory.url, headers=pictory.headers) as client:
            job = client.post("/v1/aistudio/videos", json=ORDER).json()["data"]["jobId"]
            return job

    def test_by_url(world, clock, pictory, pixverse):
        job = ordered(pictory)
        assert pixverse.url.partition("/v2")[0] == pictory.url.partition("/pictory")[0]
        clock.advance_until(job)
        with httpx.Client(base_url=pictory.url, headers=pictory.headers) as client:
            link = client.get(f"/v1/jobs/{job}").json()["data"]["url"]
            assert link.startswith(f"http://127.0.0.1:")
            assert client.get(link).content[4:8] == b"ftyp"
        seen.append(pictory.url)

    async def test_by_url_while_awaiting(mock_server, world, clock, pictory):
        job = await asyncio.to_thread(ordered, pictory)
        assert mock_server.mock.worlds[world.name] is world
        await clock.advance_until(job, "completed")
        with mock_server.client() as client:
            told = await asyncio.to_thread(client.get, f"/~{world.name}/__mock")
        assert told.json()["clock"]["now"] == 50
        seen.append(pictory.url)

    def test_a_world_is_gone_with_its_test(mock_server, world):
        assert list(mock_server.mock.worlds) == [world.name]
        assert len(set(seen)) == 1

    def test_other_keys_have_worlds_too(mock_server):
        headers = {"Authorization": "pictai_mock_other"}
        with mock_server.client() as client:
            client.post("/pictoryapis/v1/aistudio/videos", json=ORDER, headers=headers)
        assert len(mock_server.mock.world("other").jobs) == 1
    """)
    result.assert_outcomes(passed=4)


def test_a_world_s_end_lets_sleeping_requests_go(suite: Suite) -> None:
    result = suite("""
    import asyncio
    import pytest

    @pytest.mark.world(faults=["submit#1:slow=1h"])
    async def test_left_waiting(pictory):
        client = pictory.async_client(timeout=None)
        asyncio.create_task(client.post("/v1/aistudio/videos", json={"prompt": "a sea"}))
        await asyncio.sleep(0.01)
    """)
    result.assert_outcomes(passed=1)


GUARDED = """
import socket
import urllib.request
import pytest

def reach(host):
    try:
        socket.create_connection((host, 9), timeout=0.01)
    except OSError:
        pass

MARK
def test_it_reaches_out():
    reach("192.0.2.1")

@pytest.fixture
def reaching():
    reach("192.0.2.2")

MARK
def test_a_fixture_does(reaching):
    pass

MARK
def test_it_stays():
    reach("127.0.0.1")

@pytest.mark.mock_network_guard(allow=["192.0.2.0/24"])
def test_it_may():
    reach("192.0.2.1")

@pytest.mark.mock_network_guard(enabled=False)
def test_it_is_let_go():
    reach("192.0.2.1")
"""


@pytest.mark.parametrize("by", ["ini", "mark"])
def test_a_test_that_leaves_the_machine_fails_even_if_it_swallows_the_error(
    suite: Suite, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket  # noqa: PLC0415

    def refused(*_: object, **__: object) -> None:
        raise OSError

    # Where the guard lets something pass, it goes no further than this.
    monkeypatch.setattr(socket.socket, "connect", refused)
    mark = "@pytest.mark.mock_network_guard" if by == "mark" else ""
    ini = "mock_network_guard = true\n" if by == "ini" else ""
    result = suite(GUARDED.replace("MARK", mark), ini=ini)
    result.assert_outcomes(passed=3, failed=1, errors=1)
    result.stdout.fnmatch_lines(["*tried to leave this machine: connect 192.0.2.1:9.*"])
    result.stdout.fnmatch_lines(["*tried to leave this machine: connect 192.0.2.2:9.*"])


def test_a_suite_without_marks_and_fixtures_is_left_alone(suite: Suite) -> None:
    result = suite(
        """
        import os

        class TestOld:
            def test_method(self):
                assert "TOKEN" not in os.environ

        def test_function(tmp_path):
            pass

        async def test_coroutine():
            pass
        """,
        "-v",
        ini="mock_env = TOKEN={pixverse.key}\n",
    )
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["*::test_coroutine PASSED*"])


def test_an_unknown_level_is_refused_at_the_start(suite: Suite) -> None:
    result = suite("def test(): pass", ini="mock_good_client = maybe\n")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*mock_good_client is one of: off, warn, error*"])
