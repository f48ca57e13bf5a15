"""Request bodies that are JSON or multipart/form-data."""

from collections.abc import Mapping
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

import msgspec

from mockserver.http import Request

JSON = "application/json"
MULTIPART = "multipart/form-data"


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
            body = msgspec.json.decode(request.body)
        except msgspec.DecodeError as fault:
            raise FormError(f"Invalid JSON: {fault}") from None
        if not isinstance(body, dict):
            raise FormError("The request body must be a JSON object")
        return body
    if request.content_type == MULTIPART:
        return {
            name: _typed(text, integer=name in integers, boolean=name in booleans)
            for name, text in parts_of(request).items()
        }
    raise FormError(f"Content-Type must be {JSON} or {MULTIPART}")


def parts_of(request: Request) -> dict[str, str]:
    """The text parts of a form by name.

    Raises:
        FormError: the form is broken.
    """
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode("latin-1")
    message = BytesParser(policy=HTTP).parsebytes(head + request.body)
    if not message.is_multipart():
        raise FormError("Invalid multipart/form-data")
    fields = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(payload, bytes):
            raise FormError("Every part of the form needs a name and a value")
        fields[name] = payload.decode(errors="replace")
    return fields


def _typed(text: str, *, integer: bool, boolean: bool) -> str | int | bool:
    if integer and text.removeprefix("-").isdecimal():
        return int(text)
    if boolean and text in {"true", "false"}:
        return text == "true"
    return text
