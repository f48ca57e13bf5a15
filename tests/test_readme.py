"""The README is true: what it shows is run here, and what it lists is what there is.

`python -m tests.test_readme` writes the tables that are made from code.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import pytest

from gateway.app import capabilities
from gateway.config import settings_table
from providers.contract import Mode, Offer
from tests.pages import (
    PATIENCE,
    Block,
    Command,
    assert_shown,
    blocks_in,
    commands,
    dead_links,
    environment,
    filled,
    links_in,
    listed,
    serving,
    table,
)
from tests.rig import rig

ROOT: Final = Path(__file__).parents[1]
README: Final = ROOT / "README.md"

_VIDEO: Final = re.compile(r"video_[0-9a-z]{26}")


class Instead(NamedTuple):
    """What is run in place of a command of the README; None: nothing."""

    command: str | None
    why: str


INSTEAD: Final[dict[str, Instead]] = {
    "make demo": Instead(
        "filmgate demo --speed 60", "the recipe of the target, which a test below checks, faster"
    ),
    ". .venv/bin/activate": Instead(None, "what runs the tests is on PATH already"),
    "filmgate serve --mock": Instead(
        "filmgate serve --mock --mock-speed 60 --port 0", "8080 may be taken, and time is short"
    ),
    "filmgate mock --speed 20": Instead("filmgate mock --speed 20 --port 0", "8090 may be taken"),
    "make test": Instead(None, "would run this very test"),
    "make check": Instead(None, "runs beside the tests wherever they run"),
    "docker build -t filmgate .": Instead(None, "test_packaging.py goes through the Dockerfile"),
    "docker run": Instead(None, "the same"),
}
SERVING: Final = {
    "filmgate serve --mock": "http://127.0.0.1:8080",
    "filmgate mock --speed 20": "http://127.0.0.1:8090",
}
"""Commands that go on until they are told to end, and the address the README has for them."""

REFUSED: Final = {"FILMGATE__SERVER__PROT=9000 filmgate config check": 2}
"""Commands that show a fault, and their exit status."""

BY_CHANCE: Final = "called_back"
"""A line of a history that comes early or late: a poll may be faster than the callback."""


def instead(command: Command) -> Instead:
    """What to run."""
    plain = command.text.replace("\\\n", " ")
    return next(
        (row for start, row in INSTEAD.items() if plain.startswith(start)),
        Instead(command.text, ""),
    )


def blocks(*languages: str) -> list[Block]:
    return blocks_in(README.read_text("utf-8"), *languages)


def pattern(line: str) -> re.Pattern[str]:
    """A line of output in which ids and numbers may be others."""
    made = re.escape(_VIDEO.sub("VIDEO", line).rstrip())
    made = re.sub(r"[0-9a-f]{8}(\\-[0-9a-f]{4}){3}\\-[0-9a-f]{12}", "UUID", made)
    made = re.sub(r"(\\ )+", r"\\s+", re.sub(r"(?<![a-zA-Z\d])\d+", r"\\d+", made))
    made = made.replace("VIDEO", _VIDEO.pattern).replace("UUID", "[0-9a-f-]{36}")
    return re.compile(made.replace("…", ".*") + r"\s*")


def assert_same_shape(shown: Any, real: Any, where: str = "") -> None:
    """The same members with values of the same types; null stands for a value to come."""
    if shown is None or real is None:
        return
    assert type(shown) is type(real), where
    if isinstance(shown, dict):
        assert list(shown) == list(real), where
        for name in shown:
            assert_same_shape(shown[name], real[name], f"{where}/{name}")
    elif isinstance(shown, list):
        assert bool(shown) == bool(real), where
        for one in real:
            assert_same_shape(shown[0], one, f"{where}/0")


class Reader:
    """Somebody who types what the README says, block by block, in one folder."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.environment = environment()
        self.addresses: dict[str, str] = {}
        self.video = ""
        self.last: Callable[[], str] = str

    def console(self, block: Block) -> None:
        for command in commands(block):
            run = instead(command).command
            if run is None:
                continue
            if command.text in SERVING:
                said, url = self.stack.enter_context(serving(run, self.folder, self.environment))
                self.addresses[SERVING[command.text]] = url
                for line in command.shown:
                    assert_shown([line], said, pattern)
                if "serve" in run:
                    self.environment["FILMGATE_URL"] = url
            elif run.startswith("export "):
                self.environment |= dict(word.split("=", 1) for word in shlex.split(run)[1:])
            else:
                self.run(run, command.shown, REFUSED.get(command.text, 0))

    def run(self, text: str, shown: Sequence[str], status: int) -> None:
        for written, real in self.addresses.items():
            text = text.replace(written, real)
        text = _VIDEO.sub(self.video, text)

        def once() -> str:
            done = subprocess.run(
                ["bash", "-euc", text],  # noqa: S607
                cwd=self.folder,
                env=self.environment,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
            assert done.returncode == status, f"{text}\n{done.stdout}{done.stderr}"
            certain = [line for line in shown if BY_CHANCE not in line]
            assert_shown(certain, done.stdout + done.stderr, pattern)
            return done.stdout

        first = once()
        self.last = iter([first]).__next__ if not text.startswith("curl") else _again(first, once)

    def json(self, block: Block) -> None:
        """Compare with what the last command answered, once the job stands where it is shown."""
        shown = json.loads(block.text)
        until = time.monotonic() + PATIENCE
        while True:
            real = json.loads(self.last())
            ended = real.get("status") in {"completed", "failed"}
            if shown.get("status") != "completed" or ended or time.monotonic() > until:
                break
            time.sleep(0.1)
        if "errors" in shown:
            assert real == shown
            return
        assert_same_shape(shown, real)
        assert shown.get("status") in {real.get("status"), "queued"}
        self.video = real.get("id", self.video)

    def toml(self, block: Block) -> None:
        """The first is a whole file; others are sections to put in the place of its own."""
        path = self.folder / "filmgate.toml"
        if not path.exists():
            path.write_text(block.text, "utf-8")
            return
        (name,) = tomllib.loads(block.text)
        changed, count = re.subn(
            rf"^\[{name}\]\n.*?(?=^\[|\Z)",
            f"{block.text}\n",
            path.read_text("utf-8"),
            flags=re.MULTILINE | re.DOTALL,
        )
        assert count == 1
        other = self.folder / "other.toml"
        other.write_text(changed, "utf-8")
        self.run(f"filmgate config check --config {other}", ["ok"], 0)

    def python(self, block: Block) -> None:
        text = block.text
        for written, real in self.addresses.items():
            text = text.replace(written, real)
        done = subprocess.run(
            # OpenAI's package warns that OpenAI's own video API has ended.
            [sys.executable, "-W", "error", "-W", "ignore:The Sora API", "-c", text],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def _again(first: str, once: Callable[[], str]) -> Callable[[], str]:
    """The answer there is, then new ones."""
    answers = iter([first])
    return lambda: next(answers, None) or once()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_whoever_types_what_the_readme_says_sees_what_it_shows(tmp_path: Path) -> None:
    with ExitStack() as stack:
        reader = Reader(tmp_path, stack)
        for block in blocks("console", "json", "toml", "python"):
            getattr(reader, block.language)(block)

    assert (tmp_path / "waves.mp4").read_bytes()[4:8] == b"ftyp"
    assert (tmp_path / "harbour.mp4").read_bytes()[4:8] == b"ftyp"


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    assert {block.language for block in blocks()} == {"console", "json", "toml", "python", "text"}


def test_every_stand_in_stands_for_a_command_of_the_readme() -> None:
    shown = [command.text for block in blocks("console") for command in commands(block)]

    assert [start for start in INSTEAD if not any(text.startswith(start) for text in shown)] == []
    assert {*SERVING, *REFUSED} <= {*shown}
    assert all(row.why for row in INSTEAD.values())


def test_the_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    shown = [command.text for block in blocks("console") for command in commands(block)]
    targets = {text.split()[1] for text in shown if text.startswith("make ")}

    assert targets == {"demo", "test", "check"}
    assert all(re.search(rf"^{name}: .*##", makefile, re.MULTILINE) for name in targets)
    assert re.search(r"^demo: .*\n\t\$\(BIN\)/filmgate demo$", makefile, re.MULTILINE)


def test_every_relative_link_leads_somewhere() -> None:
    assert links_in(README)
    assert dead_links(README) == []


def test_the_tables_made_from_code_are_up_to_date() -> None:
    assert README.read_text("utf-8") == written(), "run: python -m tests.test_readme"


async def test_the_table_of_the_api_lists_every_route(tmp_path: Path) -> None:
    async with (
        rig(tmp_path) as made,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=made.app), base_url="http://gate.test"
        ) as client,
    ):
        paths = (await client.get("/openapi.json")).json()["paths"]
        assert (await client.get("/docs")).status_code == 200
    routes = {
        (method.upper(), path)
        for path, methods in paths.items()
        for method in methods
        if method != "head"
    }
    rows = re.findall(r"^\| `([A-Z]+) (/[^`]*)` \|", README.read_text("utf-8"), re.MULTILINE)

    assert sorted(rows) == sorted(routes | {("GET", "/docs")})


# --- tables made from code ----------------------------------------------------------


def targets_table() -> str:
    """A Markdown table of what there is to choose from."""
    made_from = {
        Mode.TEXT: "text",
        Mode.FIRST_FRAME: "first frame",
        Mode.FIRST_LAST_FRAME: "first and last frame",
        Mode.REFERENCE_IMAGES: "references",
        Mode.EXTEND_VIDEO: "extend",
    }
    rows: dict[str, tuple[Offer, list[str]]] = {}
    for provider, able in capabilities().items():
        for offer in able.offers:
            row = rows.setdefault(f"{provider}/{offer.model}", (offer, []))
            row[1].append(made_from[offer.mode])
    return table(
        ("Target", "Made from", "Seconds", "Aspect ratios", "Resolutions"),
        (
            (
                f"`{target}`",
                *map(listed, (modes, offer.seconds, offer.aspect_ratios)),
                ", ".join(offer.resolutions) or "its own",
            )
            for target, (offer, modes) in rows.items()
        ),
    )


TABLES: Final = {"settings": settings_table, "targets": targets_table}


def written() -> str:
    """The README with its tables as they should be."""
    return filled(README.read_text("utf-8"), TABLES)


if __name__ == "__main__":
    README.write_text(written(), "utf-8")
