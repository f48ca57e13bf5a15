"""What is handed out: wheel, image, lock files, version. No container engine is needed."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatchcase
from importlib import metadata
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from gateway.config import Settings, load
from tests.gateway.cli.programs import filmgate, serving

ROOT: Final = Path(__file__).parents[1]
PACKAGES: Final = ("gateway", "providers", "mockserver")
LOCKS: Final = ("requirements.lock", "requirements-runtime.lock", "requirements-build.lock")
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())


class Step(NamedTuple):
    """One instruction of the Dockerfile."""

    name: str
    words: str

    @property
    def listed(self) -> list[str]:
        """The words of an instruction in JSON form."""
        found = re.search(r"\[.*\]$", self.words)
        assert found is not None, self
        listed: list[str] = json.loads(found.group())
        return listed


def stages() -> list[list[Step]]:
    """The Dockerfile's instructions, stage by stage."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    found: list[list[Step]] = []
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, words = line.strip().partition(" ")
            if name == "FROM":
                found.append([])
            found[-1].append(Step(name, " ".join(words.split())))
    return found


def only(name: str) -> Step:
    """The one instruction of this name in the stage that runs."""
    (step,) = (step for step in stages()[-1] if step.name == name)
    return step


def copied(stage: list[Step]) -> list[str]:
    """What a stage takes from the build context."""
    steps = [step.words.split() for step in stage if step.name == "COPY"]
    return [source for words in steps if "--from" not in words[0] for source in words[:-1]]


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps this path out of the build context: the last match decides."""
    verdict = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        rule = line.removeprefix("!").removeprefix("**/")
        parents = [str(path), *map(str, Path(path).parents)]
        names = [part for one in parents for part in (one, Path(one).name)]
        if any(fnmatchcase(name, rule) for name in (names if "**/" in line else parents)):
            verdict = not line.startswith("!")
    return verdict


# --- the image ----------------------------------------------------------------------


def test_what_the_image_is_built_from_is_there_and_is_not_ignored() -> None:
    builder, runtime = stages()

    assert copied(runtime) == []
    assert {*PACKAGES, "pyproject.toml"} <= {*copied(builder)}
    for source in copied(builder):
        assert (ROOT / source).exists(), source
        assert not ignored(source), source


@pytest.mark.parametrize(
    "path",
    [
        "filmgate.toml",
        "filmgate.db",
        ".env",
        ".git/config",
        ".venv/bin/python",
        "filmgate-media/aa/aabb",
        "gateway/.env",
        "gateway/__pycache__/app.cpython-312.pyc",
        "tests/test_packaging.py",
    ],
)
def test_what_is_not_named_stays_out_of_the_image(path: str) -> None:
    assert ignored(path)


@pytest.mark.parametrize(
    "path", ["gateway/app.py", "gateway/console/templates/reference.html", "LICENSE"]
)
def test_what_is_named_goes_in(path: str) -> None:
    assert not ignored(path)


def test_the_image_installs_hashed_locks_only() -> None:
    installs = [
        words
        for stage in stages()
        for step in stage
        if step.name == "RUN"
        for part in step.words.split("&&")
        if "install" in (words := shlex.split(part)) and words[0].endswith("pip")
    ]

    assert len(installs) == 3
    assert all({"--require-hashes"} & {*words} or {"--no-index"} & {*words} for words in installs)


def test_the_container_runs_without_root_and_keeps_its_data_in_a_volume() -> None:
    steps = stages()[-1]
    settings = dict(re.findall(r"(\S+)=(\S+)", only("ENV").words))

    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", only("USER").words)
    assert only("VOLUME").words == "/data"
    assert settings["FILMGATE_DATA"] == "/data"
    names = [step.name for step in steps]
    assert names.index("USER") > max(i for i, name in enumerate(names) if name in {"RUN", "COPY"})


def settings_in_the_image(tmp_path: Path, text: str, **given: str) -> Settings:
    """What a gateway in the container goes by when this file is mounted."""
    variables = dict(re.findall(r"(\S+)=(\S+)", only("ENV").words))
    mounted = tmp_path / "filmgate.toml"
    mounted.write_text(text)
    return load(mounted, {**variables, **given}, {}, accounts_required=False)


def test_the_container_keeps_everything_in_its_volume_unless_a_file_says_otherwise(
    tmp_path: Path,
) -> None:
    # The shipped file is empty.
    settings = settings_in_the_image(tmp_path, "")
    assert settings.database.path == Path("/data/filmgate.db")
    assert settings.media.directory == Path("/data/filmgate-media")

    mounted = '[database]\nurl = "postgresql://filmgate@db/filmgate"\n[media]\ndirectory = "/films"'
    settings = settings_in_the_image(tmp_path, mounted)
    assert settings.database.url == "postgresql://filmgate@db/filmgate"
    assert settings.media.directory == Path("/films")

    other = "postgresql://filmgate@other/filmgate"
    settings = settings_in_the_image(tmp_path, mounted, FILMGATE__DATABASE__URL=other)
    assert settings.database.url == other


def test_the_entry_command_exists_and_starts_only_with_keys(tmp_path: Path) -> None:
    (entry,) = only("ENTRYPOINT").listed
    assert PROJECT["project"]["scripts"][entry] == "gateway.cli:main"
    assert filmgate("--version", cwd=tmp_path).returncode == 0

    (tmp_path / "filmgate.toml").touch()
    done = filmgate(
        *only("CMD").listed, cwd=tmp_path, FILMGATE_CONFIG=str(tmp_path / "filmgate.toml")
    )

    assert done.returncode == 2
    assert "server.api_keys" in done.stderr
    assert "accounts" in done.stderr


def test_the_image_reads_the_configuration_where_it_is_mounted() -> None:
    settings = dict(re.findall(r"(\S+)=(\S+)", only("ENV").words))
    compose = (ROOT / "compose.yaml").read_text()

    assert f":{settings['FILMGATE_CONFIG']}:ro" in compose
    assert f":{only('VOLUME').words}\n" in compose
    for line in ("read_only: true", "no-new-privileges:true", "- ALL"):
        assert line in compose


def healthy(port: int, folder: Path) -> int:
    """The exit status of the image's health check, asked of a port of this machine."""
    program, *arguments = only("HEALTHCHECK").listed
    assert program == "python"
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={"FILMGATE__SERVER__PORT": str(port), "http_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        timeout=20,
        check=False,
    ).returncode


