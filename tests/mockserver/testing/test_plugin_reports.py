"""What the plugin tells at the end of a test and of a run."""

import json
import re
from pathlib import Path

import pytest

from mockserver.record.worldfile import read
from tests.mockserver.testing.suites import Suite

pytest_plugins = ["pytester"]

FAILING = """
import httpx
import pytest

ORDER = {"prompt": "A drone over a forest", "webhook": "http://127.0.0.1:9/hook"}

@pytest.fixture(autouse=True)
def receiver(world):
    world.outside.send_callbacks_through(httpx.MockTransport(lambda _: httpx.Response(204)))

@pytest.mark.world(faults=["submit#1:accept-then-reset"], chaos=["poll:status=503=100%"])
def test_failing(world, clock, pictory):
    with pictory.client() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            client.post("/v1/aistudio/videos", json=ORDER)
        clock.run_until_idle()
        (job,) = world.jobs
        assert client.get(f"/v1/jobs/{job.id}").status_code == 200

def test_passing(world, clock, pictory):
    pass
"""


def test_a_failure_tells_what_went_on_what_struck_and_where_the_world_is_kept(
    suite: Suite,
) -> None:
    result = suite(FAILING)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*- mock journal -*",
            "    1       0.0 s  POST /* → broken off [[]submit#1:accept-then-reset[]] (job1)",
            "    2       0.0 s    charge of 80 * for job1  ← 1",
            "    3       0.0 s  time moved by 50 s",
            "    4       5.0 s    job1 queued → running  ← 1",
            "    5      50.0 s      job1 running → completed  ← 4",
            "    6      50.0 s        callback job1 completed → 204  ← 5",
            "    7      50.0 s  GET /pictoryapis/v1/jobs/* → 503*",
            "*- mock faults, to paste -*",
            "@pytest.mark.world(faults=[[]'submit#1:accept-then-reset', 'poll@*#1:status=503'[]])",
            "*- mock world -*",
            "saved as *.world",
        ]
    )
    saved = next(line for line in result.outlines if line.startswith("saved as "))
    file = read(Path(saved.removeprefix("saved as ")).read_bytes())
    assert file.now == 50


def test_the_line_to_paste_makes_the_same_faults_strike(suite: Suite) -> None:
    result = suite(FAILING)
    pasted = next(line for line in result.outlines if line.startswith("@pytest.mark.world("))
    again = suite(re.sub(r"@pytest\.mark\.world\(.*\)", pasted, FAILING))
    again.assert_outcomes(passed=1, failed=1)
    assert pasted in again.outlines


def test_a_long_journal_is_told_from_its_end(suite: Suite) -> None:
    result = suite("""
    def test_failing(world, pictory):
        with pictory.client() as client:
            for _ in range(300):
                client.get("/v1/jobs/nothing")
        assert 0
    """)
    result.stdout.fnmatch_lines(["   … 100 earlier lines", "  101       0.0 s  GET *"])


IMPOLITE = """
def test_impolite(world, clock, pictory):
    with pictory.client() as client:
        client.post("/v1/aistudio/videos", json={"prompt": "A drone over a forest"})
    clock.run_until_idle()

def test_polite(world):
    pass
"""


@pytest.mark.parametrize(
    ("level", "outcome"),
    [
        ("off", {"passed": 2}),
        ("warn", {"passed": 2, "warnings": 1}),
        ("error", {"passed": 1, "failed": 1}),
    ],
)
def test_a_bad_client_passes_is_warned_of_or_fails(
    suite: Suite, level: str, outcome: dict[str, int]
) -> None:
    result = suite(IMPOLITE, ini=f"mock_good_client = {level}\n")
    result.assert_outcomes(**outcome)
    if level != "off":
        result.stdout.fnmatch_lines(["*gave-up-on-a-live-job*"])


def test_a_failing_test_is_not_judged_on_top(suite: Suite) -> None:
    result = suite(IMPOLITE + "    assert 0\n", ini="mock_good_client = error\n")
    result.assert_outcomes(failed=2)
    assert "gave-up-on-a-live-job" in result.stdout.str()
    assert result.stdout.str().count("AssertionError") == 1


COVERED = """
import pytest
import httpx
from mockserver import Settings, World

def order(transport, key):
    headers = {"Authorization": key}
    with httpx.Client(transport=transport, base_url="http://mock.test", headers=headers) as client:
        try:
            client.post("/pictoryapis/v1/aistudio/videos", json={"prompt": "a boat at sea"})
        except httpx.RemoteProtocolError:
            pass

@pytest.mark.world(faults=["submit#1:reset"])
def test_one(world):
    order(world.transport(), "pictai_x")

def test_two():
    own = World(settings=Settings(clock="frozen", faults=("submit#1:accept-then-reset",)))
    order(own.transport(), "pictai_x")
"""


def coverage_of(file: Path) -> set[str]:
    return set(json.loads(file.read_text())["seen"])


def test_the_failures_that_a_run_has_met_are_counted(
    suite: Suite, pytester: pytest.Pytester
) -> None:
    result = suite(COVERED, "--mock-cov", "--mock-cov-report=met.json")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*= mock failure coverage =*", "exercised * of *never tested:"])
    assert {"submit:reset", "submit:accept-then-reset"} <= coverage_of(pytester.path / "met.json")


@pytest.mark.parametrize(("least", "code"), [("1", 0), ("99", 1)])
def test_too_little_fails_the_run(suite: Suite, least: str, code: int) -> None:
    result = suite(COVERED, f"--mock-cov-fail-under={least}")
    assert result.ret == code
    assert ("less than the 99 % asked for" in result.stdout.str()) == bool(code)


def test_nothing_is_counted_unless_asked_for(suite: Suite) -> None:
    assert "mock failure coverage" not in suite(COVERED).stdout.str()


def test_what_workers_have_met_comes_together(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(COVERED)
    options = ("-p", "mockserver.testing.plugin", "-p", "no:cacheprovider")
    counted = ("--mock-cov-report=met.json", "--mock-cov-fail-under=99")
    result = pytester.runpytest_subprocess(
        *options, *counted, "-p", "xdist", "-n", "2", "--dist=each", "--tx=2*popen"
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=4)
    assert {"submit:reset", "submit:accept-then-reset"} <= coverage_of(pytester.path / "met.json")
