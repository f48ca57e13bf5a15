import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gateway.api.faults import BadFormError
from gateway.api.form import MAX_NAME, MAX_PARTS, FormReader, file_name, nested
from gateway.model.reading import Upload
from tests.gateway.api.conftest import KEY, PICTURE, PROMPT, Gate, Opened

BOUNDARY = "a-boundary"
TYPE = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
TARGET = "pictory/pixverse5.5"
MAY_REPEAT = hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def part(disposition: str, content: bytes, *headers: str) -> bytes:
    lines = [f"Content-Disposition: form-data; {disposition}", *headers]
    head = "".join(f"{line}\r\n" for line in lines).encode()
    return b"--" + BOUNDARY.encode() + b"\r\n" + head + b"\r\n" + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def text_form(*fields: tuple[str, str]) -> bytes:
    return form(*(part(f'name="{name}"', value.encode()) for name, value in fields))


def read(body: bytes, cuts: Sequence[int] = ()) -> dict[str, object]:
    reader = FormReader(BOUNDARY)
    edges = [0, *sorted(cuts), len(body)]
    for start, end in itertools.pairwise(edges):
        reader.feed(body[start:end])
    return reader.end()


# --- what names mean -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "meant"),
    [
        ([], {}),
        ([("prompt", "hi")], {"prompt": "hi"}),
        ([("a", "1"), ("a", "2")], {"a": ["1", "2"]}),
        ([("a[]", "1")], {"a": ["1"]}),
        ([("a[]", "1"), ("a[]", "2")], {"a": ["1", "2"]}),
        ([("a[1]", "2"), ("a[0]", "1")], {"a": ["1", "2"]}),
        ([("metadata[scene]", "3")], {"metadata": {"scene": "3"}}),
        ([("metadata[0]", "3")], {"metadata": {"0": "3"}}),
        ([("provider_options[p][0]", "3")], {"provider_options": {"p": {"0": "3"}}}),
        (
            [("routing[fallbacks][]", "a"), ("routing[fallbacks][]", "b"), ("routing[queue]", "1")],
            {"routing": {"fallbacks": ["a", "b"], "queue": "1"}},
        ),
        ([("r[][url]", "1"), ("r[][url]", "2")], {"r": [{"url": "1"}, {"url": "2"}]}),
        (
            [("r[][video]", "1"), ("r[][frame]", "last"), ("r[][video]", "2")],
            {"r": [{"video": "1", "frame": "last"}, {"video": "2"}]},
        ),
        ([("r[0][a][b]", "1"), ("r[0][a][c]", "2")], {"r": [{"a": {"b": "1", "c": "2"}}]}),
        ([("r[][a][b]", "1"), ("r[][a][c]", "2")], {"r": [{"a": {"b": "1", "c": "2"}}]}),
        ([("a[][]", "1")], {"a": [["1"]]}),
    ],
)
def test_brackets_are_nesting_and_repetition_is_a_list(
    parts: list[tuple[str, str]], meant: dict[str, Any]
) -> None:
    assert nested(parts) == meant


@pytest.mark.parametrize(
    "parts",
    [
        [("", "1")],
        [("a[", "1")],
        [("a]", "1")],
        [("[a]", "1")],
        [("a[b]c", "1")],
        [("a[b[c]]", "1")],
        [("a" * (MAX_NAME + 1), "1")],
        [("a" + "[b]" * 6, "1")],
        [("a", "1"), ("a[]", "2")],
        [("a", "1"), ("a[b]", "2")],
        [("a[]", "1"), ("a[b]", "2")],
        [("a[]", "1"), ("a[0]", "2")],
        [("a[0]", "1"), ("a[2]", "2")],
        [("a[00]", "1")],
        [("a[0][x]", "1"), ("a[0]", "2")],
    ],
)
def test_names_that_cannot_be_meant_are_refused(parts: list[tuple[str, str]]) -> None:
    with pytest.raises(BadFormError) as caught:
        nested(parts)
    assert len(str(caught.value)) < 300


SCALARS = st.text(min_size=1, max_size=5)
KEYS = st.text(st.characters(categories=["L"]), min_size=1, max_size=5)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3) | st.dictionaries(KEYS, inner, min_size=1)
    ),
    max_leaves=8,
)


def flat(name: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, str):
        return [(name, value)]
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    return [one for key, inner in pairs for one in flat(f"{name}[{key}]", inner)]


