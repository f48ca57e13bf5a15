import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateway.api import callbacks, create
from gateway.api.body import AT_ONCE, LARGE, MAX_PARTS, decode
from gateway.model.body import CreateVideoBody
from gateway.model.errors import BadJsonError
from tests.gateway.api.conftest import PICTURE, PROMPT, Gate

JSON = {"content-type": "application/json"}
MAY_REPEAT = hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"nul",
        b"{}{}",
        b"{} x",
        b"\xff",
        b'{"prompt": "\xff"}',
        b'{"prompt": "\xc0\x80"}',
        b'{"prompt": "\xed\xa0\x80"}',
        b'{"prompt": "\\ud800"}',
        b"\xef\xbb\xbf{}",
        b'{"seed": NaN}',
        b'{"seed": -Infinity}',
        b'{"seed": 1e400}',
        b'{"seed": 1' + b"0" * 5000 + b"}",
        b'{"seed": 01}',
        b'{"prompt": "a", "prompt": "b"}',
        b'{"prompt": "a", "pr\\u006fmpt": "b"}',
        b'{"metadata": {"a": "1", "a": "2"}}',
        b'{"prompt": "a\nb"}',
        b"[" * 100_000,
        b"[" * 40_000 + b"]" * 40_000,
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        b"[" + b"[]," * MAX_PARTS + b"1]",
        '{"prompt": "boat"}'.encode("utf-16"),
        '{"prompt": "boat"}'.encode("utf-32-le"),
        gzip.compress(b"{}", mtime=0),
        b"{'prompt': 'boat'}",
        b'{"prompt": "boat",}',
    ],
    ids=lambda body: f"{len(body)} {body[:24]!r}",
)
async def test_a_body_that_is_not_strict_json_is_refused_in_words(gate: Gate, body: bytes) -> None:
    answer = await gate.client.post("/v1/videos", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")
    assert len(answer.content) < 2000


@pytest.mark.parametrize("body", [b"null", b"[]", b"3", b'"x"', b"true", b"{}", b'{"prompt": ""}'])
async def test_json_of_another_shape_is_refused_field_by_field(gate: Gate, body: bytes) -> None:
    answer = await gate.client.post("/v1/videos", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"]


async def test_every_fault_of_a_request_is_told_at_once(gate: Gate) -> None:
    body = {"promt": PROMPT, "seconds": "five", "seed": -1, "first_frame": 7, "metadata": []}
    answer = await gate.client.post("/v1/videos", json=body)
    told = answer.json()
    assert answer.status_code == 422
    assert {one["pointer"] for one in told["errors"]} >= {
        "/promt",
        "/seconds",
        "/seed",
        "/first_frame",
        "/metadata",
    }
    assert next(one for one in told["errors"] if one["pointer"] == "/promt")["nearest"] == "prompt"


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/mixed; boundary=x",
        "application/json5",
        "text/json",
        "application/jsonx; application/json",
        "x" * 5000,
    ],
)
async def test_a_body_that_is_neither_json_nor_a_form_is_not_read(
    gate: Gate, kind: str | None
) -> None:
    """A page of another site may send these from a browser without asking first."""
    headers = {} if kind is None else {"content-type": kind}
    body = json.dumps({"prompt": PROMPT}).encode()
    answer = await gate.client.post("/v1/videos", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert answer.headers["accept"] == "application/json, multipart/form-data"
    assert len(answer.content) < 1500


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON ;x=y"])
async def test_parameters_and_case_of_the_content_type_do_not_matter(gate: Gate, kind: str) -> None:
    body = json.dumps({"prompt": PROMPT}).encode()
    answer = await gate.client.post("/v1/videos", content=body, headers={"content-type": kind})
    assert answer.status_code == 202


async def test_a_compressed_body_is_not_unpacked(gate: Gate) -> None:
    body = gzip.compress(json.dumps({"prompt": PROMPT}).encode())
    headers = {**JSON, "content-encoding": "gzip"}
    answer = await gate.client.post("/v1/videos", content=body, headers=headers)
    assert answer.status_code == 415
    assert answer.headers["accept-encoding"] == "identity"


async def chunks(size: int) -> AsyncIterator[bytes]:
    for start in range(0, size, 4096):
        yield b" " * min(4096, size - start)


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit_is_refused_declared_or_not(
    gate: Gate,
    chunked: bool,  # noqa: FBT001
) -> None:
    limit = callbacks.MAX_BODY

    async def sent(size: int) -> httpx.Response:
        content: Any = chunks(size) if chunked else b" " * size
        return await gate.client.post("/callbacks/pictory/token", content=content)

    assert (await sent(limit)).status_code == 404
    refused = await sent(limit + 1)
    assert (refused.status_code, refused.json()["code"]) == (413, "payload_too_large")
    assert str(limit) in refused.json()["detail"]


async def test_more_large_bodies_than_fit_into_memory_are_told_to_come_again(gate: Gate) -> None:
    url, content = "/v1/files", b"\x89PNG" + b" " * LARGE
    headers, begun = {"content-type": "image/png"}, asyncio.Semaphore(0)
    going_on = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield content
        begun.release()
        await going_on.wait()

    held = [
        asyncio.create_task(gate.client.post(url, content=slow(), headers=headers))
        for _ in range(AT_ONCE)
    ]
    for _ in held:
        await begun.acquire()
    refused = await asyncio.create_task(gate.client.post(url, content=slow(), headers=headers))
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert begun.locked()
    small = await gate.client.post(url, content=PICTURE, headers=headers)
    assert small.status_code == 201

    held[0].cancel()
    going_on.set()
    await asyncio.wait(held)
    # They are done with, the one that was cut short too; each of these is one request.
    for _ in range(AT_ONCE + 1):
        again = await asyncio.create_task(gate.client.post(url, content=slow(), headers=headers))
        assert again.status_code == 422


async def test_a_body_that_only_claims_to_be_too_large_is_refused_unread(gate: Gate) -> None:
    headers = {**JSON, "content-length": str(create.MAX_BODY + 1)}
    answer = await gate.client.post("/v1/videos", content=b"", headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize("length", ["-1", "abc", "1e3", ""])
async def test_a_length_that_is_no_number_is_no_fault_of_ours(gate: Gate, length: str) -> None:
    headers = {**JSON, "content-length": length}
    answer = await gate.client.post("/v1/videos", content=b"{}", headers=headers)
    assert answer.status_code < 500


async def test_a_caller_who_leaves_in_the_middle_is_no_error_of_ours(gate: Gate) -> None:
    messages = iter(
        [
            {"type": "http.request", "body": b'{"prompt"', "more_body": True},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> Any:
        return next(messages)

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = {**JSON, "authorization": gate.client.headers["authorization"]}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/videos",
        "raw_path": b"/v1/videos",
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "server": ("gate.test", 80),
        "client": ("127.0.0.1", 1),
        "state": {},
    }
    with capture_logs() as lines:
        await gate.app(scope, receive, send)  # type: ignore[arg-type]
    assert not [line for line in lines if line["log_level"] == "error"]
    assert sent[0]["status"] == 400


@MAY_REPEAT
@given(body=st.binary(max_size=400))
@example(body=b"\x00")
@example(body=b'{"first_frame": "data:image/png;base64,AAAA"}')
@example(body=b'{"first_frame": "https://[::1"}')
@example(body=b'{"first_frame": "https://example.com:99999/"}')
async def test_no_bytes_bring_the_gateway_down(gate: Gate, body: bytes) -> None:
    answer = await gate.client.post("/v1/videos", content=body, headers=JSON)
    assert answer.status_code < 500
    callback = await gate.client.post("/callbacks/useapi-pixverse/token", content=body)
    assert callback.status_code == 404


FIELDS = st.sampled_from([*CreateVideoBody.__struct_fields__, "x"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | st.sampled_from([PROMPT, "default", "useapi-pixverse/v3.5", "data:,", "https://a.test/a.png"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8) | st.just("url"), inner, max_size=3)
    ),
    max_leaves=6,
)


@MAY_REPEAT
@given(body=VALUES | st.dictionaries(FIELDS | st.text(max_size=8), VALUES, max_size=6))
async def test_no_json_brings_the_gateway_down(gate: Gate, body: Any) -> None:
    content = json.dumps(body).encode()
    answer = await gate.client.post("/v1/videos", content=content, headers=JSON)
    assert answer.status_code in {202, 400, 422}
    if answer.status_code != 202:
        assert set(answer.json()) >= {"type", "title", "status", "detail", "errors", "error"}


@given(body=VALUES)
def test_strict_reading_reads_what_json_is(body: Any) -> None:
    assert decode(json.dumps(body).encode()) == body


BLANKS = st.text(" \t\n\r", max_size=2)


@given(
    names=st.lists(st.text(max_size=4), min_size=1, max_size=5, unique=True),
    at=st.integers(0),
    blanks=st.lists(BLANKS, min_size=6, max_size=6),
    value=st.sampled_from(["1", '"16:9"', '"\\":"', '" :"']),
)
def test_a_name_given_twice_is_found_wherever_it_stands(
    names: list[str], at: int, blanks: list[str], value: str
) -> None:
    doubled = [*names, names[at % len(names)]]
    spaced = zip(doubled, blanks, strict=False)
    members = ", ".join(f"{json.dumps(name)}{blank}: {value}" for name, blank in spaced)
    with pytest.raises(BadJsonError, match="two members"):
        decode(f'[{{"x": {{{members}}}}}]'.encode())
