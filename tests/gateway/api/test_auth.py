import json
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from litestar import Litestar
from litestar.routes import HTTPRoute

from gateway.api.auth import LOCAL, Caller, Keys
from gateway.model.errors import UnauthorizedError
from providers.contract import Secret
from tests.gateway.api.conftest import KEY, OPERATOR, OTHER, PROMPT, Gate, Opened

PUBLIC = {
    "/callbacks/{provider}/{token}",
    "/docs",
    "/docs/reference.css",
    "/livez",
    "/openapi.json",
    "/readyz",
    "/v1/files/signed/{name}",
}
SHARED = {
    "/v1/files",
    "/v1/models",
    "/v1/models/{model_id}",
    "/v1/videos",
    "/v1/videos/extensions",
    "/v1/videos/quote",
}
OWNED = {
    "/v1/files/{file_id}",
    "/v1/files/{file_id}/content",
    "/v1/videos/{video_id}",
    "/v1/videos/{video_id}/cancel",
    "/v1/videos/{video_id}/content",
}
"""Paths that lead to something of one caller's, for nobody else to know of."""
OPERATORS = {
    "/v1/accounts",
    "/v1/accounts/{name}/pause",
    "/v1/accounts/{name}/resume",
    "/v1/orphans",
    "/v1/replicas",
    "/v1/videos/{video_id}/adopt",
    "/v1/videos/{video_id}/fail",
    "/v1/videos/{video_id}/resubmit",
}
"""Paths for operators alone."""
KEYED = SHARED | OWNED | OPERATORS
"""Every path of the gateway is on one of these lists: whoever adds one decides here."""


def operations(app: Litestar) -> Iterator[tuple[str, str]]:
    for route in app.routes:
        assert isinstance(route, HTTPRoute)
        for method in route.methods:
            yield method, route.path_format


def example_of(path: str) -> str:
    return path.replace("{", "").replace("}", "")


async def test_every_path_is_known_to_be_public_or_not(gate: Gate) -> None:
    paths = {path for _, path in operations(gate.app)}
    assert paths == PUBLIC | KEYED
    led = {path for path in paths if "_id}" in path}
    assert led - OPERATORS == OWNED | {"/v1/models/{model_id}"}


@pytest.mark.parametrize(
    ("shown", "admitted"),
    [
        (None, False),
        ("Bearer wrong", False),
        (f"Bearer {KEY}", True),
        (f"Bearer {OTHER}", True),
        (f"Bearer {OPERATOR}", True),
    ],
)
async def test_a_key_opens_exactly_what_is_not_public(
    opened: Opened,
    shown: str | None,
    admitted: bool,  # noqa: FBT001
) -> None:
    headers = {} if shown is None else {"authorization": shown}
    async with opened(KEY, OTHER) as gate:
        for method, path in operations(gate.app):
            if method == "OPTIONS":
                continue
            answer = await gate.client.request(method, example_of(path), headers=headers)
            refused = answer.status_code == 401
            assert refused is (path in KEYED and not admitted), (method, path)
            assert answer.status_code < 500
            forbidden = answer.status_code == 403
            callers = admitted and shown != f"Bearer {OPERATOR}"
            assert forbidden is (path in OPERATORS and callers), (method, path)
            if refused:
                assert answer.headers["www-authenticate"].startswith('Bearer realm="filmgate"')


