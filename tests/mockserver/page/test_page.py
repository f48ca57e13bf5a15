"""The page in a browser, at a mock that is served."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.mockserver.page.browser import CHROMIUM, Browser
from tests.mockserver.served import served

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

TOKEN = "s3cret"
FORBIDDEN = "Failed to load resource: the server responded with a status of 401 (Unauthorized)"


def text(selector: str) -> str:
    return f"(document.querySelector('{selector}')?.textContent ?? '')"


@pytest.fixture
def mock() -> Iterator[httpx.Client]:
    with (
        served("--clock", "frozen", "--control-token", TOKEN) as (url, _),
        httpx.Client(base_url=url, headers={"authorization": f"Bearer {TOKEN}"}) as client,
    ):
        yield client


def submit(mock: httpx.Client, prompt: str) -> None:
    key = {"authorization": "pictai_mock"}
    mock.post("/pictoryapis/v1/aistudio/videos", json={"prompt": prompt}, headers=key)


def test_a_job_is_seen_from_its_beginning_to_its_end(mock: httpx.Client, tmp_path: Path) -> None:
    with Browser(tmp_path) as browser:
        browser.open(f"{mock.base_url}/__mock/ui/")
        browser.wait("document.getElementById('ask-token').open")
        browser.tell(
            f"document.getElementById('token').value = '{TOKEN}';"
            "document.querySelector('#ask-token button').click()"
        )
        browser.wait(f"{text('#live')} === 'live'")

        submit(mock, "The harbour at dusk")
        browser.wait(f"{text('.row .label')}.includes('The harbour at dusk')")
        assert "queued" in browser.tell(text("#sums"))

        # Not by the browser's own keyboard: a busy machine loses keys on their way to a page.
        browser.tell(
            "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'm', bubbles: true}))"
        )
        browser.wait(f"{text('#sums')}.includes('completed')")
        browser.wait(f"{text('#time')} === '00:01:00'")

        browser.tell("document.querySelector('.row').click()")
        browser.wait(f"{text('#details .tree')}.includes('running → completed')")
        browser.wait("document.querySelector('#details video')?.readyState >= 1")
        assert browser.tell("document.querySelector('#details video').videoWidth") == 1280

        submit(mock, "Fog over the bridge")
        browser.wait("document.querySelectorAll('.row').length === 2")
        browser.tell("document.querySelectorAll('.row')[1].click()")
        browser.wait(f"{text('#details .prompt')} === 'Fog over the bridge'")
        browser.tell("document.querySelector('#details .buttons button').click()")
        browser.wait(f"{text('#sums')}.includes('2 completed')")
        assert set(browser.complaints) <= {FORBIDDEN}


def test_rows_that_were_read_before_a_line_came_in_take_nothing_back(tmp_path: Path) -> None:
    with served() as (url, _), Browser(tmp_path) as browser:
        browser.open(f"{url}/__mock/ui/")
        phases = browser.tell("""
            import("/__mock/ui/state.js").then(({ State }) => {
              const rows = () => [{ id: "one", phase: "running" }, { id: "two", phase: "queued" }];
              const line = (n, job, after) => ({ n, at: n, line: "transition", job, after });
              const state = new State();
              state.know(rows(), state.heard);
              state.take(line(1, "one", "running"));
              const { heard } = state;
              state.take(line(2, "one", "completed"));
              state.know(rows(), heard);
              return [...state.jobs.values()].map((job) => job.phase);
            })
        """)
        assert phases == ["completed", "queued"]


def test_a_world_is_rewound_from_the_page(mock: httpx.Client, tmp_path: Path) -> None:
    submit(mock, "The harbour at dusk")
    mock.post("/__mock/clock/advance", json={"until_idle": True})
    with Browser(tmp_path, dark=True) as browser:
        browser.open(f"{mock.base_url}/__mock/ui/")
        browser.wait("document.getElementById('ask-token').open")
        browser.tell(
            f"document.getElementById('token').value = '{TOKEN}';"
            "document.querySelector('#ask-token button').click()"
        )
        browser.wait("document.querySelectorAll('#lines .line').length > 3")
        browser.tell("document.querySelector('#lines .transition').click()")
        browser.wait("document.querySelector('#details details[open] button') !== null")
        browser.tell("document.querySelector('#details details[open] button').click()")
        browser.wait(f"{text('#sums')}.includes('1 running')")

        assert browser.tell("location.pathname").endswith("/__mock/ui/")
        assert browser.tell(text("#time")) == "00:00:05"
        assert mock.get("/__mock/clock").json()["now"] == 50
