"""Chromium without a window, spoken to over two pipes in its own debugging protocol."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE_SECONDS = 30.0
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
RENUMBERED = """
import fcntl, os, sys
high = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
for number, descriptor in enumerate(high, start=3):
    os.dup2(descriptor, number)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Begins a program with two descriptors, whatever they are, as its numbers 3 and 4."""


class Browser:
    """One page.

    Args:
        folder: where the browser may keep its things.
        size: of the window, in pixels.
        dark: whether dark colours are preferred.
    """

    def __init__(
        self, folder: Path, size: tuple[int, int] = (1440, 900), *, dark: bool = False
    ) -> None:
        assert CHROMIUM is not None
        orders, self._out = os.pipe()
        self._in, answers = os.pipe()
        options = [
            *OPTIONS,
            f"--window-size={size[0]},{size[1]}",
            f"--user-data-dir={folder / 'browser'}",
            "about:blank",
        ]
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-c", RENUMBERED, str(orders), str(answers), CHROMIUM, *options],
            pass_fds=(orders, answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(orders)
        os.close(answers)
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self.complaints: list[str] = []
        """What the page logged as an error, exceptions and broken rules of its policy included."""
        try:
            self._attach(dark=dark)
        except BaseException:
            self._close()
            raise

    def _attach(self, *, dark: bool) -> None:
        targets = self._send("Target.getTargets")["targetInfos"]
        page = next(one["targetId"] for one in targets if one["type"] == "page")
        attached = self._send("Target.attachToTarget", targetId=page, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Runtime", "Log", "Page"):
            self._send(f"{domain}.enable")
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._send("Emulation.setEmulatedMedia", features=features)

    def _send(self, method: str, **params: Any) -> Any:
        self._number += 1
        order: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            order["sessionId"] = self._session
        os.write(self._out, json.dumps(order).encode() + b"\0")
        while True:
            message = self._read()
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]
            self._hear(message)

    def _read(self) -> Any:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], PATIENCE_SECONDS)
            assert ready, "the browser does not answer"
            piece = os.read(self._in, 1 << 20)
            assert piece, "the browser is gone"
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def _hear(self, message: Any) -> None:
        method, params = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(params["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] == "error":
            self.complaints.append(json.dumps(params["args"]))

    def open(self, url: str) -> None:
        """Goes to a page, which from then on has the keyboard."""
        self._send("Page.navigate", url=url)
        self.wait("location.protocol !== 'about:' && document.readyState === 'complete'")
        # Without it keys are lost where the machine is busy: no window here is ever in front.
        self._send("Page.bringToFront")
        self._send("Emulation.setFocusEmulationEnabled", enabled=True)

    def tell(self, script: str) -> Any:
        """The value of an expression in the page, awaited where it is a promise."""
        found = self._send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, script: str) -> Any:
        """The value of an expression, as soon as it is true."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not (found := self.tell(script)):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.02)
        return found

    def picture(self, path: Path) -> None:
        """Writes down how the page looks."""
        found = self._send("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(found["data"]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        os.close(self._in)
        os.close(self._out)
