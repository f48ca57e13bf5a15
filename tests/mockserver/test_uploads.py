import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.pixverse.files import MAX_IMAGE_BYTES, picture_fault, upload_fault
from mockserver.wire.sniff import EXTENSIONS, FILMS, IMAGES, SOUNDS, media_type, picture_size
from tests.mockserver.drivers import USEAPI, Open, png

STARTS = {
    "image/png": png("red"),
    "image/gif": b"GIF89a",
    "image/jpeg": b"\xff\xd8\xff\xe0",
    "image/webp": b"RIFF\0\0\0\0WEBPVP8 ",
    "video/mp4": b"\0\0\0\x18ftypisom",
    "video/quicktime": b"\0\0\0\x18ftypqt  ",
    "video/3gpp": b"\0\0\0\x18ftyp3gp4",
    "video/webm": b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm",
    "video/x-matroska": b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska",
    "video/x-flv": b"FLV\x01\x05",
    "video/mpeg": b"\0\0\x01\xba\x44",
    "video/mp2t": (b"\x47" + bytes(187)) * 2,
    "video/x-msvideo": b"RIFF\0\0\0\0AVI LIST",
    "video/ogg": b"OggS\0\x02",
    "audio/wav": b"RIFF\0\0\0\0WAVEfmt ",
    "audio/mpeg": b"ID3\x04",
}


@pytest.mark.parametrize(("kind", "data"), STARTS.items())
def test_each_type_is_known_by_its_first_bytes(kind: str, data: bytes) -> None:
    assert media_type(data) == kind
    assert upload_fault(kind, data) is None


def test_every_type_that_is_taken_can_be_told_from_its_bytes_or_its_like() -> None:
    alike = {"video/x-motion-jpeg": "image/jpeg", "audio/wave": "audio/wav"}

    assert set(EXTENSIONS) == set(STARTS) | set(alike) == {*IMAGES, *FILMS, *SOUNDS}


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", "image/bmp", ""])
def test_other_content_types_are_refused(kind: str) -> None:
    assert "Content-Type" in (upload_fault(kind, png("red")) or "")


def test_an_empty_body_is_refused_as_such() -> None:
    assert upload_fault("image/png", b"") == "The request body is empty"


@pytest.mark.parametrize("size", [(4000, 1), (1, 4000)])
def test_4000_pixels_are_taken_and_one_more_is_not(size: tuple[int, int]) -> None:
    wide, high = size
    larger = (wide + (wide > 1), high + (high > 1))

    assert picture_fault(png("red", size)) is None
    assert "4000" in (picture_fault(png("red", larger)) or "")


def test_a_picture_must_be_under_20_megabytes_and_a_film_need_not() -> None:
    limit = MAX_IMAGE_BYTES
    picture, clip = png("red"), STARTS["video/mp4"]

    assert picture_fault(picture.ljust(limit - 1, b"\0")) is None
    assert "smaller" in (picture_fault(picture.ljust(limit, b"\0")) or "")
    assert upload_fault("video/mp4", clip.ljust(limit + 1, b"\0")) is None


@given(st.binary(max_size=200), st.sampled_from(list(STARTS.values())))
def test_no_bytes_make_the_judge_of_uploads_fail(tail: bytes, start: bytes) -> None:
    for data in (tail, start + tail, start[: len(tail)]):
        upload_fault("image/png", data)
        picture_size(data)


async def test_a_film_is_no_frame(opened: Open) -> None:
    async with opened() as (_, client):
        headers = USEAPI | {"Content-Type": "VIDEO/MP2T"}
        answer = await client.http.post(
            "/v2/pixverse/files", content=STARTS["video/mp2t"], headers=headers
        )
        path = answer.json()["path"]
        refused = await client.frames_video(path, path)

        assert refused.status_code == 400
        assert "uploaded image" in refused.json()["error"]
