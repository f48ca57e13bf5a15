"""The stock `openai` package, pointed at the gateway by `base_url` alone."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import openai
import pytest

from tests.end_to_end.processes import Gateway, Mock, running
from tests.rig import picture

# Its video helpers warn that OpenAI's own video API has ended.
pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")

TARGETS = pytest.mark.parametrize("model", ["pictory/pixverse5.5", "useapi-pixverse/v4"])


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Mock]]:
    """Mock and gateway, for all tests of this file; each makes jobs of its own."""
    folder = tmp_path_factory.mktemp("openai")
    with running(Mock(folder, speed=60)) as mock:
        gateway = Gateway(folder / "gate", mock, route=["pictory/pixverse5.5"])
        with running(gateway):
            yield gateway, mock


@pytest.fixture
def client(stage: tuple[Gateway, Mock]) -> Iterator[openai.OpenAI]:
    gateway, _ = stage
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="secret-key", max_retries=0) as made:
        yield made


def first_frame(film: bytes) -> Any:
    with av.open(BytesIO(film), "r") as container:
        return next(container.decode(video=0)).to_image()  # type: ignore[no-untyped-call]


@TARGETS
def test_create_and_poll_makes_a_video_that_starts_at_the_file_given(
    client: openai.OpenAI, tmp_path: Path, model: Any
) -> None:
    still = tmp_path / "dawn.png"
    still.write_bytes(picture("orange", (1280, 720)))
    with still.open("rb") as file:
        video = client.videos.create_and_poll(
            model=model,
            prompt="The sun rises over the harbour",
            input_reference=file,
            seconds="8",
            size="1280x720",
        )

    assert (video.status, video.error, video.progress) == ("completed", None, 100)
    assert (video.model, video.seconds, video.size) == (model, "8", "1280x720")
    film = client.videos.download_content(video.id).read()
    shown = first_frame(film)
    assert shown.size == (1280, 720)
    red, green, blue = shown.getpixel((640, 360))
    assert (red > 200, 120 < green < 200, blue < 60) == (True, True, True)


@TARGETS
def test_text_alone_needs_nothing_but_model_and_prompt(client: openai.OpenAI, model: Any) -> None:
    created = client.videos.create(model=model, prompt="Waves roll towards the camera")
    assert (created.object, created.status) == ("video", "queued")
    video = client.videos.poll(created.id)

    assert video.status == "completed"
    assert client.videos.retrieve(created.id).completed_at is not None


def test_a_picture_may_also_be_a_file_uploaded_before(client: openai.OpenAI) -> None:
    uploaded = client.files.create(file=("dusk.png", picture("navy")), purpose="vision")
    assert (uploaded.object, uploaded.filename) == ("file", "dusk.png")
    created = client.videos.create(
        model="useapi-pixverse/v4",
        prompt="Night falls",
        # Its own types allow this for input_reference, but the package cannot send it there.
        extra_body={"first_frame": {"file_id": uploaded.id}},
    )
    video = client.videos.poll(created.id)
    assert video.status == "completed"
    assert client.files.retrieve(uploaded.id).bytes == len(picture("navy"))
    assert client.files.content(uploaded.id).read() == picture("navy")
    assert client.files.delete(uploaded.id).deleted is True
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(uploaded.id)


def test_lists_are_paged_through_by_the_client_itself(client: openai.OpenAI) -> None:
    made = [
        client.videos.create(model="pictory/veo3.1", prompt=f"Scene number {n}").id
        for n in range(5)
    ]
    newest = [video.id for video in client.videos.list(limit=2)]
    oldest = [video.id for video in client.videos.list(limit=3, order="asc")]

    assert newest[:5] == made[::-1]
    assert oldest == newest[::-1]
    assert len(set(newest)) == len(newest)


def test_a_finished_video_is_deleted_and_one_in_the_making_is_not(client: openai.OpenAI) -> None:
    waiting = client.videos.create(
        model="pictory/pixverse5.5",
        prompt="A long take [[mock run=600s]]",
    )
    with pytest.raises(openai.ConflictError, match="only one that has ended"):
        client.videos.delete(waiting.id)
    video = client.videos.create_and_poll(
        model="pictory/pixverse5.5",
        prompt="A short one",
    )
    gone = client.videos.delete(video.id)

    assert (gone.id, gone.deleted, gone.object) == (video.id, True, "video.deleted")
    with pytest.raises(openai.NotFoundError):
        client.videos.retrieve(video.id)
    with pytest.raises(openai.NotFoundError):
        client.videos.download_content(video.id)


def test_a_video_is_extended_by_its_id(client: openai.OpenAI) -> None:
    source = client.videos.create(
        model="pictory/pixverse5.5",
        prompt="She walks in the park",
    )
    more = client.videos.create(
        model="pictory/pixverse5.5",
        prompt="She sits down on the grass",
        seconds="8",
        extra_body={"extend_video": {"video": source.id}},
    )
    video = client.videos.poll(more.id)

    assert (video.status, video.remixed_from_video_id) == ("completed", source.id)


def test_a_film_from_elsewhere_is_extended_too(client: openai.OpenAI, tmp_path: Path) -> None:
    source = client.videos.create_and_poll(model="pictory/pixverse5.5", prompt="A park in spring")
    film = tmp_path / "park.mp4"
    film.write_bytes(client.videos.download_content(source.id).read())
    with film.open("rb") as file:
        more = client.videos.extend(prompt="It begins to rain", seconds="8", video=file)
    video = client.videos.poll(more.id)

    assert (video.status, video.seconds) == ("completed", "8")


def test_its_errors_are_its_own_exceptions_with_our_text(
    client: openai.OpenAI, stage: tuple[Gateway, Mock]
) -> None:
    gateway, mock = stage
    charges = len(mock.charges())
    with pytest.raises(openai.UnprocessableEntityError) as unfit:
        client.videos.create(
            model="pictory/pixverse5.5",
            prompt="Waves",
            seconds="4",
        )
    assert "takes 5, 8 or 10, not 4" in str(unfit.value)
    assert (unfit.value.param, unfit.value.code) == ("seconds", "invalid_request")

    with pytest.raises(openai.UnprocessableEntityError, match="did you mean"):
        client.videos.create(model="pictory/pixverse5", prompt="Waves")
    with pytest.raises(openai.NotFoundError, match="no video with this id"):
        client.videos.retrieve("video_unknown")
    with pytest.raises(openai.AuthenticationError, match="configured keys"):
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="wrong").videos.list()
    with pytest.raises(openai.BadRequestError, match="limit"):
        client.videos.list(limit=1000)
    assert len(mock.charges()) == charges


def test_a_failed_video_tells_why(client: openai.OpenAI) -> None:
    video = client.videos.create_and_poll(
        model="useapi-pixverse/v4",
        prompt="Something nobody may see [[mock refuse=422]]",
    )
    assert video.status == "failed"
    assert video.error is not None
    assert video.error.code == "content_moderated"
    assert "AI moderator" in video.error.message


def test_models_are_listed_as_its_own(client: openai.OpenAI) -> None:
    ids = {model.id for model in client.models.list()}
    assert {"pictory/veo3.1", "useapi-pixverse/v3.5", "default"} <= ids
    assert client.models.retrieve("pictory/veo3.1").owned_by == "pictory"


async def test_the_asynchronous_client_does_the_same(stage: tuple[Gateway, Mock]) -> None:
    gateway, _ = stage
    async with openai.AsyncOpenAI(
        base_url=f"{gateway.url}/v1", api_key="secret-key", max_retries=0
    ) as client:
        video = await client.videos.create_and_poll(
            model="pictory/veo3.1_fast",
            prompt="A train arrives",
            seconds="4",
            input_reference=("still.png", picture("teal", (640, 360))),
        )
        content = await client.videos.download_content(video.id)
        assert video.status == "completed"
        assert first_frame(content.read()).size == (1920, 1080)
