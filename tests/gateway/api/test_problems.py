import asyncio
import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

import gateway.api.problems
from gateway.engine.loop import Engine
from gateway.model.clock import SECOND
from gateway.model.errors import (
    CallerError,
    FieldFault,
    FilmgateError,
    GatewayFaultError,
    PreconditionFailedError,
)
from gateway.storage import Database, StorageError, accounts
from tests.gateway.api.conftest import KEY, PROMPT, Gate, Opened

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "errors", "error"}


def all_errors(root: type[FilmgateError] = FilmgateError) -> Iterator[type[FilmgateError]]:
    for kind in root.__subclasses__():
        yield from all_errors(kind)
        if "code" in vars(kind):
            yield kind


ERRORS = sorted(all_errors(), key=lambda kind: kind.code)


def test_the_table_is_whole_and_no_code_stands_for_two_errors() -> None:
    assert PreconditionFailedError in ERRORS
    codes = [kind.code for kind in ERRORS]
    assert len(codes) == len(set(codes))
    assert len(ERRORS) >= 13


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.code)
def test_every_error_is_one_document_for_both_readers(kind: type[FilmgateError]) -> None:
    assert kind.__doc__
    assert kind.title
    fault = FieldFault(pointer="/a~1b", code="odd", detail="is odd")
    error = kind("It went wrong.", errors=[fault], headers={"retry-after": "1"})
    told = json.loads(gateway.api.problems.encoded(error, "/v1/videos"))
    assert set(told) == MEMBERS
    assert told["type"] == f"urn:filmgate:problem:{kind.code}"
    assert (told["code"], told["status"], told["title"]) == (kind.code, kind.status, kind.title)
    assert told["instance"] == "/v1/videos"
    assert told["errors"] == [{"pointer": "/a~1b", "code": "odd", "detail": "is odd"}]
    blamed = "invalid_request_error" if issubclass(kind, CallerError) else "server_error"
    assert told["error"] == {
        "message": "It went wrong. /a~1b: is odd",
        "type": blamed,
        "param": "a/b",
        "code": kind.code,
    }
    assert issubclass(kind, CallerError) is (400 <= kind.status < 500)
    assert issubclass(kind, GatewayFaultError) is (kind.status >= 500)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/nope", 404, "not_found"),
        ("GET", "/v1/videos/a/b", 404, "not_found"),
        ("GET", "/v1/videos/a%2Fb", 404, "not_found"),
        ("GET", "/v1/videos/%00", 404, "not_found"),
        ("GET", "/v1/videos/%ff%fe", 404, "not_found"),
        ("GET", "/v1/videos/%zz", 404, "not_found"),
        ("GET", "/v1/videos/%ED%A0%80", 404, "not_found"),
        ("GET", "/v1/videos/..%2f..%2fetc", 404, "not_found"),
        ("GET", f"/v1/videos/{'x' * 30_000}", 404, "not_found"),
        ("GET", "/v1/videos/x?a=%ff&a=2&a=%00", 400, "bad_request"),
        ("GET", f"/v1/videos/x?{'a=1&' * 10_000}", 400, "bad_request"),
        ("GET", f"/v1/videos/x?{'&'.join(f'a{n}=1' for n in range(999))}", 400, "bad_request"),
        ("GET", "/v1/models/a/b/c", 404, "not_found"),
        ("GET", "/v1/models/%ff", 404, "not_found"),
        ("GET", "/v1/files/%ED%A0%80", 404, "not_found"),
        ("GET", "/v1/files/%00/content", 404, "not_found"),
        ("DELETE", "/v1/files/%00", 404, "not_found"),
        ("DELETE", "/v1/videos/%ED%A0%80", 404, "not_found"),
        ("GET", "/v1/files/signed", 404, "not_found"),
        ("GET", "/callbacks/x/y", 405, "method_not_allowed"),
        ("POST", "/callbacks/x/y", 404, "not_found"),
        ("POST", "/callbacks/useapi-pixverse/%00%ff", 404, "not_found"),
        ("PUT", "/v1/videos", 405, "method_not_allowed"),
        ("DELETE", "/livez", 405, "method_not_allowed"),
        ("PATCH", "/v1/videos/x", 405, "method_not_allowed"),
        ("BREW", "/v1/videos/x", 405, "method_not_allowed"),
        ("HEAD", "/nope", 404, ""),
        ("HEAD", "/v1/videos/quote/x", 404, ""),
    ],
)
async def test_whatever_leads_nowhere_is_answered_with_a_problem(
    gate: Gate, method: str, path: str, status: int, code: str
) -> None:
    answer = await gate.client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"]
    if method == "HEAD":
        assert answer.content == b""
        return
    told = answer.json()
    assert set(told) == MEMBERS
    assert told["code"] == code
    assert told["instance"].isascii()
    assert len(answer.content) < 3000
    if status == 405:
        assert answer.headers["allow"] in told["detail"]


@pytest.mark.parametrize("path", ["/livez", "/livez/", "//livez"])
async def test_slashes_too_many_do_no_harm(gate: Gate, path: str) -> None:
    assert (await gate.client.get(f"http://gate.test{path}")).status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/docs", "/docs/reference.css"])
async def test_head_is_get_without_the_body(gate: Gate, path: str) -> None:
    got, told = await gate.client.get(path), await gate.client.head(path)
    assert (told.status_code, told.content) == (200, b"")
    assert told.headers["content-length"] == str(len(got.content))