def deep(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value
    return 0 if isinstance(value, str) else 1 + max(map(deep, inner))


@given(body=st.dictionaries(KEYS, TREES.filter(lambda tree: deep(tree) < 6)), order=st.randoms())
def test_a_form_gives_back_the_object_it_was_made_from_in_any_order(
    body: dict[str, Any], order: Any
) -> None:
    parts = [one for name, value in body.items() for one in flat(name, value)]
    order.shuffle(parts)
    assert nested(parts) == body


# --- what bytes mean -----------------------------------------------------------------


BODY = form(
    part('name="prompt"', "Übergang\r\n--a-bound".encode()),
    part(
        'name="first_frame"; filename="C:\\\\pictures\\\\a.png"', PICTURE, "Content-Type: image/png"
    ),
    part('name="metadata[a b]"', b""),
)
MEANT = {
    "prompt": "Übergang\r\n--a-bound",
    "first_frame": Upload(PICTURE, "a.png"),
    "metadata": {"a b": ""},
}


@given(cuts=st.lists(st.integers(0, len(BODY)), max_size=12))
def test_a_form_is_the_same_wherever_the_network_cut_it(cuts: list[int]) -> None:
    assert read(BODY, cuts) == MEANT


@given(at=st.integers(0, len(BODY) - 5))
def test_a_form_that_is_cut_short_is_refused(at: int) -> None:
    with pytest.raises(BadFormError):
        read(BODY[:at])


def test_what_stands_before_and_after_the_parts_does_not_count() -> None:
    assert read(b"preamble\r\n" + BODY + b"epilogue", [len(BODY)]) == MEANT


@pytest.mark.parametrize(
    ("disposition", "content", "header", "meant"),
    [
        ('name="a"', b"1", "Content-Type: text/plain", "1"),
        ('name="a"', b"{}", "Content-Type: application/json", "{}"),
        ('name="a"', b"1", "Content-Type: image/png", Upload(b"1", "")),
        ('name="a"', b"\xff", "X-Odd: 1", Upload(b"\xff", "")),
        ('name="a"; filename="b.txt"', b"1", "Content-Type: text/plain", Upload(b"1", "b.txt")),
        ('name="a"; filename=""', b"1", "Content-Type: text/plain", Upload(b"1", "")),
        ('name="a"', b"", "X-Odd: 1", ""),
    ],
)
def test_a_part_is_a_file_where_it_says_so_or_can_be_no_text(
    disposition: str, content: bytes, header: str, meant: object
) -> None:
    assert read(form(part(disposition, content, header))) == {"a": meant}


def test_a_file_input_that_was_left_empty_is_a_field_left_out() -> None:
    body = form(part('name="first_frame"; filename=""', b"", "Content-Type: image/png"))
    assert read(body) == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        form(part('filename="a"', b"1")),
        form(b"--a-boundary\r\nContent-Type: text/plain\r\n\r\n1\r\n"),
        form(part('name="a"', b"1", "Content-Transfer-Encoding: base64")),
        form(part('name="a"', b"1", *[f"X-{n}: 1" for n in range(20)])),
        form(part('name="a"', b"1", "X: " + "x" * 10_000)),
        form(*(part(f'name="a{n}"', b"1") for n in range(MAX_PARTS + 1))),
        BODY.replace(b"--a-boundary--", b"--another--"),
        BODY.replace(b"\r\n", b"\n"),
    ],
    ids=lambda body: f"{len(body)} {body[:40]!r}",
)
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(BadFormError) as caught:
        read(body)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("boundary", ["", "a\nb", "x" * 300, "é", "a "])
def test_a_boundary_that_cannot_be_is_refused(boundary: str) -> None:
    with pytest.raises(BadFormError):
        FormReader(boundary)


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("a.png", "a.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\a\\b.png", "b.png"),
        ("a\0\n\ud800.png", "a���.png"),
        ("x" * 999 + ".png", "x" * 251 + ".png"),
        ("/", ""),
    ],
)
def test_of_a_file_name_only_the_name_is_kept(given_name: str, kept: str) -> None:
    assert file_name(given_name) == kept


# --- over HTTP -----------------------------------------------------------------------


async def test_openais_form_becomes_a_job(gate: Gate) -> None:
    answer = await gate.client.post(
        "/v1/videos",
        data={
            "model": TARGET,
            "prompt": PROMPT,
            "seconds": "8",
            "size": "720x1280",
            "metadata[scene]": "3",
            "routing[queue]": "true",
        },
        files={"input_reference": ("dawn.png", PICTURE)},
    )
    told = answer.json()
    assert answer.status_code == 202, told
    assert (told["seconds"], told["size"], told["metadata"]) == ("8", "720x1280", {"scene": "3"})
    assert told["applied"]["mode"] == "first_frame"
    [shown] = told["inputs"]
    assert (shown["field"], shown["kind"]) == ("/first_frame", "inline")


async def test_pictures_keep_their_order_whatever_form_they_have(gate: Gate) -> None:
    answer = await gate.client.post(
        "/v1/videos",
        data={
            "model": TARGET,
            "prompt": PROMPT,
            "reference_images[1]": "https://example.com/b.png",
        },
        files=[
            ("reference_images[0]", ("a.png", PICTURE)),
            ("reference_images[2]", ("c.png", PICTURE)),
        ],
    )
    assert answer.status_code == 202, answer.text
    assert [one["kind"] for one in answer.json()["inputs"]] == ["inline", "url", "inline"]


