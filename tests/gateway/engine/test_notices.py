"""Notices to callers: at least once, always the same, signed, and never in anybody's way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, tzinfo
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Self

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Row
from standardwebhooks import Webhook
from standardwebhooks import webhooks as library

from gateway.config import WebhookSettings
from gateway.engine import notices
from gateway.engine.remove import remove
from gateway.model.clock import SECOND
from gateway.model.errors import InvalidError
from gateway.model.phases import Phase
from gateway.net import Answered, Blocked, Upstream
from gateway.storage import deliveries, tables
from mockserver import World
from providers.contract import Secret
from tests.gateway.engine.lost_support import Shifted
from tests.rig import EPOCH, Rig, asked, pictory, rig

PROMPT = "The harbour at dusk"
URL = "https://client.test/hook?key=1"
NEVER = "Fri, 31 Dec 99999999999 23:59:59 GMT"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
Answer = Callable[[], httpx.Response]


class Receiver:
    """What stands at the caller's URL."""

    def __init__(self, stage: Rig, *answers: Answer) -> None:
        self.stage, self.answers = stage, list(answers)
        self.got: list[httpx.Request] = []
        self.times: list[float] = []
        stage.media_wire.meddle = self._answer

    def _answer(self, request: httpx.Request) -> httpx.Response | None:
        if request.url.host != "client.test":
            return None
        self.got.append(request)
        self.times.append(self.stage.now() / SECOND)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer()

    @property
    def pauses(self) -> list[float]:
        return [after - before for before, after in pairwise(self.times)]


