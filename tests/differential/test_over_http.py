"""The same wish in other clothes: quoted, as a form, under other names. Over HTTP, in process."""

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.inputs import StoredInput
from mockserver import Account as MockAccount
from providers.contract import Role
from tests.differential.bench import FILM, PICTURE
from tests.differential.wishes import Wish, wishes
from tests.rig import Rig, is_submit, pictory, pixverse, rig
from tests.strategies import CALM

COMES_LATER: Final = re.compile(r"<[^<>]+>")
"""What a quote puts where something comes into being only with the submission."""
NOT_COMPARED: Final = ("id", "created_at", "urls", "timeline", "queue")


class Stage:
    """A gateway whose providers refuse every submission, so that none is ever in the way."""

    def __init__(self, made: Rig, runner: asyncio.Runner, client: httpx.AsyncClient) -> None:
        self._made, self._runner, self._client = made, runner, client
        made.provider_wire.meddle = lambda request: (
            httpx.Response(400, json={"error": "no", "message": "no"})
            if is_submit(request)
            else None
        )

    def post(self, path: str, **values: Any) -> httpx.Response:
        return self._runner.run(self._client.post(path, **values))

    def submitted(self, **body: Any) -> tuple[str, httpx.Request]:
        """Accept a job for good; the target that took it, and its paid request."""

        async def run() -> tuple[str, httpx.Request]:
            created = await self._client.post("/v1/videos", json=body)
            assert created.status_code == 202, created.text
            await self._made.settle()
            video = (await self._client.get(f"/v1/videos/{created.json()['id']}")).json()
            return video["model"], next(
                filter(is_submit, reversed(self._made.provider_wire.requests))
            )

        return self._runner.run(run())


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """One gateway for all examples of a test."""
    with asyncio.Runner() as runner:
        accounts = (pixverse(max_jobs=8), pictory(max_jobs=8))
        gate = rig(folder, accounts=accounts, mock_accounts=(MockAccount(email="ops@example.com"),))
        made = runner.run(gate.__aenter__())
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=made.app), base_url="http://gate.test"
        )
        try:
            yield Stage(made, runner, client)
        finally:
            runner.run(client.aclose())
            runner.run(gate.__aexit__(None, None, None))


def content_of(value: Any) -> bytes:
    return FILM if value.media_type.startswith("video/") else PICTURE


def body_of(wish: Wish) -> dict[str, Any]:
    """The wish as the JSON body of a caller."""
    request = wish.request
    body = {
        name: value
        for name in request.__struct_fields__
        if (value := getattr(request, name)) not in (None, (), {})
        and name not in {"routing", *(role.value for role in Role)}
    }
    for one in request.given:
        if isinstance(one.value, StoredInput):
            data = base64.b64encode(content_of(one.value)).decode()
            shown = f"data:{one.value.media_type};base64,{data}"
        else:
            shown = one.value.url  # type: ignore[union-attr]
        if one.index is None:
            body[one.role.value] = shown
        else:
            body.setdefault(one.role.value, []).append(shown)
    return body


def same(quoted: Any, sent: Any) -> bool:
    """Whether two JSON values are the same but for what comes later."""
    if quoted == "<seed of the attempt>":
        return isinstance(sent, int)
    if isinstance(quoted, str) and COMES_LATER.search(quoted):
        pattern = ".+".join(map(re.escape, COMES_LATER.split(quoted)))
        return isinstance(sent, str) and re.fullmatch(pattern, sent) is not None
    if isinstance(quoted, dict) and isinstance(sent, dict):
        return list(quoted) == list(sent) and all(same(quoted[name], sent[name]) for name in sent)
    if isinstance(quoted, list) and isinstance(sent, list):
        return len(quoted) == len(sent) and all(map(same, quoted, sent))
    return bool(quoted == sent)


def test_a_quote_and_a_real_submission_choose_and_send_the_same(tmp_path: Path) -> None:
    with staged(tmp_path) as stage:

        @settings(CALM, max_examples=60)
        @given(wishes(right=True), st.booleans())
        def check(wish: Wish, by_route: bool) -> None:  # noqa: FBT001
            body = body_of(wish)
            if by_route:
                body.pop("model")
                body.pop("provider_options", None)
            quoted = stage.post("/v1/videos/quote", json=body)
            assert quoted.status_code == 200, quoted.text
            told = quoted.json()
            target, sent = stage.submitted(**body)

            assert told["target"] == target
            assert told["request"]["url"] == str(sent.url)
            assert told["request"]["method"] == sent.method
            assert same(told["request"]["body"], json.loads(sent.content))

        check()


def test_a_quote_refuses_what_a_submission_refuses_and_in_the_same_words(tmp_path: Path) -> None:
    with staged(tmp_path) as stage:

        @settings(CALM, max_examples=60)
        @given(wishes())
        def check(wish: Wish) -> None:
            body = body_of(wish)
            quoted, created = (
                stage.post(path, json=body) for path in ("/v1/videos/quote", "/v1/videos")
            )
            assert (quoted.status_code, created.status_code) in {(200, 202), (422, 422)}
            if created.status_code == 422:
                assert quoted.json()["errors"] == created.json()["errors"]
                assert wish.accepted is False

        check()


def parts_of(body: dict[str, Any]) -> list[tuple[str, Any]]:
    """A JSON body as OpenAI's clients would send it in a form."""
    parts: list[tuple[str, Any]] = []
    for name, value in body.items():
        if isinstance(value, str) and value.startswith("data:"):
            content = base64.b64decode(value.partition(",")[2])
            parts.append((name, (f"{name}.bin", content, "application/octet-stream")))
        elif isinstance(value, list):
            parts += [(f"{name}[]", (None, item.encode())) for item in value]
        elif isinstance(value, dict):
            parts.append((name, (None, json.dumps(value).encode())))
        else:
            text = json.dumps(value) if not isinstance(value, str) else value
            parts.append((name, (None, text.encode())))
    return parts


def test_a_form_and_json_make_the_same_job(tmp_path: Path) -> None:
    with staged(tmp_path) as stage:

        @settings(CALM, max_examples=60)
        @given(wishes() | wishes(right=True))
        def check(wish: Wish) -> None:
            body = body_of(wish)
            answers = [
                stage.post("/v1/videos", json=body),
                stage.post("/v1/videos", files=parts_of(body)),
            ]
            assert len({answer.status_code for answer in answers}) == 1, [a.text for a in answers]
            told = [answer.json() for answer in answers]
            if answers[0].status_code == 422:
                assert told[0]["errors"] == told[1]["errors"]
                return
            for video in told:
                for name in NOT_COMPARED:
                    video.pop(name)
            assert told[0] == told[1]

        check()
