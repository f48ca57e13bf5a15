"""Error answers as data: one table of these drives the wire, the triggers and the documents."""

from typing import Any

import msgspec

from mockserver.wire.evidence import Evidence
from mockserver.wire.http import Response, reply

HTML = "text/html; charset=UTF-8"

GARBAGE = """<!DOCTYPE html>
<html><head><title>One moment, please</title></head>
<body><h1>One moment, please</h1><p>This page is no answer of the API.</p></body></html>
"""
"""What stands where JSON should, as from a proxy or a maintenance page (invented)."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One way to say no."""

    status: int
    meaning: str
    """When the provider answers so, in this mock's words."""
    body: Any
    """The JSON document; a string is an HTML page."""
    evidence: Evidence
    source: str
    """The page that documents it; what it rests on otherwise."""

    def response(self, retry_after: int | None = None) -> Response:
        """The answer, with a `Retry-After` in seconds where one is asked for."""
        answer = page(self.body, self.status) if self.is_page else reply(self.body, self.status)
        if retry_after is not None:
            answer.headers["retry-after"] = str(retry_after)
        return answer

    @property
    def is_page(self) -> bool:
        """Whether the body is HTML."""
        return isinstance(self.body, str)


def page(html: str, status: int = 200, *, job: str | None = None) -> Response:
    """An HTML answer."""
    return Response(status=status, body=html.encode(), headers={"content-type": HTML}, job=job)


def garbage(job: str | None = None) -> Response:
    """A page with status 200 where JSON was expected."""
    return page(GARBAGE, job=job)
