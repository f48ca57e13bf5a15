"""What a handler tells the OpenAPI document about itself.

It rides on the handler (`opt["operation"]`), so the document is made from the routes that
exist and cannot name one that does not.
"""

from typing import Any, Final

import msgspec
from litestar import HttpMethod

JSON: Final = "application/json"
FORM: Final = "multipart/form-data"
BYTES: Final = "video/mp4"
READ: Final = (HttpMethod.GET, HttpMethod.HEAD)
"""The methods of whatever can be read: HEAD asks for the headers of the same answer."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One possible answer: what it means, the type its body has, headers worth knowing.

    `media_type` may name several types, with commas between them.
    """

    meaning: str
    body: Any = None
    media_type: str = JSON
    headers: dict[str, str] = {}


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A path, query or header parameter; `schema` is JSON Schema.

    An array in the query is a list with commas, or the parameter repeated.
    """

    name: str
    where: str
    meaning: str
    required: bool = True
    schema: dict[str, Any] = msgspec.field(default_factory=lambda: {"type": "string"})


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """A route, in words and types.

    `body` is the type of a JSON body, `form` of a form (multipart/form-data), some fields of
    which may be `files`; `raw` are media types of a body that is a file itself. `optional` says
    that a request without any body will do. `any_query`
    leaves the query to callers who add to the URLs they are given. `problems` are the
    statuses of problem documents.
    """

    summary: str
    tag: str
    detail: str = ""
    body: Any = None
    form: Any = None
    files: tuple[str, ...] = ()
    raw: tuple[str, ...] = ()
    optional: bool = False
    any_body: bool = False
    any_query: bool = False
    parameters: tuple[Parameter, ...] = ()
    answers: dict[int, Answer] = {}
    problems: tuple[int, ...] = ()
