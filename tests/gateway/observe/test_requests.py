"""One line and one id for every request."""

import asyncio
import itertools
from typing import Any

import pytest
import structlog
from litestar import Litestar, get
from litestar.testing import AsyncTestClient

from gateway.observe import RequestLog
from gateway.observe.requests import AsgiApp, Message, Receive, Send
from tests.gateway.observe.conftest import Log


def http(path: str = "/v1/videos", **more: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [],
        "client": ("192.0.2.7", 4711),
        **more,
    }


async def answer(_scope: Message, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
    await send({"type": "http.response.body", "body": b"123", "more_body": True})
    await send({"type": "http.response.body", "body": b"45"})


async def fail(_scope: Message, _receive: Receive, _send: Send) -> None:
    raise RuntimeError("it broke")


async def run(app: AsgiApp, scope: dict[str, Any]) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    ticks = itertools.count(0, 0.25)
    await RequestLog(app, clock=lambda: next(ticks))(scope, receive, send)
    return sent


async def test_a_request_leaves_one_line(log: Log) -> None:
    await run(answer, http(path_template="/v1/{kind}"))
    line = log.line()
    request_id = line.pop("request_id")
    del line["timestamp"]

    assert request_id.startswith("req_")
    assert line == {
        "level": "info",
        "event": "request",
        "method": "GET",
        "path": "/v1/videos",
        "route": "/v1/{kind}",
        "status": 200,
        "duration_ms": 250.0,
        "bytes": 5,
        "client": "192.0.2.7",
    }


async def test_the_response_carries_the_id_of_the_line(log: Log) -> None:
    [start, *_] = await run(answer, http())

    assert start["headers"] == [(b"a", b"b"), (b"x-request-id", log.line()["request_id"].encode())]


async def test_a_sane_id_of_the_caller_is_kept(log: Log) -> None:
    [start, *_] = await run(answer, http(headers=[(b"x-request-id", b"trace-1.2_3")]))

    assert log.line()["request_id"] == "trace-1.2_3"
    assert (b"x-request-id", b"trace-1.2_3") in start["headers"]


@pytest.mark.parametrize("given", [b"", b"a b", b"a\nb", b"x" * 65, b"\xff", b'"', b"a/b"])
async def test_any_other_id_is_replaced(log: Log, given: bytes) -> None:
    await run(answer, http(headers=[(b"x-request-id", given)]))

    assert log.line()["request_id"].startswith("req_")


async def test_an_id_that_the_application_set_is_replaced_not_doubled(log: Log) -> None:
    async def app(_scope: Message, _receive: Receive, send: Send) -> None:
        headers = [(b"X-Request-Id", b"other")]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body"})

    [start, _] = await run(app, http())

    assert start["headers"] == [(b"x-request-id", log.line()["request_id"].encode())]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/callbacks/pictory/t0k3n", "/callbacks/pictory/***"),
        ("/callbacks/pictory/t0k3n/more", "/callbacks/pictory/***"),
        ("//callbacks//pictory//t0k3n", "//callbacks//pictory//***"),
        ("/CALLBACKS/pictory/t0\n/k3n", "/CALLBACKS/pictory/***"),
        ("/gate/callbacks/pictory/t0k3n", "/gate/callbacks/pictory/***"),
        ("/callbacks/pictory", "/callbacks/pictory"),
        ("/v1/videos\n/x", r"/v1/videos\n/x"),
    ],
)
async def test_tokens_in_paths_are_masked(log: Log, path: str, shown: str) -> None:
    await run(answer, http(path))

    assert log.line()["path"] == shown
    assert "k3n" not in log.getvalue()


async def test_query_strings_are_masked(log: Log) -> None:
    await run(answer, http(query_string=b"api_key=canary"))

    assert log.line()["query"] == "***"
    assert "canary" not in log.getvalue()


async def test_an_unhandled_exception_is_answered_and_logged_as_500(log: Log) -> None:
    [start, body] = await run(fail, http())
    line = log.line()

    assert (start["status"], line["status"], line["level"]) == (500, 500, "error")
    assert line["exception"].endswith("RuntimeError: it broke")
    assert line["bytes"] == len(body["body"])
    assert b"broke" not in body["body"]


async def test_an_exception_in_the_middle_of_an_answer_reaches_the_server(log: Log) -> None:
    async def app(_scope: Message, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        raise RuntimeError("it broke")

    with pytest.raises(RuntimeError, match="it broke"):
        await run(app, http())

    assert log.line()["complete"] is False
    assert log.line()["level"] == "error"


async def test_a_client_that_left_before_the_answer_is_logged_as_499(log: Log) -> None:
    async def app(_scope: Message, receive: Receive, _send: Send) -> None:
        await receive()

    await run(app, http())

    assert (log.line()["status"], log.line()["complete"]) == (499, False)


async def test_a_cancelled_request_is_logged_too(log: Log) -> None:
    async def app(_scope: Message, _receive: Receive, _send: Send) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await run(app, http())

    assert log.line()["status"] == 499


async def test_lines_inside_a_request_carry_its_id_and_those_after_it_do_not(log: Log) -> None:
    logger = structlog.get_logger()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        structlog.contextvars.bind_contextvars(video="video_1")
        logger.info("inside")
        await answer(scope, receive, send)

    structlog.contextvars.bind_contextvars(outer="kept")
    await run(app, http())
    logger.info("after")
    inside, request, after = log.lines()

    assert inside["request_id"] == request["request_id"]
    assert request["video"] == "video_1"
    assert "outer" not in request
    assert set(after) == {"timestamp", "level", "event", "outer"}


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
async def test_other_scopes_pass_through(log: Log, kind: str) -> None:
    seen: list[Message] = []

    async def app(scope: Message, _receive: Receive, _send: Send) -> None:
        seen.append(scope)

    scope = {"type": kind}
    await run(app, scope)

    assert seen == [scope]
    assert log.lines() == []


@get("/things/{number:int}", sync_to_thread=False)
def thing() -> dict[str, int]:
    return {"answer": 42}


@pytest.mark.parametrize(
    ("method", "path", "status", "route"),
    [
        ("GET", "/things/7", 200, "/things/{number}"),
        ("GET", "/nothing", 404, None),
        ("POST", "/things/7", 405, None),
    ],
)
async def test_a_litestar_application_is_seen_whole(
    log: Log, method: str, path: str, status: int, route: str | None
) -> None:
    app = Litestar([thing], logging_config=None, openapi_config=None)
    app.asgi_handler = RequestLog(app.asgi_handler)
    async with AsyncTestClient(app) as client:
        response = await client.request(method, path)
    lines = [line for line in log.lines() if line["event"] == "request"]

    assert response.status_code == status
    assert [line["status"] for line in lines] == [status]
    assert lines[0]["request_id"] == response.headers["x-request-id"]
    assert lines[0].get("route") == route
