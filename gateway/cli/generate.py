"""`filmgate generate`: one video through a running gateway, from the command line."""

import os
import re
import shlex
import sys
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gateway.cli.request import check_meaning, gateway_options, given, request_options
from gateway.model.ids import new_id

if TYPE_CHECKING:
    from gateway.net.client import GatewayClient

FAILED: Final = 1
UNUSABLE: Final = 2
INTERRUPTED: Final = 130
LOOK_SECONDS: Final = 0.5
GRACE: Final = 60
"""Looks in a row that may go unanswered before giving up; the job goes on all the same."""
LONGEST_PAUSE: Final = 4.0
"""Seconds between two tries to ask for a video, unless the gateway says more."""

_KEY: Final = re.compile(r"[!-~]{1,255}")


def _sendable(_: click.Context, param: click.Parameter, key: str | None) -> str | None:
    """An idempotency key that a header can hold."""
    if key is not None and not _KEY.fullmatch(key):
        raise click.BadParameter("1 to 255 visible ASCII characters, no blanks", param=param)
    return key


@click.command()
@click.argument("prompt", required=False)
@request_options
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    default=Path("out.mp4"),
    show_default=True,
    help="Where to write the MP4.",
)
@click.option("--resume", metavar="VIDEO_ID", help="Wait for a video that was asked for before.")
@click.option(
    "--idempotency-key",
    metavar="KEY",
    callback=_sendable,
    help="A name for this request: asked again under it, no second video is made.",
)
@gateway_options
def command(
    *,
    prompt: str | None,
    output: Path,
    resume: str | None,
    idempotency_key: str | None,
    url: str,
    key: str | None,
    **choices: Any,
) -> None:
    """Make one video through a running gateway.

    Submits it, shows progress, saves the MP4. Ctrl-C leaves the job running at the gateway
    and says how to come back to it.
    """
    from gateway.net.client import ClientError, GatewayClient  # noqa: PLC0415

    wanted = given({"prompt": prompt, **choices})
    if resume and (wanted or idempotency_key):
        raise click.UsageError("--resume waits for a video as it was asked for: name nothing else")
    if not resume:
        check_meaning(wanted)
    _check_place(output)
    try:
        with GatewayClient(url, key) as client:
            video_id = resume or _create(client, wanted, idempotency_key or new_id("generate"))
            try:
                _finish(client, video_id, output)
            except KeyboardInterrupt:
                click.echo(f"\nThe job goes on. {_come_back(video_id, output, url)}", err=True)
                sys.exit(INTERRUPTED)
            except ClientError as error:
                lost = error.status == HTTPStatus.NOT_FOUND
                hint = "" if lost else f"\n{_come_back(video_id, output, url)}"
                click.echo(f"filmgate: {error}{hint}", err=True)
                sys.exit(UNUSABLE)
    except ClientError as error:
        click.echo(f"filmgate: {error}", err=True)
        sys.exit(UNUSABLE)


