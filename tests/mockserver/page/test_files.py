import re
from collections.abc import Mapping
from importlib.resources import files

import pytest

from mockserver import World
from mockserver.control.page import HEADERS, TYPES, assets
from mockserver.wire.http import Request, Response

PAGE = files("mockserver") / "page"
NAMES = sorted(one.name for one in PAGE.iterdir())
XMLNS = "http://www.w3.org/2000/svg"


async def got(path: str) -> Response:
    request = Request(
        method="GET", path=path, query={}, headers={}, body=b"", origin="http://mock.test"
    )
    async with World() as world:
        return await world.answer(request)


def policy(headers: Mapping[str, str]) -> dict[str, list[str]]:
    rules = headers["content-security-policy"].split("; ")
    return {rule.split()[0]: rule.split()[1:] for rule in rules}


@pytest.mark.parametrize("name", NAMES)
async def test_each_file_is_served_with_its_type_and_the_strict_policy(name: str) -> None:
    response = await got(f"/__mock/ui/{name}")

    assert response.status == 200
    assert response.body == (PAGE / name).read_bytes()
    assert response.headers["content-type"] == TYPES[name.rpartition(".")[2]]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert policy(response.headers) == policy(HEADERS)


def test_the_policy_allows_only_what_comes_from_here() -> None:
    rules = policy(HEADERS)

    assert rules["default-src"] == ["'none'"]
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == ["'self'"]
    assert {source for sources in rules.values() for source in sources} == {
        "'none'",
        "'self'",
        "blob:",
    }


@pytest.mark.parametrize("name", NAMES)
def test_no_file_names_an_address_elsewhere(name: str) -> None:
    text = (PAGE / name).read_text().replace(XMLNS, "")

    assert not re.findall(r"(?:https?:|wss?:)?//[\w.-]+\.\w+", text)
    assert "@import" not in text


def test_nothing_is_written_into_the_page_that_the_policy_would_refuse() -> None:
    index = (PAGE / "index.html").read_text()

    assert not re.findall(r"<script(?![^>]*\bsrc=)", index)
    assert not re.findall(r"<style|\sstyle=|\son\w+=", index)
    scripts = "".join((PAGE / name).read_text() for name in NAMES if name.endswith(".js"))
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|\beval\(|new Function", scripts)


def test_all_that_the_files_ask_for_is_there() -> None:
    asked = set()
    for name in NAMES:
        text = (PAGE / name).read_text()
        asked |= set(re.findall(r'from "\./([\w.]+)"', text))
        asked |= set(re.findall(r'(?:src|href)="([\w.]+)"', text))

    assert "main.js" in asked
    assert asked <= assets().keys()


@pytest.mark.parametrize("name", ["", "..%2fapp.py", "nothing.js"])
async def test_what_is_no_file_of_the_page_is_not_found(name: str) -> None:
    assert (await got(f"/__mock/ui/{name or 'index.htm'}")).status == 404


async def test_the_page_s_address_ends_with_a_slash() -> None:
    response = await got("/__mock/ui")

    assert (response.status, response.headers["location"]) == (308, "ui/")
    assert (await got("/__mock/ui/")).body == (PAGE / "index.html").read_bytes()
