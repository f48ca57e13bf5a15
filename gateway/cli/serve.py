"""`filmgate serve`: the gateway itself."""

import asyncio
import gc
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gateway.cli.options import config_option

if TYPE_CHECKING:
    from gateway.config import Settings

CANNOT_START: Final = 1
FAULTY: Final = 2
BACKLOG: Final = 512
YOUNG: Final = 20_000
"""Objects that are made before the collector looks for circles among the new ones."""


@click.command()
@config_option
@click.option("--host", help="Address to listen on (server.host).")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one (server.port).",
)
@click.option(
    "--paused",
    is_flag=True,
    help="Pause every account first: nothing new is sent until `filmgate accounts resume`. "
    "For a database that was restored from a copy.",
)
@click.option(
    "--mock",
    is_flag=True,
    help="Run on built-in mock accounts: nothing to configure or to pay, and nothing is kept.",
)
@click.option(
    "--mock-speed",
    type=click.FloatRange(0, min_open=True),
    metavar="FACTOR",
    default=10.0,
    show_default=True,
    help="Mock seconds per second.",
)
def command(
    *,
    path: Path | None,
    host: str | None,
    port: int | None,
    paused: bool,
    mock: bool,
    mock_speed: float,
) -> None:
    """Run the gateway."""
    from gateway.config import ConfigError  # noqa: PLC0415 - only when it runs
    from gateway.storage import StorageError  # noqa: PLC0415

    try:
        with ExitStack() as stack:
            extra: dict[str, Any] = {"server": {"host": host, "port": port or None}}
            if mock:
                extra |= _mock_settings(stack, path, mock_speed)
            settings = _load(path, extra)
            sock = stack.enter_context(_listen(settings.server.host, port, settings.server.port))
            asyncio.run(_run(_settled(settings, sock), sock, paused=paused))
    except ConfigError as error:
        for fault in error.faults:
            click.echo(str(fault), err=True)
        sys.exit(FAULTY)
    except StorageError as error:
        click.echo(f"filmgate: {error}", err=True)
        sys.exit(CANNOT_START)
    except OSError as error:
        click.echo(f"filmgate: {error.strerror or error} {error.filename or ''}".rstrip(), err=True)
        sys.exit(CANNOT_START)


def _load(path: Path | None, extra: dict[str, Any], *, accounts: bool = True) -> "Settings":
    from gateway.app import capabilities  # noqa: PLC0415
    from gateway.config import load  # noqa: PLC0415

    return load(
        path,
        os.environ,
        capabilities(),
        configure=capabilities,
        extra=extra,
        accounts_required=accounts,
    )


def _mock_settings(stack: ExitStack, path: Path | None, speed: float) -> dict[str, Any]:
    """Settings that lead to mock providers in this process, which live as long as `stack`."""
    from gateway.cli.mocks import mock_accounts, mock_providers  # noqa: PLC0415
    from gateway.config import DEFAULT_FILE, ConfigError  # noqa: PLC0415

    refusal = click.UsageError(
        f"--mock would take the place of the accounts in {path or DEFAULT_FILE} or the "
        "environment; run it in another folder, with another --config, or without --mock"
    )
    try:
        configured = _load(path, {}, accounts=False)
    except ConfigError as error:
        # Accounts whose keys are not at hand are accounts all the same.
        if all(fault.where.startswith("accounts") for fault in error.faults):
            raise refusal from None
        raise
    if configured.accounts:
        raise refusal
    origin = stack.enter_context(mock_providers(speed))
    click.echo(f"mock providers on {origin}, {speed:g} times as fast as time", err=True)
    # The mock's time is faster: an account that it scripts an error for should rest no longer.
    rest = {"watch": {"rest_seconds": configured.watch.rest_seconds / speed}}
    return mock_accounts(origin) | rest | _fleeting(stack, configured, path)


def _fleeting(stack: ExitStack, configured: "Settings", path: Path | None) -> dict[str, Any]:
    """A folder that lives as long as `stack`, for what the configuration gives no place.

    The mock forgets its jobs when it ends. Left in a file of the usual name, they would be
    taken up, and paid for, by a gateway that is later started there with real accounts.
    """
    from gateway.config import DatabaseSettings, MediaSettings  # noqa: PLC0415

    usual = (path.parent if path else Path()).absolute()
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="filmgate-mock-")))
    extra: dict[str, Any] = {}
    database = configured.database
    if database.is_sqlite and database.path == usual / DatabaseSettings().path:
        extra["database"] = {"url": f"sqlite:///{folder / 'filmgate.db'}"}
    if configured.media.directory == usual / MediaSettings().directory:
        extra["media"] = {"directory": folder / "media"}
    return extra


def _settled(settings: "Settings", sock: socket.socket) -> "Settings":
    """The settings with the port that was really bound.

    Where gateway and providers all live on this machine, they reach it where it listens.
    """
    from urllib.parse import urlsplit  # noqa: PLC0415

    from msgspec.structs import replace  # noqa: PLC0415

    from gateway.config import is_loopback  # noqa: PLC0415

    server = replace(settings.server, port=sock.getsockname()[1])
    hosts = [urlsplit(account.base_url or "").hostname for account in settings.accounts]
    if server.public_url is None and all(host and is_loopback(host) for host in hosts):
        server = replace(server, public_url=_origin(sock))
    return replace(settings, server=server)


@contextmanager
def _listen(host: str, asked: int | None, configured: int) -> Iterator[socket.socket]:
    """Bound before anything else starts, so that a taken port is found out first."""
    port = configured if asked is None else asked
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        sock = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        # Python adds the address once more to the words for most of them.
        words = str(error.strerror).partition(" (while ")[0]
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {words}") from error
    # Connections take it over; asyncio sets it only where the socket's protocol is spelled out,
    # and without it the second part of each answer waits 40 ms for the client's acknowledgement.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with sock:
        yield sock


async def _run(settings: "Settings", sock: socket.socket, *, paused: bool) -> None:
    from gateway.app import build  # noqa: PLC0415
    from gateway.cli.server import make_server  # noqa: PLC0415
    from gateway.engine.standing import pause  # noqa: PLC0415
    from gateway.net import self_test  # noqa: PLC0415
    from gateway.observe import configure  # noqa: PLC0415

    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    # uvicorn has handlers of its own while it runs and raises the signal again afterwards;
    # these serve before it runs, and make that second signal harmless: to be told to stop is
    # no failure.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)

    # What is kept is for this user alone: prompts, pictures, the key that signs links.
    os.umask(0o077)
    configure(level=settings.log.level, format=settings.log.format, stream=sys.stderr)
    await self_test()
    app = await build(settings)
    # Here, where a database that cannot be written is one line, and not inside the server.
    await app.state.engine.prepare()
    if paused:
        for name in app.state.engine.tools.accounts:
            await pause(app.state.engine.tools, name, "started with --paused")
    # All that there is now stays; looking through it again and again finds nothing. What a
    # request makes goes with its last name, and hardly ever in a circle.
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
    origin = _origin(sock)

    def started() -> None:
        click.echo(f"filmgate listening on {origin}  (reference: {origin}/docs)")
        server.should_exit |= stopped

    server = make_server(app, started)
    await server.serve(sockets=[sock])
    if not server.started:
        sys.exit(CANNOT_START)


def _origin(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
