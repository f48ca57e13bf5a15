"""The same requests make the same world in each of several workers."""

import json
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

SUITE = """
import hashlib
import json
import os
from pathlib import Path

import httpx
import pytest

from mockserver import Settings, World
from mockserver.record.worldfile import journal_bytes


def digest(world):
    order = {"webhook": "http://127.0.0.1:9/hook"}
    told = hashlib.sha256()
    with httpx.Client(transport=world.transport(), base_url="http://mock.test") as client:
        client.headers["Authorization"] = "pictai_x"
        for n in range(3):
            order["prompt"] = f"a boat at sea, {n}"
            try:
                told.update(client.post("/pictoryapis/v1/aistudio/videos", json=order).content)
            except httpx.RemoteProtocolError:
                told.update(b"lost")
            world.sync.advance(20)
        world.sync.run_until_idle()
        for job in world.jobs:
            told.update(client.get(f"/media/{job.order.media_name}.mp4").content)
    told.update(journal_bytes(world))
    return told.hexdigest()


CHANCE = {
    "seed": 7,
    "faults": ["submit#2:accept-then-reset"],
    "chaos": ["callback:duplicate=30%", "callback:delay=9s=50%"],
}


@pytest.mark.parametrize("n", range(16))
def test_digest(n):
    nowhere = httpx.MockTransport(lambda request: httpx.Response(204))
    settings = Settings(clock="frozen", **{k: v for k, v in CHANCE.items()})
    note("same", n, digest(World("x", settings, callback_transport=nowhere)))


@pytest.mark.parametrize("n", range(4))
@pytest.mark.world(**CHANCE)
def test_fixture(n, world):
    nowhere = httpx.MockTransport(lambda request: httpx.Response(204))
    world.outside.send_callbacks_through(nowhere)
    note("own", n, digest(world))


def note(kind, n, digest):
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    file = Path(os.environ["NOTES"], f"{kind}-{n}-{worker}.json")
    file.write_text(json.dumps([kind, n, worker, digest]))
"""


def notes(pytester: pytest.Pytester, folder: Path, *options: str) -> list[list[str]]:
    folder.mkdir()
    pytester._monkeypatch.setenv("NOTES", str(folder))
    # Workers that load nothing but what they need start twice as fast.
    pytester._monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    plugin = ("-p", "mockserver.testing.plugin", "-p", "no:cacheprovider")
    pytester.runpytest_subprocess(*plugin, *options).assert_outcomes(passed=20)
    return [json.loads(file.read_text()) for file in sorted(folder.iterdir())]


@pytest.mark.parametrize("workers", ["2", pytest.param("8", marks=pytest.mark.slow)])
def test_several_workers_and_none_make_the_same_worlds(
    pytester: pytest.Pytester, tmp_path: Path, workers: str
) -> None:
    pytester.makepyfile(SUITE)
    many = notes(pytester, tmp_path / "many", "-p", "xdist", "-n", workers)
    alone = notes(pytester, tmp_path / "alone")

    assert len({digest for kind, _, _, digest in many + alone if kind == "same"}) == 1
    assert len({worker for _, _, worker, _ in many}) > 1
    assert sorted((kind, n, digest) for kind, n, _, digest in many) == sorted(
        (kind, n, digest) for kind, n, _, digest in alone
    )
