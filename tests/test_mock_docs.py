"""The page about the mock providers is true: every block of it is run here.

`python -m tests.test_mock_docs` writes its tables, which are made from code.
"""

import ast
import inspect
import json
import re
import shutil
import socket
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, get_args

import pytest

from mockserver import settings
from mockserver.cli import main
from mockserver.control.api import rows as control_rows
from mockserver.control.telling import KINDS as LINES
from mockserver.engine.kinds import KINDS, TARGETS, Target
from mockserver.inbox.inbox import Inbox
from mockserver.magic.directives import DIRECTIVES
from mockserver.magic.files import FILES
from mockserver.magic.table import TRIGGERS
from mockserver.settings import ClockKind, Settings
from mockserver.testing import plugin
from mockserver.verdict import RULES
from mockserver.wire.evidence import Evidence
from tests.pages import (
    PATIENCE,
    Block,
    Command,
    assert_shown,
    blocks_in,
    code,
    commands,
    dead_links,
    environment,
    filled,
    links_in,
    listed,
    serving,
    table,
)

PAGE: Final = Path(__file__).parents[1] / "docs" / "mock.md"
ADDRESS: Final = "http://127.0.0.1:8090"
INSTALL: Final = "pip install '.[testing]'"
"""What is installed already wherever this runs."""
SUITE: Final = (
    f"job=$(curl -sf {ADDRESS}/pictoryapis/v1/aistudio/videos -H 'Authorization: pictai_mock'"
    """ -H 'Content-Type: application/json' -d '{"prompt": "Waves at noon"}' | cut -d'"' -f8)\n"""
    f"for look in 1 2 3 4; do curl -sf {ADDRESS}/pictoryapis/v1/jobs/$job"
    " -H 'Authorization: pictai_mock'; done"
)
"""Stands in for a suite of another language: one job, looked at until it is done."""

_NAMED: Final = re.compile(r"# (\w+\.py)\n")
_SAVED: Final = re.compile(r"^saved as (\S+\.world)$", re.MULTILINE)
_WORLD_FILE: Final = re.compile(r"/tmp/pytest-of-you/\S+\.world")
_STEP: Final = re.compile(r"^  - run: (?:\|\n((?:      .*\n)+)|(.*)\n)", re.MULTILINE)


def blocks(*languages: str) -> list[Block]:
    return blocks_in(PAGE.read_text("utf-8"), *languages)


VARYING: Final = {
    r"…": r".*",
    r"(?<= in )\d+\.\d+s": r"\d+\.\d+s",
    r"/tmp/pytest-of-you/pytest-\d+/": r"/\S+/",
    r"\d+ of \d+ \(\d+ %\)": r"\d+ of \d+ \(\d+ %\)",
    r"(?<=127\.0\.0\.1:)8090": r"\d+",
}
"""What may be other than shown: what is left out, how long it took, pytest's folders, ports, and
how much there is to meet."""


def pattern(line: str) -> re.Pattern[str]:
    """A line of output as it may be."""
    found = re.compile("|".join(f"({each})" for each in VARYING))
    kinds, made, end = list(VARYING.values()), "", 0
    for match in found.finditer(line):
        made += re.escape(line[end : match.start()]) + kinds[(match.lastindex or 1) - 1]
        end = match.end()
    return re.compile(made + re.escape(line[end:].rstrip()) + r"\s*")


