"""A request that is sent again makes no second video."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.once import MAX_KEY, fingerprint
from gateway.engine.intake import ABSORBED
from gateway.model.clock import SECOND
from gateway.model.phases import Phase
from gateway.model.reading import Upload
from gateway.storage import StorageError, UncertainError, accounts
from tests.gateway.api.conftest import OTHER, PICTURE, PROMPT, Gate, bearer, raising

BODY = {"model": "pictory/pixverse5.5", "prompt": PROMPT, "seconds": 5}
AGAIN = {"x-stainless-retry-count": "1"}
FIRST = {"x-stainless-retry-count": "0"}


async def create(gate: Gate, body: Any = BODY, path: str = "", **headers: str) -> httpx.Response:
    spelled = {name.replace("_", "-"): value for name, value in headers.items()}
    return await gate.client.post(f"/v1/videos{path}", json=body, headers=spelled)


async def count(gate: Gate) -> int:
    return len((await gate.client.get("/v1/videos")).json()["data"])


async def test_the_same_key_and_body_answer_the_first_job_as_it_stands(gate: Gate) -> None:
    first = await create(gate, idempotency_key="a")
    assert first.status_code == 202
    assert "idempotency-replayed" not in first.headers
    path = first.json()["urls"]["self"]
    assert (await gate.client.post(f"{path}/cancel")).status_code == 200

    again = await create(gate, idempotency_key="a")

    assert again.status_code == 202
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == path
    assert (again.json()["id"], again.json()["phase"]) == (first.json()["id"], "failed")
    assert again.json()["error"]["code"] == "canceled"
    assert await count(gate) == 1


async def test_another_body_under_the_same_key_is_refused(gate: Gate) -> None:
    await create(gate, idempotency_key="a")
    for body in (BODY | {"seconds": 8}, BODY | {"metadata": {"a": "b"}}):
        answer = await create(gate, body, idempotency_key="a")
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert await count(gate) == 1


async def test_another_route_is_another_request(gate: Gate) -> None:
    source = (await gate.job()).id
    body = {"prompt": PROMPT, "model": "pictory/veo3.1", "video": {"id": source}}
    made = await create(gate, body, "/extensions", idempotency_key="a")
    assert made.status_code == 202, made.text
    again = await create(gate, body, "/extensions", idempotency_key="a")
    assert again.json()["id"] == made.json()["id"]
    # `video` is another name of `extend_video`.
    other = await create(gate, body, idempotency_key="a")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_key_is_its_holders_own(gate: Gate) -> None:
    mine = await create(gate, idempotency_key="a")
    theirs = await create(gate, idempotency_key="a", **bearer(OTHER))
    assert theirs.status_code == 202
    assert theirs.json()["id"] != mine.json()["id"]


async def test_without_a_key_the_same_body_is_another_video(gate: Gate) -> None:
    made = {(await create(gate)).json()["id"] for _ in range(2)}
    made |= {(await create(gate, idempotency_key=key)).json()["id"] for key in "ab"}
    assert len(made) == 4


async def test_whoever_asks_at_once_with_one_key_gets_one_job(gate: Gate) -> None:
    answers = await asyncio.gather(*(create(gate, idempotency_key="a") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 7
    assert await count(gate) == 1


@pytest.mark.parametrize("headers", [{"idempotency-key": "a"}, AGAIN])
async def test_what_was_refused_binds_nothing(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    """Neither a fault, nor a slot that is not free, nor a database that is away."""
    now = gate.tools.clock.now()
    await gate.tools.database.write(
        lambda connection: accounts.cool(connection, ["pictory"], now, now + 60 * SECOND, "full")
    )
    invalid = await gate.client.post("/v1/videos", json=BODY | {"seconds": 7}, headers=headers)
    assert invalid.status_code == 422
    assert invalid.json()["code"] == "invalid_request"
    impatient = BODY | {"routing": {"queue": False}}
    busy = await gate.client.post("/v1/videos", json=impatient, headers=headers)
    assert busy.status_code == 429
    with monkeypatch.context() as patch:
        patch.setattr(gate.tools.database, "write", raising(StorageError("full")))
        lost = await gate.client.post("/v1/videos", json=BODY, headers=headers)
    assert lost.status_code == 503
    assert "x-should-retry" not in lost.headers

    made = await gate.client.post("/v1/videos", json=BODY, headers=headers)
    assert made.status_code == 202
    assert "idempotency-replayed" not in made.headers


@pytest.mark.parametrize("given", ["", "a b", "ä", "a" * (MAX_KEY + 1), "\x7f", "a\tb"])
async def test_a_key_of_another_shape_is_refused(gate: Gate, given: str) -> None:
    headers = [(b"idempotency-key", given.encode("latin-1"))]
    answer = await gate.client.post("/v1/videos", json=BODY, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/Idempotency-Key"
    assert await count(gate) == 0


async def test_two_keys_are_none(gate: Gate) -> None:
    headers = [("idempotency-key", "a"), ("idempotency-key", "a")]
    assert (await gate.client.post("/v1/videos", json=BODY, headers=headers)).status_code == 400


async def test_every_visible_character_and_every_length_makes_a_key(gate: Gate) -> None:
    visible = "".join(map(chr, range(0x21, 0x7F)))
    for key in ("a", visible, "a" * MAX_KEY):
        first, again = [await create(gate, idempotency_key=key) for _ in range(2)]
        assert first.json()["id"] == again.json()["id"]


# --- what is the same body ----------------------------------------------------------------


async def test_order_and_blanks_of_json_make_no_difference(gate: Gate) -> None:
    texts = [
        json.dumps(BODY),
        json.dumps(dict(reversed(BODY.items())), indent=4),
        json.dumps(BODY, separators=(",", ":")).replace("A paper", "\\u0041 paper"),
    ]
    ids = set()
    for text in texts:
        headers = {"content-type": "application/json", "idempotency-key": "a"}
        answer = await gate.client.post("/v1/videos", content=text, headers=headers)
        assert answer.status_code == 202, answer.text
        ids.add(answer.json()["id"])
    assert len(ids) == 1


async def test_a_form_with_another_boundary_is_the_same_request(gate: Gate) -> None:
    async def send(picture: bytes, name: str) -> httpx.Response:
        return await gate.client.post(
            "/v1/videos",
            data={"prompt": PROMPT, "model": "pictory/pixverse5.5"},
            files={"first_frame": (name, picture)},
            headers={"idempotency-key": "a"},
        )

    first, again = await send(PICTURE, "a.png"), await send(PICTURE, "b.png")
    sent = [one.request.headers["content-type"] for one in (first, again)]
    assert sent[0] != sent[1]
    assert first.status_code == again.status_code == 202
    assert first.json()["id"] == again.json()["id"]
    other = await send(PICTURE + b"\0", "a.png")
    assert other.json()["code"] in {"idempotency_key_reused", "invalid_request"}


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.builds(Upload, st.binary(max_size=9), st.just("")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


class _Asked:
    """As much of a request as a fingerprint takes in."""

    method = "POST"
    scope = {"path_template": "/v1/videos"}  # noqa: RUF012 - read only


def printed(body: object) -> str:
    return fingerprint(_Asked(), body)  # type: ignore[arg-type]


def _same(one: Any, other: Any) -> bool:
    """Equality that tells 1 from 1.0 and True."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return repr(one) == repr(other)


