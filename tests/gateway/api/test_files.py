import hashlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gateway.api import files
from gateway.model.clock import SECOND
from tests.gateway.api.conftest import PICTURE, PROMPT, Gate
from tests.rig import picture

RAW = {"content-type": "image/png"}
SHA256 = hashlib.sha256(PICTURE).hexdigest()
MEMBERS = {
    "id",
    "object",
    "bytes",
    "created_at",
    "expires_at",
    "filename",
    "purpose",
    "status",
    "media_type",
    "width",
    "height",
    "duration_ms",
    "sha256",
}


async def test_a_picture_is_kept_as_openais_clients_send_it(gate: Gate) -> None:
    answer = await gate.client.post(
        "/v1/files", data={"purpose": "vision"}, files={"file": ("dawn.png", PICTURE)}
    )
    told = answer.json()
    assert answer.status_code == 201, told
    assert set(told) == MEMBERS
    assert told["object"] == "file"
    assert (told["filename"], told["purpose"], told["status"]) == (
        "dawn.png",
        "vision",
        "processed",
    )
    assert (told["bytes"], told["media_type"], told["sha256"]) == (
        len(PICTURE),
        "image/png",
        SHA256,
    )
    assert (told["width"], told["height"], told["duration_ms"]) == (64, 36, None)
    assert told["expires_at"] is None
    assert abs(told["created_at"] - gate.tools.clock.now() // SECOND) < 5
    assert answer.headers["location"] == f"/v1/files/{told['id']}"
    assert (await gate.client.get(answer.headers["location"])).json() == told


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ({}, "{id}.png"),
        ({"content-disposition": 'attachment; filename="a b.png"'}, "a b.png"),
        ({"content-disposition": "attachment; filename=../../c.png"}, "c.png"),
        ({"content-disposition": "attachment; filename*=UTF-8''%C3%BC.png"}, "ü.png"),
        ({"content-disposition": 'attachment; filename="ü.png"'.encode()}, "ü.png"),
        ({"content-disposition": "attachment; filename*=nope''%ff"}, None),
        ({"content-disposition": ";;;==="}, "{id}.png"),
        ({"content-disposition": "attachment; filename*0=a; filename*=b"}, "{id}.png"),
        ({"content-disposition": f"attachment; filename*{'1' * 5000}=x"}, "{id}.png"),
    ],
)
async def test_bytes_alone_are_kept_too(
    gate: Gate, disposition: dict[str, Any], name: str | None
) -> None:
    answer = await gate.client.post("/v1/files", content=PICTURE, headers=RAW | disposition)
    assert answer.status_code == 201, answer.text
    assert answer.json()["purpose"] == "user_data"
    if name is not None:
        assert answer.json()["filename"] == name.replace("{id}", answer.json()["id"])


@hypothesis_settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    value=st.binary(max_size=60).map(lambda raw: raw.replace(b"\r", b"").replace(b"\n", b"")),
    bare=st.booleans(),
)
async def test_no_disposition_brings_the_gateway_down(
    gate: Gate,
    value: bytes,
    bare: bool,  # noqa: FBT001
) -> None:
    given_value = value if bare else b"attachment; filename=" + value
    headers = [(b"content-type", b"image/png"), (b"content-disposition", given_value)]
    answer = await gate.client.post("/v1/files", content=PICTURE, headers=headers)
    assert answer.status_code == 201
    content = await gate.client.get(f"{answer.headers['location']}/content")
    assert content.status_code == 200
    assert content.content == PICTURE


@pytest.mark.parametrize("kind", ["image/svg+xml", "image/png", "video/mp4"])
@pytest.mark.parametrize("content", [b"", b"<svg/>", b"\x89PNG\r\n\x1a\n", PICTURE[:20]])
async def test_what_a_file_is_is_told_by_its_bytes_alone(
    gate: Gate, kind: str, content: bytes
) -> None:
    answer = await gate.client.post("/v1/files", content=content, headers={"content-type": kind})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0]["pointer"] == "/file"


@pytest.mark.parametrize("kind", [None, "application/json", "text/plain", "application/pdf"])
async def test_a_body_that_says_it_is_no_picture_is_not_read(gate: Gate, kind: str | None) -> None:
    headers = {} if kind is None else {"content-type": kind}
    answer = await gate.client.post("/v1/files", content=PICTURE, headers=headers)
    assert answer.status_code == 415
    assert answer.headers["accept"] == "multipart/form-data, image/*, video/*"


