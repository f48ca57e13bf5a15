"""HAR 1.2 of everything that went over the wire, for browsers' tools and proxies to open.

Times are those of the virtual calendar. Headers that hold secrets are not in the journal, so they
are not here either. Names that begin with `_` are this mock's own, as the format allows.
"""

import base64
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from mockserver.engine.clock import iso
from mockserver.engine.journal import Delivery, Event, Exchange, Received
from mockserver.inbox.inbox import BASE_PATH as INBOX

if TYPE_CHECKING:
    from mockserver.world import World

HTTP = "HTTP/1.1"
ORIGIN = "http://mock"
"""Stands for wherever the mock was reached; the journal knows no ports."""
Document = dict[str, Any]


def har(world: "World") -> Document:
    """All exchanges, callbacks and webhooks of a world, by line."""
    origin = (world.settings.public_url or ORIGIN).rstrip("/") + world.prefix
    entries = [
        {"startedDateTime": iso(world.clock.utc(line.at), milliseconds=True), **entry}
        for line in world.journal
        if (entry := _entry(line, origin)) is not None
    ]
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "filmgate mock", "version": "1"},
            "pages": [],
            "entries": entries,
            "comment": f"world {world.name}, seed {world.settings.seed}, virtual time",
        }
    }


def _entry(line: Event, origin: str) -> Document | None:
    match line:
        case Exchange():
            return _exchange(line, origin)
        case Delivery():
            return _delivery(line)
        case Received():
            return _received(line, origin)
        case _:
            return None


def _exchange(line: Exchange, origin: str) -> Document:
    query = f"?{line.query}" if line.query else ""
    text = None if line.reply_digest else line.reply
    return _whole(
        line,
        seconds=line.replied_at - line.at,
        request=_request(line.method, f"{origin}{line.path}{query}", line.headers, line.body),
        response=_response(line.status, line.reply_headers, text),
        own={
            "_direction": "in",
            "_act": line.act,
            "_provider": line.provider,
            "_operation": line.operation,
            "_account": line.account,
            "_lost": line.lost,
            "_digest": line.reply_digest,
            "_faults": list(line.faults),
        },
    )


def _delivery(line: Delivery) -> Document:
    headers = {"content-type": "application/json"}
    answered = line.at if line.answered_at is None else line.answered_at
    return _whole(
        line,
        seconds=answered - line.at,
        request=_request("POST", line.url, headers, msgspec.json.encode(line.sent)),
        response=_response(line.status or 0, {}, line.answer.encode()),
        own={
            "_direction": "out",
            "_act": "callback",
            "_phase": line.phase,
            "_how": line.how,
            "_error": line.error,
            "_faults": list(line.faults),
        },
    )


def _received(line: Received, origin: str) -> Document:
    url = f"{origin}{INBOX}/{line.inbox}"
    return _whole(
        line,
        seconds=0.0,
        request=_request("POST", url, line.headers, line.body),
        response=_response(line.status, {}, b""),
        own={"_direction": "in", "_act": "webhook", "_inbox": line.inbox},
    )


def _whole(
    line: Event, *, seconds: float, request: Document, response: Document, own: Document
) -> Document:
    milliseconds = round(seconds * 1000, 3)
    named = {"_n": line.n, "_cause": line.cause, "_job": line.job, **own}
    return {
        "time": milliseconds,
        "request": request,
        "response": response,
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
        **{name: value for name, value in named.items() if value not in (None, "", [])},
    }


def _pairs(headers: Mapping[str, str]) -> list[Document]:
    return [{"name": name, "value": value} for name, value in headers.items()]


def _request(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Document:
    query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    document: Document = {
        "method": method,
        "url": url,
        "httpVersion": HTTP,
        "cookies": [],
        "headers": _pairs(headers),
        "queryString": [{"name": name, "value": value} for name, value in query],
        "headersSize": -1,
        "bodySize": len(body),
    }
    if body:
        text, encoding = _text(body)
        kind = headers.get("content-type", "application/octet-stream")
        document["postData"] = {"mimeType": kind, "params": [], "text": text}
        # The format has no place for it, but readers know this name.
        document["postData"] |= {"_encoding": encoding} if encoding else {}
    return document


def _response(status: int, headers: Mapping[str, str], body: bytes | None) -> Document:
    """Of media, whose bytes are not kept, there is no text and no size."""
    content: Document = {
        "size": -1 if body is None else len(body),
        "mimeType": headers.get("content-type", "x-unknown"),
    }
    if body:
        text, encoding = _text(body)
        content |= {"text": text} | ({"encoding": encoding} if encoding else {})
    known = status in HTTPStatus.__members__.values()
    return {
        "status": status,
        "statusText": HTTPStatus(status).phrase if known else "",
        "httpVersion": HTTP,
        "cookies": [],
        "headers": _pairs(headers),
        "content": content,
        "redirectURL": headers.get("location", ""),
        "headersSize": -1,
        "bodySize": -1 if body is None else len(body),
    }


def _text(body: bytes) -> tuple[str, str]:
    """A body as text, and `base64` where it had to be encoded."""
    try:
        return body.decode(), ""
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), "base64"
