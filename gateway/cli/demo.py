"""`filmgate demo`: the whole road once, on this machine, with nothing to pay.

Mock providers and gateway run as processes of their own, as they would in real life; the
demo only speaks the public API.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from gateway.net.client import GatewayClient

FAILED: Final = 1
START_SECONDS: Final = 30.0
PATIENCE: Final = 90.0
KEY: Final = "filmgate-demo-key"
LISTENING: Final = re.compile(r"listening on (http://\S+)")

PROMPTS: Final = {
    "useapi-pixverse": "The sun sinks and the harbour lights come on",
    "pictory": "Waves roll towards the camera at noon",
}


@click.command()
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo-output"),
    show_default=True,
    help="Where to put pictures and videos.",
)
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    metavar="FACTOR",
    default=15.0,
    show_default=True,
    help="Mock seconds per second.",
)
@click.option("--keep", is_flag=True, help="Leave gateway and mock providers running afterwards.")
def command(*, output: Path, speed: float, keep: bool) -> None:
    """Make two videos end to end, on mock providers.

    First and last frame go to the PixVerse account, a first frame to the Pictory account.
    """
    from rich.console import Console  # noqa: PLC0415 - only when it runs

    from gateway.net.client import ClientError, GatewayClient  # noqa: PLC0415

    console = Console(highlight=False)
    # What was started ends with the demo, however it is told to end.
    signal.signal(signal.SIGTERM, _terminated)
    try:
        output.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="filmgate-demo-")))
            dawn, dusk = draw_pictures(output)
            mock = stack.enter_context(mock_process(home, speed))
            gate = stack.enter_context(gateway_process(home, mock))
            console.print(
                f"mock providers  {mock}\ngateway         {gate}  (reference: {gate}/docs)"
            )
            client = stack.enter_context(GatewayClient(gate, KEY))
            wanted = [
                _wanted("useapi-pixverse/v3.5", first_frame=dawn, last_frame=dusk),
                _wanted("pictory/pixverse5.5", first_frame=dawn),
            ]
            videos = _watch(console, client, [client.create(body)["id"] for body in wanted])
            for video in videos:
                _tell(console, client, video, output)
            if keep:
                _stay(console, gate)
    except (ClientError, DemoError, OSError) as error:
        console.print("[red]the demo failed:[/]", end=" ")
        # What programs say is no markup: [brackets] in it are theirs.
        console.print(str(error), markup=False, soft_wrap=True)
        sys.exit(FAILED)
    sys.exit(0 if all(video["status"] == "completed" for video in videos) else FAILED)


def _terminated(*_: object) -> None:
    sys.exit(128 + signal.SIGTERM)


class DemoError(Exception):
    """Something the demo needs did not come about."""


def _wanted(model: str, **frames: Path) -> dict[str, Any]:
    provider = model.partition("/")[0]
    return {"model": model, "prompt": PROMPTS[provider], "seconds": 5, **frames}


def draw_pictures(folder: Path) -> tuple[Path, Path]:
    """Two pictures of the same bay, one at dawn and one at dusk."""
    try:
        from PIL import Image, ImageDraw  # noqa: PLC0415
    except ImportError:
        raise DemoError("it needs an extra: pip install 'filmgate[mock]'") from None
    skies = {
        "dawn.png": ((252, 214, 150), (120, 170, 220), (470, 210)),
        "dusk.png": ((216, 92, 70), (24, 26, 66), (820, 330)),
    }
    paths = []
    for name, (low, high, sun) in skies.items():
        picture = Image.new("RGB", (1280, 720))
        pen = ImageDraw.Draw(picture)
        for y in range(430):
            share = y / 430
            pen.line(
                (0, y, 1280, y),
                fill=tuple(round(h + (w - h) * share) for h, w in zip(high, low, strict=True)),
            )
        pen.ellipse((sun[0] - 60, sun[1] - 60, sun[0] + 60, sun[1] + 60), fill=(255, 246, 214))
        for y in range(430, 720):
            share = (y - 430) / 290
            pen.line((0, y, 1280, y), fill=tuple(round(c * (0.55 - 0.35 * share)) for c in low))
        pen.polygon([(0, 430), (260, 300), (420, 430)], fill=(40, 52, 58))
        pen.polygon([(900, 430), (1090, 340), (1280, 430)], fill=(34, 44, 52))
        path = folder / name
        picture.save(path)
        paths.append(path)
    return paths[0], paths[1]


@contextmanager
def mock_process(home: Path, speed: float) -> Iterator[str]:
    """Run the mock providers; their origin."""
    arguments = ["-m", "mockserver", "--port", "0", "--speed", str(speed)]
    with _process(arguments, home / "mock.log", {}) as origin:
        yield origin


@contextmanager
def gateway_process(home: Path, mock: str) -> Iterator[str]:
    """Run a gateway with an account at each mock provider; its URL."""
    config = home / "filmgate.toml"
    config.write_text(settings(mock), encoding="utf-8")
    arguments = ["-m", "gateway", "serve", "--config", str(config), "--port", "0"]
    with _process(arguments, home / "gateway.log", _mock_keys() | {"FILMGATE_KEY": KEY}) as origin:
        yield origin


def settings(mock: str) -> str:
    """The configuration the demo runs on: the same form as in real life."""
    from mockserver import pictory, pixverse  # noqa: PLC0415

    return f"""\
