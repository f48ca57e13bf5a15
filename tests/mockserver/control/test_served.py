"""What only a socket shows."""

import asyncio
import signal
import time
from pathlib import Path

import httpx
import pytest

from mockserver import Settings, World
from mockserver.record.worldfile import save
from tests.mockserver.served import served


def test_a_stream_is_live_and_does_not_hold_up_the_end() -> None:
    with served("--clock", "frozen") as (url, process), httpx.Client(base_url=url) as client:
        with client.stream("GET", "/__mock/events") as response:
            pieces = response.iter_text()
            assert "event: world" in next(pieces)
            httpx.post(f"{url}/__mock/faults", json=["submit#1:reset"])
            assert "submit#1:reset" in next(pieces)
            start = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert "".join(pieces) == ""
        process.wait(10)

    assert time.monotonic() - start < 2
    assert process.returncode == 0


def test_replies_in_two_parts_come_without_delay() -> None:
    with served("--clock", "frozen") as (url, _), httpx.Client(base_url=url) as client:
        client.get("/__mock/clock")
        start = time.monotonic()
        for _ in range(20):
            client.get("/__mock/clock")

    # A delayed acknowledgement costs 40 ms each time.
    assert time.monotonic() - start < 0.6


def test_the_body_of_a_client_that_offers_http_2_is_read() -> None:
    offer = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAM"}
    with served("--clock", "frozen") as (url, _), httpx.Client(base_url=url) as client:
        for line in ("submit#1:reset", "submit#2:reset"):
            client.post("/__mock/faults", json=[line], headers=offer).raise_for_status()


def test_a_world_file_is_opened_from_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "failed.world"

    async def moved() -> bytes:
        async with World(settings=Settings(clock="frozen")) as world:
            await world.advance(12)
            return save(world)

    path.write_bytes(asyncio.run(moved()))
    with served("--replay", str(path)) as (url, _):
        clock = httpx.get(f"{url}/~replay/__mock/clock").json()
        page = httpx.get(f"{url}/~replay/__mock/ui/")

    assert (clock["kind"], clock["now"]) == ("frozen", 12)
    assert page.status_code == 200


def test_what_is_no_world_file_is_refused_with_a_word(tmp_path: Path) -> None:
    path = tmp_path / "rain.json"
    path.write_text('{"format": "rain"}')
    with pytest.raises(AssertionError, match="no world file"), served("--replay", str(path)):
        pass
