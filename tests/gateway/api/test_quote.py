from typing import Any

import pytest

from gateway.model.phases import Phase
from gateway.storage import accounts as stored_accounts
from tests.gateway.api.conftest import KEY, PICTURE, PROMPT, Gate

BODY = {"model": "pictory/pixverse5.5", "prompt": PROMPT, "seconds": 5, "aspect_ratio": "9:16"}


@pytest.fixture(autouse=True)
async def accounts(gate: Gate) -> None:
    """The slots of the accounts, which the engine makes when it prepares."""
    await gate.tools.database.write(
        lambda connection: stored_accounts.sync(connection, tuple(gate.tools.accounts.values()))
    )


async def quoted(gate: Gate, **changes: Any) -> dict[str, Any]:
    answer = await gate.client.post("/v1/videos/quote", json=BODY | changes)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_a_quote_tells_who_would_be_sent_what_for_which_price(gate: Gate) -> None:
    told = await quoted(gate)
    assert (told["target"], told["account"], told["waits"]) == (
        "pictory/pixverse5.5",
        "pictory",
        False,
    )
    assert told["price"] == {"amount": 80, "unit": "pictory_credit_tenths"}
    assert told["spec"]["aspect_ratio"] == "9:16"
    assert told["request"]["method"] == "POST"
    assert PROMPT in str(told["request"]["body"])
    assert told["refused"] == []


async def test_a_quote_stores_and_spends_nothing(gate: Gate) -> None:
    before = set(gate.tools.media.folder.rglob("*"))
    answer = await gate.client.post(
        "/v1/videos/quote",
        data={"model": BODY["model"], "prompt": PROMPT},
        files={"first_frame": ("a.png", PICTURE)},
    )
    assert answer.status_code == 200, answer.text
    assert (await gate.client.get("/v1/videos")).json()["data"] == []
    assert (await gate.client.get("/v1/files")).json()["data"] == []
    assert set(gate.tools.media.folder.rglob("*")) == before


async def test_a_quote_holds_no_secret(gate: Gate) -> None:
    assert gate.tools.links is not None
    secrets = (KEY, "key-at-the-provider", gate.tools.links.key)
    for model in ("pictory/pixverse5.5", "useapi-pixverse/v4"):
        answer = await gate.client.post(
            "/v1/videos/quote",
            json={"model": model, "prompt": PROMPT, "first_frame": await gate.file()},
        )
        assert answer.status_code == 200, answer.text
        assert not [secret for secret in secrets if secret in answer.text]


async def test_what_cannot_be_made_is_refused_as_create_would(gate: Gate) -> None:
    wrong = {**BODY, "seconds": None, "duration": 7}
    quote = await gate.client.post("/v1/videos/quote", json=wrong)
    create = await gate.client.post("/v1/videos", json=wrong)
    assert quote.status_code == create.status_code == 422
    assert quote.json()["errors"] == create.json()["errors"]
    assert quote.json()["errors"][0]["pointer"] == "/duration"


async def test_targets_that_could_not_are_told_in_the_callers_words(gate: Gate) -> None:
    answer = await gate.client.post(
        "/v1/videos/quote", json={"model": "default", "prompt": PROMPT, "duration": 10}
    )
    told = answer.json()
    assert told["target"] == "pictory/pixverse5.5"
    [refused] = told["refused"]
    assert refused["target"] == "useapi-pixverse/v3.5"
    assert "/duration" in {one["pointer"] for one in refused["errors"]}
    assert "/seconds" not in {one["pointer"] for one in refused["errors"]}


async def test_the_extension_of_a_video_is_a_job_that_names_its_source(gate: Gate) -> None:
    source = await gate.job()
    body = {"model": BODY["model"], "prompt": PROMPT, "seconds": "5", "video": {"id": source.id}}
    answer = await gate.client.post("/v1/videos/extensions", json=body)
    told = answer.json()
    assert answer.status_code == 202, told
    assert told["remixed_from_video_id"] == source.id
    assert told["applied"]["mode"] == "extend_video"
    assert (told["status"], told["phase"]) == ("queued", Phase.WAITING_FOR_INPUT.value)
    form = {"model": BODY["model"], "prompt": PROMPT, "video[id]": source.id}
    typed = {"content-type": "multipart/form-data; boundary=x"}
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form.items()
    ]
    same = await gate.client.post(
        "/v1/videos/extensions", content="".join([*parts, "--x--"]).encode(), headers=typed
    )
    assert same.json()["remixed_from_video_id"] == source.id


@pytest.mark.parametrize("body", [{}, {"prompt": PROMPT}, {"prompt": PROMPT, "video": None}, []])
async def test_an_extension_without_a_video_is_refused_at_its_place(gate: Gate, body: Any) -> None:
    answer = await gate.client.post("/v1/videos/extensions", json=body)
    assert answer.status_code == 422
    assert "/video" in {one["pointer"] for one in answer.json()["errors"]}


async def test_faults_of_an_extension_are_told_at_the_name_it_used(gate: Gate) -> None:
    body = {"model": BODY["model"], "prompt": PROMPT, "video": {"id": "video_unknown"}}
    answer = await gate.client.post("/v1/videos/extensions", json=body)
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/video"]