@pytest.mark.parametrize("path", ["/livez", "/nope", "/v1/videos", "/docs", "/openapi.json"])
async def test_every_answer_forbids_guessing_its_type(gate: Gate, path: str) -> None:
    answer = await gate.client.get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/callbacks/pictory/", "//callbacks/pictory/", "/Callbacks/a/"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_no_answer_repeats_a_callback_token(gate: Gate, path: str, method: str) -> None:
    answer = await gate.client.request(method, f"http://gate.test{path}secret-token?and=secret-q")
    assert answer.status_code in {404, 405}
    assert "secret" not in answer.text


async def _broken(*_: object, **__: object) -> Any:
    raise StorageError("disk I/O error at /var/lib/secret.db")


async def test_a_database_that_does_not_answer_is_503_and_comes_back(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Database, "read", _broken)
    monkeypatch.setattr(Database, "write", _broken)
    asked = [
        gate.client.get("/v1/videos/video_x"),
        gate.client.get("/v1/videos/video_x/content"),
        gate.client.post("/v1/videos", json={"prompt": PROMPT}),
        gate.client.post("/callbacks/useapi-pixverse/token"),
        gate.client.get("/readyz"),
    ]
    for one in asked:
        answer = await one
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert "secret" not in answer.text
    assert (await gate.client.get("/livez")).status_code == 200


async def test_a_job_on_disk_is_accepted_even_if_it_cannot_be_read_again(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error would have the client order it, and pay it, twice."""
    accept = gate.engine.accept

    async def accepted(*args: Any) -> Any:
        job = await accept(*args)
        monkeypatch.setattr(Database, "read", _broken)
        return job

    monkeypatch.setattr(gate.engine, "accept", accepted)
    answer = await gate.client.post("/v1/videos", json={"prompt": PROMPT})
    monkeypatch.undo()
    assert answer.status_code == 202
    again = await gate.client.get(answer.headers["location"])
    assert again.json()["id"] == answer.json()["id"]


async def test_a_mistake_of_ours_says_nothing_of_the_inside(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def mistaken(*_: object) -> Any:
        raise sqlite3.ProgrammingError("SELECT secret FROM inside")

    monkeypatch.setattr(Database, "read", mistaken)
    with capture_logs() as lines:
        answer = await gate.client.get("/v1/videos/video_x")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret" not in answer.text
    # How far it came is unknown: a client that tries again unasked might pay twice.
    assert answer.headers["x-should-retry"] == "false"
    assert [line["event"] for line in lines if line["log_level"] == "error"][0] == (  # noqa: RUF015
        "unexpected error"
    )


async def test_on_a_nearly_full_disk_nothing_is_promised_and_nobody_told_that_it_is_ready(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.engine.intake.LEAST_FREE", 10**20)
    for answer in (
        await gate.client.get("/readyz"),
        await gate.client.post("/v1/videos", json={"prompt": "A paper boat"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["retry-after"] == "30"


async def test_who_asks_whether_it_is_ready_does_not_wait_for_a_busy_database(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("gateway.api.health.PROBE_SECONDS", 0.01)
    monkeypatch.setattr(gate.tools.database, "write", never)
    answer = await gate.client.get("/readyz")
    monkeypatch.undo()

    assert answer.status_code == 503


async def test_an_engine_that_does_not_get_on_is_not_ready(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "stalled_seconds", 61.0)
    assert (await gate.client.get("/readyz")).status_code == 503


@pytest.mark.parametrize(
    "url",
    [
        "https://169.254.169.254/latest",
        "https://10.0.0.1/c.png",
        "https://[::ffff:10.0.0.1]/c.png",
        "https://167772161/c.png",
        "https://pictures.example:8443/c.png",
    ],
)
async def test_a_picture_that_nobody_should_fetch_is_refused_before_a_job_waits_for_it(
    gate: Gate, url: str
) -> None:
    body = {"prompt": "A paper boat", "first_frame": url}
    answer = await gate.client.post("/v1/videos", json=body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/first_frame"


async def test_a_waiting_job_says_why_it_waits(gate: Gate) -> None:
    await gate.tools.database.write(
        lambda connection: accounts.sync(connection, tuple(gate.tools.accounts.values()))
    )
    body = {"prompt": "A paper boat", "seconds": 5}
    made = (await gate.client.post("/v1/videos", json=body)).json()
    assert made["queue"] == {"position": 1, "reason": None}
    assert made["seconds"] == "5"

    until = gate.tools.clock.now() + 300 * SECOND
    await gate.tools.database.write(
        lambda connection: accounts.cool(
            connection,
            list(gate.tools.accounts),
            gate.tools.clock.now(),
            until,
            "insufficient_credits",
        )
    )
    seen = (await gate.client.get(made["urls"]["self"])).json()
    assert "every account that could take it rests" in seen["queue"]["reason"]
    assert seen["queue"]["reason"].endswith("insufficient_credits")


async def test_no_answer_holds_a_secret(opened: Opened) -> None:
    async with opened(KEY) as gate:
        gate.client.headers["authorization"] = f"Bearer {KEY}"
        job = await gate.job()
        assert gate.tools.links is not None
        secrets = (KEY, "key-at-the-provider", gate.tools.links.key, "ops@example.com")
        paths = ["/docs", "/openapi.json", "/readyz", "/nope", f"/v1/videos/{job.id}"]
        answers = [await gate.client.get(path) for path in paths]
        answers.append(await gate.client.post("/v1/videos", json={"prompt": PROMPT}))
        for answer in answers:
            whole = answer.text + str(answer.headers)
            assert not [secret for secret in secrets if secret in whole], answer.url
