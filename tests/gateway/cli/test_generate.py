import hashlib
import re
import shlex
import signal
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from gateway.cli import main
from tests.gateway.cli.programs import Program, filmgate, serving, started, until
from tests.rig import picture


def test_the_video_is_saved_and_described(gate: Program, frame: Path, tmp_path: Path) -> None:
    done = filmgate(
        "generate",
        "The harbour lights come on",
        "--first-frame",
        str(frame),
        "--last-frame",
        str(frame),
        "--seconds",
        "8",
        "--aspect-ratio",
        "9:16",
        "-o",
        "harbour.mp4",
        cwd=tmp_path,
        FILMGATE_URL=gate.url,
    )

    assert done.returncode == 0, done.stderr
    assert re.fullmatch(
        r"harbour\.mp4  8 s  720x1280  \d\.\d\d MB  by useapi-pixverse/v3\.5\n", done.stdout
    )
    assert re.search(r"^video_[0-9a-z]{26}  completed$", done.stderr, re.MULTILINE)
    assert (tmp_path / "harbour.mp4").read_bytes()[4:8] == b"ftyp"
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".part"]


def test_what_is_no_picture_is_refused(gate: Program, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("no picture")
    done = filmgate(
        "generate", "Waves", "--first-frame", "notes.png", "--url", gate.url, cwd=tmp_path
    )

    assert done.returncode == 2
    assert done.stdout == ""
    assert "/first_frame: neither a picture (PNG, JPEG, WebP or GIF) nor a film" in done.stderr


def test_every_fault_of_a_refused_request_is_printed(gate: Program, tmp_path: Path) -> None:
    done = filmgate(
        *("generate", "Waves at noon", "--model", "useapi-pixverse/v4", "--url", gate.url),
        *("--seconds", "7", "--aspect-ratio", "2:1", "--resolution", "720"),
        cwd=tmp_path,
    )

    assert done.returncode == 2
    title, *faults = done.stderr.splitlines()
    assert title.startswith("filmgate: The request cannot be served as it is: ")
    assert [line.split(":")[0] for line in faults] == [
        "  /seconds",
        "  /aspect_ratio",
        "  /resolution",
    ]
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give a PROMPT, or --first-frame"),
        (["Waves", "--first-frame", "nowhere.png"], "'nowhere.png' does not exist"),
        (["Waves", "-o", "nowhere/out.mp4"], "there is no folder"),
        (["Waves", "-o", "."], "is a directory"),
        (["Waves", "--resume", "video_1"], "--resume waits for a video as it was asked for"),
        (["--seconds", "5", "--resume", "video_1"], "name nothing else"),
        (["--idempotency-key", "a", "--resume", "video_1"], "name nothing else"),
        (["Waves", "--seconds", "long"], "'long' is not a valid integer"),
        (["Waves", "--reference", "no/where.png"], "'no/where.png' does not exist"),
        (["Waves", "--extend", "video_1:last"], "a whole video is taken here"),
        (["Waves", "--first-frame", "video_1:middle"], "neither a URL nor an id"),
        (["--keep-watermark"], "give a PROMPT, or --first-frame"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # In this process: a dozen programs would start for what each says before it does anything.
    done = CliRunner(env={"COLUMNS": "80"}).invoke(
        main, ["generate", *arguments, "--url", "http://127.0.0.1:9"]
    )

    assert done.exit_code == 2
    assert words in " ".join(done.stderr.split())


def test_a_url_that_is_none_is_said(tmp_path: Path) -> None:
    done = filmgate("generate", "Waves at noon", "--url", "gate:80:80", cwd=tmp_path)

    assert done.returncode == 2
    assert "gate:80:80" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_not_a_filmgate_is_said(tmp_path: Path) -> None:
    with serving("mock", "--port", "0", cwd=tmp_path) as mock:
        done = filmgate("generate", "Waves at noon", "--url", mock.url, cwd=tmp_path)

    assert done.returncode == 2
    assert "not from a Filmgate" in done.stderr


def test_keys(tmp_path: Path) -> None:
    # One gateway for both, for starting one takes its time.
    with serving(
        *("serve", "--mock", "--mock-speed", "100", "--port", "0"),
        cwd=tmp_path,
        KEY="right",
        FILMGATE__SERVER__API_KEYS='["env:KEY"]',
    ) as gate:
        wrong = filmgate(
            "generate", "Waves at noon", "--url", gate.url, "--key", "wrong", cwd=tmp_path
        )
        right = filmgate(
            "generate", "Waves at noon", "--url", gate.url, cwd=tmp_path, FILMGATE_KEY="right"
        )

    assert wrong.returncode == 2
    assert wrong.stderr.startswith("filmgate: A valid API key is needed: ")
    assert right.returncode == 0, right.stderr
    assert (tmp_path / "out.mp4").exists()


def test_a_job_that_failed_says_why_and_exits_with_1(gate: Program, tmp_path: Path) -> None:
    done = filmgate(
        *("generate", "Waves at noon [[mock fail=failed]]", "--model", "pictory/pixverse5.5"),
        *("--url", gate.url),
        cwd=tmp_path,
    )

    assert done.returncode == 1
    assert re.search(r"^failed: .+ \(\w+\)$", done.stderr, re.MULTILINE)
    assert not (tmp_path / "out.mp4").exists()


def test_ctrl_c_leaves_the_job_running_and_says_how_to_come_back(
    gate: Program, tmp_path: Path
) -> None:
    with started(
        # 3 s on this gateway's clock.
        *("generate", "Waves at noon [[mock run=300s]]", "--model", "pictory/pixverse5.5"),
        *("--url", gate.url, "-o", "my waves.mp4"),
        cwd=tmp_path,
    ) as first:
        first.says("rendering")
        assert first.end(signal.SIGINT) == 130
        said = first.said
    assert "The job goes on. To wait for it again:\n  filmgate generate --resume video_" in said
    _, *again = shlex.split(said.splitlines()[-1])
    video = httpx.get(f"{gate.url}/v1/videos/{again[2]}").json()
    assert video["status"] != "failed"

    done = filmgate(*again, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("my waves.mp4  5 s  ")
    assert (tmp_path / "my waves.mp4").read_bytes()[4:8] == b"ftyp"


def test_resuming_what_was_never_asked_for_is_said(gate: Program, tmp_path: Path) -> None:
    done = filmgate("generate", "--resume", "video_unknown", "--url", gate.url, cwd=tmp_path)

    assert done.returncode == 2
    assert done.stderr == "filmgate: Not found: You have no video with this id.\n"


def test_a_gateway_that_restarts_meanwhile_is_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "gate"
    folder.mkdir()
    settings = """
[server]
port = {port}
[[accounts]]
name = "pictory-main"
provider = "pictory"
api_key = "env:KEY"
base_url = "{mock}/pictoryapis"
[network]
allow_private = ["127.0.0.0/8"]
"""
    with serving("mock", "--port", "0", "--speed", "20", cwd=tmp_path) as mock:
        config = folder / "filmgate.toml"
        config.write_text(settings.format(port=8080, mock=mock.url))
        with serving("serve", "--port", "0", cwd=folder, KEY="pictai_mock") as gate:
            port = gate.port
            client = started(
                *("generate", "Waves at noon [[mock run=60s]]", "--url", gate.url), cwd=tmp_path
            )
            with client as waiting:
                waiting.says("rendering")
                assert gate.end() == 0
                config.write_text(settings.format(port=port, mock=mock.url))
                with serving("serve", cwd=folder, KEY="pictai_mock"):
                    assert waiting.process.wait(30) == 0, waiting.said
                assert "out.mp4  5 s" in waiting.said


def test_why_the_line_stands_still_is_said_once(tmp_path: Path) -> None:
    gateway = serving("serve", "--mock", "--paused", "--port", "0", cwd=tmp_path)
    with gateway as gate, started("generate", "Waves", "--url", gate.url, cwd=tmp_path) as waiting:
        waiting.says("waiting for slot (place 1)")
        waiting.says("every account that could take it is paused; ")
        looks = gate.said.count('"method":"GET"')
        until(lambda: gate.said.count('"method":"GET"') > looks + 1)
        assert waiting.said.count("is paused") == 1


def test_a_folder_that_cannot_be_written_to_is_found_out_before_anything_is_paid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root may write anywhere, so the system's answer is made up.
    monkeypatch.setattr("gateway.cli.generate.os.access", lambda path, _: path != tmp_path)
    result = CliRunner().invoke(
        main, ["generate", "Waves", "-o", str(tmp_path / "a.mp4"), "--url", "http://127.0.0.1:9"]
    )

    assert result.exit_code == 2
    assert "is not writable" in result.stderr


def test_the_job_outlives_a_file_that_cannot_be_written(gate: Program, tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    with started(
        *("generate", "Waves at noon", "--url", gate.url, "-o", "gone/a.mp4"), cwd=tmp_path
    ) as program:
        until(lambda: "video_" in program.said)
        folder.rmdir()

        assert program.process.wait(30) == 2
        assert "filmgate: cannot write gone/a.mp4: No such file or directory" in program.said
        assert "To wait for it again:\n  filmgate generate --resume video_" in program.said


def test_a_video_goes_on_from_a_film_of_this_machine_and_from_another_video(
    gate: Program, tmp_path: Path
) -> None:
    model = ("--model", "pictory/pixverse5.5", "--url", gate.url)
    first = filmgate("generate", "Waves at noon", *model, "-o", "first.mp4", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    video_id = next(word for word in first.stderr.split() if word.startswith("video_"))

    ours = filmgate(
        *("generate", "They calm down", "--extend", "first.mp4", *model, "-o", "more.mp4"),
        cwd=tmp_path,
    )
    assert ours.returncode == 0, ours.stderr
    # The upload was a means to an end.
    assert httpx.get(f"{gate.url}/v1/files").json()["data"] == []
    theirs = filmgate(
        *("generate", "They calm down", "--extend", video_id, *model, "-o", "again.mp4"),
        cwd=tmp_path,
    )
    assert theirs.returncode == 0, theirs.stderr
    frame = filmgate(
        *("generate", "They rise", "--first-frame", f"{video_id}:last", *model, "-o", "up.mp4"),
        cwd=tmp_path,
    )
    assert frame.returncode == 0, frame.stderr
    listed = httpx.get(f"{gate.url}/v1/videos?limit=3").json()["data"]
    kinds = [(one["field"], one["kind"]) for video in listed for one in video["inputs"]]
    assert kinds == [
        ("/first_frame", "frame"),
        ("/extend_video", "video"),
        ("/extend_video", "file"),
    ]


def test_every_option_reaches_the_gateway(gate: Program, frame: Path, tmp_path: Path) -> None:
    done = filmgate(
        *("generate", "Waves at noon", "--model", "useapi-pixverse/v4", "--url", gate.url),
        *("--first-frame", str(frame), "--negative-prompt", "boats", "--motion-mode", "fast"),
        *("--seconds", "5", "--resolution", "360p", "--seed", "7", "--keep-watermark"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    [video] = httpx.get(f"{gate.url}/v1/videos?limit=1").json()["data"]
    applied = video["applied"]
    assert (applied["negative_prompt"], applied["motion_mode"]) == ("boats", "fast")
    assert (applied["seconds"], applied["resolution"], applied["seed"]) == (5, "360p", 7)
    assert applied["remove_watermark"] is False
    assert applied["defaults"] == ["aspect_ratio"]


def test_references_keep_their_order(gate: Program, frame: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    other.write_bytes(picture("teal", (320, 180)))
    done = filmgate(
        *("generate", "The two meet", "--model", "pictory/pixverse5.5", "--url", gate.url),
        *("--reference", str(other), "--reference", str(frame)),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    [video] = httpx.get(f"{gate.url}/v1/videos?limit=1").json()["data"]
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (other, frame)]
    assert [one["sha256"] for one in video["inputs"]] == digests