@given(_json, _json)
def test_bodies_have_the_same_fingerprint_only_if_they_are_the_same(one: Any, other: Any) -> None:
    assert (printed(one) == printed(other)) is _same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["a", "b"], ["ab", ""]),
        ({"a": "b"}, ["a", "b"]),
        ([[], []], [[[]]]),
        ("1", 1),
        (Upload(b"a", ""), "a"),
        ({"a": None}, {}),
    ],
)
def test_no_two_bodies_run_into_each_other(one: object, other: object) -> None:
    assert printed(one) != printed(other)


# --- clients that repeat by themselves ------------------------------------------------------


async def test_the_own_retry_of_openais_client_makes_no_second_video(gate: Gate) -> None:
    first = await create(gate, **FIRST)
    again = await create(gate, **AGAIN)
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["idempotency-replayed"] == "true"
    other = await create(gate, BODY | {"seconds": 8}, **AGAIN)
    assert other.json()["id"] != first.json()["id"]


async def test_a_first_try_that_comes_in_after_its_retry_makes_no_second_video(gate: Gate) -> None:
    """Its head was here before: only its body came late."""
    came, answered = asyncio.Event(), asyncio.Event()

    async def slow() -> Any:
        yield b"{"
        came.set()
        await answered.wait()
        yield json.dumps(BODY).encode()[1:]

    headers = {"content-type": "application/json", **FIRST}
    late = asyncio.create_task(gate.client.post("/v1/videos", content=slow(), headers=headers))
    await came.wait()
    retried = await create(gate, **AGAIN)
    answered.set()
    first = await late
    assert first.status_code == retried.status_code == 202
    assert first.json()["id"] == retried.json()["id"]
    assert await count(gate) == 1