def status(code: int, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: httpx.Response(code, headers=named, stream=httpx.ByteStream(b"endless" * 9))


def no_answer() -> httpx.Response:
    raise httpx.ReadTimeout("slow")


async def outbox(stage: Rig, job_id: str) -> list[Row[Any]]:
    """Every notice about a job, delivered or not."""
    table = tables.deliveries
    mine = table.select().where(table.c.job_id == job_id)
    return await stage.tools.database.read(lambda connection: list(connection.execute(mine)))


@asynccontextmanager
async def signing(tmp_path: Path) -> AsyncIterator[Rig]:
    webhooks = WebhookSettings(secret=Secret(SECRET))
    async with rig(tmp_path, accounts=[pictory()], webhooks=webhooks) as stage:
        yield stage


async def test_a_finished_video_is_told_of_once_signed_and_with_the_public_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with signing(tmp_path) as stage:
        receiver = Receiver(stage, status(204))
        job_id = await stage.create(prompt=PROMPT, callback_url=URL, metadata={"a": "b"})
        await stage.wait(120, step=5)
        await stage.wait(100_000, step=20_000)

        (request,) = receiver.got
        assert (request.method, str(request.url)) == ("POST", URL)
        monkeypatch.setattr(library, "datetime", Now)
        body = Webhook(SECRET).verify(request.content, dict(request.headers))
        assert body["type"] == "video.completed"
        assert body["data"]["id"] == job_id
        assert body["data"]["status"] == "completed"
        assert body["data"]["metadata"] == {"a": "b"}
        assert body["timestamp"].endswith("Z")
        assert request.headers["webhook-id"].startswith("msg_")
        assert request.headers["content-type"] == "application/json"
        assert (await stage.events(job_id))[-1] == "notice_delivered"
        # The key of a provider, or of ours, has no business there.
        assert "authorization" not in request.headers


class Now(datetime):
    """The library's clock, at the time when the first job of a rig is finished."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls.fromtimestamp(EPOCH + 60, tz)


async def test_a_notice_bears_the_time_as_its_receiver_has_it_after_the_clock_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with signing(tmp_path) as stage:
        right = stage.tools.clock
        object.__setattr__(stage.tools, "wall", right.now)
        object.__setattr__(stage.tools, "clock", Shifted(right, 3600))
        receiver = Receiver(stage, status(204))
        await stage.create(prompt=PROMPT, callback_url=URL)
        await stage.wait(120, step=5)

        (request,) = receiver.got
        assert int(request.headers["webhook-timestamp"]) < EPOCH + 120
        monkeypatch.setattr(library, "datetime", Now)
        Webhook(SECRET).verify(request.content, dict(request.headers))


async def test_a_failed_video_is_told_of_unsigned_where_there_is_no_secret(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        receiver = Receiver(stage, status(200))
        job_id = await stage.create(prompt=f"{PROMPT} [[mock fail=failed]]", callback_url=URL)
        await stage.wait(120, step=5)

        (request,) = receiver.got
        body = httpx.Response(200, content=request.content).json()
        assert (body["type"], body["data"]["id"]) == ("video.failed", job_id)
        assert "webhook-signature" not in request.headers


async def test_a_job_that_expires_or_whose_source_fails_is_told_of_as_well(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:
        receiver = Receiver(stage, status(200))
        await stage.create(prompt=f"{PROMPT} [[mock run=20m]]")
        expired = await stage.create(prompt=PROMPT, callback_url=URL, routing={"deadline": 10})
        second = await stage.create(
            prompt=PROMPT, callback_url=URL, first_frame={"video": expired, "frame": "last"}
        )
        await stage.wait(30, step=5)

        told = [httpx.Response(200, content=one.content).json()["data"] for one in receiver.got]
        assert {one["id"]: one["error"]["code"] for one in told} == {
            expired: "expired",
            second: "source_failed",
        }


async def test_a_receiver_that_never_takes_it_is_tried_by_the_schedule_and_then_given_up(
    tmp_path: Path,
) -> None:
    async with signing(tmp_path) as stage:
        receiver = Receiver(stage, status(500), no_answer, status(302), status(429), status(404))
        job_id = await stage.create(prompt=PROMPT, callback_url=URL)
        await stage.wait(90, step=1)
        await stage.wait(600, step=5)
        await stage.wait(130_000, step=100)

        assert len(receiver.got) == len(notices.SCHEDULE)
        for waited, due in zip(receiver.pauses, notices.SCHEDULE[1:], strict=True):
            assert due <= waited <= due * 1.2 + 100
        assert len({one.content for one in receiver.got}) == 1
        assert len({one.headers["webhook-id"] for one in receiver.got}) == 1
        stamps = [one.headers["webhook-timestamp"] for one in receiver.got]
        assert len(set(stamps)) == len(stamps)
        assert (await stage.events(job_id))[-1] == "notice_given_up"
        assert (await stage.job(job_id)).phase is Phase.COMPLETED


async def test_a_receiver_that_says_gone_is_not_asked_again(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        receiver = Receiver(stage, status(410))
        job_id = await stage.create(prompt=PROMPT, callback_url=URL)
        await stage.wait(120, step=5)
        await stage.wait(10_000, step=500)

        assert len(receiver.got) == 1
        assert (await stage.events(job_id))[-1] == "notice_given_up"


async def test_a_wish_to_wait_is_honoured(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        receiver = Receiver(stage, status(503, retry_after="100"), status(200))
        await stage.create(prompt=PROMPT, callback_url=URL)
        await stage.wait(300, step=2)

        assert len(receiver.got) == 2
        assert 100 <= receiver.pauses[0] <= 104


async def test_a_receiver_that_names_an_absurd_date_is_given_up_like_any_other(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        receiver = Receiver(stage, status(503, retry_after=NEVER))
        job_id = await stage.create(prompt=PROMPT, callback_url=URL)
        await stage.wait(90, step=5)
        await stage.wait(130_000, step=1000)

        assert len(receiver.got) == len(notices.SCHEDULE)
        assert (await stage.events(job_id))[-1] == "notice_given_up"


async def test_a_notice_outlives_restarts_word_for_word(
    tmp_path: Path, lasting_mock: World
) -> None:
    bodies: list[bytes] = []
    async with rig(tmp_path, accounts=[pictory()], mock=lasting_mock) as stage:
        job_id = await stage.create(prompt=PROMPT, callback_url=URL)
        await stage.settle()
    for seconds in (120, 2500, 2500):
        async with rig(tmp_path, accounts=[pictory()], mock=lasting_mock) as stage:
            receiver = Receiver(stage, status(500))
            await stage.wait(seconds, step=20)
            bodies += [one.content for one in receiver.got]
    async with rig(tmp_path, accounts=[pictory()], mock=lasting_mock) as stage:
        receiver = Receiver(stage, status(200))
        await stage.wait(10_000, step=200)
        bodies += [one.content for one in receiver.got]

        assert len(bodies) >= 4
        assert len(set(bodies)) == 1
        assert (await stage.events(job_id))[-1] == "notice_delivered"


async def test_a_receiver_that_hangs_holds_up_no_job_and_has_only_so_many_notices(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=20)]) as stage:
        hanging, most, go_on = 0, 0, asyncio.Event()
        Receiver(stage, status(200))

        async def hang(*_: Any, **__: Any) -> Answered:
            nonlocal hanging, most
            hanging += 1
            most = max(most, hanging)
            await go_on.wait()
            hanging -= 1
            return Answered(200, None)

        object.__setattr__(stage.tools.upstream, "tell", hang)
        ids = [await stage.create(prompt=f"{PROMPT} {n}", callback_url=URL) for n in range(12)]
        tasks: list[asyncio.Task[None]] = []
        async with asyncio.timeout(60):
            while {job.phase for job in await stage.every_job()} != {Phase.COMPLETED}:
                await stage.mock.advance(5)
                tasks += (await stage.engine._take_up())[0]
                await asyncio.sleep(0.02)
        assert most == notices.EACH
        # Full: nothing to wake up for, though more notices are due.
        assert await stage.engine._pause() > 0.02

        go_on.set()
        await asyncio.gather(*tasks)
        await stage.settle()
        assert [(await stage.events(one))[-1] for one in ids] == ["notice_delivered"] * 12


async def test_receivers_that_hang_leave_the_others_their_places(
    tmp_path: Path, database_url: str
) -> None:
    async with rig(tmp_path, accounts=[pictory()], database_url=database_url) as stage:
        told: list[str] = []
        go_on = asyncio.Event()

        async def hang(url: str, *_: Any, **__: Any) -> Answered:
            told.append(url)
            if "dead" in url:
                await go_on.wait()
            return Answered(200, None)

        object.__setattr__(stage.tools.upstream, "tell", hang)
        dead = [f"https://dead{n}.test/hook" for n in range(3)]
        job_id = await stage.create(prompt=PROMPT)

        def add(connection: Connection) -> None:
            for n in range(60):
                deliveries.add(connection, job_id, dead[n % 3], stage.now() + n)
            for n in range(6):
                deliveries.add(connection, job_id, "https://well.test/hook", stage.now() + 99 + n)

        await stage.tools.database.write(add)
        await stage.mock.advance(1)
        tasks: list[asyncio.Task[None]] = []
        async with asyncio.timeout(60):
            while told.count("https://well.test/hook") < 6:
                tasks += (await stage.engine._take_up())[0]
                await asyncio.sleep(0.02)
        assert [told.count(url) for url in dead] == [notices.EACH] * 3

        go_on.set()
        await asyncio.gather(*tasks)
        await stage.settle()
        assert [told.count(url) for url in dead] == [20] * 3
        assert len(told) == 66


async def test_a_removed_video_takes_its_notice_with_it(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        receiver = Receiver(stage, status(500))
        job_id = await stage.create(prompt=PROMPT, callback_url=URL)
        await stage.wait(60, step=5)
        tried = len(receiver.got)
        assert await remove(stage.tools, "tester", job_id)
        await stage.wait(2000, step=50)

        assert len(receiver.got) == tried
        assert await outbox(stage, job_id) == []


async def test_a_bug_in_the_document_delays_the_notice_and_stops_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        receiver, render = Receiver(stage, status(200)), stage.tools.render
        failures = [ZeroDivisionError(), ZeroDivisionError()]

        def broken(*values: Any) -> bytes:
            if failures:
                raise failures.pop()
            return render(*values)

        object.__setattr__(stage.tools, "render", broken)
        job_id = await stage.create(prompt=PROMPT, callback_url=URL)
        await stage.wait(1000, step=10)

        assert len(receiver.got) == 1
        assert (await stage.events(job_id))[-1] == "notice_delivered"


async def test_a_callback_url_that_leads_inside_is_refused_at_once(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:

        def refuse(url: str) -> None:
            assert url == URL
            raise Blocked("not a public address")

        object.__setattr__(stage.tools.upstream, "check", refuse)
        with pytest.raises(InvalidError) as caught:
            await stage.engine.accept(asked({"prompt": PROMPT, "callback_url": URL}), "tester")

        assert [(one.pointer, one.code) for one in caught.value.errors] == [
            ("/callback_url", "bad_url")
        ]


async def test_the_guard_stands_between_notices_and_addresses_inside() -> None:
    upstream = Upstream(())
    try:
        with pytest.raises(Exception, match="127") as caught:
            await upstream.tell("https://127.0.0.1/hook", (), b"{}", deadline=5)
        assert type(caught.value).__name__ == "NotSent"
    finally:
        await upstream.aclose()


RNG = st.integers().map(Random)


@given(code=st.integers(min_value=100, max_value=599), tries=st.integers(1, 12), rng=RNG)
def test_only_2xx_is_success_and_only_410_ends_it_early(code: int, tries: int, rng: Random) -> None:
    result = notices.after(Answered(code, None), tries, rng)

    assert result.delivered == (200 <= code < 300)
    over = result.delivered or code == 410 or tries >= len(notices.SCHEDULE)
    assert (result.pause is None) == over


@given(
    text=st.text(max_size=40)
    | st.integers(min_value=0).map(str)
    | st.just("Wed, 21 Oct 2015 07:28:00 GMT")
    | st.just("Fri, 31 Dec 9999 23:59:59 GMT")
    | st.just(NEVER),
    tries=st.integers(1, 7),
    rng=RNG,
)
def test_whatever_retry_after_says_the_next_try_comes_within_a_day_or_the_schedule(
    text: str, tries: int, rng: Random
) -> None:
    pause = notices.after(Answered(503, text), tries, rng, now=1_800_000_000 * SECOND).pause

    assert pause is not None
    due = notices.SCHEDULE[tries] * SECOND
    assert due <= pause <= max(86_400 * SECOND, round(due * 1.2))
