"""What the benches share: a row with its goal, the machine, and the place in the docs."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"


class Figure(NamedTuple):
    """One row of the table."""

    what: str
    measured: str
    goal: str
    met: bool


def show(figure: Figure) -> None:
    """One row, for whoever waits for it."""
    print(
        f"{figure.what:<55} {figure.measured:>12}   {figure.goal:<12} "
        f"{'' if figure.met else 'NOT MET'}",
        flush=True,
    )


def machine() -> str:
    """What the figures were measured on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def write(script: str, figures: Sequence[Figure], note: str = "") -> None:
    """Put the table into the docs, between the marks of this script."""
    begin, end = f"<!-- {script} -->\n", f"<!-- end of {script} -->\n"
    rows = "\n".join(
        f"| {one.what} | {one.measured} | {one.goal} | {'yes' if one.met else '**no**'} |"
        for one in figures
    )
    table = (
        f"Measured by `python {script} --write` on: {machine()}.{note}\n\n"
        f"| what | measured | goal | met |\n|---|---|---|---|\n{rows}\n"
    )
    head, rest = PAGE.read_text(encoding="utf-8").split(begin)
    tail = rest.split(end)[1]
    PAGE.write_text(f"{head}{begin}\n{table}\n{end}{tail}", encoding="utf-8")
