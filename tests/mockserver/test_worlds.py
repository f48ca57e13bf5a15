"""Worlds: by key, by path, made on first use, forked, restored, forgotten."""

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from mockserver import MockServer, Settings, World
from mockserver.naming import is_name, prefix_of, secret_of, split, world_of
from mockserver.pixverse import Pixverse
from tests.mockserver.drivers import png

SUBMIT = "/pictoryapis/v1/aistudio/videos"


@pytest.fixture
async def mock() -> AsyncIterator[MockServer]:
    async with MockServer(Settings(clock="frozen")) as server:
        yield server


@pytest.fixture
async def http(mock: MockServer) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=mock.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://mock.test") as client:
        yield client


async def submit(http: httpx.AsyncClient, key: str, prompt: str = "dawn at sea") -> str:
    answer = await http.post(SUBMIT, json={"prompt": prompt}, headers={"Authorization": key})
    return str(answer.json()["data"]["jobId"])


async def look(http: httpx.AsyncClient, key: str, job_id: str) -> Any:
    answer = await http.get(f"/pictoryapis/v1/jobs/{job_id}", headers={"Authorization": key})
    return answer.json()


@pytest.mark.parametrize(
    ("secret", "world"),
    [
        ("mock", "default"),
        ("mock-402", "default"),
        ("mock_ci7", "ci7"),
        ("mock_ci7-402", "ci7"),
        ("mock_a.b_c", "a.b_c"),
        ("mock_shop-1", "shop-1"),
        ("mock_build-123", "build-123"),
        ("mocks", "default"),
        ("a-real-looking-secret", "default"),
        ("", "default"),
    ],
)
def test_the_own_part_of_a_key_names_the_world(secret: str, world: str) -> None:
    assert world_of(secret) == world


@pytest.mark.parametrize("secret", ["mock_", "mock_my world", "mock_../x", "mock_a\n", "mock_-402"])
def test_a_key_that_begins_like_that_of_a_world_and_is_none_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="no name of a world"):
        world_of(secret)


async def test_a_request_for_a_world_that_cannot_be_is_told_so(http: httpx.AsyncClient) -> None:
    by_key = await http.post(SUBMIT, headers={"Authorization": "pictai_mock_my world"})
    by_path = await http.get("/~-/__mock")

    assert [by_key.status_code, by_path.status_code] == [400, 400]
    assert "'my world' is no name of a world" in by_key.json()["error"]


@pytest.mark.parametrize("world", ["default", "ci7", "a.b_c", "shop-1", "x" * 64])
def test_a_worlds_own_key_leads_to_it(world: str) -> None:
    assert world_of(secret_of(world)) == world
    assert world_of(secret_of(world, "596")) == world


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/v2/pixverse/videos", (None, "/v2/pixverse/videos")),
        ("/~ci7/v2/pixverse/videos", ("ci7", "/v2/pixverse/videos")),
        ("/~ci7", ("ci7", "/")),
        ("/~ci7/", ("ci7", "/")),
    ],
)
def test_a_path_may_begin_with_its_world(path: str, parts: tuple[str | None, str]) -> None:
    assert split(path) == parts


def test_only_the_default_world_has_links_without_its_name() -> None:
    assert (prefix_of("default"), prefix_of("ci7")) == ("", "/~ci7")
    assert [is_name(text) for text in ("ci7", "-", "", "a" * 65, "a/b")] == [
        True, False, False, False, False,
    ]  # fmt: skip


async def test_each_key_has_a_world_of_its_own_made_on_first_use(
    mock: MockServer, http: httpx.AsyncClient
) -> None:
    assert mock.worlds == {}
    a = await submit(http, "pictai_mock_a")
    b = await submit(http, "pictai_mock_b", "dusk at sea")
    await mock.world("a").advance(60)

    assert sorted(mock.worlds) == ["a", "b"]
    assert (await look(http, "pictai_mock_a", a))["data"]["status"] == "completed"
    assert (await look(http, "pictai_mock_b", b))["data"]["status"] == "in-progress"
    assert (await look(http, "pictai_mock_a", b))["data"]["error_message"] == "JOB_NOT_FOUND"
    assert mock.world("a").ledger.total == {"pictory": 80}
    assert mock.world("b").clock.now() == 0


async def test_both_providers_keys_lead_to_the_same_world(
    mock: MockServer, http: httpx.AsyncClient
) -> None:
    await submit(http, mock.world("film").key("pictory"))
    headers = {"Authorization": f"Bearer {mock.world('film').key('pixverse')}"}
    await http.post("/v2/pixverse/videos/create-v4", json={"prompt": "dawn"}, headers=headers)

    assert [job.order.provider for job in mock.world("film").jobs] == ["pictory", "pixverse"]
    assert list(mock.worlds) == ["film"]


async def test_links_carry_the_world_so_that_downloads_without_a_key_land_right(
    mock: MockServer, http: httpx.AsyncClient
) -> None:
    job_id = await submit(http, "pictai_mock_a")
    await mock.world("a").advance(60)
    url = (await look(http, "pictai_mock_a", job_id))["data"]["url"]
    film = await http.get(url)

    assert url.startswith("http://mock.test/~a/media/")
    assert (film.status_code, film.headers["content-type"]) == (200, "video/mp4")
    assert (await http.get(url.replace("/~a/", "/"))).status_code == 404


