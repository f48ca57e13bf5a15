import asyncio

import httpx
import pytest

from mockserver import Account, ReplyLost, Settings, World
from mockserver.engine.callbacks import NOT_LOOPBACK
from tests.mockserver.drivers import PICTORY, USEAPI, Open, Receiver, png

HOOK = "http://127.0.0.1:9/hook?token=abc"


async def test_pictory_calls_once_with_the_body_of_the_job(opened: Open) -> None:
    receiver = Receiver()
    async with opened(callbacks=receiver.transport) as (mock, client):
        job_id = await client.pictory_id(webhook=HOOK)
        await mock.advance(49)
        assert receiver.bodies == []
        await mock.advance(100)

        assert receiver.urls == [HOOK]
        assert receiver.bodies == [await client.pictory_job(job_id)]
        assert receiver.bodies[0]["job_id"] == job_id


async def test_pictory_calls_on_failure_too(opened: Open) -> None:
    receiver = Receiver()
    async with opened(callbacks=receiver.transport) as (mock, client):
        await client.pictory("sunset [[mock fail=failed]]", webhook=HOOK)
        await mock.advance(50)

        assert [body["success"] for body in receiver.bodies] == [False]


async def test_pixverse_calls_on_the_way_and_at_the_end(opened: Open) -> None:
    receiver = Receiver()
    async with opened(callbacks=receiver.transport) as (mock, client):
        video_id = (await client.text_video(replyUrl=HOOK, replyRef="r")).json()["video_id"]
        await mock.advance(50)

        assert [body["video_status_name"] for body in receiver.bodies] == [
            "GENERATING",
            "GENERATING",
            "COMPLETED",
        ]
        final = receiver.bodies[-1]
        status = (await client.useapi(f"/videos/{video_id}")).json()
        assert final == status | {"replyUrl": HOOK, "replyRef": "r"}


async def test_the_accounts_reply_url_serves_requests_that_name_none(opened: Open) -> None:
    receiver = Receiver()
    account = Account(email="ops@example.com", reply_url=HOOK)
    settings = Settings(clock="frozen", accounts=(account,))
    async with opened(settings, callbacks=receiver.transport) as (mock, client):
        await client.text_video()
        await mock.advance(50)

        assert set(receiver.urls) == {HOOK}


async def test_no_callback_means_none(opened: Open) -> None:
    receiver = Receiver()
    async with opened(callbacks=receiver.transport) as (mock, client):
        await client.pictory("sunset [[mock no-callback]]", webhook=HOOK)
        await client.text_video("[[mock no-callback]]", replyUrl=HOOK)
        await mock.advance(50)

        assert receiver.urls == []
        assert mock.journal.deliveries == []


async def test_each_delivery_and_its_answer_is_journaled_and_never_repeated(opened: Open) -> None:
    receiver = Receiver(status=500)
    async with opened(callbacks=receiver.transport) as (mock, client):
        job_id = await client.pictory_id(webhook=HOOK)
        await mock.advance(500)

        (delivery,) = mock.journal.deliveries
        assert (delivery.job, delivery.url, delivery.at) == (job_id, HOOK, 50)
        assert (delivery.status, delivery.answer, delivery.error) == (500, "thanks", None)


async def test_callbacks_leave_loopback_only_where_the_settings_say_so(opened: Open) -> None:
    url = "https://hooks.example.com/x"
    receiver = Receiver()
    async with opened(callbacks=receiver.transport) as (mock, client):
        await client.pictory(webhook=url)
        await mock.advance(50)
        assert [delivery.error for delivery in mock.journal.deliveries] == [NOT_LOOPBACK]
        assert receiver.urls == []

    settings = Settings(clock="frozen", extra_hosts=("hooks.example.com",))
    async with opened(settings, callbacks=receiver.transport) as (mock, client):
        await client.pictory(webhook=url)
        await mock.advance(50)
        assert receiver.urls == [url]


async def test_a_dead_receiver_is_journaled_and_changes_nothing(opened: Open) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    async with opened(callbacks=httpx.MockTransport(refuse)) as (mock, client):
        job_id = await client.pictory_id(webhook=HOOK)
        await mock.advance(50)

        assert mock.journal.deliveries[0].error == "ConnectError: refused"
        assert (await client.pictory_job(job_id))["data"]["status"] == "completed"


