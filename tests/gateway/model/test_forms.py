from typing import Any

import pytest

from gateway.model.forms import MAX_REFERENCES, picture_of, read_references
from gateway.model.inputs import (
    FileInput,
    FrameInput,
    InlineInput,
    Input,
    UrlInput,
    VideoInput,
)
from gateway.model.parse import Upload
from gateway.model.reading import Reading
from gateway.model.urls import MAX_URL
from providers.contract import Role
from tests.gateway.model.reading_support import (
    CONTENT,
    DATA,
    PNG,
    URL,
    bad,
    brief,
    fault_of,
    good,
)

IDS = ["a", "file_1", "-_-", "A" * 64]
NO_IDS = ["", "a b", "a/b", "a.b", "ä", "A" * 65, "a\n"]


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "HTTPS://EXAMPLE.com/A",
        "https://example.com:8443/a?b=c&d=%20#e",
        "https://[2001:db8::1]/a",
        "https://пример.example/ä.png",
        "https://example.com/" + "a" * (MAX_URL - 20),
    ],
    ids=["plain", "capitals", "query", "IPv6", "not ASCII", "longest"],
)
def test_an_https_url_is_taken_as_it_stands(url: str) -> None:
    assert good({"first_frame": url}).first_frame == UrlInput(url)
    assert good({"extend_video": {"url": url}}).extend_video == UrlInput(url)


FORMS: list[tuple[Any, Input]] = [
    (URL, UrlInput(URL)),
    ({"url": URL}, UrlInput(URL)),
    ({"image_url": URL}, UrlInput(URL)),
    ({"image_url": {"url": URL}}, UrlInput(URL)),
    ({"type": "image_url", "image_url": {"url": URL}}, UrlInput(URL)),
    ({"url": URL, "file_id": None, "frame": None}, UrlInput(URL)),
    (DATA, InlineInput(CONTENT)),
    ({"url": DATA}, InlineInput(CONTENT)),
    (Upload(CONTENT, "a.png"), InlineInput(CONTENT)),
    ("file_1", FileInput("file_1")),
    ({"file_id": "file_1"}, FileInput("file_1")),
    ('{"file_id": "file_1"}', FileInput("file_1")),
    ({"video": "video_1", "frame": "first"}, FrameInput("video_1", "first")),
    ({"video": "video_1", "frame": "last"}, FrameInput("video_1", "last")),
]


@pytest.mark.parametrize(("given", "read"), FORMS)
def test_a_picture_is_read_in_each_of_its_forms(given: object, read: Input) -> None:
    assert good({"first_frame": given}).first_frame == read
    assert good({"last_frame": given}).last_frame == read
    assert good({"reference_images": [given, URL]}).reference_images == (read, UrlInput(URL))
    assert good({"reference_images": given}).reference_images == (read,)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        *FORMS[:-2],
        ({"video": "video_1"}, VideoInput("video_1")),
        ({"id": "video_1"}, VideoInput("video_1")),
    ],
)
def test_a_video_to_extend_is_taken_whole(given: object, read: Input) -> None:
    assert good({"extend_video": given}).extend_video == read


@pytest.mark.parametrize(
    ("field", "frame"), [("first_frame", "last"), ("last_frame", "first"), ("images", "last")]
)
def test_two_films_meet_at_the_frame_meant_when_nothing_is_said(field: str, frame: Any) -> None:
    (given,) = good({field: {"video": "video_1"}}).given
    assert given.value == FrameInput("video_1", frame)


@pytest.mark.parametrize("name", IDS)
def test_an_id_is_of_a_kind_that_a_path_can_carry(name: str) -> None:
    assert good({"first_frame": {"file_id": name}}).first_frame == FileInput(name)
    assert good({"extend_video": {"id": name}}).extend_video == VideoInput(name)


