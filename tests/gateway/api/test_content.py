import asyncio
import hashlib
import tracemalloc
from typing import Any

import httpx
import pytest

from gateway.model.phases import Phase
from tests.gateway.api.conftest import FILM, KEY, OTHER, Gate

ETAG = f'"{hashlib.sha256(FILM).hexdigest()}"'
SIZE = len(FILM)


async def test_the_whole_file_comes_with_what_a_player_needs(gate: Gate) -> None:
    job = await gate.job()
    answer = await gate.client.get(f"/v1/videos/{job.id}/content")
    assert (answer.status_code, answer.content) == (200, FILM)
    headers = answer.headers
    assert headers["content-type"] == "video/mp4"
    assert headers["content-length"] == str(SIZE)
    assert headers["accept-ranges"] == "bytes"
    assert headers["etag"] == ETAG
    assert headers["cache-control"] == "private, max-age=31536000, immutable"
    assert headers["content-disposition"] == f'inline; filename="{job.id}.mp4"'
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=100-199", 100, 199),
        ("bytes=10000-", 10000, SIZE - 1),
        ("bytes=-5", SIZE - 5, SIZE - 1),
        (f"bytes=-{SIZE * 2}", 0, SIZE - 1),
        (f"bytes=5-{10**40}", 5, SIZE - 1),
    ],
)
async def test_a_part_is_exactly_the_part(gate: Gate, asked: str, start: int, end: int) -> None:
    answer = await gate.client.get(await gate.content(), headers={"range": asked})
    assert answer.status_code == 206
    assert answer.content == FILM[start : end + 1]
    assert answer.headers["content-range"] == f"bytes {start}-{end}/{SIZE}"
    assert answer.headers["content-length"] == str(end - start + 1)


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", "bytes=-0", f"bytes={10**40}-"])
async def test_a_part_behind_the_end_is_refused_with_the_size(gate: Gate, asked: str) -> None:
    answer = await gate.client.get(await gate.content(), headers={"range": asked})
    assert answer.status_code == 416
    assert answer.json()["code"] == "range_not_satisfiable"
    assert answer.headers["content-range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "headers",
    [
        [("range", "bytes=0-1,5-6")],
        [("range", "bytes=0-1"), ("range", "bytes=5-6")],
        [("range", "seconds=0-1")],
        [("range", "bytes=9-3")],
        [("range", "bytes=0-1"), ("if-range", '"another"')],
        [("range", "bytes=0-1"), ("if-range", f"W/{ETAG}")],
        [("range", "bytes=0-1"), ("if-range", "Wed, 21 Oct 2026 07:28:00 GMT")],
    ],
)
async def test_the_whole_file_comes_when_no_part_can_be_meant(
    gate: Gate, headers: list[tuple[str, str]]
) -> None:
    answer = await gate.client.get(await gate.content(), headers=headers)
    assert (answer.status_code, len(answer.content)) == (200, SIZE)


async def test_a_download_is_taken_up_again_where_the_version_is_the_same(gate: Gate) -> None:
    headers = {"range": "bytes=10-", "if-range": ETAG}
    answer = await gate.client.get(await gate.content(), headers=headers)
    assert (answer.status_code, answer.content) == (206, FILM[10:])


@pytest.mark.parametrize("known", [ETAG, f"W/{ETAG}", f'"x", {ETAG}', "*"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_caller_who_has_the_video_is_told_so(gate: Gate, known: str, method: str) -> None:
    headers = {"if-none-match": known, "range": "bytes=0-1"}
    answer = await gate.client.request(method, await gate.content(), headers=headers)
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == ETAG
    assert "content-length" not in answer.headers
    assert "content-type" not in answer.headers


@pytest.mark.parametrize("known", ['"x"', f"{ETAG[:-1]}x{ETAG[-1]}", ETAG.strip('"')])
async def test_another_entity_tag_brings_the_video(gate: Gate, known: str) -> None:
    answer = await gate.client.get(await gate.content(), headers={"if-none-match": known})
    assert (answer.status_code, answer.content) == (200, FILM)


async def test_entity_tags_may_come_in_several_lines(gate: Gate) -> None:
    lines = [("if-none-match", '"x"'), ("if-none-match", ETAG)]
    answer = await gate.client.get(await gate.content(), headers=lines)
    assert answer.status_code == 304


async def test_only_the_version_that_was_asked_for_is_sent(gate: Gate) -> None:
    path = await gate.content()
    for tag, status in [(ETAG, 200), ("*", 200), ('"x"', 412), (f"W/{ETAG}", 412)]:
        answer = await gate.client.get(path, headers={"if-match": tag})
        assert answer.status_code == status, tag


async def test_head_tells_what_get_would_without_the_bytes(gate: Gate) -> None:
    path = await gate.content()
    got, told = await gate.client.get(path), await gate.client.head(path)
    assert (told.status_code, told.content) == (200, b"")
    ours = {"x-request-id"}
    assert [pair for pair in told.headers.items() if pair[0] not in ours] == [
        pair for pair in got.headers.items() if pair[0] not in ours
    ]


async def test_head_knows_no_parts(gate: Gate) -> None:
    answer = await gate.client.head(await gate.content(), headers={"range": "bytes=0-9"})
    assert (answer.status_code, answer.headers["content-length"]) == (200, str(SIZE))


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.COMPLETED])
async def test_a_video_that_is_not_finished_has_no_content(gate: Gate, phase: Phase) -> None:
    job = await gate.job(phase=phase)
    answer = await gate.client.get(f"/v1/videos/{job.id}/content")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_ready")
    assert ("retry-after" in answer.headers) is (phase is not Phase.FAILED)


