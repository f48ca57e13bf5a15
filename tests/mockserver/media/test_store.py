import asyncio
import threading

import pytest

from mockserver.media import render
from mockserver.media.clip import Clip
from mockserver.media.store import MediaStore
from tests.mockserver.media.films import clip


async def test_one_render_serves_all_who_ask_at_once() -> None:
    store = MediaStore()
    films = await asyncio.gather(*(store.film(clip()) for _ in range(8)))

    assert len(set(films)) == 1
    assert store.renders == 1


async def test_a_still_is_made_once_from_a_film_made_once() -> None:
    store = MediaStore()
    stills = await asyncio.gather(*(store.still(clip(), "last.png") for _ in range(4)))

    assert len(set(stills)) == 1
    assert stills[0].startswith(b"\x89PNG")
    assert store.renders == 2


async def test_a_full_store_forgets_the_longest_unused() -> None:
    store = MediaStore(kept_bytes=1)
    for caption in ("a", "b", "a"):
        await store.film(clip(caption=caption, width=32, height=32))

    assert store.renders == 3


async def test_what_is_used_stays() -> None:
    films = {name: render.film(clip(caption=name)) for name in "abc"}
    store = MediaStore(kept_bytes=sum(map(len, films.values())) - 1)
    for name in "abac":
        await store.film(clip(caption=name))
    assert store.renders == 3
    await store.film(clip(caption="a"))
    assert store.renders == 3
    await store.film(clip(caption="b"))
    assert store.renders == 4


class Workshop:
    """Stands in for the renderer: it waits to be let go on, and may fail."""

    def __init__(self) -> None:
        self.threads: list[int] = []
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.failing = False

    def film(self, _: Clip) -> bytes:
        self.threads.append(threading.get_ident())
        self.begun.set()
        self.go_on.wait(10)
        if self.failing:
            raise OSError("no paint left")
        return b"film"


@pytest.fixture
def workshop(monkeypatch: pytest.MonkeyPatch) -> Workshop:
    made = Workshop()
    monkeypatch.setattr(render, "film", made.film)
    return made


async def test_one_who_hangs_up_does_not_spoil_it_for_the_others(workshop: Workshop) -> None:
    store = MediaStore()
    first, second = (asyncio.ensure_future(store.film(clip())) for _ in range(2))
    await asyncio.to_thread(workshop.begun.wait, 10)
    first.cancel()
    workshop.go_on.set()

    assert await second == b"film"
    assert len(workshop.threads) == 1
    assert workshop.threads[0] != threading.get_ident()


async def test_a_failure_is_told_to_all_and_tried_anew(workshop: Workshop) -> None:
    store = MediaStore()
    workshop.failing = True
    workshop.go_on.set()
    for result in await asyncio.gather(
        store.film(clip()), store.film(clip()), return_exceptions=True
    ):
        assert isinstance(result, OSError)
    workshop.failing = False

    assert await store.film(clip()) == b"film"
    assert len(workshop.threads) == 2