async def test_after_a_minute_a_retry_is_a_new_request(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await create(gate, **FIRST)
    now = gate.tools.clock.now() + ABSORBED + SECOND
    monkeypatch.setattr(gate.tools.clock, "now", lambda: now)
    assert (await create(gate, **AGAIN)).json()["id"] != first.json()["id"]


@pytest.mark.parametrize("count", ["0", "-1", "one", "", "1.5", "9" * 40, "²"])
async def test_a_count_that_is_none_is_no_retry(gate: Gate, count: str) -> None:
    headers = [(b"x-stainless-retry-count", count.encode())]
    made = [await gate.client.post("/v1/videos", json=BODY, headers=headers) for _ in range(2)]
    assert made[0].json()["id"] != made[1].json()["id"]


async def test_a_retry_absorbs_nothing_of_another_caller(gate: Gate) -> None:
    first = await create(gate)
    other = await create(gate, **AGAIN, **bearer(OTHER))
    assert other.json()["id"] != first.json()["id"]


# --- what must not be tried again blindly ---------------------------------------------------


async def test_an_outcome_that_nobody_knows_forbids_a_blind_retry(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def soon(_: float) -> None:
        return None

    gate.tools.__dict__["sleep"] = soon
    job = await gate.job(phase=Phase.NEEDS_ATTENTION)
    monkeypatch.setattr(gate.tools.database, "write", raising(UncertainError("gone")))
    for path, body in (("/v1/videos", BODY), (f"/v1/videos/{job.id}/cancel", {})):
        answer = await gate.client.post(path, json=body)
        assert answer.status_code == 503, path
        assert answer.headers["x-should-retry"] == "false", path
        assert answer.headers["retry-after"]


async def test_an_error_that_nobody_foresaw_forbids_a_blind_retry(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate.tools.database, "write", raising(RuntimeError("odd")))
    answer = await gate.client.post("/v1/videos", json=BODY)
    assert (answer.status_code, answer.headers["x-should-retry"]) == (500, "false")


async def test_a_conflict_that_time_mends_may_be_tried_again(gate: Gate) -> None:
    finished, rendering = await gate.job(), await gate.job(phase=Phase.RENDERING)
    late = await gate.client.post(f"/v1/videos/{finished.id}/cancel")
    early = await gate.client.get(f"/v1/videos/{rendering.id}/content")
    assert (late.status_code, early.status_code) == (409, 409)
    assert late.headers["x-should-retry"] == "false"
    assert "x-should-retry" not in early.headers