async def test_a_repeated_name_is_a_list_where_one_is_taken_and_a_fault_elsewhere(
    gate: Gate,
) -> None:
    files = [("reference_images", ("a.png", PICTURE))] * 2
    data: dict[str, Any] = {"model": TARGET, "prompt": PROMPT}
    taken = await gate.client.post("/v1/videos", data=data, files=files)
    assert len(taken.json()["inputs"]) == 2
    fields = [("prompt", PROMPT), ("prompt", PROMPT), ("seed", "1"), ("seed", "2")]
    refused = await gate.client.post("/v1/videos", content=text_form(*fields), headers=TYPE)
    assert refused.status_code == 422
    assert [one["pointer"] for one in refused.json()["errors"]] == ["/prompt", "/seed"]


async def test_faults_of_a_form_are_told_at_the_names_it_used(gate: Gate) -> None:
    fields = [("model", TARGET), ("prompt", PROMPT), ("duration", "7"), ("ratio", "2:1")]
    for path in ("/v1/videos", "/v1/videos/quote"):
        answer = await gate.client.post(path, content=text_form(*fields), headers=TYPE)
        assert answer.status_code == 422
        assert {one["pointer"] for one in answer.json()["errors"]} == {"/duration", "/ratio"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", BODY),
        ("multipart/form-data; boundary=", BODY),
        ("multipart/form-data; boundary=x", BODY),
        (TYPE["content-type"], b""),
        (TYPE["content-type"], BODY[:60]),
        (TYPE["content-type"], text_form(("a", "1"), ("a[b]", "1"))),
    ],
)
@pytest.mark.parametrize("path", ["/v1/videos", "/v1/videos/quote", "/v1/files"])
async def test_a_form_that_cannot_be_read_is_a_problem(
    gate: Gate, path: str, kind: str, body: bytes
) -> None:
    answer = await gate.client.post(path, content=body, headers={"content-type": kind})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_form")


@MAY_REPEAT
@given(body=st.binary(max_size=300))
@example(body=b"--a-boundary\r\n\r\n")
@example(body=b"--a-boundary--")
async def test_no_bytes_of_a_form_bring_the_gateway_down(gate: Gate, body: bytes) -> None:
    for path in ("/v1/videos", "/v1/videos/quote", "/v1/videos/extensions", "/v1/files"):
        answer = await gate.client.post(path, content=body, headers=TYPE)
        assert answer.status_code in {400, 422}


HEADS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30)


@MAY_REPEAT
@given(
    parts=st.lists(
        st.tuples(
            st.sampled_from(["prompt", "file", "first_frame", "purpose", "video", "images[]"])
            | HEADS,
            HEADS | st.none(),
            st.binary(max_size=40) | st.just(PICTURE),
            st.lists(HEADS, max_size=2),
        ),
        max_size=4,
    )
)
async def test_no_parts_of_a_form_bring_the_gateway_down(gate: Gate, parts: Any) -> None:
    body = form(
        *(
            part(
                f'name="{name}"' + ("" if file is None else f'; filename="{file}"'),
                content,
                *headers,
            )
            for name, file, content, headers in parts
        )
    )
    for path in ("/v1/videos/quote", "/v1/files"):
        answer = await gate.client.post(path, content=body, headers=TYPE)
        assert answer.status_code in {200, 201, 400, 422}


async def test_without_keys_a_form_from_another_site_is_not_read(opened: Opened) -> None:
    """Browsers send forms anywhere without asking; JSON they do not."""
    fields = text_form(("prompt", PROMPT))
    async with opened() as gate:
        for origin, status in [
            ("https://evil.test", 415),
            ("null", 415),
            ("http://gate.test:8080", 415),
            ("http://[", 415),
            ("http://gate.test", 202),
            (None, 202),
        ]:
            headers = TYPE if origin is None else {**TYPE, "origin": origin}
            answer = await gate.client.post("/v1/videos", content=fields, headers=headers)
            assert answer.status_code == status, origin


async def test_who_shows_a_key_may_come_from_anywhere(gate: Gate) -> None:
    headers = {**TYPE, "origin": "https://studio.test", "authorization": f"Bearer {KEY}"}
    answer = await gate.client.post(
        "/v1/videos", content=text_form(("prompt", PROMPT)), headers=headers
    )
    assert answer.status_code == 202


async def test_a_compressed_form_is_not_unpacked(gate: Gate) -> None:
    headers = {**TYPE, "content-encoding": "gzip"}
    for path in ("/v1/videos", "/v1/files"):
        answer = await gate.client.post(path, content=BODY, headers=headers)
        assert answer.status_code == 415
