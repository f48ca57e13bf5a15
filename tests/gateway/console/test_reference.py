import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from litestar import Litestar

from gateway.api.openapi import document, document_route
from gateway.app import HANDLED, capabilities
from gateway.console import reference
from gateway.routing.catalogue import models
from gateway.routing.routes import Routes

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """What a browser would take from the page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def attributes(self, name: str) -> list[str]:
        return [attrs[name] or "" for _, attrs in self.tags if name in attrs]

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


@pytest.fixture(scope="module")
def table() -> dict[str, Any]:
    app = Litestar(
        route_handlers=[*HANDLED, document_route(b"")], openapi_config=None, logging_config=None
    )
    every = models(Routes(providers=capabilities(), routes={}, public_url=True))
    encoded = msgspec.json.encode(document(app.routes, "1.2.3", every))
    told: dict[str, Any] = msgspec.json.decode(encoded)
    return told


@pytest.fixture(scope="module")
def page(table: dict[str, Any]) -> Page:
    return Page(reference.page(table))


def test_it_names_every_operation_and_every_type(page: Page, table: dict[str, Any]) -> None:
    ids = set(page.attributes("id"))
    for path, methods in table["paths"].items():
        for method, operation in methods.items():
            if method != "head":
                also = " HEAD" if method == "get" and "head" in methods else ""
                assert f"{method.upper()}{also} {path}" in page.text
            assert operation["summary"] in page.text
            assert (operation["operationId"] in ids) is (method != "head")
    for name, schema in table["components"]["schemas"].items():
        assert f"type-{name}" in ids
        for word in [*schema.get("properties", ()), *schema.get("enum", ())]:
            assert word in page.words


def test_it_explains_every_error_code(page: Page) -> None:
    for code in ("invalid_json", "invalid_request", "not_found", "unavailable", "request_timeout"):
        assert code in page.words


def test_it_shows_what_each_model_takes_and_costs(page: Page) -> None:
    for provider, table in capabilities().items():
        for offer in table.offers:
            assert f"{provider}/{offer.model}" in page.words
            assert ", ".join(map(str, offer.seconds)) in page.words
            for option in offer.options:
                assert option.name in page.words


def test_it_tells_the_kind_and_the_limits_of_a_parameter(page: Page) -> None:
    limits = "How many to answer with. 1 or more. 100 or less. Default: 20."
    assert f"limit integer, in the query {limits}" in page.text
    assert "order asc or desc, in the query" in page.text


def test_names_of_other_apis_stand_beside_the_field_they_mean(page: Page) -> None:
    assert "seconds duration" in page.text
    assert "aspect_ratio ratio, aspectRatio" in page.text
    assert "In a form first_frame, last_frame, reference_images, extend_video may be files." in (
        page.text
    )


def test_it_loads_nothing_from_outside_and_runs_no_script(page: Page) -> None:
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "iframe", "object", "embed", "form", "img", "base", "style"}
    assert not page.attributes("src")
    assert not page.attributes("style")
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    own = {"/docs/reference.css", "/openapi.json", "data:,"}
    assert {link for link in page.attributes("href") if not link.startswith("#")} == own
    css = reference.style().decode()
    assert not re.search(r"url\(|@import|@font-face|//", css)


def test_it_tells_the_meaning_and_the_limits_of_a_field(page: Page) -> None:
    assert "Kept and sent exactly as it is. At most 20000 characters." in page.text


def test_its_links_lead_to_places_on_it(page: Page) -> None:
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    targets = {link.removeprefix("#") for link in page.attributes("href") if link[0] == "#"}
    assert targets <= set(ids)


def test_its_policy_allows_what_it_uses_and_no_more() -> None:
    rules = dict(rule.split(" ", 1) for rule in reference.POLICY.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["style-src"] == "'self'"
    assert "script-src" not in rules
    assert rules["frame-ancestors"] == rules["form-action"] == rules["base-uri"] == "'none'"


def test_text_stays_text_whatever_is_in_it() -> None:
    assert reference.prose("a `<b>` & <i>") == "a <code>&lt;b&gt;</code> &amp; &lt;i&gt;"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "string"),
        ({"$ref": "#/components/schemas/Video"}, "Video"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer or null"),
        ({"type": "array", "items": {"type": "string"}}, "array of string"),
        ({"type": "array"}, "array of anything"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "object of string"),
        ({"enum": ["a", "b"]}, "a or b"),
        ({}, "anything"),
    ],
)
def test_a_schema_is_told_in_a_few_words(schema: dict[str, Any], words: str) -> None:
    assert reference.kind(schema) == words
