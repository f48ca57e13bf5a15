import signal

import httpx
import pytest
from click.testing import CliRunner

from mockserver.cli import banner, main
from mockserver.settings import Account, Settings
from tests.mockserver.drivers import PICTORY, USEAPI
from tests.mockserver.served import served


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "0.0.0.0"], "--control-token"),  # noqa: S104
        (["--host", "gateway.test"], "--control-token"),
        (["--speed", "0"], "--speed"),
        (["--account", "nobody"], "email=maxJobs"),
        (["--account", "a@example.com=9"], "email=maxJobs"),
    ],
)
def test_what_cannot_be_served_is_refused_before_listening(options: list[str], said: str) -> None:
    result = CliRunner().invoke(main, options)

    assert result.exit_code == 2
    assert said in result.output


def test_the_banner_tells_people_and_programs_where_everything_is() -> None:
    settings = Settings(accounts=(Account(email="a@example.com", max_jobs=2),))
    lines = banner("http://127.0.0.1:8090", settings).splitlines()

    assert lines[0] == "mock providers listening on http://127.0.0.1:8090"
    text = "\n".join(lines)
    for part in (
        "http://127.0.0.1:8090/pictoryapis",
        "http://127.0.0.1:8090/v2/pixverse",
        "pictai_mock",
        "user:1234-mock",
        "a@example.com (2 jobs)",
    ):
        assert part in text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal_and_then_leaves_cleanly(number: signal.Signals) -> None:
    with (
        served("--clock", "frozen") as (url, process),
        httpx.Client(base_url=url, trust_env=False) as http,
    ):
        path = "/pictoryapis/v1/aistudio/videos"
        assert http.post(path, json={"prompt": "dawn at sea"}, headers=PICTORY).status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            http.post(path, json={"prompt": "dawn [[mock lose-reply]]"}, headers=PICTORY)
        assert len(http.get("/__mock/ledger").json()["charges"]) == 2
        process.send_signal(number)
        assert process.wait(timeout=20) == 0
        assert process.stdout is not None
        assert "Traceback" not in process.stdout.read()


def test_the_switches_of_the_command_line_reach_the_wire() -> None:
    options = ("--edge-blocks-agents", "--strict-combinations", "--prompt-count", "utf16")
    with served(*options) as (url, _), httpx.Client(base_url=url, trust_env=False) as http:
        path = "/pictoryapis/v1/aistudio/videos"
        assert http.post(path, json={"prompt": "dawn at sea"}, headers=PICTORY).status_code == 403
        headers = PICTORY | {"User-Agent": "filmgate-test"}
        assert http.post(path, json={"prompt": "😀" * 3}, headers=headers).status_code == 200
        body = {"prompt": "dawn", "duration": 8, "quality": "1080p"}
        answer = http.post("/v2/pixverse/videos/create-v4", json=body, headers=USEAPI)
        assert answer.status_code == 400


def test_a_taken_port_is_said_in_one_line() -> None:
    with served() as (url, _):
        result = CliRunner().invoke(main, ["--port", url.rpartition(":")[2]])

        assert result.exit_code == 1
        assert result.output.startswith("Error: cannot listen on 127.0.0.1:")