[server]
api_keys = ["env:FILMGATE_KEY"]
[log]
format = "json"
[[accounts]]
name = "pixverse-a"
provider = "useapi-pixverse"
api_key = "env:USEAPI_TOKEN"
email = "ops@example.com"
base_url = "{mock}{pixverse.BASE_PATH}"
[[accounts]]
name = "pictory-main"
provider = "pictory"
api_key = "env:PICTORY_API_KEY"
base_url = "{mock}{pictory.BASE_PATH}"
[routes]
default = ["useapi-pixverse/v3.5", "pictory/pixverse5.5"]
[network]
allow_private = ["127.0.0.0/8"]
"""


def _mock_keys() -> dict[str, str]:
    from mockserver import pictory, pixverse  # noqa: PLC0415

    return {"USEAPI_TOKEN": pixverse.EXAMPLE_TOKEN, "PICTORY_API_KEY": pictory.EXAMPLE_KEY}


@contextmanager
def _process(arguments: Sequence[str], log: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """A Python program of ours that says where it listens, until the block ends."""
    with log.open("w", encoding="utf-8") as said:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
            [sys.executable, *arguments],
            stdout=said,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            # Ctrl-C is for the demo, which then ends its processes in order.
            start_new_session=True,
        )
        try:
            yield _listening(process, log)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _listening(process: "subprocess.Popen[bytes]", log: Path) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        found = LISTENING.search(log.read_text(encoding="utf-8"))
        if found:
            return found.group(1)
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise DemoError(f"a process did not start:\n{log.read_text(encoding='utf-8')[-2000:]}")


def _watch(console: "Console", client: "GatewayClient", ids: Sequence[str]) -> list[dict[str, Any]]:
    """Show the jobs live until all have ended; the jobs as they then stand."""
    from rich.live import Live  # noqa: PLC0415

    began = time.monotonic()
    with Live(console=console, refresh_per_second=8, transient=not console.is_terminal) as live:
        while True:
            videos = [client.read(video_id) for video_id in ids]
            elapsed = time.monotonic() - began
            live.update(_table(videos, elapsed))
            if all(video["status"] in {"completed", "failed"} for video in videos):
                return videos
            if elapsed > PATIENCE:
                raise DemoError(f"no end after {PATIENCE:g} s: {[one['phase'] for one in videos]}")
            time.sleep(0.2)


def _table(videos: Sequence[dict[str, Any]], elapsed: float) -> "RenderableType":
    from rich.table import Table  # noqa: PLC0415

    from gateway.cli.generate import phase_words  # noqa: PLC0415

    table = Table(title=f"{elapsed:.1f} s", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name, width in (("model", 20), ("phase", 16), ("at the provider", None)):
        table.add_column(name, no_wrap=True, min_width=width)
    for video in videos:
        table.add_row(video["model"], phase_words(video), video["upstream_id"] or "not yet")
    return table


def _tell(console: "Console", client: "GatewayClient", video: dict[str, Any], folder: Path) -> None:
    """Save one video, print its facts and its history."""
    console.print(f"\n[bold]{video['model']}[/]  {video['prompt']}")
    if video["status"] == "completed":
        path = folder / f"{video['provider']}.mp4"
        size = client.save(video["id"], path)
        facts = f"{path}  {size / 1e6:.2f} MB\n  {probe(path)}"
    else:
        facts = f"failed: {video['error']}"
    console.print(f"  {facts}\n  {video['id']}", markup=False, soft_wrap=True)
    start = datetime.fromisoformat(video["timeline"][0]["at"])
    for moment in video["timeline"]:
        after = (datetime.fromisoformat(moment["at"]) - start).total_seconds()
        # Whole on a terminal of 80 columns but for provider ids, which are cut there.
        words = f"{after:6.2f} s  {moment['event']:<12}  {moment['phase']:<16}  {moment['detail']}"
        console.print(
            f"  {words.rstrip()}",
            markup=False,
            overflow="ellipsis" if console.is_terminal else "ignore",
            no_wrap=True,
            crop=console.is_terminal,
        )


def probe(path: Path) -> str:
    """What a player would say about a video file, every frame of it decoded."""
    import av  # noqa: PLC0415 - slow to import

    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        frames = sum(1 for _ in file.decode(stream))
        seconds = float(stream.duration * stream.time_base)  # type: ignore[operator]
        context = stream.codec_context
        return (
            f"{context.name}, {context.profile or 'no profile'}, {context.pix_fmt}  "
            f"{context.width}x{context.height}  {seconds:g} s  {frames} frames"
        )


def _stay(console: "Console", gate: str) -> None:
    console.print(f"\nStill running: {gate}  key: {KEY}   (Ctrl-C ends it)")
    try:
        signal.pause()
    except KeyboardInterrupt:
        console.print("ending")
