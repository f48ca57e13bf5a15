"""What the tests of written pages share: their blocks, commands, tables and links."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

NONE: Final = "-"
PATIENCE: Final = 30.0

_FENCE: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\]\((?!https?://)([^)#]*)(?:#([^)]*))?\)")
_HEADING: Final = re.compile(r"^#+ (.*)$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block."""

    language: str
    text: str


class Command(NamedTuple):
    """A command as a page shows it, and the lines it shows as its output."""

    text: str
    shown: list[str]


def blocks_in(text: str, *languages: str) -> list[Block]:
    """The blocks of a page, or those of some languages."""
    found = [Block(*match.groups()) for match in _FENCE.finditer(text)]
    return [block for block in found if not languages or block.language in languages]


def commands(block: Block) -> list[Command]:
    """The commands of a console block: after `$ `, with the lines a backslash joins."""
    found: list[Command] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append(Command(line.removeprefix("$ "), []))
        elif found and found[-1].text.endswith("\\"):
            found[-1] = Command(f"{found[-1].text}\n{line}", [])
        else:
            found[-1].shown.append(line)
    return found


def environment() -> dict[str, str]:
    """What commands are run in: this interpreter's programs first, nothing that is set of ours."""
    others = {name: value for name, value in os.environ.items() if "FILMGATE" not in name}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**others, "PATH": path, "COLUMNS": "80"}


def assert_shown(
    shown: Sequence[str], said: str, pattern: Callable[[str], re.Pattern[str]]
) -> None:
    """Each line shown is among those said, in this order."""
    lines = iter(said.splitlines())
    for line in filter(None, shown):
        wanted = pattern(line)
        assert any(wanted.fullmatch(one) for one in lines), f"{line!r} is not in:\n{said}"


@contextmanager
def serving(command: str, folder: Path, variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """A process that says where it listens; what it said, and the address."""
    program, *rest = shlex.split(command)
    log = folder / f"{rest[0]}.log"
    with log.open("w") as said:
        process = subprocess.Popen(
            [Path(sys.executable).parent / program, *rest],
            cwd=folder,
            env={**variables, "PYTHONUNBUFFERED": "1"},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            until = time.monotonic() + PATIENCE
            while (found := re.search(r"listening on (\S+)", log.read_text())) is None:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.05)
            yield log.read_text(), found.group(1)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0, log.read_text()


# --- tables


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    lines = [list(head), *([str(cell).replace("|", "\\|") for cell in row] for row in rows)]
    shown = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([shown[0], "|" + " --- |" * len(lines[0]), *shown[1:]]) + "\n"


def listed(values: Iterable[object]) -> str:
    """Values in one cell."""
    return ", ".join(map(str, values)) or NONE


def code(values: Iterable[object]) -> str:
    """Values in one cell, each as code."""
    return listed(f"`{value}`" for value in values)


def filled(text: str, tables: Mapping[str, Callable[[], str]]) -> str:
    """A page with its tables as they should be, each between its two markers."""
    for name, made in tables.items():
        head, start, rest = text.partition(f"<!-- {name} -->\n")
        _, end, tail = rest.partition(f"<!-- /{name} -->\n")
        assert start, name
        assert end, name
        text = f"{head}{start}\n{made()}\n{end}{tail}"
    return text


# --- links


def links_in(page: Path) -> list[str]:
    """The links of a page that lead to other files, and to headings."""
    return [match[0] for match in _LINK.finditer(page.read_text("utf-8"))]


def dead_links(page: Path) -> list[str]:
    """Those that lead to no file, or to no heading of it."""
    dead = []
    for match in _LINK.finditer(page.read_text("utf-8")):
        path, heading = match.groups()
        target = page.parent / path if path else page
        if not target.exists() or (heading and heading not in _anchors(target)):
            dead.append(match[0])
    return dead


def _anchors(page: Path) -> set[str]:
    """What headings are called in links."""
    plain = (re.sub(r"[^\w\- ]", "", name.lower()) for name in _HEADING.findall(page.read_text()))
    return {name.replace(" ", "-") for name in plain}
