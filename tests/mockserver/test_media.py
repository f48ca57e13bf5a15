import io
from typing import Any

import pytest
from PIL import Image

from mockserver.downloads import cut
from mockserver.media.clip import FPS
from mockserver.media.reading import read
from mockserver.wire.shapes import SIDES, dimensions
from tests.mockserver.drivers import Client, Open, difference, pictures, png
from tests.mockserver.media.films import hide_extra


@pytest.mark.parametrize("ratio", SIDES)
@pytest.mark.parametrize("short", [360, 540, 720, 1080])
def test_every_size_is_even_and_of_its_ratio(ratio: str, short: int) -> None:
    width, height = dimensions(ratio, short)
    wide, high = SIDES[ratio]

    assert width % 2 == height % 2 == 0
    assert min(width, height) == short
    assert width * high == height * wide


async def test_one_film_is_rendered_once_however_many_ask(opened: Open) -> None:
    async with opened() as (mock, client):
        for _ in range(2):
            await client.text_video("same", quality="360p")
        await mock.advance(50)
        urls = [v["url"] for v in (await client.useapi("/videos")).json()["data"]]
        bodies = [(await client.http.get(url)).content for url in urls * 2]

        assert bodies[:2] == bodies[2:]
        assert mock.media.renders == 2


async def test_every_picture_of_a_download_says_whose_it_is(opened: Open) -> None:
    async with opened() as (mock, client):
        job_id = (await client.text_video("dawn", quality="360p")).json()["video_id"]
        await mock.advance(50)
        film = read((await client.http.get((await finished(client))["url"])).content)

        assert {note.job for note in film.notes} == {job_id}
        assert (film.seconds, len(film.notes), film.faststart) == (5, 5 * FPS, True)


async def finished(client: Client) -> dict[str, Any]:
    videos = (await client.useapi("/videos")).json()["data"]
    assert isinstance(videos[0], dict)
    return videos[0]


async def test_the_last_frame_is_the_last_picture_that_a_decoder_sees(opened: Open) -> None:
    async with opened() as (mock, client):
        first, last = await client.upload_path(png("red")), await client.upload_path(png("blue"))
        await client.frames_video(first, last, quality="360p", aspect_ratio="1:1")
        await mock.advance(50)
        video = await finished(client)
        shown = pictures((await client.http.get(video["url"])).content)
        still = await client.http.get(video["last_frame"])
        start = await client.http.get(video["first_frame"])

        assert still.headers["content-type"] == "image/png"
        assert start.headers["content-type"] == "image/jpeg"
        assert difference(shown[-1], Image.open(io.BytesIO(still.content))) == 0
        assert Image.open(io.BytesIO(still.content)).size == (360, 360)
        assert difference(shown[0], Image.open(io.BytesIO(start.content))) < 4


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-9", (0, 9)),
        ("bytes=90-", (90, 99)),
        ("bytes=90-500", (90, 99)),
        ("bytes=-10", (90, 99)),
        ("bytes=-500", (0, 99)),
        ("bytes=100-", None),
        ("bytes=-0", None),
    ],
)
def test_ranges_are_cut_as_rfc_9110_says(wanted: str, part: tuple[int, int] | None) -> None:
    assert cut(wanted, 100) == part


@pytest.mark.parametrize("wanted", ["bytes=-", "bytes=9-1", "bytes=0-1,5-6", "lines=1-2", ""])
def test_ranges_of_another_kind_are_to_be_ignored(wanted: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        cut(wanted, 100)


async def test_downloads_know_range_head_and_etag(opened: Open) -> None:
    async with opened() as (_, client):
        data = png("red")
        url = (await client.upload(data)).json()["result"][0]["url"]

        async def get(**headers: str) -> tuple[int, bytes, str | None]:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            response = await client.http.get(url, headers=names)
            return response.status_code, response.content, response.headers.get("content-range")

        whole = await client.http.get(url)
        head = await client.http.head(url)
        etag = whole.headers["etag"]
        size = len(data)
        assert whole.headers["accept-ranges"] == "bytes"
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(size)
        assert await get(range="bytes=2-5") == (206, data[2:6], f"bytes 2-5/{size}")
        assert await get(range="bytes=99999-") == (416, b"", f"bytes */{size}")
        assert await get(range="bytes=0-1,3-4") == (200, data, None)
        assert await get(range="bytes=0-1", if_range='"old"') == (200, data, None)
        assert await get(if_none_match=etag) == (304, b"", None)


async def test_media_are_there_only_when_the_job_has_completed(opened: Open) -> None:
    async with opened() as (mock, client):
        await client.pictory("sunset [[mock fail=failed]]")
        await mock.advance(50)

        for name in ("pictory-1.mp4", "pictory-2.mp4", "pictory-1.exe", "pictory-1", "upload/x"):
            assert (await client.http.get(f"/media/{name}")).status_code == 404


async def test_without_the_extra_only_thumbnails_are_missing(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide_extra(monkeypatch)
    async with opened() as (mock, client):
        await client.text_video()
        await mock.advance(50)
        url = (await finished(client))["url"]
        last = await client.http.get(url.replace(".mp4", ".last.png"))
        thumb = await client.http.get(url.replace(".mp4", ".thumb.jpg"))

        assert (await client.http.get(url)).status_code == 200
        assert (last.status_code, last.headers["content-type"]) == (200, "image/png")
        assert thumb.status_code == 501
        assert "filmgate[mock]" in thumb.json()["error"]
