import hashlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gateway import frames
from gateway.engine import stills
from gateway.model.job import Result
from gateway.model.phases import Phase
from tests.gateway.api.conftest import Gate
from tests.gateway.frames.test_cut import decoded, film


@pytest.fixture
async def made(gate: Gate, tmp_path: Path) -> tuple[str, Path]:
    """The path of a video that is a real film, and that film."""
    path = film(tmp_path / "a.mp4", pictures=12)
    content = path.read_bytes()
    result = Result(
        digest=gate.tools.media.save(content),
        media_type="video/mp4",
        bytes=len(content),
        duration_ms=500,
        width=160,
        height=96,
    )
    job = await gate.job(result=result)
    return f"/v1/videos/{job.id}/content", path


@pytest.mark.parametrize(
    ("variant", "at"), [("thumbnail", 0), ("first_frame", 0), ("last_frame", -1)]
)
async def test_a_still_is_the_films_own_frame(
    gate: Gate, made: tuple[str, Path], variant: str, at: int
) -> None:
    path, original = made
    answer = await gate.client.get(f"{path}?variant={variant}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    with Image.open(BytesIO(answer.content)) as image:
        assert image.convert("RGB").tobytes() == decoded(original)[at]
    tag = f'"{hashlib.sha256(answer.content).hexdigest()}"'
    assert answer.headers["etag"] == tag
    assert answer.headers["content-disposition"].endswith(f'-{variant}.png"')
    headers = {"if-none-match": tag}
    known = await gate.client.get(f"{path}?variant={variant}", headers=headers)
    assert known.status_code == 304
    part = await gate.client.get(f"{path}?variant={variant}", headers={"range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, b"PNG")


async def test_the_film_itself_is_a_variant(gate: Gate, made: tuple[str, Path]) -> None:
    path, original = made
    answer = await gate.client.get(f"{path}?variant=video")
    assert answer.content == original.read_bytes()


async def test_a_variant_there_is_not_is_refused_with_those_there_are(gate: Gate) -> None:
    answer = await gate.client.get(f"{await gate.content()}?variant=spritesheet")
    [fault] = answer.json()["errors"]
    assert answer.status_code == 400
    assert fault["allowed"] == ["video", "thumbnail", "first_frame", "last_frame"]


async def test_where_stills_cannot_be_cut_it_says_what_to_install(
    gate: Gate, made: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "available", lambda: False)
    answer = await gate.client.get(f"{made[0]}?variant=thumbnail")
    assert (answer.status_code, answer.json()["code"]) == (409, "still_unavailable")
    assert "filmgate[frames]" in answer.json()["detail"]


async def test_a_film_that_was_removed_has_no_stills(gate: Gate, made: tuple[str, Path]) -> None:
    digest = hashlib.sha256(made[1].read_bytes()).hexdigest()
    gate.tools.media.path(digest).unlink()
    answer = await gate.client.get(f"{made[0]}?variant=thumbnail")
    assert answer.status_code == 404


async def test_a_still_that_cannot_be_stored_is_our_fault(
    gate: Gate, made: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise OSError(28, "No space left on device: /secret")

    monkeypatch.setattr(gate.tools.media, "adopt_still", full)
    answer = await gate.client.get(f"{made[0]}?variant=thumbnail")
    assert answer.status_code == 503
    assert "secret" not in answer.text


async def test_a_video_that_is_not_finished_has_no_stills(gate: Gate) -> None:
    job = await gate.job(phase=Phase.RENDERING)
    answer = await gate.client.get(f"/v1/videos/{job.id}/content?variant=thumbnail")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_ready")


async def test_a_video_that_is_deleted_while_its_still_is_read_is_not_found(
    gate: Gate, made: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: Any) -> Path:
        return gate.tools.media.folder / "gone.png"

    monkeypatch.setattr(stills, "still", gone)
    answer = await gate.client.get(f"{made[0]}?variant=thumbnail")
    assert answer.status_code == 404
