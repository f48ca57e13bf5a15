"""Everything that is wrong with a request is told at once, whoever finds it."""

from typing import Any

import pytest

from tests.gateway.api.conftest import PROMPT, Gate

V4 = "useapi-pixverse/v4"


async def refused(gate: Gate, body: dict[str, Any], path: str = "") -> dict[str, Any]:
    answer = await gate.client.post(f"/v1/videos{path}", json=body)
    assert answer.status_code == 422, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def faults(gate: Gate, body: dict[str, Any], path: str = "") -> list[tuple[str, str]]:
    told = await refused(gate, body, path)
    return [(fault["pointer"], fault["code"]) for fault in told["errors"]]


@pytest.mark.parametrize("path", ["", "/quote"])
async def test_what_cannot_be_read_hides_nothing_that_the_model_refuses(
    gate: Gate, path: str
) -> None:
    body = {"model": V4, "prompt": "abc", "duration": 7, "ratio": "16:10", "seed": -1, "n": 2}
    assert await faults(gate, body, path) == [
        ("/n", "unsupported_value"),
        ("/duration", "unsupported_value"),
        ("/ratio", "unsupported_value"),
        ("/seed", "out_of_range"),
    ]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"prompt": 5}, "/prompt"),
        ({"propmt": PROMPT}, "/propmt"),
        ({"prompt": PROMPT, "first_frame": "no url"}, "/first_frame"),
        ({"prompt": PROMPT, "last_frame": "no url"}, "/last_frame"),
    ],
)
async def test_nothing_is_told_that_follows_from_what_cannot_be_read(
    gate: Gate, wrong: dict[str, Any], pointer: str
) -> None:
    found = await faults(gate, {"model": V4, "seconds": 7} | wrong)
    assert [place for place, _ in found] == [pointer, "/seconds"]


async def test_of_an_unknown_model_nothing_is_told_but_that_it_is_unknown(gate: Gate) -> None:
    body = {"model": "gone", "prompt": PROMPT, "seconds": 7, "n": 2}
    assert await faults(gate, body) == [("/model", "unknown_model"), ("/n", "unsupported_value")]
    body["model"] = 7
    assert [place for place, _ in await faults(gate, body)] == ["/model", "/n"]


async def test_a_film_that_is_missing_hides_nothing(gate: Gate) -> None:
    body = {"model": V4, "prompt": PROMPT, "seconds": 7}
    assert await faults(gate, body, "/extensions") == [
        ("/video", "required"),
        ("/seconds", "unsupported_value"),
    ]


async def test_clients_that_show_one_fault_show_the_likeliest_and_that_there_are_more(
    gate: Gate,
) -> None:
    told = await refused(gate, {"prompt": PROMPT, "seconds": 7})
    first = told["errors"][0]
    assert (first["target"], first["pointer"]) == ("pictory/pixverse5.5", "/seconds")
    assert told["error"]["param"] == "seconds"
    more = len(told["errors"]) - 1
    assert told["error"]["message"].endswith(f"{first['detail']} (and {more} more, see errors)")
