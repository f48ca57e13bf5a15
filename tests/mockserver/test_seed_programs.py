"""Programs that nobody here wrote, from the providers' own pages, run against a served mock.

The pages are not part of this repository: they are read from `shared/seeds` beside it, where that
exists. Programs run as printed; only base URL, key and upload placeholders are replaced, and node
is given a `setTimeout` that runs as much faster as the mock's clock does.
"""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from tests.mockserver.drivers import png
from tests.mockserver.served import REPOSITORY, served

SPEED = 100
SEEDS = REPOSITORY.parent / "shared" / "seeds"
PICTORY, USEAPI = "https://api.pictory.ai", "https://api.useapi.net"
KEY, TOKEN = "pictai_seeds", "user:77-seeds"

PAGES = [page.read_text() for page in sorted(SEEDS.glob("*.txt"))] if SEEDS.is_dir() else []
GUIDES = [page for page in PAGES if 'import axios from "axios";' in page]
NAMES = [re.findall(r"async function (\w+)", page)[0] for page in GUIDES]
PACKAGE = '{"type": "module", "private": true}'
PRELOAD = f"""
const real = globalThis.setTimeout;
globalThis.setTimeout = (run, wait, ...rest) => real(run, wait / {SPEED}, ...rest);
"""

pytestmark = pytest.mark.skipif(not PAGES, reason=f"no seed pages in {SEEDS}")
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def between(text: str, start: str, end: str) -> str:
    """From the first `start` to the first `end` after it, both included."""
    found = re.search(re.escape(start) + r".*?" + re.escape(end), text, re.DOTALL)
    assert found, f"the page has no {start!r} ... {end!r}"
    return found[0]


def guide_program(page: str) -> str:
    """The blocks of a guide's three steps, in order."""
    return "\n".join(
        [
            between(page, 'import axios from "axios";', "\n};\n"),
            between(page, "async function generate", "\n}\n")
            if "async function generate" in page
            else between(page, "async function extend", "\n}\n"),
            between(page, "async function waitForVideo", 'console.error("Error:", error));'),
        ]
    )


def page_with(text: str) -> str:
    """The one page that holds the text."""
    (page,) = [page for page in PAGES if text in page]
    return page


def run(*command: str, cwd: Path) -> str:
    """What the program prints; it must end well and may not use a proxy for loopback."""
    environment = os.environ | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


MOUNTED = f"""
import socket, uvicorn
from litestar import Litestar, asgi
from mockserver import Account, MockServer, Settings
accounts = (Account(email="ops@example.com", max_jobs=8),)
mock = MockServer(Settings(clock="scaled", speed={SPEED}, accounts=accounts))
app = Litestar([asgi("/mock", is_mount=True)(mock.app)], openapi_config=None)
listening = socket.create_server(("127.0.0.1", 0))
print("listening on http://%s:%s/mock" % listening.getsockname(), flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])
"""
"""The mock as a part of somebody's own server."""


