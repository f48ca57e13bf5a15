"""The pieces that both documents are made of, as data, and how they become OpenAPI."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from mockserver.wire.evidence import Evidence
from mockserver.wire.http import MAX_BODY_BYTES, Route
from mockserver.wire.refusals import GARBAGE, Refusal
from mockserver.wire.rules import Field, Schema

Document = dict[str, Any]

JSON = "application/json"
FORM = "multipart/form-data"
HTML = "text/html"
OWN = "this mock"

EXPLANATION = (
    "Made from the mock's own tables. `x-evidence` says how well each part is known: "
    "`documented` by a public page of the provider, `inferred` from such pages, from the vendor's "
    "example programs or from a sibling API, or `invented` by this mock. `x-source` names the "
    "page. Triggers for every error are listed by `GET /__mock`."
)


def marked(node: Schema, evidence: Evidence, source: str) -> Schema:
    """The node with its evidence."""
    return {**node, "x-evidence": evidence, "x-source": source}


def ref(name: str) -> Schema:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


class Property(msgspec.Struct, frozen=True):
    """A property of an answer."""

    schema: Schema
    meaning: str
    evidence: Evidence = "documented"
    source: str = ""
    """Where it is another than that of the whole."""


TEXT: Schema = {"type": "string"}
URL: Schema = {"type": "string", "format": "uri"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
TRUTH: Schema = {"type": "boolean"}


def record(
    source: str, properties: Mapping[str, Property], *, optional: Iterable[str] = ()
) -> Schema:
    """An object of an answer; what is not optional is always there."""
    left_out = set(optional)
    return {
        "type": "object",
        "properties": {
            name: marked(
                {**row.schema, "description": row.meaning}, row.evidence, row.source or source
            )
            for name, row in properties.items()
        },
        "required": [name for name in properties if name not in left_out],
    }


def nullable(schema: Schema) -> Schema:
    """The schema with null added to it."""
    wider = {**schema, "type": [schema["type"], "null"]}
    return {**wider, "enum": [*schema["enum"], None]} if "enum" in schema else wider


def filled_text(schema: Schema) -> Schema:
    """The schema of a text that must not be empty."""
    return {"minLength": 1, **schema} if schema["type"] == "string" else schema


def request_schema(
    fields: Mapping[str, Field],
    source: str,
    *,
    required: Sequence[str] = (),
    defaults: Mapping[str, Any] | None = None,
    nulls: bool = False,
) -> Schema:
    """A request's body from its rule table.

    Args:
        fields: the table.
        source: the page of the operation.
        required: the fields that must be there.
        defaults: what is assumed of fields left out.
        nulls: whether a null counts as a field left out.
    """
    defaults = defaults or {}
    properties = {}
    for name, field in fields.items():
        schema = field.rule.schema()
        if name in required:
            schema = filled_text(schema)
        elif nulls:
            schema = nullable(schema)
        if name in defaults:
            schema = {**schema, "default": defaults[name]}
        described = {**schema, "description": field.meaning}
        properties[name] = marked(described, field.evidence, field.source or source)
    return {"type": "object", "properties": properties, "required": list(required)}


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter in path or query; those in the path are required."""

    name: str
    where: Literal["path", "query"]
    schema: Schema
    meaning: str
    evidence: Evidence = "documented"
    source: str

    def document(self) -> Document:
        """The Parameter Object."""
        node = {
            "name": self.name,
            "in": self.where,
            "required": self.where == "path",
            "description": self.meaning,
            "schema": self.schema,
        }
        return marked(node, self.evidence, self.source)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of an operation; several may share a status."""

    status: int
    meaning: str
    schema: Schema | None = None
    """None means an empty body."""
    example: Any = None
    name: str = "example"
    media: str = JSON
    evidence: Evidence = "documented"
    source: str


def answer_of(row: Refusal, schema: Schema, name: str = "") -> Answer:
    """A refusal as an answer; a page needs no schema of its own."""
    return Answer(
        status=row.status,
        meaning=row.meaning,
        schema=TEXT if row.is_page else schema,
        example=row.body,
        name=name or "example",
        media=HTML if row.is_page else JSON,
        evidence=row.evidence,
        source=row.source,
    )


GARBLED = Answer(
    status=200,
    meaning="By directive: a page where JSON should be.",
    schema=TEXT,
    example=GARBAGE,
    name="garbled",
    media=HTML,
    evidence="invented",
    source=OWN,
)


def too_large(schema: Schema) -> Answer:
    """The answer to a body that is larger than the mock reads."""
    return Answer(
        status=413,
        meaning=f"The body is larger than the {MAX_BODY_BYTES} bytes that this mock reads.",
        schema=schema,
        example={"error": "Payload Too Large"},
        evidence="invented",
        source=OWN,
    )


def responses(answers: Iterable[Answer]) -> Document:
    """The Responses Object; the first answer of a status speaks for its evidence."""
    made: Document = {}
    for answer in answers:
        key = str(answer.status)
        if key not in made:
            made[key] = marked({"description": answer.meaning}, answer.evidence, answer.source)
        elif answer.meaning not in made[key]["description"]:
            made[key]["description"] += f" Or: {answer.meaning}"
        if answer.schema is None:
            continue
        content = made[key].setdefault("content", {})
        media = content.setdefault(answer.media, {"schema": answer.schema, "examples": {}})
        if answer.example is not None:
            example = {"summary": answer.meaning, "value": msgspec.to_builtins(answer.example)}
            media["examples"][answer.name] = marked(example, answer.evidence, answer.source)
    return made


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """What a route does."""

    summary: str
    evidence: Evidence = "documented"
    source: str
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: Mapping[str, Schema] | None = None
    """Media Type Objects by media type."""
    answers: tuple[Answer, ...]
    callbacks: Document | None = None

    def document(self, operation_id: str, always: Iterable[Answer]) -> Document:
        """The Operation Object.

        Args:
            operation_id: the route's own name.
            always: answers that every operation can give.
        """
        node: Document = {
            "operationId": operation_id,
            "summary": self.summary,
            "parameters": [parameter.document() for parameter in self.parameters],
            "responses": responses((*self.answers, *always)),
        }
        if self.description:
            node["description"] = self.description
        if self.body is not None:
            node["requestBody"] = {"required": True, "content": dict(self.body)}
        if self.callbacks is not None:
            node["callbacks"] = self.callbacks
        return marked(node, self.evidence, self.source)


def callback(
    name: str, expression: str, schema: Schema, meaning: str, evidence: Evidence, source: str
) -> Document:
    """A Callback Object; what receivers answer is noted and changes nothing."""
    answer = marked({"description": "Any answer will do."}, "inferred", source)
    post = {
        "summary": meaning,
        "requestBody": {"content": {JSON: {"schema": schema}}},
        "responses": {"200": answer},
    }
    return {name: {expression: {"post": marked(post, evidence, source)}}}


def paths_of(
    routes: Sequence[Route],
    base: str,
    operations: Mapping[str, Operation],
    always: Sequence[Answer],
) -> Document:
    """The Paths Object of every route below `base`.

    Raises:
        KeyError: a route has no row in `operations`.
    """
    paths: Document = {}
    for route in routes:
        if route.template.startswith(f"{base}/"):
            operation = operations[route.operation]
            item = paths.setdefault(route.template.removeprefix(base), {})
            item[route.method.lower()] = operation.document(route.operation, always)
    return paths