class Reader:
    """Somebody who does what the page says, block by block, in one folder."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.environment = {
            **environment(),
            # Just these two, whatever else is installed.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_PLUGINS": "mockserver.testing.plugin,pytest_asyncio.plugin",
            "PYTEST_ADDOPTS": "-p no:cacheprovider --color=no "
            "-o asyncio_mode=auto -o asyncio_default_fixture_loop_scope=function",
            "PYTHONPATH": str(PAGE.parents[1]),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.address = ADDRESS
        self.world_file = ""
        self.said = ""
        self.nameless: list[str] = []
        self.configurations = 0

    def read(self, block: Block) -> None:
        getattr(self, block.language)(block.text)

    # --- files

    def python(self, text: str) -> None:
        """A file by the name in its first line; without one it is a test for the end."""
        named = _NAMED.match(text)
        name = named[1] if named else f"test_block_{len(self.nameless)}.py"
        if named is None:
            self.nameless.append(name)
        (self.folder / name).write_text(text, "utf-8")

    def diff(self, text: str) -> None:
        """A change of whichever file has, once, what it begins with."""
        before = "".join(line[1:] for line in text.splitlines(keepends=True) if line[0] != "+")
        after = "".join(line[1:] for line in text.splitlines(keepends=True) if line[0] != "-")
        fitting = [
            path for path in self.folder.glob("*.py") if path.read_text("utf-8").count(before) == 1
        ]
        assert len(fitting) == 1, f"{before!r} stands once in: {fitting}"
        fitting[0].write_text(fitting[0].read_text("utf-8").replace(before, after), "utf-8")

    def ini(self, text: str) -> None:
        self.configured("pytest.ini", text)

    def toml(self, text: str) -> None:
        assert list(tomllib.loads(text)) == ["tool"]
        self.configured("pyproject.toml", text)

    def configured(self, name: str, text: str) -> None:
        """Settings for pytest in a folder of their own, where the test that follows is run."""
        folder = self.folder / f"configured_{self.configurations}"
        folder.mkdir()
        (folder / name).write_text(text, "utf-8")
        self.configurations += 1

    # --- commands

    def console(self, text: str) -> None:
        for command in commands(Block("console", text)):
            if command.text == INSTALL:
                continue
            if command.text.startswith("filmgate mock"):
                self.serve(command)
            else:
                self.run(command)

    def serve(self, command: Command) -> None:
        text = _WORLD_FILE.sub(self.world_file, command.text)
        served = serving(f"{text} --port 0", self.folder, self.environment)
        said, self.address = self.stack.enter_context(served)
        assert_shown(command.shown, said, pattern)

    def run(self, command: Command) -> None:
        status = int(any("failed in" in line for line in command.shown))
        self.said = self.shell(command.text.replace(ADDRESS, self.address), status)
        assert_shown(command.shown, self.said, pattern)
        if found := _SAVED.search(self.said):
            self.world_file = found[1]

    def shell(self, text: str, status: int = 0, folder: Path | None = None) -> str:
        done = subprocess.run(
            ["bash", "-euc", text],  # noqa: S607
            cwd=folder or self.folder,
            env={**self.environment, "PYTEST_DEBUG_TEMPROOT": str(self.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == status, f"{text}\n{done.stdout}"
        return done.stdout

    def json(self, text: str) -> None:
        """What the last command answered."""
        assert json.loads(self.said) == json.loads(text)

    def yaml(self, text: str) -> None:
        """The steps of a run, in one shell, so that the mock ends with it."""
        steps = [_dedented(match[1]) or match[2] for match in _STEP.finditer(text)]
        assert sum("run:" in line for line in text.splitlines()) == len(steps)
        assert INSTALL in steps
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        lines = "\n".join(steps).replace(INSTALL, "").replace("npm test", SUITE)
        lines = lines.replace("mock --clock", f"mock --port {port} --clock")
        lines = lines.replace(ADDRESS, f"http://127.0.0.1:{port}")
        folder = self.folder / "ci"
        folder.mkdir()
        self.shell(f"trap 'kill %1; wait' EXIT\n{lines}", folder=folder)

    # --- tests

    def tests(self) -> None:
        """Runs what is to be run at the end."""
        names = " ".join(self.nameless)
        said = self.shell(f"pytest -q -W error {names}")
        assert " passed in " in said
        assert self.configurations == 2
        for number in range(self.configurations):
            folder = self.folder / f"configured_{number}"
            (folder / "test_settings.py").write_text(
                (self.folder / "test_settings.py").read_text("utf-8"), "utf-8"
            )
            self.shell("pytest -q -W error", folder=folder)


def _dedented(text: str | None) -> str:
    return inspect.cleandoc(text) if text else ""


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_whoever_does_what_the_page_says_sees_what_it_shows(tmp_path: Path) -> None:
    with ExitStack() as stack:
        reader = Reader(tmp_path, stack)
        for block in blocks():
            reader.read(block)
        reader.tests()


def test_every_block_is_of_a_kind_that_is_run() -> None:
    kinds = {block.language for block in blocks()}

    assert kinds == {"console", "diff", "ini", "json", "python", "toml", "yaml"}
    assert PAGE.read_text("utf-8").count("```") == 2 * len(blocks())


def test_every_link_leads_somewhere() -> None:
    assert links_in(PAGE)
    assert dead_links(PAGE) == []


def test_the_tables_made_from_code_are_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == written(), "run: python -m tests.test_mock_docs"


def test_what_is_listed_by_hand_is_all_there_is() -> None:
    text = PAGE.read_text("utf-8")
    count = {13: "thirteen"}[len(RULES)]

    assert f"[{count} rules](#verdict)" in text
    assert set(CLOCKS) == set(get_args(ClockKind))
    assert set(EVIDENCE) == set(get_args(Evidence))


# --- tables made from code ----------------------------------------------------------

CLOCKS: Final = {
    "real": ("as on the wall, or as the event loop has it", "looking at it by hand"),
    "scaled": ("that times `speed`", "demos, and clients that cannot be changed"),
    "frozen": ("only when it is moved", "tests that say what happens when"),
    "per-poll": (
        "`poll_seconds` (15) at each look at a job or at their list",
        "clients in other languages",
    ),
    "auto-skip": (
        "to whatever is due next, once nothing has been asked for 20 ms",
        "tests that only want the end, or callbacks",
    ),
}
EVIDENCE: Final = {
    "documented": "a public page of the provider says so, and is named",
    "inferred": "drawn from such pages, from the provider's own programs, or from a sibling API",
    "invented": "the mock's own choice, where nothing is known",
}


def one_line(text: str | None) -> str:
    """The first paragraph of a docstring."""
    found = " ".join(inspect.cleandoc(text or "").partition("\n\n")[0].split())
    return re.sub(r"; see `(?!mark)[^`]*`", "", found)


def clocks_table() -> str:
    return table(
        ("`clock`", "How time goes by", "Good for"),
        ((f"`{name}`", *CLOCKS[name]) for name in get_args(ClockKind)),
    )


def directives_table() -> str:
    return table(
        ("In a prompt", "At", "What it does"),
        (
            (f"`[[mock {row.example}]]`", row.provider or "both", row.meaning)
            for row in DIRECTIVES.values()
        ),
    )


def errors_table() -> str:
    """The errors on demand, and where what asks for them may stand."""
    found: dict[tuple[str, str, str], tuple[dict[int, None], dict[str, None]]] = {}
    for one in TRIGGERS:
        asks = one.carrier != "prompt" or one.value.startswith(("[[mock refuse=", "[[mock busy="))
        if one.carrier in {"request", "file"} or not asks:
            continue
        busy = one.value.startswith("[[mock busy=")
        statuses, ways = found.setdefault((one.provider, one.meaning, one.evidence), ({}, {}))
        statuses[one.status] = None
        ways[f"`{one.value}`" if busy else one.carrier] = None
    return table(
        ("At", "Status", "Meaning", "Known", "By"),
        (
            (at, code(statuses), meaning.rstrip("."), known, listed(ways))
            for (at, meaning, known), (statuses, ways) in found.items()
        ),
    )


def files_table() -> str:
    return table(
        ("Name of the file", "What it does"),
        ((f"`…/{name}`", row.meaning) for name, row in FILES.items()),
    )


def faults_table() -> str:
    return table(
        ("Fault", "Of", "What happens"),
        (
            (f"`{row.example.partition(':')[2]}`", struck(row.targets), row.meaning)
            for row in KINDS.values()
        ),
    )


def struck(targets: frozenset[Target]) -> str:
    """What a fault can strike, in a few words."""
    if "request" not in targets:
        return listed(sorted(targets))
    left_out = set(TARGETS) - targets - {"callback"}
    return f"any request but {listed(sorted(left_out))}" if left_out else "any request"


def rules_table() -> str:
    return table(
        ("Rule", "Level", "What is known", "Do instead"),
        ((f"`{rule.name}`", rule.level, rule.says, rule.instead) for rule in RULES.values()),
    )


def inbox_table() -> str:
    names = [name for name in vars(Inbox) if name.startswith("assert_")]
    return table(
        ("Name", "What must hold"),
        ((f"`inbox.{name}(…)`", one_line(getattr(Inbox, name).__doc__)) for name in names),
    )


def journal_table() -> str:
    return table(
        ("Line", "What it is"),
        ((f"`{kind.__name__}`", one_line(kind.__doc__)) for kind in LINES.values()),
    )


def settings_table() -> str:
    meanings = dict(attribute_docs(Path(settings.__file__ or ""), "Settings"))
    options = {str(one.name).rstrip("_"): one.opts[0] for one in main.params}
    rows = []
    for name, default in zip(Settings.__struct_fields__, Settings.__struct_defaults__, strict=True):
        option = options.get(name) or options.get(name.removesuffix("_seconds"))
        shown = json.dumps(list(default) if isinstance(default, tuple) else default)
        rows.append(
            (f"`{name}`", f"`{shown}`", f"`{option}`" if option else "", one_line(meanings[name]))
        )
    return table(("Setting", "Default", "`filmgate mock`", "Meaning"), rows)


def attribute_docs(file: Path, name: str) -> Iterator[tuple[str, str]]:
    """The text below each attribute of a class."""
    tree = ast.parse(file.read_text("utf-8"))
    body = next(
        node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name
    )
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            text = after.value if isinstance(after, ast.Expr) else None
            said = text.value if isinstance(text, ast.Constant) else ""
            yield node.target.id, str(said)


def fixtures_table() -> str:
    names = [name for name in plugin.__all__ if not name.startswith("_")]
    return table(
        ("Fixture", "What it is"),
        ((f"`{name}`", one_line(getattr(plugin, name).__doc__)) for name in names),
    )


def marks_table() -> str:
    pairs = (line.split(": ", 1) for line in plugin.MARKS)
    return table(("Mark", "What it does"), ((f"`{name}`", text) for name, text in pairs))


class Options:
    """A parser that only remembers what it is told."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str]] = []

    def getgroup(self, _name: str) -> "Options":
        return self

    def addoption(self, name: str, **given: Any) -> None:
        metavar = given.get("metavar")
        self.rows.append((f"`{name} {metavar}`" if metavar else f"`{name}`", given["help"]))

    def addini(self, name: str, text: str, *_: object, **__: object) -> None:
        self.rows.append((f"`{name} = …`", text))


def options_table() -> str:
    options = Options()
    plugin.pytest_addoption(options)  # type: ignore[arg-type]
    return table(("Option or setting of pytest", "What it does"), options.rows)


def control_table() -> str:
    return table(
        ("Request", "What it does"),
        (
            (f"`{method} /__mock{path}`", one_line(handler.__doc__))
            for method, path, handler in control_rows()
        ),
    )


def evidence_table() -> str:
    return table(("Mark", "What it says"), ((f"`{name}`", text) for name, text in EVIDENCE.items()))


TABLES: Final = {
    "clocks": clocks_table,
    "directives": directives_table,
    "errors": errors_table,
    "files": files_table,
    "faults": faults_table,
    "rules": rules_table,
    "inbox": inbox_table,
    "journal": journal_table,
    "settings": settings_table,
    "fixtures": fixtures_table,
    "marks": marks_table,
    "options": options_table,
    "control": control_table,
    "evidence": evidence_table,
}


def written() -> str:
    """The page with its tables as they should be."""
    return filled(PAGE.read_text("utf-8"), TABLES)


if __name__ == "__main__":
    PAGE.write_text(written(), "utf-8")