async def test_without_configured_keys_nothing_asks_for_one(opened: Opened) -> None:
    async with opened() as gate:
        for headers in ({}, {"authorization": "Bearer anything"}):
            answer = await gate.client.post("/v1/videos", json={"prompt": PROMPT}, headers=headers)
            assert answer.status_code == 202


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "Bearer",
        "Bearer ",
        "bearer\twrong",
        KEY,
        f"Basic {KEY}",
        f"Token {KEY}",
        f"Bearer,{KEY}",
        f"Bearer {KEY}x",
        f"Bearer {KEY[:-1]}",
        f"Bearer {KEY} {KEY}",
        f'Bearer "{KEY}"',
        f"Bearer {KEY.upper()}",
        "Bearer ' OR 1=1 --",
        "Bearer " + "a" * 100_000,
        b"Bearer \xff\xfe\x80",
        "Bearer ключ".encode(),
    ],
)
async def test_a_key_of_the_wrong_shape_is_a_wrong_key(gate: Gate, shown: str | bytes) -> None:
    headers = [(b"authorization", shown.encode() if isinstance(shown, str) else shown)]
    answer = await gate.client.get("/v1/videos/x", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthorized"
    assert KEY not in answer.text


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer ", "Bearer   "])
async def test_the_scheme_is_read_whatever_its_case(gate: Gate, scheme: str) -> None:
    headers = {"authorization": f"{scheme} {KEY}"}
    assert (await gate.client.get("/v1/videos/x", headers=headers)).status_code == 404


def test_a_key_beyond_ascii_is_compared_by_its_bytes() -> None:
    keys = Keys([Secret("ключ à")])
    sent = "Bearer ключ à".encode().decode("latin-1")
    assert keys.caller(sent).owner.startswith("key_")


@given(st.text(max_size=80) | st.none())
def test_no_other_header_opens_the_door(shown: str | None) -> None:
    with pytest.raises(UnauthorizedError) as caught:
        Keys([Secret(KEY)], [Secret(OTHER)]).caller(shown)
    assert KEY not in str(caught.value)
    assert Keys([]).caller(shown) == Caller(LOCAL, operator=True)


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(shown=st.binary(max_size=60).filter(lambda value: b"\n" not in value and b"\r" not in value))
async def test_no_bytes_in_the_header_break_anything(gate: Gate, shown: bytes) -> None:
    headers = [(b"authorization", b"Bearer " + shown)]
    assert (await gate.client.get("/v1/videos/x", headers=headers)).status_code == 401


async def test_another_callers_video_is_as_unknown_as_one_that_never_was(gate: Gate) -> None:
    own, foreign = await gate.job(), await gate.job(key=OTHER)
    assert (await gate.client.get(f"/v1/videos/{own.id}")).status_code == 200

    async def told(video_id: str) -> tuple[int, dict[str, object], httpx.Headers]:
        answer = await gate.client.get(f"/v1/videos/{video_id}")
        document = answer.json()
        assert document.pop("instance") == f"/v1/videos/{video_id}"
        del answer.headers["x-request-id"]
        return answer.status_code, document, answer.headers

    other = "video_" + "0" * 26
    theirs, nobodys = await told(foreign.id), await told(other)
    assert theirs[0] == 404
    assert theirs[:2] == nobodys[:2]
    assert list(theirs[2]) == list(nobodys[2])


async def test_whatever_is_owned_is_there_for_its_owner_alone(gate: Gate) -> None:
    """Asked for by another, it is what never was, to the byte."""
    video, file = (await gate.job()).id, await gate.file()
    nothing = {"video_id": "video_" + "0" * 26, "file_id": "file_" + "0" * 26}

    async def told(method: str, path: str, key: str) -> tuple[int, str, list[str]]:
        headers = {"authorization": f"Bearer {key}"}
        answer = await gate.client.request(method, path, headers=headers)
        return answer.status_code, answer.text.replace(path, ""), list(answer.headers)

    owned = [one for one in operations(gate.app) if one[1] in OWNED and one[0] != "OPTIONS"]
    # What deletes comes last, for then it is gone.
    for method, path in sorted(owned, key=lambda one: one[0] == "DELETE"):
        there = path.format(video_id=video, file_id=file)
        unknown = await told(method, path.format(**nothing), KEY)
        assert unknown[0] == 404, (method, path)
        assert await told(method, there, OTHER) == unknown, (method, path)
        # It is finished, so it cannot be canceled.
        found = 409 if path.endswith("/cancel") else 200
        assert (await told(method, there, KEY))[0] == found, (method, path)


async def test_lists_hold_nothing_of_another_caller(gate: Gate) -> None:
    await gate.job()
    await gate.file()
    headers = {"authorization": f"Bearer {OTHER}"}
    for path in ("/v1/videos", "/v1/files"):
        assert len((await gate.client.get(path)).json()["data"]) == 1
        assert (await gate.client.get(path, headers=headers)).json()["data"] == []


@pytest.mark.parametrize(
    "source",
    [
        {"first_frame": {"video": "{video}"}},
        {"extend_video": {"video": "{video}"}},
        {"first_frame": {"file_id": "{file}"}},
        {"reference_images": ["{file}"]},
    ],
)
@pytest.mark.parametrize("path", ["/v1/videos", "/v1/videos/quote"])
async def test_nothing_of_another_caller_can_be_made_into_a_video(
    gate: Gate, source: dict[str, object], path: str
) -> None:
    names = {"{video}": (await gate.job()).id, "{file}": await gate.file()}

    async def told(places: dict[str, str]) -> str:
        text = json.dumps({"prompt": PROMPT, "model": "pictory/pixverse5.5", **source})
        for place, name in places.items():
            text = text.replace(place, name)
        headers = {"authorization": f"Bearer {OTHER}", "content-type": "application/json"}
        answer = await gate.client.post(path, content=text, headers=headers)
        assert answer.status_code == 422
        return answer.text.replace(places["{video}"], "").replace(places["{file}"], "")

    unknown = {"{video}": "video_" + "0" * 26, "{file}": "file_" + "0" * 26}
    assert await told(names) == await told(unknown)


async def test_preflights_of_other_sites_are_given_no_leave(gate: Gate) -> None:
    headers = {"origin": "https://evil.test", "access-control-request-method": "POST"}
    answer = await gate.client.options("/v1/videos", headers=headers)
    assert not [name for name in answer.headers if name.startswith("access-control")]
