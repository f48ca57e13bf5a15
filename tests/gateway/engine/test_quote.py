"""A quote: what would be sent, word for word, and nothing of it spent, stored or shown."""

import base64
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from gateway.config import MoneySettings
from gateway.engine import files
from gateway.engine.quote import REFERENCE, TOKEN, quote
from gateway.model.errors import InvalidError, NoSlotError
from gateway.model.quote import Quote
from providers.contract import Price
from tests.rig import Rig, asked, is_submit, pictory, picture, pixverse, rig

PROMPT = "The harbour at dusk"
ORANGE = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
ROUTE = {"default": ("useapi-pixverse/v4", "pictory/veo3.1", "useapi-pixverse/v3.5")}


async def quoted(stage: Rig, **body: Any) -> Quote:
    before = len(stage.provider_wire.requests)
    found = await quote(stage.tools, asked(body), "tester")
    assert len(stage.provider_wire.requests) == before
    return found


def submitted(stage: Rig) -> tuple[str, str, Any]:
    request = [one for one in stage.provider_wire.requests if is_submit(one)][-1]
    body = httpx.Response(200, content=request.content).json()
    return request.method, str(request.url), body


@pytest.mark.parametrize(
    "body",
    [
        {"model": "pictory/veo3.1", "first_frame": "https://pictures.test/a.png", "seconds": 6},
        {"model": "pictory/pixverse5.5", "aspect_ratio": "9:16"},
        {"model": "useapi-pixverse/v4", "negative_prompt": "rain", "seed": 7},
        {"model": "useapi-pixverse/v4", "first_frame": ORANGE, "last_frame": ORANGE},
    ],
)
async def test_what_is_quoted_is_what_is_sent(tmp_path: Path, body: dict[str, Any]) -> None:
    async with rig(tmp_path) as stage:
        told = await quoted(stage, prompt=PROMPT, **body)
        job_id = await stage.create(prompt=PROMPT, **body)
        await stage.settle()

        method, url, sent = submitted(stage)
        assert (told.request.method, told.request.url) == (method, url)
        assert told.request.body.keys() == sent.keys()
        for name, value in told.request.body.items():
            if "<" not in str(value):
                assert sent[name] == value
        (attempt,) = await stage.attempts(job_id)
        text = str(told.request.body)
        if "replyRef" in sent:
            assert (sent["replyRef"], told.request.body["replyRef"]) == (attempt.id, REFERENCE)
        assert TOKEN in text
        assert told.spec == (await stage.job(job_id)).choices[0].spec


async def test_nothing_secret_is_shown(tmp_path: Path) -> None:
    async with rig(tmp_path, routes=ROUTE) as stage:
        told = msgspec.json.encode(await quoted(stage, prompt=PROMPT)).decode()

        for account in stage.tools.accounts.values():
            assert account.key.reveal() not in told
        assert stage.tools.links is not None
        assert stage.tools.links.key not in told


async def test_uploads_that_the_account_has_are_shown_as_they_are(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        file = await files.keep(stage.tools, "tester", picture(), "a.png", "vision")
        request = {"prompt": PROMPT, "first_frame": file.id, "last_frame": ORANGE}
        before = (await quoted(stage, **request)).request.body
        assert before["first_frame_path"] == "<upload of first_frame>"
        await stage.create(**request)
        await stage.settle()

        after = (await quoted(stage, **request)).request.body
        _, _, sent = submitted(stage)
        assert after["first_frame_path"] == after["last_frame_path"] == sent["first_frame_path"]


async def test_targets_prices_and_refusals_are_told_in_the_routes_order(tmp_path: Path) -> None:
    money = MoneySettings(currency="USD", credit={"pictory": Decimal("0.04")})
    async with rig(tmp_path, routes=ROUTE, money=money) as stage:
        told = await quoted(stage, prompt=PROMPT)

        assert told.target == "useapi-pixverse/v4"
        assert told.account == "pixverse-a"
        assert not told.waits
        assert told.position == 1
        assert told.currency == "USD"
        assert [one.target for one in told.choices] == ["useapi-pixverse/v4", "pictory/veo3.1"]
        veo = told.choices[1]
        assert veo.price is not None
        assert veo.money == str(Decimal(veo.price.amount) / 10 * Decimal("0.04"))
        assert [one.target for one in told.refused] == ["useapi-pixverse/v3.5"]
        assert told.refused[0].errors
        assert isinstance(told.choices[0].price, Price | None)


async def test_the_place_in_line_and_why_a_target_is_not_free(tmp_path: Path) -> None:
    accounts = [pixverse(max_jobs=1), pictory(max_jobs=1)]
    async with rig(tmp_path, accounts=accounts, routes=ROUTE) as stage:
        await stage.create(model="useapi-pixverse/v4", prompt=f"{PROMPT} [[mock throttle=1]]")
        await stage.settle()
        resting = await quoted(stage, prompt=PROMPT)
        assert (resting.target, resting.account) == ("pictory/veo3.1", "pictory-main")
        assert "rests" in (resting.choices[0].reason or "")
        assert resting.position == 2

        # In Pictory's line nobody waits.
        assert (await quoted(stage, model="pictory/veo3.1", prompt=PROMPT)).position == 1

        # Not bound yet, but it will take the last slot.
        await stage.create(model="pictory/veo3.1", prompt=PROMPT)
        full = await quoted(stage, prompt=PROMPT)
        assert (full.target, full.account, full.waits) == ("useapi-pixverse/v4", None, True)
        assert full.position == 3
        assert "slot" in (full.choices[1].reason or "")


async def test_a_quote_for_a_job_that_would_not_wait_is_refused_as_the_job_is(
    tmp_path: Path,
) -> None:
    body = {"prompt": PROMPT, "routing": {"queue": False}}
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:
        assert not (await quoted(stage, **body)).waits
        await stage.create(**body)

        told = []
        for ask in (quote(stage.tools, asked(body), "tester"), stage.create(**body)):
            with pytest.raises(NoSlotError) as caught:
                await ask
            told.append((caught.value.detail, caught.value.headers))
        assert told[0] == told[1]
        assert (await quoted(stage, prompt=PROMPT)).waits


async def test_a_quote_refuses_what_a_job_would_be_refused_for_and_stores_nothing(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, routes=ROUTE) as stage:
        for body in (
            {"prompt": "x" * 9000},
            {"prompt": PROMPT, "first_frame": "file_00000000000000000000000000"},
            {"prompt": PROMPT, "first_frame": "data:image/png;base64,aGVsbG8="},
        ):
            told = []
            for ask in (quote(stage.tools, asked(body), "tester"), stage.create(**body)):
                with pytest.raises(InvalidError) as caught:
                    await ask
                told.append([(one.pointer, one.code) for one in caught.value.errors])
            assert told[0] == told[1]
        await quoted(stage, prompt=PROMPT, first_frame=ORANGE)

        assert await stage.every_job() == []
        assert [one for one in stage.tools.media.folder.rglob("*") if one.is_file()] == []