async def test_a_file_that_was_removed_is_not_found(gate: Gate) -> None:
    path = await gate.content()
    gate.tools.media.path(ETAG.strip('"')).unlink()
    assert (await gate.client.get(path)).status_code == 404


async def test_another_callers_content_is_as_unknown_as_any(gate: Gate) -> None:
    foreign = await gate.job(key=OTHER)
    answer = await gate.client.get(f"/v1/videos/{foreign.id}/content")
    unknown = await gate.client.get("/v1/videos/video_00000000000000000000000000/content")
    assert answer.status_code == unknown.status_code == 404
    assert answer.json()["detail"] == unknown.json()["detail"]


async def test_memory_does_not_grow_with_the_file(gate: Gate) -> None:
    size = 24 * 1024 * 1024
    path = await gate.content()
    gate.tools.media.path(ETAG.strip('"')).write_bytes(bytes(size))
    got = 0
    whole = asyncio.Event()

    async def send(message: Any) -> None:
        nonlocal got
        got += len(message.get("body", b""))
        if message["type"] == "http.response.body" and not message.get("more_body"):
            whole.set()

    async def receive() -> Any:
        if sent:
            return sent.pop()
        await whole.wait()
        return {"type": "http.disconnect"}

    sent = [{"type": "http.request", "body": b"", "more_body": False}]
    headers = [(b"authorization", f"Bearer {KEY}".encode())]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "server": ("gate.test", 80),
        "client": ("127.0.0.1", 1),
        "state": {},
    }
    tracemalloc.start()
    try:
        await gate.app(scope, receive, send)  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert got == size
    assert peak < size / 8


def picture_link(gate: Gate, content: bytes, *, seconds: int = 60) -> str:
    assert gate.tools.links is not None
    expires = gate.tools.clock.now() // 1_000_000 + seconds
    digest = gate.tools.media.save(content)
    return gate.tools.links.picture(digest, "image/png", expires).removeprefix("https://gate.test")


PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)


async def test_whoever_holds_a_good_link_gets_the_picture(gate: Gate) -> None:
    link = picture_link(gate, PNG)
    answer = await gate.client.get(link, headers={"authorization": ""})
    assert (answer.status_code, answer.content) == (200, PNG)
    assert answer.headers["content-type"] == "image/png"


async def test_a_link_that_was_changed_or_has_expired_leads_nowhere(gate: Gate) -> None:
    link = httpx.URL(picture_link(gate, PNG))
    expires, signature = link.params["expires"], link.params["signature"]
    digest = link.path.split("/")[4].removesuffix(".png")
    tries = [
        picture_link(gate, PNG, seconds=-5),
        str(link.copy_set_param("expires", int(expires) + 1)),
        str(link.copy_set_param("expires", f"{expires}0" * 20)),
        str(link.copy_set_param("expires", "²")),
        str(link.copy_set_param("expires", "")),
        str(link.copy_set_param("signature", signature[:-1])),
        str(link.copy_set_param("signature", "é\udc80\0".encode("utf-8", "replace"))),
        str(link.copy_remove_param("signature")),
        f"{link.path}?expires={expires}&signature=%ff%fe",
        f"{link.path}?expires={expires}&expires=9&signature={'a' * 60_000}",
        str(link.copy_with(path=link.path.replace(digest, "0" * 64))),
        str(link.copy_with(path=link.path.replace(digest, "%2e%2e"))),
        str(link.copy_with(path=link.path.replace(".png", ".exe"))),
        str(link.copy_with(path=link.path.replace(".png", ".png.png"))),
        str(link.copy_with(path=link.path.replace(digest, digest.upper()))),
        f"/v1/files/signed/..%2f..%2fgate.db?{link.query.decode()}",
        f"/v1/files/{digest}/content?{link.query.decode()}",
    ]
    for bad in tries:
        answer = await gate.client.get(bad)
        assert answer.status_code in {400, 404}, bad
    assert (await gate.client.get(str(link))).status_code == 200
