"""What a user would lose sleep over: kills, restarts, double payment, needless calls."""

import base64
import random
import signal
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image, ImageChops, ImageStat

from tests.end_to_end.processes import Gateway, Mock, running, until
from tests.rig import picture

PIXVERSE = ["useapi-pixverse/v3.5", "useapi-pixverse/v4"]
PICTORY = ["pictory/pixverse5.5"]
BOTH = [*PIXVERSE, *PICTORY]


@pytest.fixture
def mock(tmp_path: Path) -> Iterator[Mock]:
    program = Mock(tmp_path)
    with running(program):
        yield program


def frame(color: str) -> str:
    return f"data:;base64,{base64.b64encode(picture(color, (640, 360))).decode()}"


def far_apart(shown: Image.Image, color: str) -> float:
    """The mean difference per channel, of 255."""
    plain = Image.new("RGB", shown.size, color)
    return max(ImageStat.Stat(ImageChops.difference(shown, plain)).mean)


@pytest.mark.parametrize("route", [PIXVERSE, PICTORY], ids=["pixverse", "pictory"])
def test_kill_9_while_a_job_renders_loses_nothing_and_pays_once(
    tmp_path: Path, mock: Mock, route: list[str]
) -> None:
    with running(Gateway(tmp_path / "gate", mock, route=route)) as gateway:
        # A picture that Pictory fetches from a gateway that is down fails the job there.
        frames = {"first_frame": frame("orange")} if route is PIXVERSE else {}
        video_id = gateway.create(prompt="The harbour at dusk", **frames)
        gateway.reaches(video_id, "rendering")
        gateway.end(signal.SIGKILL)

        gateway.start()
        video = gateway.reaches(video_id, "completed")

        assert video["attempts"] == 1
        assert list(mock.charges().values()) == [1]
        assert len(gateway.content(video_id)) == video["output"]["bytes"]


def test_kill_9_and_the_callback_lost_with_it_the_poll_finds_the_video(
    tmp_path: Path, mock: Mock
) -> None:
    with running(Gateway(tmp_path / "gate", mock, route=PICTORY)) as gateway:
        video_id = gateway.create(prompt="The harbour at dusk")
        gateway.reaches(video_id, "rendering")
        gateway.end(signal.SIGKILL)
        until(lambda: mock.lines("delivery"), bool)

        gateway.start()
        gateway.reaches(video_id, "completed")

        assert list(mock.charges().values()) == [1]


def test_killed_at_random_moments_no_job_is_lost_and_none_is_paid_twice(
    tmp_path: Path, mock: Mock
) -> None:
    chance = random.Random(20261121)
    with running(Gateway(tmp_path / "gate", mock, route=BOTH, max_jobs=2)) as gateway:
        ids: list[str] = []
        for n in range(6):
            ids += [gateway.create(prompt=f"Take {n}.{k}") for k in range(2)]
            time.sleep(chance.uniform(0.0, 0.25))
            gateway.end(signal.SIGKILL)
            gateway.start()
        ended = [
            gateway.reaches(one, "completed", "submission_unknown", "needs_attention")
            for one in ids
        ]

        assert len(ended) == 12
        charges = mock.charges()
        assert set(charges.values()) == {1}
        assert len(charges) <= len(ids)
        assert sum(video["phase"] == "completed" for video in ended) >= 6


def test_a_stop_by_sigterm_is_clean_and_the_next_start_goes_on(tmp_path: Path, mock: Mock) -> None:
    with running(Gateway(tmp_path / "gate", mock, route=PIXVERSE)) as gateway:
        video_id = gateway.create(prompt="The harbour at dusk")
        gateway.reaches(video_id, "rendering")

        assert gateway.end(signal.SIGTERM) == 0
        gateway.start()
        gateway.reaches(video_id, "completed")

        assert list(mock.charges().values()) == [1]


def test_looking_at_a_finished_video_asks_the_provider_nothing(tmp_path: Path, mock: Mock) -> None:
    with running(Gateway(tmp_path / "gate", mock, route=PICTORY)) as gateway:
        video_id = gateway.create(prompt="The harbour at dusk")
        gateway.reaches(video_id, "completed")
        before = mock.calls()

        for _ in range(50):
            assert gateway.read(video_id)["status"] == "completed"
        assert gateway.content(video_id)[4:8] == b"ftyp"

        assert mock.calls() == before


def test_the_same_request_runs_on_either_provider_by_one_line_of_configuration(
    tmp_path: Path, mock: Mock
) -> None:
    request: dict[str, Any] = {"prompt": "The harbour at dusk", "first_frame": frame("orange")}
    for route in (["useapi-pixverse/v4"], PICTORY):
        with running(Gateway(tmp_path / route[0].partition("/")[0], mock, route=route)) as gateway:
            video = gateway.reaches(gateway.create(**request), "completed")

            assert video["model"] == route[0]


def test_the_video_starts_at_the_first_picture_and_ends_at_the_last(
    tmp_path: Path, mock: Mock
) -> None:
    with running(Gateway(tmp_path / "gate", mock, route=PIXVERSE)) as gateway:
        video_id = gateway.create(
            prompt="The harbour at dusk",
            first_frame=frame("orange"),
            last_frame=frame("navy"),
            seconds=5,
            aspect_ratio="9:16",
            resolution="360p",
        )
        video = gateway.reaches(video_id, "completed")
        content = gateway.content(video_id)

    with av.open(BytesIO(content), "r") as file:
        shown = [one.to_image() for one in file.decode(video=0)]  # type: ignore[no-untyped-call]
        assert file.streams.video[0].codec_context.name == "h264"
    assert video["size"] == f"{shown[0].width}x{shown[0].height}"
    assert shown[0].width * 16 == pytest.approx(shown[0].height * 9, rel=0.02)
    assert video["output"]["duration_ms"] == 5000
    assert far_apart(shown[0], "orange") < 6
    assert far_apart(shown[-1], "navy") < 6
    assert far_apart(shown[len(shown) // 2], "orange") > 20
