import builtins
import io
import sys
from typing import Any

import av
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mockserver.downloads import cut
from mockserver.engine.jobs import Role, Source
from mockserver.media.clip import Clip
from mockserver.media.film import FPS
from mockserver.media.pictures import READ_ERRORS, cover, fault, read
from mockserver.media.render import MissingExtraError, film
from mockserver.media.store import MediaStore
from mockserver.shapes import SIDES, dimensions
from mockserver.sniff import image_type
from tests.mockserver.drivers import Client, Open, difference, pictures, png

PLAIN = Clip(width=160, height=90, seconds=1, caption="dawn")


def clip(**change: Any) -> Clip:
    return msgspec.structs.replace(PLAIN, **change)


FIRST = Source(role="first", data=png("red", (200, 100)))
LAST = Source(role="last", data=png("blue", (100, 200)))


def as_shown(source: Source, size: tuple[int, int]) -> Image.Image:
    assert source.data is not None
    return cover(read(source.data), size)


@pytest.mark.parametrize("ratio", SIDES)
@pytest.mark.parametrize("short", [360, 540, 720, 1080])
def test_every_size_is_even_and_of_its_ratio(ratio: str, short: int) -> None:
    width, height = dimensions(ratio, short)
    wide, high = SIDES[ratio]

    assert width % 2 == height % 2 == 0
    assert min(width, height) == short
    assert width * high == height * wide


def test_a_film_starts_at_its_first_frame_and_ends_at_its_last() -> None:
    shown = pictures(film(clip(sources=(FIRST, LAST))))

    assert difference(shown[0], as_shown(FIRST, (160, 90))) < 4
    assert difference(shown[-1], as_shown(LAST, (160, 90))) < 4
    assert difference(shown[0], shown[-1]) > 50


def test_a_film_with_a_first_frame_alone_moves_away_from_it() -> None:
    shown = pictures(film(clip(sources=(FIRST,))))

    assert difference(shown[0], as_shown(FIRST, (160, 90))) < 4
    assert difference(shown[0], shown[-1]) > 8


def test_a_film_of_text_alone_changes_and_depends_on_the_text() -> None:
    dawn, dusk = pictures(film(clip())), pictures(film(clip(caption="dusk")))

    assert difference(dawn[0], dawn[-1]) > 0.5
    assert difference(dawn[0], dusk[0]) > 1


@pytest.mark.parametrize(
    ("seconds", "size"), [(5, (160, 90)), (8, (90, 160)), (4, (120, 90)), (10, (64, 64))]
)
def test_size_duration_and_format_are_exact(seconds: int, size: tuple[int, int]) -> None:
    mp4 = film(clip(seconds=seconds, width=size[0], height=size[1]))

    with av.open(io.BytesIO(mp4), "r") as container:
        (stream,) = container.streams.video
        assert container.duration == seconds * av.time_base
        assert stream.duration is not None
        assert stream.time_base is not None
        assert stream.duration * stream.time_base == seconds
        assert (stream.width, stream.height) == size
        assert (stream.codec.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert stream.frames == seconds * FPS
    assert 0 < mp4.find(b"moov") < mp4.find(b"mdat")


def test_equal_clips_have_equal_keys_and_bytes() -> None:
    assert clip(sources=(FIRST,)).key == clip(sources=(FIRST,)).key
    assert film(clip(sources=(FIRST,))) == film(clip(sources=(FIRST,)))
    keys = {
        each.key
        for each in (
            clip(),
            clip(seconds=2),
            clip(caption="dusk"),
            clip(sources=(FIRST,)),
            clip(sources=(FIRST, LAST)),
            clip(sources=(Source(role="last", data=FIRST.data),)),
            clip(sources=(Source(role="first", url="dawn"),)),
        )
    }
    assert len(keys) == 7


@settings(deadline=None)
@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff"]),
)
def test_no_bytes_break_the_reading_of_pictures(data: bytes, start: bytes) -> None:
    assert isinstance(READ_ERRORS, tuple)
    image_type(start + data)
    fault(start + data)


async def test_one_clip_is_rendered_once_however_many_ask(opened: Open) -> None:
    async with opened() as (mock, client):
        for _ in range(2):
            await client.text_video("same", quality="360p")
        await mock.advance(50)
        urls = [v["url"] for v in (await client.useapi("/videos")).json()["data"]]
        bodies = [(await client.http.get(url)).content for url in urls * 2]

        assert len(set(bodies)) == 1
        assert mock.media.renders == 1


async def test_a_full_store_forgets_the_longest_unused() -> None:
    store = MediaStore(kept_bytes=1)
    for caption in ("a", "b", "a"):
        await store.film(clip(caption=caption, width=32, height=32))

    assert store.renders == 3


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


async def test_without_the_extra_the_error_names_it(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without_av(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] in {"av", "PIL"}:
            raise ImportError(name)
        return real(name, *rest)

    for module in ("mockserver.media.film", "mockserver.media.pictures"):
        monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.delattr("mockserver.media." + module.rpartition(".")[2], raising=False)
    monkeypatch.setattr(builtins, "__import__", without_av)

    with pytest.raises(MissingExtraError, match=r"filmgate\[mock\]"):
        film(clip())
    async with opened() as (mock, client):
        await client.text_video()
        await mock.advance(50)
        response = await client.http.get((await finished(client))["url"])
        assert response.status_code == 501
        assert "filmgate[mock]" in response.json()["error"]


STAND_IN = "https://example.com/far.png"


@pytest.mark.parametrize("role", ["first", "last", "reference", "extend"])
def test_an_input_out_of_reach_is_drawn_from_its_url(role: Role) -> None:
    near, far = (
        pictures(film(clip(sources=(Source(role=role, url=url),))))
        for url in (STAND_IN, STAND_IN + "?other")
    )

    at = -1 if role == "last" else 0
    assert difference(near[at], far[at]) > 1


def test_references_are_shown_in_their_order() -> None:
    red, blue = (Source(role="reference", data=png(colour)) for colour in ("red", "blue"))
    one, other = (pictures(film(clip(sources=order)))[0] for order in ((red, blue), (blue, red)))

    left, right = (60, 16), (90, 16)
    for picture, at, colour in ((one, left, 0), (one, right, 2), (other, left, 2)):
        pixel = picture.getpixel(at)
        assert isinstance(pixel, tuple)
        assert max(range(3), key=pixel.__getitem__) == colour


def test_a_source_that_extends_continues_from_the_last_picture() -> None:
    source = film(clip(sources=(FIRST, LAST)))
    shown = pictures(film(clip(sources=(Source(role="extend", data=source),))))

    assert difference(shown[0], pictures(source)[-1]) < 4