async def test_a_receiver_may_ask_the_mock_while_it_is_being_called(opened: Open) -> None:
    seen: list[str] = []

    async def ask(request: httpx.Request) -> httpx.Response:
        del request
        transport = httpx.ASGITransport(app=mock.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://mock.test") as http:
            (item,) = (await http.get("/pictoryapis/v1/jobs", headers=PICTORY)).json()["items"]
        seen.append(item["data"]["status"])
        return httpx.Response(200)

    async with opened(callbacks=httpx.MockTransport(ask)) as (mock, client):
        await client.pictory(webhook=HOOK)
        await mock.advance(50)

        assert seen == ["completed"]


async def test_directives_set_the_length_of_a_life(opened: Open) -> None:
    async with opened() as (mock, client):
        await client.pictory("sunset [[mock queue=1s run=2s]]")
        (job,) = mock.jobs
        phases = []
        for _ in range(4):
            phases.append(job.phase.value)
            await mock.advance(1)

        assert phases == ["queued", "running", "running", "completed"]
        assert (job.accepted_at, job.started_at, job.ended_at) == (0, 1, 3)


async def test_throttle_refuses_the_first_submits_and_charges_none_of_them(opened: Open) -> None:
    async with opened() as (mock, client):
        prompt = "sunset [[mock throttle=2]]"
        answers = [await client.text_video(prompt) for _ in range(3)]
        pictory = [await client.pictory(prompt) for _ in range(3)]

        assert [answer.status_code for answer in answers] == [429, 429, 200]
        text = "Reached the limit for concurrent generations."
        assert answers[0].json() == {"error": text}
        assert [answer.status_code for answer in pictory] == [429, 429, 200]
        assert len(mock.ledger.charges) == 2


async def test_a_lost_reply_leaves_a_job_and_a_charge_behind(opened: Open) -> None:
    async with opened() as (mock, client):
        prompt = "sunset [[mock lose-reply]]"
        with pytest.raises(httpx.RemoteProtocolError) as lost:
            await client.text_video(prompt, replyRef="r")
        assert isinstance(lost.value, ReplyLost)
        assert len(mock.jobs) == len(mock.ledger.charges) == 1
        assert mock.journal.requests[-1].lost
        (entry,) = (await client.useapi("/scheduler")).json()
        assert entry["replyRef"] == "r"

        assert (await client.text_video(prompt)).status_code == 200
        assert mock.ledger.total == {"pixverse": 90}


async def test_the_journal_tells_operations_and_jobs_but_no_keys(opened: Open) -> None:
    async with opened() as (mock, client):
        job_id = await client.pictory_id()
        await client.pictory_job(job_id)
        await client.useapi("/nothing")

        assert [(e.n, e.operation, e.status, e.job) for e in mock.journal.requests] == [
            (1, "pictory.generate_video", 200, job_id),
            (3, "pictory.get_job", 200, job_id),
            (4, "", 404, None),
        ]
        text = repr(mock.journal.requests)
        assert PICTORY["Authorization"] not in text
        assert USEAPI["Authorization"] not in text


async def test_by_the_wall_the_same_life_runs_without_help() -> None:
    done = asyncio.Event()

    def answer(_: httpx.Request) -> httpx.Response:
        done.set()
        return httpx.Response(200)

    mock = World(
        settings=Settings(clock="scaled", speed=5000),
        callback_transport=httpx.MockTransport(answer),
    )
    transport = httpx.ASGITransport(app=mock.app)
    async with (
        mock,
        httpx.AsyncClient(transport=transport, base_url="http://mock.test") as http,
    ):
        await http.post(
            "/pictoryapis/v1/aistudio/videos",
            json={"prompt": "sunset", "webhook": HOOK},
            headers=PICTORY,
        )
        await asyncio.wait_for(done.wait(), 10)

        (job,) = mock.jobs
        assert job.phase.value == "completed"


async def test_a_method_or_path_that_is_not_there_is_said_to_be_so(opened: Open) -> None:
    async with opened() as (_, client):
        wrong = await client.http.put("/pictoryapis/v1/jobs")

        assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET")
        assert (await client.http.get("/pictoryapis/v1/jobs/")).status_code == 404
        assert (await client.http.get("/")).status_code == 404


async def test_a_body_that_is_too_large_is_not_read_to_its_end(opened: Open) -> None:
    async with opened() as (_, client):
        response = await client.upload(png("red") + bytes(33 * 1024 * 1024))

        assert response.status_code == 413
