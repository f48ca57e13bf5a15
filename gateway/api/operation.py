"""What a handler tells the OpenAPI document about itself.

It rides on the handler (`opt["operation"]`), so the document is made from the routes that
exist and cannot name one that does not.
"""

from typing import Any, Final

import msgspec
from litestar import HttpMethod

JSON: Final = "application/json"
BYTES: Final = "video/mp4"
READ: Final = (HttpMethod.GET, HttpMethod.HEAD)
"""The methods of whatever can be read: HEAD asks for the headers of the same answer."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One possible answer: what it means, the type its body has, headers worth knowing."""

    meaning: str
    body: Any = None
    media_type: str = JSON
    headers: dict[str, str] = {}


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A path, query or header parameter; all are strings."""

    name: str
    where: str
    meaning: str
    required: bool = True


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """A route, in words and types. `problems` are the statuses of problem documents."""

    summary: str
    tag: str
    detail: str = ""
    body: Any = None
    any_body: bool = False
    parameters: tuple[Parameter, ...] = ()
    answers: dict[int, Answer] = {}
    problems: tuple[int, ...] = ()
