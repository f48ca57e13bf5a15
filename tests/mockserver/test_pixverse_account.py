from typing import Any

import pytest

from mockserver import Account, Settings
from mockserver.pixverse.accounts import faults_of
from tests.mockserver.drivers import USEAPI, Open, Receiver

EMAIL = "new@example.com"
GOOD = {"email": EMAIL, "password": "secret-password", "maxJobs": 8}
HOOK = "http://127.0.0.1:9/hook"


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({}, []),
        ({"token": ""}, []),
        ({"token": "x"}, ["token"]),
        ({"password": None}, ["password"]),
        ({"password": ""}, ["password"]),
        ({"maxJobs": 9}, ["maxJobs"]),
        ({"maxJobs": None, "email": None}, ["email", "maxJobs"]),
        ({"email": "other@example.com"}, ["email"]),
    ],
)
def test_each_rule_of_a_configuration_names_its_field(
    change: dict[str, Any], names: list[str]
) -> None:
    assert [fault.split()[0] for fault in faults_of(EMAIL, GOOD | change)] == names


async def test_an_account_configured_later_takes_jobs_and_uploads(opened: Open) -> None:
    async with opened() as (_, client):
        url = f"/v2/pixverse/accounts/{EMAIL}"
        assert (await client.useapi(f"/accounts/{EMAIL}")).status_code == 404
        assert (await client.text_video(email=EMAIL)).status_code == 404
        refused = await client.http.post(url, json=GOOD | {"maxJobs": 0}, headers=USEAPI)
        assert refused.status_code == 400
        broken = await client.http.post(url, content=b"{", headers=USEAPI)
        assert broken.status_code == 400
        made = await client.http.post(f"{url}/", json=GOOD, headers=USEAPI)
        assert made.status_code == 201
        assert "secret-password" not in made.text

        assert (await client.useapi(f"/accounts/{EMAIL}")).json() == made.json()
        assert (await client.text_video(email=EMAIL)).status_code == 200
        assert set((await client.useapi("/accounts")).json()) == {"ops@example.com", EMAIL}
        assert (await client.upload(b"GIF89a")).status_code == 400


async def test_the_features_count_the_accounts_credits_down(opened: Open) -> None:
    two = tuple(Account(email=f"{name}@example.com") for name in "ab")
    async with opened(Settings(clock="frozen", accounts=two)) as (mock, client):

        async def credits_of(name: str) -> int:
            answer = await client.useapi(f"/features/?email={name}@example.com")
            left: int = answer.json()["credit_monthly"]
            return left

        before = await credits_of("a")
        await client.text_video("[[mock fail=failed]]", email="a@example.com")
        assert before - await credits_of("a") == 45
        assert await credits_of("b") == before
        await mock.advance(50)
        assert await credits_of("a") == before
        assert (await client.useapi("/features")).status_code == 400
        assert (await client.useapi("/features?email=who@example.com")).status_code == 404


async def test_the_quota_counts_what_pictory_charged(opened: Open) -> None:
    async with opened() as (_, client):
        await client.pictory(duration="8s")
        headers = {"Authorization": "pictai_test"}
        quota = (await client.http.get("/pictoryapis/v1/quota", headers=headers)).json()

        assert quota["aiCredits"]["used"] == 12.8


async def test_a_job_no_longer_tracked_frees_its_slot_and_goes_on(opened: Open) -> None:
    receiver = Receiver()
    settings = Settings(clock="frozen", max_jobs=1)
    async with opened(settings, callbacks=receiver.transport) as (mock, client):
        video_id = (await client.text_video(replyUrl=HOOK)).json()["video_id"]
        assert (await client.text_video()).status_code == 429
        url = f"/v2/pixverse/scheduler/{video_id}"
        assert (await client.http.delete(url, headers=USEAPI)).status_code == 200
        again = await client.http.delete(url, headers=USEAPI)
        assert again.status_code == 404
        assert video_id in again.json()["error"]
        assert (await client.useapi("/scheduler")).json() == []
        assert (await client.text_video()).status_code == 200
        await mock.advance(50)

        video = (await client.useapi(f"/videos/{video_id}")).json()
        assert video["video_status_name"] == "COMPLETED"
        assert receiver.bodies == []
        assert mock.ledger.total == {"pixverse": 90}
