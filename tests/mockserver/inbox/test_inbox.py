"""The mock as a receiver: answers by script, all in the journal and on the world's clock."""

import asyncio
import base64

import httpx
import pytest

from mockserver import MockServer, ReplyLost, Settings, World
from mockserver.engine.journal import Command, Exchange, Received
from mockserver.inbox import Inbox, ScriptError
from tests.mockserver.inbox.sending import ORIGIN, event, sending


async def test_what_comes_in_is_kept_and_answered_well() -> None:
    async with sending() as sender:
        await sender.world.advance(7)
        answer = await sender.post(event("video_9"))

        (one,) = sender.inbox.received
        assert (answer.status_code, answer.content) == (200, b"")
        assert (one.inbox, one.at, one.status, one.taken) == ("main", 7, 200, True)
        assert one.event == event("video_9")
        assert one.webhook_id == "msg_1"
        # It is a line of its own kind, and holds nobody's secret.
        assert list(sender.world.journal.of(Received)) == [one]
        assert not sender.world.journal.of(Exchange)
        assert set(one.headers) == {
            "content-type",
            "user-agent",
            "webhook-id",
            "webhook-timestamp",
            "webhook-signature",
        }


async def test_it_answers_by_the_script_and_from_its_beginning_once_there_is_another() -> None:
    async with sending() as sender:
        sender.inbox.script("500*2, 410")
        statuses = [(await sender.post()).status_code for _ in range(4)]
        sender.inbox.script("503 retry-after=30, 204")
        answers = [await sender.post() for _ in range(2)]

        assert statuses == [500, 500, 410, 410]
        assert [answer.status_code for answer in answers] == [503, 204]
        assert answers[0].headers["retry-after"] == "30"
        assert [one.status for one in sender.inbox.received] == [500, 500, 410, 410, 503, 204]
        notes = sender.world.journal.of(Command)
        assert [note.given for note in notes] == [
            {"inbox": "main", "script": "500*2, 410"},
            {"inbox": "main", "script": "503 retry-after=30, 204"},
        ]


async def test_a_script_that_is_none_changes_nothing() -> None:
    async with sending() as sender:
        sender.inbox.script("410")
        with pytest.raises(ScriptError):
            sender.inbox.script("four hundred")

        assert (await sender.post()).status_code == 410


async def test_it_may_break_the_connection_or_never_answer() -> None:
    async with sending() as sender:
        sender.inbox.script("reset, timeout, 200")
        with pytest.raises(ReplyLost):
            await sender.post()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sender.post(), 0.05)
        assert (await sender.post()).status_code == 200

        lost = [(one.status, one.lost, one.taken) for one in sender.inbox.received]
        assert lost == [(0, "reset", False), (0, "hang", False), (200, "", True)]


async def test_a_slow_answer_waits_for_the_worlds_clock_and_is_kept_if_nobody_waits_for_it() -> (
    None
):
    async with sending() as sender:
        sender.inbox.script("slow=5s")
        reply = asyncio.create_task(sender.post())
        # Else the second would be first, where `wait_for` makes no task of it.
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sender.post(webhook_id="msg_2"), 0.05)
        await sender.world.advance(4)
        assert not reply.done()
        await sender.world.advance(1)

        assert (await reply).status_code == 200
        assert [(one.webhook_id, one.slow) for one in sender.inbox.received] == [
            ("msg_1", 5),
            ("msg_2", 5),
        ]


async def test_bodies_that_are_no_json_are_kept_too() -> None:
    async with sending() as sender:
        await sender.post(b"\xff\xfe")
        await sender.post(b"[1")

        assert [one.event for one in sender.inbox.received] == [None, None]
        assert [one.body for one in sender.inbox.received] == [b"\xff\xfe", b"[1"]


async def test_inboxes_of_a_world_are_apart_from_each_other() -> None:
    async with sending() as sender:
        other = sender.world.inbox("other")
        other.script("500")
        statuses = [
            (await sender.http.post(inbox.url(ORIGIN), content=b"{}")).status_code
            for inbox in (sender.inbox, other)
        ]

        assert statuses == [200, 500]
        assert len(sender.inbox.received) == len(other.received) == 1
        assert other.secret != sender.inbox.secret


def test_the_secret_is_the_seeds_and_one_that_standard_webhooks_takes() -> None:
    def secret(seed: int) -> str:
        return World(settings=Settings(seed=seed)).inbox().secret

    assert secret(1) == secret(1) != secret(2)
    assert secret(1).startswith("whsec_")
    assert 24 <= len(base64.b64decode(secret(1).removeprefix("whsec_"))) <= 64


def test_a_name_must_fit_into_a_path() -> None:
    with pytest.raises(ValueError, match="no name of an inbox"):
        World().inbox("a/b")


async def test_another_method_or_a_name_that_is_none_is_no_inbox() -> None:
    async with sending() as sender:
        assert (await sender.http.get(sender.inbox.url(ORIGIN))).status_code == 405
        assert (await sender.http.post(f"{ORIGIN}/inbox/a%2Fb")).status_code == 404
        assert not sender.inbox.received


async def test_worlds_of_a_server_are_told_apart_by_path() -> None:
    server = MockServer(Settings(clock="frozen"))
    inbox = server.world("left").inbox()
    transport = httpx.ASGITransport(app=server.app)
    async with server, httpx.AsyncClient(transport=transport) as http:
        assert inbox.url(ORIGIN) == f"{ORIGIN}/~left/inbox/main"
        await http.post(inbox.url(ORIGIN), content=b"{}")
        await http.post(server.world("right").inbox().url(ORIGIN), content=b"{}")
        await http.post(f"{ORIGIN}/inbox/main", content=b"{}")

        counts = [len(server.world(name).inbox().received) for name in ("left", "right", "default")]
        assert counts == [1, 1, 1]


async def test_a_fork_goes_on_in_the_script_by_itself() -> None:
    async with sending() as sender:
        sender.inbox.script("500*2, 200")
        await sender.post()
        fork = sender.world.fork("other")
        await sender.post()
        transport = httpx.ASGITransport(app=fork.app)
        async with fork, httpx.AsyncClient(transport=transport) as http:
            url = f"{ORIGIN}/inbox/main"
            statuses = [(await http.post(url, content=b"{}")).status_code for _ in range(2)]

        assert statuses == [500, 200]
        assert len(fork.inbox().received) == 3
        assert len(sender.inbox.received) == 2


async def test_reset_and_restore_reach_the_inboxes_that_tests_hold() -> None:
    async with sending() as sender:
        inbox: Inbox = sender.inbox
        inbox.script("500*2, 200")
        await sender.post()
        snapshot = sender.world.fork()
        await sender.post()
        await sender.world.restore(snapshot)
        kept = len(inbox.received)
        assert (await sender.post()).status_code == 500
        await sender.world.reset()

        assert (kept, len(inbox.received)) == (1, 0)
        assert (await sender.post()).status_code == 200


async def test_pauses_between_tries_are_told_in_virtual_seconds() -> None:
    async with sending() as sender:
        for pause, name in ((0, "msg_1"), (5, "msg_1"), (1, "msg_2"), (300.5, "msg_1")):
            await sender.world.advance(pause)
            await sender.post(webhook_id=name)

        assert sender.inbox.pauses() == {"msg_1": (5, 301.5), "msg_2": ()}
