"""How accounts stand, as operators see it, and how they pause and resume them."""

from typing import Any

import pytest

from gateway.api.accounts import shown
from gateway.model.clock import SECOND
from gateway.storage import Connection, accounts
from gateway.storage.accounts import FOREVER, PAUSED
from gateway.storage.standings import Standing
from tests.gateway.api.conftest import PROMPT, Gate
from tests.gateway.api.operators_support import stuck


async def account(gate: Gate, name: str = "pictory") -> dict[str, Any]:
    found = (await gate.client.get("/v1/accounts")).json()["data"]
    told: dict[str, Any] = next(one for one in found if one["name"] == name)
    return told


async def test_an_account_tells_how_it_stands(operator: Gate) -> None:
    await stuck(operator)
    fine, busy = await account(operator), await account(operator, "pixverse")
    assert fine == {
        "name": "pictory",
        "provider": "pictory",
        "state": "ok",
        "taken": 0,
        "limit": 3,
        "max_jobs": 3,
        **dict.fromkeys(("until", "reason", "words", "advice", "paused_at")),
    }
    assert (busy["provider"], busy["taken"], busy["state"]) == ("useapi-pixverse", 1, "ok")


async def test_an_account_is_paused_until_it_is_resumed(operator: Gate) -> None:
    answer = await operator.client.post(
        "/v1/accounts/pictory/pause", json={"reason": "the bill is due"}
    )
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["state"], told["until"], told["reason"]) == ("paused", None, PAUSED)
    assert (told["words"], told["advice"]) == (
        "the bill is due",
        "resume account 'pictory' when it may go on",
    )
    assert told == await account(operator)

    body = {"prompt": PROMPT, "model": "pictory/pixverse5.5"}
    made = (await operator.client.post("/v1/videos", json=body)).json()
    assert made["queue"] == {
        "position": 1,
        "reason": "every account that could take it is paused; pictory: by the operator",
    }
    assert made["eta"] is None
    quoted = (await operator.client.post("/v1/videos/quote", json=body)).json()
    assert quoted["choices"][0]["reason"] == f"every account rests; pictory: {PAUSED}"

    resumed = (await operator.client.post("/v1/accounts/pictory/resume")).json()
    assert (resumed["state"], resumed["words"]) == ("probing", None)
    seen = (await operator.client.get(made["urls"]["self"])).json()
    assert seen["queue"] == {"position": 1, "reason": None}


async def test_a_pause_needs_no_reason_and_can_be_made_twice(operator: Gate) -> None:
    for _ in range(2):
        answer = await operator.client.post("/v1/accounts/pictory/pause")
        assert (answer.status_code, answer.json()["state"]) == (200, "paused")
        assert answer.json()["words"] is None


async def test_what_an_account_does_meanwhile_ends_no_operators_pause(operator: Gate) -> None:
    await operator.client.post("/v1/accounts/pictory/pause", json={"reason": "wait"})
    now = operator.tools.clock.now()

    def go_on(connection: Connection) -> None:
        accounts.took_one(connection, "pictory")
        accounts.cool(connection, ["pictory"], now, now + SECOND, "provider_throttled")
        accounts.pause(connection, ["pictory"], now, now + SECOND, "account_on_hold", "held")
        accounts.rebase(connection, now - SECOND, SECOND)
        accounts.end_pauses(connection, now, "provider_throttled", SECOND)

    await operator.tools.database.write(go_on)
    told = await account(operator)
    assert (told["state"], told["until"], told["reason"], told["words"]) == (
        "paused",
        None,
        PAUSED,
        "wait",
    )


async def test_an_account_that_rests_for_a_fault_is_resumed_as_well(operator: Gate) -> None:
    now = operator.tools.clock.now()
    await operator.tools.database.write(
        lambda connection: accounts.pause(
            connection, ["pictory"], now, now + 300 * SECOND, "insufficient_credits", "none left"
        )
    )
    told = await account(operator)
    assert (told["state"], told["until"]) == ("paused", (now + 300 * SECOND) // SECOND)
    assert told["advice"] == "account 'pictory' has no credits left: top it up"
    resumed = await operator.client.post("/v1/accounts/pictory/resume")
    assert resumed.json()["state"] == "probing"


async def test_an_unknown_account_is_neither_paused_nor_resumed(operator: Gate) -> None:
    for verb in ("pause", "resume"):
        answer = await operator.client.post(f"/v1/accounts/nobody/{verb}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def standing(**values: Any) -> Standing:
    facts: dict[str, Any] = {
        "name": "a",
        "provider": "pictory",
        "max_jobs": 3,
        "limit": 3,
        "taken": 0,
        "rests_until": None,
        "reason": None,
        "words": None,
        "paused_at": None,
        "failures": 0,
        "throttled": 0,
        "probing": False,
    }
    return Standing(**(facts | values))


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({}, "ok"),
        ({"words": "of long ago"}, "ok"),
        ({"rests_until": 5, "reason": "provider_throttled"}, "resting"),
        ({"rests_until": 5, "reason": "account_on_hold", "paused_at": 1}, "paused"),
        ({"rests_until": FOREVER, "reason": PAUSED}, "paused"),
        ({"probing": True, "reason": "unreachable"}, "probing"),
        ({"max_jobs": 0, "limit": 0, "taken": 1}, "removed"),
    ],
)
def test_every_state_of_an_account_has_a_word(values: dict[str, Any], state: str) -> None:
    told = shown(standing(**values))
    assert told.state == state
    assert (told.words is None) or state != "ok"
