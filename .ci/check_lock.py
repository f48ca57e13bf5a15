"""Are the lock files what pyproject.toml asks for? `--write` makes them so.

They hold names, versions and hashes only: no index address.
"""

import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Final

LOCK: Final = "requirements.lock"
CONSTRAINED: Final = ("--constraint", LOCK)

LOCKS: Final[dict[str, tuple[str, ...]]] = {
    LOCK: ("pyproject.toml", "--group", "dev", "--extra", "mock"),
    "requirements-runtime.lock": ("pyproject.toml", "--extra", "postgres", *CONSTRAINED),
    "requirements-build.lock": ("-", *CONSTRAINED),
}
"""Each lock file and what it is made from (`-` is what builds the wheel).

The first is all that work on the project needs. The other two are for the container image,
and hold the same versions of less.
"""

COMPILE: Final = (
    "pip", "compile", "--universal", "--python-version", "3.11", "--generate-hashes",
    "--no-emit-index-url", "--no-header", "--quiet",
)  # fmt: skip


def compiled() -> dict[str, str]:
    """The locks as they should be; versions already pinned are kept where they still fit."""
    uv = Path(sys.executable).with_name("uv")
    with Path("pyproject.toml").open("rb") as file:
        builders = "\n".join(tomllib.load(file)["build-system"]["requires"])
    with tempfile.TemporaryDirectory() as folder:
        for name, sources in LOCKS.items():
            out = Path(folder) / name
            if Path(name).exists():
                shutil.copy(name, out)
            told = [str(Path(folder, LOCK)) if source == LOCK else source for source in sources]
            command = [str(uv), *COMPILE, *told, "-o", str(out)]
            subprocess.run(command, check=True, input=builders, text=True)  # noqa: S603
        return {name: Path(folder, name).read_text().replace(f"{folder}/", "") for name in LOCKS}


def main() -> int:
    """0 when the locks are in step (or were written), 1 when one is not."""
    status = 0
    for name, wanted in compiled().items():
        path = Path(name)
        if "--write" in sys.argv:
            path.write_text(wanted)
        elif "://" in wanted or not path.exists() or path.read_text() != wanted:
            sys.stderr.write(f"{name} is out of step: run `make lock`\n")
            status = 1
    return status


if __name__ == "__main__":
    raise SystemExit(main())