@pytest.mark.parametrize(
    ("fields", "uploads", "pointers"),
    [
        ({"purpose": "vision"}, {}, ["/file"]),
        ({"file": "text"}, {}, ["/file"]),
        ({"purpos": "vision"}, {"file": ("a.png", PICTURE)}, ["/purpos"]),
        ({"purpose": "x" * 65}, {"file": ("a.png", PICTURE)}, ["/purpose"]),
        ({}, {"purpose": ("a.png", PICTURE)}, ["/purpose", "/file"]),
        ({"expires_after[seconds]": "1"}, {"file": ("a.png", PICTURE)}, ["/expires_after"]),
    ],
)
async def test_every_fault_of_an_upload_is_told_at_once(
    gate: Gate, fields: dict[str, str], uploads: dict[str, Any], pointers: list[str]
) -> None:
    boundary = {"content-type": "multipart/form-data; boundary=x"}
    request = gate.client.build_request("POST", "/v1/files", data=fields, files=uploads or None)
    if not uploads:
        parts = [
            f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        ]
        request = gate.client.build_request(
            "POST", "/v1/files", content="".join([*parts, "--x--"]).encode(), headers=boundary
        )
    answer = await gate.client.send(request)
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == pointers


async def test_two_files_in_one_upload_are_refused(gate: Gate) -> None:
    uploads = [("file", ("a.png", PICTURE)), ("file", ("b.png", PICTURE))]
    answer = await gate.client.post("/v1/files", files=uploads)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/file")


async def test_an_upload_over_the_limit_is_refused_unread(gate: Gate) -> None:
    headers = {**RAW, "content-length": str(files.MAX_BODY + 1)}
    answer = await gate.client.post("/v1/files", content=b"", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


async def test_the_content_comes_back_with_its_name_and_in_parts(gate: Gate) -> None:
    named = {"content-disposition": "attachment; filename*=UTF-8''%C3%BC%22.png"}
    path = f"/v1/files/{await gate.file(headers=named)}/content"
    whole = await gate.client.get(path)
    assert (whole.status_code, whole.content) == (200, PICTURE)
    assert whole.headers["content-type"] == "image/png"
    assert whole.headers["etag"] == f'"{SHA256}"'
    assert whole.headers["content-disposition"] == (
        "inline; filename=\"__.png\"; filename*=UTF-8''%C3%BC%22.png"
    )
    part = await gate.client.get(path, headers={"range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, b"PNG")
    known = await gate.client.get(path, headers={"if-none-match": f'"{SHA256}"'})
    assert known.status_code == 304


async def test_files_are_listed_newest_first_and_paged(gate: Gate) -> None:
    made = [await gate.file() for _ in range(5)]
    newest = (await gate.client.get("/v1/files?limit=2")).json()
    assert [one["id"] for one in newest["data"]] == made[:2:-1]
    assert newest["has_more"] is True
    rest = (await gate.client.get(f"/v1/files?after={newest['last_id']}")).json()
    assert [one["id"] for one in rest["data"]] == made[2::-1]
    oldest = (await gate.client.get("/v1/files?order=asc")).json()
    assert [one["id"] for one in oldest["data"]] == made


async def test_a_deleted_file_is_gone_and_the_job_made_with_it_is_not(gate: Gate) -> None:
    name = await gate.file(picture("teal", (320, 180)))
    body = {"model": "pictory/pixverse5.5", "prompt": PROMPT, "first_frame": {"file_id": name}}
    job = (await gate.client.post("/v1/videos", json=body)).json()
    gone = await gate.client.delete(f"/v1/files/{name}")
    assert gone.json() == {"id": name, "object": "file", "deleted": True}
    for method, path in [("GET", ""), ("GET", "/content"), ("DELETE", "")]:
        assert (await gate.client.request(method, f"/v1/files/{name}{path}")).status_code == 404
    [shown] = (await gate.client.get(job["urls"]["self"])).json()["inputs"]
    assert (shown["kind"], shown["file_id"]) == ("file", name)
    assert gate.tools.media.path(shown["sha256"]).exists()
