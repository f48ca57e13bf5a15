import re
import signal
import socket
from pathlib import Path

import httpx
import pytest

from gateway.cli.serve import _listen
from tests.gateway.cli.programs import filmgate, serving, started, until

SETTINGS = """
[log]
format = "json"
[[accounts]]
name = "pictory-main"
provider = "pictory"
api_key = "env:PICTORY_API_KEY"
base_url = "http://127.0.0.1:9/pictoryapis"
"""


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    """A folder with a configuration of one account, at an address where nobody is."""
    (tmp_path / "filmgate.toml").write_text(SETTINGS)
    return tmp_path


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_serves_and_ends_well_when_told(
    configured: Path, how: signal.Signals
) -> None:
    with serving("serve", "--port", "0", cwd=configured, PICTORY_API_KEY="k") as gate:
        assert re.search(
            r"^filmgate listening on (http://127\.0\.0\.1:\d+)  \(reference: \1/docs\)$",
            gate.said,
            re.MULTILINE,
        )
        assert httpx.get(f"{gate.url}/readyz").json() == {"status": "ok"}

        assert gate.end(how) == 0
        assert "Traceback" not in gate.said
        assert "Aborted" not in gate.said
    assert (configured / "filmgate.db").exists()


def test_the_port_of_the_configuration_can_be_overridden_by_environment_and_option(
    configured: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with serving(
            "serve",
            "--port",
            "0",
            cwd=configured,
            PICTORY_API_KEY="k",
            FILMGATE__SERVER__PORT=port,
        ) as gate:
            assert gate.port != int(port)


def test_a_taken_port_is_said_in_one_line(configured: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = filmgate("serve", "--port", str(port), cwd=configured, PICTORY_API_KEY="k")

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (f"filmgate: cannot listen on 127.0.0.1:{port}: Address already in use\n")
    assert not (configured / "filmgate.db").exists()


def test_a_second_process_on_the_same_database_is_refused(configured: Path) -> None:
    with serving("serve", "--port", "0", cwd=configured, PICTORY_API_KEY="k"):
        second = filmgate("serve", "--port", "0", cwd=configured, PICTORY_API_KEY="k")

    assert second.returncode == 1
    assert second.stdout == ""
    assert second.stderr.splitlines() == [
        f"filmgate: the database {configured}/filmgate.db is in use by another filmgate process"
    ]


def test_a_faulty_configuration_is_refused_with_every_fault(configured: Path) -> None:
    (configured / "filmgate.toml").write_text(f"{SETTINGS}max_job = 2\n[server]\nport = 0\n")
    done = filmgate("serve", cwd=configured)

    assert done.returncode == 2
    assert done.stdout == ""
    assert "accounts[0].max_job: is unknown\n    did you mean max_jobs?" in done.stderr
    assert "server.port: is out of range" in done.stderr
    assert "PICTORY_API_KEY is not set" in done.stderr


def test_without_accounts_it_says_what_to_add(tmp_path: Path) -> None:
    done = filmgate("serve", cwd=tmp_path)

    assert done.returncode == 2
    assert "[[accounts]]" in done.stderr


def test_a_named_file_that_is_missing_is_named(tmp_path: Path) -> None:
    done = filmgate("serve", "--config", "nowhere.toml", cwd=tmp_path)

    assert done.returncode == 2
    assert done.stderr == "nowhere.toml: there is no such file\n"


@pytest.mark.parametrize("keys", [{"PICTORY_API_KEY": "k"}, {}], ids=["keys", "no keys"])
def test_mock_accounts_do_not_take_the_place_of_configured_ones(
    configured: Path, keys: dict[str, str]
) -> None:
    done = filmgate("serve", "--mock", "--port", "0", cwd=configured, **keys)

    assert done.returncode == 2
    assert "--mock would take the place of the accounts in filmgate.toml" in done.stderr
    assert "run it in another folder" in done.stderr


@pytest.mark.parametrize("options", [["--mock"], []])
def test_only_a_gateway_with_keys_is_reachable_from_elsewhere(
    configured: Path, options: list[str]
) -> None:
    folder = configured / "empty" if options else configured
    folder.mkdir(exist_ok=True)
    done = filmgate("serve", *options, "--host", "0.0.0.0", cwd=folder, PICTORY_API_KEY="k")  # noqa: S104

    assert done.returncode == 2
    assert "server.api_keys" in done.stderr
    assert "only a loopback host may be bound" in done.stderr


@pytest.mark.parametrize("speed", ["0", "-1", "fast"])
def test_a_speed_has_to_be_one(tmp_path: Path, speed: str) -> None:
    done = filmgate("serve", "--mock", "--mock-speed", speed, cwd=tmp_path)

    assert done.returncode == 2
    assert "--mock-speed" in done.stderr


def test_what_is_made_on_mock_accounts_is_not_left_for_real_ones(tmp_path: Path) -> None:
    before = {*tmp_path.iterdir()}
    with serving("serve", "--mock", "--port", "0", cwd=tmp_path) as gate:
        order = {"prompt": "Waves at noon"}
        assert httpx.post(f"{gate.url}/v1/videos", json=order).status_code == 202

    assert {*tmp_path.iterdir()} - before == {gate.log}


def test_a_database_that_was_named_is_used_on_mock_accounts_too(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/named.db"
    with serving("serve", "--mock", "--port", "0", cwd=tmp_path, FILMGATE__DATABASE__URL=url):
        pass

    assert (tmp_path / "named.db").exists()
    assert not (tmp_path / "filmgate.db").exists()


def test_started_paused_it_sends_nothing_until_an_account_is_resumed(tmp_path: Path) -> None:
    how = ("--mock", "--mock-speed", "50", "--port", "0", "--paused")
    with serving("serve", *how, cwd=tmp_path) as program:
        asked = {"model": "useapi-pixverse/v4", "prompt": "A lighthouse at dusk"}
        made = httpx.post(f"{program.url}/v1/videos", json=asked).json()
        where = f"{program.url}/v1/videos/{made['id']}"
        waiting = httpx.get(where).json()
        assert (waiting["phase"], waiting["attempts"]) == ("waiting_for_slot", 0)
        assert "paused" in waiting["queue"]["reason"]

        accounts = httpx.get(f"{program.url}/v1/accounts").json()["data"]
        for one in accounts:
            resumed = httpx.post(f"{program.url}/v1/accounts/{one['name']}/resume")
            assert resumed.status_code == 200
        until(lambda: httpx.get(where).json()["status"] == "completed")


def test_a_media_folder_that_cannot_be_made_is_said_in_one_line(configured: Path) -> None:
    (configured / "filmgate-media").write_text("in the way")
    with started("serve", "--port", "0", cwd=configured, PICTORY_API_KEY="k") as gate:
        assert gate.process.wait(30) == 1

        assert "filmgate-media" in gate.said
        assert "Traceback" not in gate.said
        assert "listening" not in gate.said


def test_what_it_keeps_is_for_its_user_alone(configured: Path) -> None:
    with serving("serve", "--port", "0", cwd=configured, PICTORY_API_KEY="k"):
        kept = [
            path
            for path in configured.rglob("*")
            if "filmgate" in path.name and path.name != "filmgate.toml"
        ]

        assert len(kept) >= 3
        assert [path.name for path in kept if path.stat().st_mode & 0o077] == []


def test_a_connection_sends_each_part_of_an_answer_at_once() -> None:
    with (
        _listen("127.0.0.1", 0, 8080) as listening,
        socket.create_connection(listening.getsockname()),
    ):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
