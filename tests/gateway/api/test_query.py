from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.gateway.api.conftest import OPERATOR, PROMPT, Gate, bearer
from tests.gateway.api.test_auth import example_of, operations

LENIENT = {
    "/callbacks/{provider}/{token}",
    "/docs",
    "/docs/reference.css",
    "/v1/files/signed/{name}",
}
"""Asked for by providers, who may add to a URL they were given, or looked at by people."""


async def test_no_route_ignores_a_parameter_it_does_not_know(gate: Gate) -> None:
    gate.client.headers.update(bearer(OPERATOR))
    for method, path in operations(gate.app):
        if method in {"HEAD", "OPTIONS"}:
            continue
        answer = await gate.client.request(method, f"{example_of(path)}?nonsense=secret")
        assert "secret" not in answer.text
        if path in LENIENT:
            assert answer.status_code != 400, path
            continue
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request"), path
        [fault] = answer.json()["errors"]
        assert (fault["pointer"], fault["code"]) == ("/nonsense", "unknown_parameter")


@pytest.mark.parametrize(
    ("path", "wrong", "right"),
    [
        ("/v1/videos", "lmit", "limit"),
        ("/v1/videos", "statuses", "status"),
        ("/v1/files", "ordr", "order"),
        ("/v1/videos/x/content", "varient", "variant"),
    ],
)
async def test_a_parameter_that_is_misspelt_is_told_its_name(
    gate: Gate, path: str, wrong: str, right: str
) -> None:
    answer = await gate.client.get(f"{path}?{wrong}=1")
    [fault] = answer.json()["errors"]
    assert (answer.status_code, fault["nearest"]) == (400, right)
    assert f"did you mean {right!r}?" in answer.json()["error"]["message"]
    assert right in fault["allowed"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=-5",
        "limit=ten",
        "limit=1.5",
        "limit=",
        "limit=²",
        f"limit={'9' * 5000}",
        "limit=1&limit=2",
        "order=up",
        "order=ASC",
        "order=asc&order=asc",
        "after=",
        "after=a/b",
        "after=%00",
        f"after={'a' * 65}",
    ],
)
@pytest.mark.parametrize("path", ["/v1/videos", "/v1/files", "/v1/orphans"])
async def test_paging_that_makes_no_sense_is_refused_at_its_place(
    gate: Gate, path: str, query: str
) -> None:
    gate.client.headers.update(bearer(OPERATOR))
    answer = await gate.client.get(f"{path}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    [fault] = answer.json()["errors"]
    assert fault["pointer"] == "/" + query.partition("=")[0]


@pytest.mark.parametrize("query", ["status=done", "status=queued,", "status=queued&status=x"])
async def test_a_status_there_is_not_is_refused_with_those_there_are(
    gate: Gate, query: str
) -> None:
    answer = await gate.client.get(f"/v1/videos?{query}")
    [fault] = answer.json()["errors"]
    assert answer.status_code == 400
    assert fault["allowed"] == ["queued", "in_progress", "completed", "failed"]


async def test_all_that_is_wrong_with_a_query_is_told_at_once(gate: Gate) -> None:
    query = "limit=0&order=up&after=a/b&status=done,queued,open&phase=stuck&lmit=5&limt=&limt="
    answer = await gate.client.get(f"/v1/videos?{query}")
    assert answer.status_code == 400
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [
        ("/limit", "out_of_range"),
        ("/order", "unsupported_value"),
        ("/after", "unsupported_value"),
        ("/status", "unsupported_value"),
        ("/status", "unsupported_value"),
        ("/phase", "unsupported_value"),
        ("/lmit", "unknown_parameter"),
        ("/limt", "unknown_parameter"),
    ]
    words = [one["detail"] for one in answer.json()["errors"]]
    assert words[3].endswith("not 'done'")
    assert words[4].endswith("not 'open'")


async def test_of_very_many_faults_the_first_twenty_are_told(gate: Gate) -> None:
    words = ",".join(f"w{n}" for n in range(3000))
    answer = await gate.client.get(f"/v1/videos?status={words}")
    told = [one["detail"].rpartition(" ")[2] for one in answer.json()["errors"]]
    assert told == [f"'w{n}'" for n in range(20)]


async def test_the_nearest_limit_is_named(gate: Gate) -> None:
    [fault] = (await gate.client.get("/v1/videos?limit=1000")).json()["errors"]
    assert fault["nearest"] == 100


@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    query=st.dictionaries(
        st.sampled_from(["after", "limit", "order", "status", "variant"]) | st.text(max_size=5),
        st.text(max_size=12) | st.integers(-5, 200).map(str),
        max_size=4,
    )
)
async def test_no_query_brings_the_gateway_down(gate: Gate, query: dict[str, Any]) -> None:
    for path in ("/v1/videos", "/v1/files", "/v1/videos/x/content", "/v1/models"):
        answer = await gate.client.get(path, params=query)
        assert answer.status_code in {200, 400, 404}
        assert len(answer.content) < 20_000


async def test_a_route_that_creates_takes_no_query(gate: Gate) -> None:
    answer = await gate.client.post("/v1/videos?seconds=5", json={"prompt": PROMPT})
    assert answer.status_code == 400
    assert (await gate.client.get("/v1/videos")).json()["data"] == []
