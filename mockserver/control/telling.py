"""Journal lines as JSON: what a person, a page or another program reads."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import msgspec

from mockserver.engine import journal
from mockserver.engine.journal import Event, Exchange, Received

SHORT_BYTES = 64 * 1024
BULKY = frozenset({"body", "reply", "sent", "answer", "headers", "reply_headers"})
"""What is left out where lines are told in brief."""

KINDS: Mapping[str, type[Event]] = {
    kind.__name__.lower(): kind
    for kind in vars(journal).values()
    if isinstance(kind, type) and issubclass(kind, Event) and kind is not Event
}
"""The kinds of lines by the names under which they are told."""


def told(line: Event, *, brief: bool = False) -> dict[str, Any]:
    """A line as an object; `line` says which kind it is, bodies are JSON, text or base64.

    Args:
        line: of the journal.
        brief: without bodies and headers.
    """
    fields: dict[str, Any] = msgspec.structs.asdict(line)
    if brief:
        fields = {name: value for name, value in fields.items() if name not in BULKY}
    elif isinstance(line, Exchange):
        fields["body"] = readable(line.body)
        fields["reply"] = line.reply_digest or readable(line.reply)
        del fields["reply_digest"]
    elif isinstance(line, Received):
        fields["body"] = readable(line.body)
    kept = {name: value for name, value in fields.items() if value not in (None, "", (), {})}
    return {"line": type(line).__name__.lower(), **kept}


def readable(body: bytes) -> Any:
    """A body as JSON where it is that, as text where it can be read, in base64 otherwise."""
    if len(body) > SHORT_BYTES:
        return f"{len(body)} bytes"
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return base64.b64encode(body).decode()
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