@pytest.mark.parametrize("name", NO_IDS)
def test_any_other_id_is_refused(name: str) -> None:
    assert fault_of("first_frame", {"file_id": name}).code == "bad_id"
    assert fault_of("last_frame", {"video": name}).code == "bad_id"
    assert fault_of("extend_video", {"id": name}).pointer == "/extend_video/id"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("http://example.com/a.png", "bad_url"),
        ("ftp://example.com/a.png", "bad_url"),
        ("file:///etc/passwd", "bad_url"),
        ("//example.com/a.png", "bad_url"),
        ("example.com/a.png", "bad_url"),
        ("file_", "bad_url"),
        ("video.1", "bad_url"),
        ("/etc/passwd", "bad_url"),
        ("https:///a.png", "bad_url"),
        ("https:", "bad_url"),
        ("", "bad_url"),
        ("https://user@example.com/", "bad_url"),
        ("https://user:pass@example.com/", "bad_url"),
        ("https://@example.com/", "bad_url"),
        ("https://example.com/a b", "bad_url"),
        (" https://example.com/", "bad_url"),
        ("https://example.com/\n", "bad_url"),
        ("https://example.com/\x00", "bad_url"),
        ("https://example.com/\x7f", "bad_url"),
        ("https://example.com/\u3000", "bad_url"),
        ("https://example.com\\@evil.example/", "bad_url"),
        ("https://example.com/\ud800", "bad_url"),
        ("https://example.com:port/", "bad_url"),
        ("https://example.com:99999/", "bad_url"),
        ("https://[::1/", "bad_url"),
        ("https://a\u2100b/", "bad_url"),
        ("https://example.com/" + "a" * (MAX_URL - 19), "too_long"),
        (7, "wrong_type"),
        ([URL], "wrong_type"),
        ("{", "wrong_type"),
        (Upload(b"", "a.png"), "too_short"),
        ({}, "required"),
        ({"url": None}, "required"),
        ({"type": "image_url"}, "required"),
        ({"image_url": {}}, "required"),
        ({"url": 7}, "wrong_type"),
        ({"url": Upload(b"x", "a.png")}, "wrong_type"),
        ({"file_id": 7}, "wrong_type"),
        ({"video": ["v"]}, "wrong_type"),
        ({"image_url": [URL]}, "wrong_type"),
        ({"image_url": {"url": 7}}, "wrong_type"),
        ({"url": URL, "type": 7}, "wrong_type"),
        ({"url": URL, "type": "picture"}, "unsupported_value"),
        ({"url": URL, "detail": "high"}, "unknown_field"),
        ({"url": URL, "file_id": "file_1"}, "conflicting_fields"),
        ({"url": URL, "video": "v"}, "conflicting_fields"),
    ],
    ids=brief,
)
def test_anything_else_is_refused(value: object, code: str) -> None:
    assert fault_of("first_frame", value).code == code
    assert fault_of("last_frame", value).code == code
    if not isinstance(value, list):
        assert fault_of("reference_images", [value]).code == code
    assert fault_of("extend_video", value).code == code


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"video": "v", "frame": "middle"}, "unsupported_value"),
        ({"video": "v", "frame": 1}, "wrong_type"),
        ({"url": URL, "frame": "last"}, "conflicting_fields"),
    ],
)
def test_a_frame_is_the_first_or_last_one_of_a_video(value: object, code: str) -> None:
    fault = fault_of("first_frame", value)
    assert (fault.pointer, fault.code) == ("/first_frame/frame", code)
    fault = fault_of("extend_video", value)
    assert (fault.pointer, fault.code) == ("/extend_video/frame", "unsupported_field")


def test_an_id_alone_names_a_video_only_where_one_is_extended() -> None:
    fault = fault_of("first_frame", {"id": "video_1"})
    assert (fault.pointer, fault.code) == ("/first_frame/id", "unsupported_field")


def test_several_faults_of_one_input_are_all_told() -> None:
    wrong = {"video": "a b", "frame": "middle", "type": "x", "detail": 1}
    assert {at: fault.code for at, fault in bad({"first_frame": wrong}).items()} == {
        "/first_frame/detail": "unknown_field",
        "/first_frame/type": "unsupported_value",
        "/first_frame/video": "bad_id",
        "/first_frame/frame": "unsupported_value",
    }


def test_a_frame_of_a_video_that_cannot_be_named_hides_no_fault() -> None:
    fault = fault_of("first_frame", {"video": "a b", "frame": "first"})
    assert (fault.pointer, fault.code) == ("/first_frame/video", "bad_id")


@pytest.mark.parametrize("role", [Role.FIRST_FRAME, Role.LAST_FRAME, Role.EXTEND])
@pytest.mark.parametrize(
    ("value", "code"),
    [
        (7, "wrong_type"),
        ("a.png", "bad_url"),
        ("https://user@example.com/", "bad_url"),
        ("data:", "bad_url"),
        (Upload(b"", "a.png"), "too_short"),
        ({}, "required"),
        ({"image_url": {}}, "required"),
        ({"file_id": "a b"}, "bad_id"),
        ({"video": "a b"}, "bad_id"),
        ({"url": URL, "type": "picture"}, "unsupported_value"),
        ({"url": URL, "type": 7}, "wrong_type"),
        ({"url": URL, "file_id": "file_1"}, "conflicting_fields"),
    ],
    ids=brief,
)
def test_an_input_with_a_fault_is_none(role: Role, value: object, code: str) -> None:
    reading = Reading(lambda _host: False)
    assert picture_of(role)(value, "/at", reading) is None
    (fault,) = reading.faults
    assert (fault.pointer.split("/")[1], fault.code) == ("at", code)