async def test_uploads_belong_to_their_world(http: httpx.AsyncClient) -> None:
    headers = {"Authorization": "Bearer user:1-mock_a", "Content-Type": "image/png"}
    answer = await http.post("/v2/pixverse/files", content=png("red"), headers=headers)
    (result,) = answer.json()["result"]

    assert result["url"].startswith("http://mock.test/~a/media/upload/")
    assert (await http.get(result["url"])).content == png("red")
    body = {"first_frame_path": result["path"]}
    statuses = []
    for world in ("a", "b"):
        headers = {"Authorization": f"Bearer user:1-mock_{world}"}
        created = await http.post("/v2/pixverse/videos/create-v4", json=body, headers=headers)
        statuses.append(created.status_code)
    assert statuses == [200, 400]


async def test_a_base_url_may_name_the_world_whatever_the_key(
    mock: MockServer, http: httpx.AsyncClient
) -> None:
    headers = {"Authorization": "pictai_some-production-key"}
    await http.post(f"/~ci7{SUBMIT}", json={"prompt": "dawn at sea"}, headers=headers)

    assert len(mock.world("ci7").jobs) == 1


async def test_a_worlds_magic_keys_lead_to_it_too(
    mock: MockServer, http: httpx.AsyncClient
) -> None:
    answer = await http.post(
        SUBMIT,
        json={"prompt": "dawn at sea"},
        headers={"Authorization": mock.world("a").key("pictory", "402")},
    )

    assert answer.status_code == 402
    assert [line.status for line in mock.world("a").journal.requests] == [402]


async def test_a_fork_has_the_same_past_and_a_future_of_its_own(
    mock: MockServer, http: httpx.AsyncClient
) -> None:
    job_id = await submit(http, "pictai_mock_a")
    origin = mock.world("a")
    await origin.advance(20)
    fork = origin.fork("b")
    mock.add(fork)
    await fork.advance(40)

    assert (await look(http, "pictai_mock_b", job_id))["data"]["status"] == "completed"
    assert (await look(http, "pictai_mock_a", job_id))["data"]["status"] == "in-progress"
    assert (origin.clock.now(), fork.clock.now()) == (20, 60)
    assert fork.ledger.total == {"pictory": 80}
    url = (await look(http, "pictai_mock_b", job_id))["data"]["url"]
    assert url.startswith("http://mock.test/~b/media/")
    await submit(http, "pictai_mock_b", "dusk at sea")
    assert (len(origin.jobs), len(fork.jobs)) == (1, 2)


async def test_a_world_goes_back_to_what_a_fork_has_kept() -> None:
    world = World("a", Settings(clock="frozen"))
    transport = httpx.ASGITransport(app=world.app)
    async with world, httpx.AsyncClient(transport=transport, base_url="http://m.test") as http:
        await submit(http, world.key("pictory"))
        kept = world.fork()
        for _ in range(2):
            await world.advance(60)
            world.provider(Pixverse).accounts.hold("ops@example.com")
            await world.restore(kept)

            assert [job.phase for job in world.jobs] == ["queued"]
            assert world.clock.now() == 0
            assert world.provider(Pixverse).accounts.held == frozenset()


async def test_a_world_of_its_own_settings_differs_from_the_others(
    mock: MockServer, http: httpx.AsyncClient
) -> None:
    mock.world("quick", Settings(clock="frozen", queue_seconds=0, run_seconds=1, seed=7))
    await submit(http, "pictai_mock_quick")
    await submit(http, "pictai_mock_plain")
    await mock.world("quick").advance(2)
    await mock.world("plain").advance(2)

    phases = {name: [job.phase.value for job in world.jobs] for name, world in mock.worlds.items()}
    assert phases == {"quick": ["completed"], "plain": ["queued"]}


async def test_a_world_that_nobody_uses_is_forgotten_and_the_default_one_never(
    mock: MockServer, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await submit(http, "pictai_mock_old")
    await submit(http, "pictai_mock")
    later = time.monotonic() + mock.settings.world_seconds + 61
    monkeypatch.setattr("mockserver.app.time.monotonic", lambda: later)
    await submit(http, "pictai_mock_new")

    assert sorted(mock.worlds) == ["default", "new"]


async def test_a_forgotten_world_begins_anew(mock: MockServer, http: httpx.AsyncClient) -> None:
    first = await submit(http, "pictai_mock_a")
    await mock.forget("a")

    assert await submit(http, "pictai_mock_a") == first
    assert len(mock.world("a").jobs) == 1


async def test_the_same_requests_make_the_same_ids_in_whichever_order(
    http: httpx.AsyncClient,
) -> None:
    prompts = ["dawn at sea", "dusk at sea", "noon at sea"]
    one = {prompt: await submit(http, "pictai_mock_a", prompt) for prompt in prompts}
    two = {prompt: await submit(http, "pictai_mock_b", prompt) for prompt in reversed(prompts)}

    assert one == two
    assert len(set(one.values())) == 3
    assert await submit(http, "pictai_mock_a", prompts[0]) not in one.values()


def test_a_name_that_cannot_stand_in_a_path_is_refused() -> None:
    with pytest.raises(ValueError, match="no name"):
        World("a/b")