def _check_place(output: Path) -> None:
    """Whether the video can be written at all: to be found out before it is paid for."""
    folder = output.absolute().parent
    if not folder.is_dir():
        raise click.UsageError(f"there is no folder {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise click.UsageError(f"the folder {folder} is not writable")


def _create(client: "GatewayClient", wanted: dict[str, Any], key: str) -> str:
    """Submit; the id of the job."""
    from gateway.net.client import ClientError  # noqa: PLC0415

    body = wanted
    try:
        with client.holding(wanted, lasting=True) as body:
            return str(_asked(client, body, key)["id"])
    except KeyboardInterrupt:
        click.echo(
            "\nInterrupted before the gateway answered: it may have taken the job. "
            f"{_ask_again(key, body, wanted)}",
            err=True,
        )
        sys.exit(INTERRUPTED)
    except ClientError as error:
        if not error.unknown:
            raise
        click.echo(f"filmgate: {error}\n{_ask_again(key, body, wanted)}", err=True)
        sys.exit(UNUSABLE)


def _asked(client: "GatewayClient", body: dict[str, Any], key: str) -> dict[str, Any]:
    """The accepted job; short silences of the gateway are sat out as `changes` does.

    Its answer may be what was lost, so it is asked under one key each time.
    """
    from gateway.net.client import ClientError  # noqa: PLC0415

    patience, pause = GRACE * LOOK_SECONDS, LOOK_SECONDS
    said = unknown = False
    while True:
        try:
            return client.create(body, key)
        except ClientError as error:
            # However this try ended, one before it may have been taken.
            unknown = error.unknown = error.unknown or unknown
            if error.retry_after is None:
                raise
            wait = max(pause, error.retry_after)
            patience -= wait
            if patience < 0:
                raise
            if not said:
                said = True
                click.echo(
                    f"filmgate: {error}\nAsking again for up to {patience + wait:g} s, "
                    "under one key: it is made once.",
                    err=True,
                )
        time.sleep(wait)
        pause = min(2 * pause, LONGEST_PAUSE)


def changes(client: "GatewayClient", video_id: str) -> Iterator[dict[str, Any]]:
    """The job at each look, until it has ended; short silences of the gateway are sat out."""
    from gateway.net.client import ClientError  # noqa: PLC0415

    silent = 0
    while True:
        try:
            video = client.read(video_id)
            silent = 0
        except ClientError as error:
            silent += 1
            if error.status or silent > GRACE:
                raise
        else:
            yield video
            if video["status"] in {"completed", "failed"}:
                return
        time.sleep(LOOK_SECONDS)


def _finish(client: "GatewayClient", video_id: str, output: Path) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
    )
    last: dict[str, Any] = {}
    told: str | None = None
    live = console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=not live) as bar:
        task = bar.add_task(video_id, total=None)
        for last in changes(client, video_id):
            words = phase_words(last)
            if not live and words != bar.tasks[0].description:
                console.print(f"{video_id}  {words}", highlight=False)
            before, told = told, held_up(last)
            if told and told != before:
                console.print(f"{video_id}  {told}", highlight=False, markup=False)
            bar.update(task, description=words, total=100 if last["progress"] else None)
            bar.update(task, completed=last["progress"])
    if last["status"] == "failed":
        error = last["error"] or {"code": "unknown", "message": "no reason given"}
        click.echo(f"failed: {error['message']} ({error['code']})", err=True)
        sys.exit(FAILED)
    size = client.save(video_id, output)
    made = last["output"]
    click.echo(
        f"{output}  {made['duration_ms'] / 1000:g} s  {made['width']}x{made['height']}  "
        f"{size / 1e6:.2f} MB  by {last['model']}"
    )


def phase_words(video: dict[str, Any]) -> str:
    """Where a job stands, in words."""
    words = str(video["phase"]).replace("_", " ")
    if video["queue"]:
        words += f" (place {video['queue']['position']})"
    return words


def held_up(video: dict[str, Any]) -> str | None:
    """Why a job that has not ended gets no further, as far as the gateway says."""
    if video["status"] in {"completed", "failed"}:
        return None
    queue, error = video["queue"], video["error"]
    return (queue and queue["reason"]) or (error and error["message"]) or None


def _come_back(video_id: str, output: Path, url: str) -> str:
    words = ["filmgate", "generate", "--resume", video_id, "-o", str(output), "--url", url]
    return f"To wait for it again:\n  {shlex.join(words)}"


def _ask_again(key: str, body: dict[str, Any], wanted: dict[str, Any]) -> str:
    """How the same is asked for once more; a film that was uploaded is there already."""
    words = ["--idempotency-key", key]
    if body is not wanted:
        words += ["--extend", body["extend_video"]["file_id"]]
    return f"To ask again and pay once, add to the same command:\n  {shlex.join(words)}"