def test_an_input_of_a_role_that_has_no_use_for_a_part_of_it_is_none() -> None:
    reading = Reading(lambda _host: False)
    whole = {"video": "video_1", "frame": "last"}
    assert picture_of(Role.EXTEND)(whole, "/at", reading) is None
    assert picture_of(Role.FIRST_FRAME)(whole, "/at", reading) == FrameInput("video_1", "last")
    assert [fault.pointer for fault in reading.faults] == ["/at/frame"]


def test_plain_http_is_for_the_hosts_that_are_allowed() -> None:
    def lan(host: str) -> bool:
        return host == "pictures.lan"

    allowed = "http://pictures.lan:8000/a"
    assert good({"first_frame": allowed}, plain_http=lan).first_frame == UrlInput(allowed)
    faults = bad({"first_frame": "http://pictures.lan.example/a"}, plain_http=lan)
    assert faults["/first_frame"].code == "bad_url"
    assert bad({"first_frame": "http://a@pictures.lan/a"}, plain_http=lan)
    assert bad({"first_frame": "ftp://pictures.lan/a"}, plain_http=lan)


@pytest.mark.parametrize(
    "url",
    [
        f"data:image/png;base64,{PNG}",
        f"data:image/png;charset=utf-8;base64,{PNG}",
        f"data:;base64,{PNG}",
    ],
)
def test_a_data_url_is_its_bytes(url: str) -> None:
    assert good({"first_frame": url}).first_frame == InlineInput(CONTENT)
    assert good({"first_frame": {"url": url}}).first_frame == InlineInput(CONTENT)


@pytest.mark.parametrize(
    "url",
    [
        "data:",
        "data:image/png;base64",
        "data:image/png;base64,",
        f"data:image/png,{PNG}",
        f"data:image/png,x;base64,{PNG}",
        "data:image/png;base64,a",
        "data:image/png;base64,****",
        f"data:image/png;base64,{PNG} ",
        f"data:image/png;base64,{PNG}ä",
        f"data:image/png;base64,{PNG}\ud800",
    ],
)
def test_a_data_url_that_cannot_be_decoded_is_refused(url: str) -> None:
    assert fault_of("first_frame", url).code == "bad_url"


# --- several ----------------------------------------------------------------------


def test_reference_images_keep_their_order() -> None:
    urls = [f"https://example.com/{n}.png" for n in range(MAX_REFERENCES)]
    asked = good({"reference_images": urls})
    assert asked.reference_images == tuple(map(UrlInput, urls))
    assert [one.pointer for one in asked.given][:2] == [
        "/reference_images/0",
        "/reference_images/1",
    ]


def test_every_wrong_one_of_several_is_told() -> None:
    faults = bad({"images": [URL, "x", {"file_id": ""}, 7]})
    assert {at: fault.code for at, fault in faults.items()} == {
        "/images/1": "bad_url",
        "/images/2/file_id": "bad_id",
        "/images/3": "wrong_type",
    }


def test_of_several_none_is_kept_where_one_is_wrong() -> None:
    reading = Reading(lambda _host: False)
    assert read_references([URL, 7], "/at", reading) is None
    assert [fault.pointer for fault in reading.faults] == ["/at/1"]


@pytest.mark.parametrize(
    ("value", "code"), [([], "too_short"), ([URL] * (MAX_REFERENCES + 1), "too_long")]
)
def test_none_and_far_too_many_are_refused(value: object, code: str) -> None:
    assert fault_of("reference_images", value).code == code


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("extend_video", VideoInput("video_1")),
        ("first_frame", FrameInput("video_1", "last")),
        ("last_frame", FrameInput("video_1", "first")),
    ],
)
def test_the_bare_id_of_a_video_is_the_object_that_names_it(field: str, value: Input) -> None:
    (given,) = good({field: "video_1"}).given
    assert given.value == value
    assert good({field: "video_1"}) == good({field: {"video": "video_1"}})


@pytest.mark.parametrize("text", ["/etc/passwd", "video x", "cat.png", ""])
def test_who_gives_no_url_is_told_all_that_is_taken(text: str) -> None:
    words = fault_of("first_frame", text).detail
    assert repr(text) in words
    assert all(form in words for form in ("https", "data URL", "file_…", "video_…", "object"))
