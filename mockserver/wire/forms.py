"""Request bodies that are JSON or multipart/form-data."""

import re
from collections.abc import Mapping
from email.errors import MessageError
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from mockserver.wire.bodies import json_object
from mockserver.wire.http import Request

JSON = "application/json"
MULTIPART = "multipart/form-data"
_INTEGER = re.compile(r"-?[0-9]{1,19}")


class FormError(ValueError):
    """The body cannot be read as what its Content-Type says."""


def read_fields(
    request: Request, *, integers: frozenset[str], booleans: frozenset[str]
) -> Mapping[str, Any]:
    """The body's fields; form texts become the types that the named fields have in JSON.

    A text that is not of its field's type stays text, so that validation names the field.

    Raises:
        FormError: the body is neither, or is broken.
    """
    if request.content_type == JSON:
        try:
            return json_object(request.body)
        except ValueError as fault:
            raise FormError(str(fault)) from None
    if request.content_type == MULTIPART:
        return {
            name: _typed(text, integer=name in integers, boolean=name in booleans)
            for name, text in parts_of(request).items()
        }
    raise FormError(f"Content-Type must be {JSON} or {MULTIPART}")


_PARSER_BREAKS = (LookupError, ValueError, TypeError, AttributeError, MessageError)
"""What the standard library's parser raises at headers that nobody would write by accident."""


def parts_of(request: Request) -> dict[str, str]:
    """The text parts of a form by name.

    Raises:
        FormError: the form is broken.
    """
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode("latin-1")
    try:
        message = BytesParser(policy=HTTP).parsebytes(head + request.body)
        parts = dict(_part(part) for part in message.iter_parts())
    except FormError:
        raise
    except _PARSER_BREAKS:
        raise FormError("Invalid multipart/form-data") from None
    if not message.is_multipart():
        raise FormError("Invalid multipart/form-data")
    return parts


def _part(part: Message) -> tuple[str, str]:
    name = part.get_param("name", header="content-disposition")
    payload = part.get_payload(decode=True)
    if not isinstance(name, str) or not isinstance(payload, bytes):
        raise FormError("Every part of the form needs a name and a value")
    return name, payload.decode(errors="replace")


def _typed(text: str, *, integer: bool, boolean: bool) -> str | int | bool:
    if integer and _INTEGER.fullmatch(text):
        return int(text)
    if boolean and text in {"true", "false"}:
        return text == "true"
    return text
