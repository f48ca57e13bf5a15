"""Names that hang, and the others."""

import asyncio
import gc
import socket
from collections import Counter
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from gateway.net import lookup
from gateway.net.lookup import SystemResolver


class Names:
    """A system's resolver: it knows every name, but not those of `bad`, and `hangs` on some."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.hanging, self.go_on = Event(), Event()

    def look_up(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked[host] += 1
        if "hangs" in host:
            self.hanging.set()
            self.go_on.wait()
        if "bad" in host:
            raise socket.gaierror(socket.EAI_NONAME, "nobody knows")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port))]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    made = Names()
    monkeypatch.setattr(socket, "getaddrinfo", made.look_up)
    yield made
    made.go_on.set()


async def begun(resolve: SystemResolver, host: str) -> asyncio.Task[Any]:
    """A look-up that waits for its answer."""
    task = asyncio.ensure_future(resolve(host, 443))
    await asyncio.sleep(0)
    return task


async def given_up(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_whoever_asks_for_a_name_meanwhile_gets_the_same_answer(names: Names) -> None:
    resolve = SystemResolver()
    asking = [await begun(resolve, "hangs.test") for _ in range(5)]
    await asyncio.to_thread(names.hanging.wait)
    await given_up(asking.pop())
    names.go_on.set()
    assert await asyncio.gather(*asking) == [["93.184.216.34"]] * 4
    assert names.asked == {"hangs.test": 1}

    # It is no cache.
    assert await resolve("hangs.test", 443) == ["93.184.216.34"]
    assert names.asked == {"hangs.test": 2}
    resolve.close()


async def test_a_name_that_hangs_takes_one_thread_however_often_it_is_asked_for(
    names: Names,
) -> None:
    resolve = SystemResolver()
    first = await begun(resolve, "hangs.test")
    await asyncio.to_thread(names.hanging.wait)
    await given_up(first)
    for _ in range(2 * lookup.THREADS):
        await given_up(await begun(resolve, "hangs.test"))
    assert await resolve("good.test", 443) == ["93.184.216.34"]
    assert names.asked == {"hangs.test": 1, "good.test": 1}
    resolve.close()


async def test_a_name_that_waits_for_a_thread_is_dropped_when_nobody_waits_for_it(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "THREADS", 1)
    resolve = SystemResolver()
    hanging = await begun(resolve, "hangs.test")
    await given_up(await begun(resolve, "left.test"))
    kept = await begun(resolve, "kept.test")
    anew = await begun(resolve, "left.test")
    await given_up(anew)
    names.go_on.set()
    assert list(await asyncio.gather(hanging, kept)) == [["93.184.216.34"]] * 2
    assert names.asked == {"hangs.test": 1, "kept.test": 1}
    resolve.close()


async def test_a_failure_is_told_to_all_who_ask_and_to_nobody_else(
    names: Names, caplog: pytest.LogCaptureFixture
) -> None:
    resolve = SystemResolver()
    left = await begun(resolve, "bad.hangs.test")
    asking = [await begun(resolve, "bad.hangs.test") for _ in range(2)]
    await given_up(left)
    names.go_on.set()
    told = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(one) for one in told] == [socket.gaierror] * 2

    names.go_on.clear()
    names.hanging.clear()
    left = await begun(resolve, "bad.hangs.test")
    await asyncio.to_thread(names.hanging.wait)
    await given_up(left)
    names.go_on.set()
    assert await resolve("good.test", 443) == ["93.184.216.34"]
    resolve.close()
    gc.collect()
    assert not caplog.records


async def test_at_the_end_nobody_waits_any_more(names: Names) -> None:
    resolve = SystemResolver()
    hanging = await begun(resolve, "hangs.test")
    await asyncio.to_thread(names.hanging.wait)
    resolve.close()
    with pytest.raises(asyncio.CancelledError):
        await hanging
