"""A browser plays what the gateway delivers, to its end."""

import json
import shutil
import signal
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.end_to_end.processes import Gateway, Mock, running

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

PAGE = """<!doctype html><video muted autoplay src="/video.mp4"></video><script>
const film = document.querySelector("video");
const tell = (what) => fetch("/told?" + new URLSearchParams({
  what, at: film.currentTime, seconds: film.duration,
  width: film.videoWidth, height: film.videoHeight}));
film.onended = () => tell("ended");
film.onerror = () => tell("error " + film.error.message);
film.playbackRate = 4;
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_chromium_plays_the_video_to_its_end(tmp_path: Path) -> None:
    with (
        running(Mock(tmp_path)) as mock,
        running(Gateway(tmp_path / "gate", mock, route=["pictory/pixverse5.5"])) as gateway,
    ):
        video_id = gateway.create(prompt="The harbour at dusk")
        gateway.reaches(video_id, "completed")
        film = gateway.content(video_id)

    told = _play(film, tmp_path)

    assert told["what"] == ["ended"], json.dumps(told)
    assert float(told["seconds"][0]) == pytest.approx(5.0, abs=0.01)
    assert (told["width"], told["height"]) == (["1280"], ["720"])


def _play(film: bytes, folder: Path) -> dict[str, list[str]]:
    """Let Chromium play a film; what the page reports."""
    told: list[dict[str, list[str]]] = []
    heard = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body, kind = b"", "text/plain"
            if parts.path == "/":
                body, kind = PAGE.encode(), "text/html"
            elif parts.path == "/video.mp4":
                body, kind = film, "video/mp4"
            elif parts.path == "/told":
                told.append(parse_qs(parts.query))
                heard.set()
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    assert CHROMIUM is not None
    browser = subprocess.Popen(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--autoplay-policy=no-user-gesture-required",
            f"--user-data-dir={folder / 'browser'}",
            f"http://127.0.0.1:{server.server_port}/",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert heard.wait(60), "the page never reported"
    finally:
        browser.send_signal(signal.SIGTERM)
        browser.wait(20)
        server.shutdown()
        server.server_close()
    return told[0]
