import re
import signal
import socket
from pathlib import Path

from tests.gateway.cli.programs import filmgate, started, until


def test_the_demo_makes_two_videos_and_says_what_they_are(tmp_path: Path) -> None:
    done = filmgate("demo", "--output", "films", "--speed", "60", cwd=tmp_path)

    assert done.returncode == 0, done.stdout
    assert done.stderr == ""
    made = {path.name: path.read_bytes() for path in (tmp_path / "films").iterdir()}
    assert made.keys() == {"dawn.png", "dusk.png", "pictory.mp4", "useapi-pixverse.mp4"}
    assert all(made[name][4:8] == b"ftyp" for name in made if name.endswith(".mp4"))
    facts = re.findall(
        r"  (films/\S+\.mp4)  \d\.\d\d MB\n  h264, [\w ]+, yuv420p  1280x720  5 s  (\d+) frames\n",
        done.stdout,
    )
    assert [name for name, _ in facts] == ["films/useapi-pixverse.mp4", "films/pictory.mp4"]
    assert all(int(frames) == 10 for _, frames in facts)
    for event in ("created", "slot_bound", "inputs_ready", "accepted", "rendered", "saved"):
        assert len(re.findall(rf" s  {event} ", done.stdout)) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"films"}


def test_what_it_keeps_running_ends_with_it(tmp_path: Path) -> None:
    with started("demo", "--keep", "--speed", "60", cwd=tmp_path) as demo:
        demo.says("Still running")
        addresses = {int(port) for port in re.findall(r"http://127\.0\.0\.1:(\d+)", demo.said)}
        assert len(addresses) == 2
        assert all(_listening(port) for port in addresses)

        assert demo.end(signal.SIGTERM) == 143

    until(lambda: not any(_listening(port) for port in addresses))


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "films").write_text("in the way")
    done = filmgate("demo", "--output", "films/today", cwd=tmp_path)

    assert done.returncode == 1
    assert "the demo failed:" in done.stdout
    assert "films" in done.stdout
    assert "Traceback" not in done.stderr