def test_the_health_check_tells_a_gateway_from_none(tmp_path: Path) -> None:
    with serving("serve", "--mock", "--port", "0", cwd=tmp_path) as gate:
        assert gate.port == int(gate.url.rpartition(":")[2])
        assert healthy(gate.port, tmp_path) == 0

    assert healthy(gate.port, tmp_path) != 0


# --- the wheel ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as opened:
        yield opened


def test_the_wheel_holds_the_three_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    info = f"filmgate-{PROJECT['project']['version']}.dist-info"
    held = {name for name in wheel.namelist() if not name.startswith(info)}
    there = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }

    assert held == there
    assert {
        "gateway/console/templates/reference.html",
        "gateway/console/static/reference.css",
    } <= held
    assert any(re.fullmatch(r"gateway/storage/migrations/versions/\w+\.py", name) for name in held)
    assert {Path(name).suffix for name in held} <= {
        ".py",
        ".html",
        ".css",
        ".js",
        ".svg",
        ".mako",
        ".typed",
    }


def test_the_wheel_carries_licence_and_command_and_runs_nothing(wheel: zipfile.ZipFile) -> None:
    info = f"filmgate-{PROJECT['project']['version']}.dist-info"
    about = wheel.read(f"{info}/METADATA").decode()

    assert wheel.read(f"{info}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert "filmgate = gateway.cli:main" in wheel.read(f"{info}/entry_points.txt").decode()
    assert "License-Expression: Apache-2.0" in about
    assert not any(name.endswith((".pth", ".so")) for name in wheel.namelist())


def test_the_gpl_stays_in_the_extra_for_the_mock_providers() -> None:
    runtime = (ROOT / "requirements-runtime.lock").read_text()

    assert not re.search(r"^(av|pillow)==", runtime, re.MULTILINE)
    assert any(
        name.startswith("av") for name in PROJECT["project"]["optional-dependencies"]["mock"]
    )


# --- lock files, version ------------------------------------------------------------


def pins(lock: str) -> dict[str, str]:
    """The packages of a lock file: name -> what is said about it."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / lock).read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return {line.split("==")[0]: line for line in lines}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_every_package_with_hashes_and_names_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()

    assert "://" not in text
    assert "@" not in text
    assert pins(lock)
    for line in pins(lock).values():
        assert re.fullmatch(r"[a-z0-9._-]+==\S+( ; .+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*", line)


@pytest.mark.parametrize("lock", LOCKS[1:])
def test_the_image_gets_the_versions_that_are_tested(lock: str) -> None:
    def version(line: str) -> str:
        return line.split(maxsplit=1)[0]

    tested = pins(LOCKS[0])

    assert {version(line) for line in pins(lock).values()} <= {*map(version, tested.values())}


def test_the_runtime_lock_holds_every_dependency() -> None:
    wanted = {re.split(r"[<>=~!\[ ]", one)[0].lower() for one in PROJECT["project"]["dependencies"]}

    assert wanted <= pins("requirements-runtime.lock").keys()


def test_everybody_says_the_same_version(tmp_path: Path) -> None:
    version = PROJECT["project"]["version"]
    newest = re.search(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert newest is not None
    assert newest.group(1) == version
    assert metadata.version("filmgate") == version
    assert filmgate("--version", cwd=tmp_path).stdout == f"filmgate {version}\n"