@contextmanager
def mounted() -> Iterator[str]:
    """The URL under which the mock is mounted in another application."""
    with subprocess.Popen(
        [sys.executable, "-c", MOUNTED], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


@pytest.fixture(scope="module", params=["served", "mounted"])
def mock(request: pytest.FixtureRequest) -> Iterator[str]:
    """The mock in each way that listens on a socket."""
    if request.param == "mounted":
        with mounted() as url:
            yield url
    else:
        with served("--speed", str(SPEED), "--account", "ops@example.com=8") as (url, _):
            yield url


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """A `node_modules` with axios, kept between runs where pytest keeps its cache."""
    cache: pytest.Cache | None = getattr(pytestconfig, "cache", None)
    kept = tmp_path_factory.mktemp("seeds") if cache is None else cache.mkdir("seeds")
    home = kept / "node_modules"
    if home.is_dir():
        return home
    if (npm := shutil.which("npm")) is None:
        pytest.skip("npm is not installed")
    quiet = ("--no-audit", "--no-fund", "--fetch-retries=0", "--fetch-timeout=20000")
    with TemporaryDirectory(dir=kept) as fresh:
        Path(fresh, "package.json").write_text(PACKAGE)
        installed = subprocess.run(
            [npm, "install", "axios", *quiet],
            cwd=fresh,
            capture_output=True,
            text=True,
            check=False,
        )
        if installed.returncode:
            pytest.skip(f"npm could not install axios: {installed.stderr.strip()[-200:]}")
        # Another worker may have been first; whoever looks sees all of it or nothing.
        with suppress(OSError):
            Path(fresh, "node_modules").rename(home)
    return home


@pytest.fixture
def workshop(modules: Path, tmp_path: Path) -> Path:
    """A folder of the test's own for a program that uses axios."""
    (tmp_path / "node_modules").symlink_to(modules)
    (tmp_path / "package.json").write_text(PACKAGE)
    (tmp_path / "preload.cjs").write_text(PRELOAD)
    return tmp_path


@pytest.fixture
def frames(mock: str) -> tuple[str, str]:
    """The paths of two uploaded pictures."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "image/png"}
    answers = [
        httpx.post(
            f"{mock}/v2/pixverse/files", content=png(colour), headers=headers, trust_env=False
        )
        for colour in ("red", "blue")
    ]
    first, last = (answer.json()["result"][0]["path"] for answer in answers)
    return first, last


def last_request(mock: str) -> tuple[str, int]:
    lines = httpx.get(f"{mock}/__mock/journal", trust_env=False).json()["lines"]
    entry = [line for line in lines if line["line"] == "exchange"][-1]
    return entry["operation"], entry["status"]


def guided(page: str, base: str, workshop: Path) -> str:
    """What a guide's program prints when it is run against a base URL."""
    program = guide_program(page).replace(PICTORY, base).replace("YOUR_API_KEY", KEY)
    assert program.count(base) == 1
    (workshop / "guide.js").write_text(program)
    return run("node", "--require", "./preload.cjs", "guide.js", cwd=workshop)


@needs_node
@pytest.mark.parametrize("page", GUIDES, ids=NAMES)
def test_a_guide_polls_its_video_to_the_end(mock: str, workshop: Path, page: str) -> None:
    said = guided(page, mock, workshop)

    assert "Status: in-progress" in said
    assert "Status: completed" in said
    assert said.rstrip().endswith("Done!")
    assert re.search(r"AI Credits Used: 12\.8\b", said)
    url = re.search(r"Video URL: (\S+)", said)
    assert url is not None
    film = httpx.get(url[1], trust_env=False)
    assert film.headers["content-type"] == "video/mp4"
    assert film.content[4:8] == b"ftyp"


@needs_curl
def test_the_curl_line_of_the_reference_page_makes_a_job(mock: str, tmp_path: Path) -> None:
    page = page_with("Generate Video API creates")
    command = between(page, "curl --request POST \\\n  --url 'https", "}'")
    said = run(
        "bash", "-c", command.replace(PICTORY, mock).replace("YOUR_API_KEY", KEY), cwd=tmp_path
    )

    assert '"jobId"' in said
    assert last_request(mock) == ("pictory.generate_video", 200)


@needs_curl
def test_the_curl_line_for_frames_makes_a_video(
    mock: str, tmp_path: Path, frames: tuple[str, str]
) -> None:
    page = page_with("create-frames-v3")
    command = between(page, 'curl -H "Accept', "}'").replace(USEAPI, mock)
    command = command.replace("Bearer …", f"Bearer {TOKEN}")
    for name, path in zip(("first", "last"), frames, strict=True):
        command = command.replace(f'"{name}_frame_path": "…"', f'"{name}_frame_path": "{path}"')
    said = run("bash", "-c", command, cwd=tmp_path)

    assert '"video_id":"user:77-pixverse:' in said
    assert last_request(mock) == ("pixverse.create_frames_v3", 200)


def filled(program: str, mock: str, frames: tuple[str, str]) -> str:
    """An example of the frames page with its placeholders filled in."""
    program = program.replace(USEAPI, mock).replace('"API token"', f'"{TOKEN}"')
    for name, path in zip(("first", "last"), frames, strict=True):
        program = program.replace(f"provide path of uploaded {name} image via POST /files", path)
    return program


@needs_node
def test_the_javascript_for_frames_makes_a_video(
    mock: str, tmp_path: Path, frames: tuple[str, str]
) -> None:
    page = page_with("create-frames-v3")
    program = between(page, 'const prompt = "text prompt";', "{response, result});")
    (tmp_path / "frames.mjs").write_text(filled(program, mock, frames))

    assert "video_id: 'user:77-pixverse:" in run("node", "frames.mjs", cwd=tmp_path)
    assert last_request(mock) == ("pixverse.create_frames_v3", 200)


def test_the_python_for_frames_makes_a_video(
    mock: str, tmp_path: Path, frames: tuple[str, str]
) -> None:
    page = page_with("create-frames-v3")
    printed = between(page, "import requests", "print(response, response.json())")
    first, _, rest = printed.partition("\n")
    program = f"{first}\n{textwrap.dedent(rest)}"
    (tmp_path / "frames.py").write_text(filled(program, mock, frames))

    assert "<Response [200]> {'video_id': 'user:77-pixverse:" in run(
        sys.executable, "frames.py", cwd=tmp_path
    )
    assert last_request(mock) == ("pixverse.create_frames_v3", 200)


def troubled(mock: str, name: str, *faults: str) -> str:
    """The base URL of a world of its own, in which things go wrong."""
    settings = {"faults": faults}
    answer = httpx.post(f"{mock}/__mock/worlds/{name}", json=settings, trust_env=False)
    assert answer.status_code == 201, answer.text
    return f"{mock}/~{name}"


SLOW = ("submit:slow=20s", "poll:late=10s", "download:trickle=30s")
"""What even a simple program survives: nothing is lost, all of it takes long."""


@needs_node
@pytest.mark.parametrize("page", GUIDES, ids=NAMES)
def test_a_guide_gets_its_video_from_a_slow_provider_too(
    mock: str, workshop: Path, page: str
) -> None:
    base = troubled(mock, "slow", *SLOW)
    said = guided(page, base, workshop)

    assert said.rstrip().endswith("Done!")
    url = re.search(r"Video URL: (\S+)", said)
    assert url is not None
    assert url[1].startswith(f"{base}/media/")
    assert httpx.get(url[1], trust_env=False).content[4:8] == b"ftyp"


@needs_node
@pytest.mark.parametrize("page", GUIDES, ids=NAMES)
def test_a_guide_that_gives_up_on_a_paid_job_is_caught(
    mock: str, workshop: Path, page: str
) -> None:
    base = troubled(mock, "broken", "poll#2:reset")
    said = guided(page, base, workshop)
    httpx.post(f"{base}/__mock/clock/advance", json={"by": "1h"}, trust_env=False)

    ledger = httpx.get(f"{base}/__mock/ledger", trust_env=False).json()
    verdict = httpx.get(f"{base}/__mock/verdict", trust_env=False).json()
    assert "Done!" not in said
    assert [charge["amount"] for charge in ledger["charges"]] == [128]
    assert "gave-up-on-a-live-job" in [finding["rule"] for finding in verdict["findings"]]
