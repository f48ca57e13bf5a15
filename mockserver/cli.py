"""The command line: `python -m mockserver`, and `filmgate mock` where the gateway mounts it."""

import asyncio
from collections.abc import Callable
from typing import Any, BinaryIO, get_args

import click

from mockserver import pictory, pixverse
from mockserver.app import MockServer
from mockserver.engine import capacity as timelines
from mockserver.engine.addresses import is_loopback
from mockserver.engine.faults import parse, parse_chance
from mockserver.naming import prefix_of
from mockserver.record.replay import replay
from mockserver.serve import listen, origin_of, serve
from mockserver.settings import DEFAULT_EMAIL, Account, ClockKind, Settings
from mockserver.wire.rules import Count


def banner(origin: str, settings: Settings) -> str:
    """What is printed once requests are answered; each line is `<what> <value>` at its end."""
    emails = ", ".join(f"{a.email} ({a.max_jobs} jobs)" for a in settings.pixverse_accounts())
    return "\n".join(
        [
            f"mock providers listening on {origin}",
            f"  pictory   {origin}{pictory.BASE_PATH}",
            f"            key: {pictory.EXAMPLE_KEY}",
            f"  pixverse  {origin}{pixverse.BASE_PATH}",
            f"            token: {pixverse.EXAMPLE_TOKEN}   accounts: {emails}",
            f"  control   {origin}/__mock",
            f"  page      {origin}/__mock/ui/",
        ]
    )


REPLAY = "replay"
"""The world that a world file is played into."""


async def relive(mock: MockServer, data: bytes) -> None:
    """Adds the world of a world file."""
    made = await replay(data, outside=mock.outside, media=mock.media, here=mock.settings)
    mock.add(made.fork(REPLAY))


def account(text: str) -> Account:
    """An account from `email` or `email=maxJobs`."""
    email, _, jobs = text.partition("=")
    if "@" not in email or (jobs and jobs not in "12345678"):
        raise click.BadParameter(f"{text!r} is not email=maxJobs with 1 to 8 jobs")
    return Account(email=email, max_jobs=int(jobs or 3))


def checked(read: Callable[[str], object]) -> Callable[..., Any]:
    """A callback for options whose texts, one or several, must be such as `read` can read."""

    def check(_context: click.Context, _option: click.Parameter, given: Any) -> Any:
        try:
            for text in (given,) if isinstance(given, str) else given:
                read(text)
        except ValueError as fault:
            raise click.BadParameter(str(fault)) from None
        return given

    return check


@click.command(name="mock")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8090, show_default=True, help="0 takes a free port.")
@click.option("--speed", default=1.0, show_default=True, help="Virtual seconds per second.")
@click.option(
    "--clock",
    "clock_",
    type=click.Choice(get_args(ClockKind)),
    help="How time goes by.  [default: real, or scaled where --speed says so]",
)
@click.option(
    "--poll-seconds",
    default=15.0,
    show_default=True,
    help="Virtual seconds by which a look at a job moves the per-poll clock.",
)
@click.option("--queue", default=5.0, show_default=True, help="Virtual seconds a job waits.")
@click.option("--run", "run_", default=45.0, show_default=True, help="Virtual seconds it renders.")
@click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="EMAIL[=MAXJOBS]",
    help=f"A PixVerse account; repeatable.  [default: {DEFAULT_EMAIL}=3]",
)
@click.option(
    "--prompt-count",
    type=click.Choice(get_args(Count)),
    default="code_points",
    show_default=True,
    help="What one character is where lengths are limited.",
)
@click.option(
    "--strict-combinations",
    is_flag=True,
    help="Refuse quality, motion and length that PixVerse's own API refuses together.",
)
@click.option(
    "--edge-blocks-agents",
    is_flag=True,
    help="Pictory's edge refuses requests whose User-Agent is an HTTP library's.",
)
@click.option("--seed", default=0, show_default=True, help="Decides ids and random choices.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="LINE",
    callback=checked(parse),
    help="What goes wrong, such as `submit#2:accept-then-reset`; repeatable.",
)
@click.option(
    "--chaos",
    multiple=True,
    metavar="LINE",
    callback=checked(parse_chance),
    help="What goes wrong by chance, such as `poll:reset=5%`; repeatable, and decided by the seed.",
)
@click.option(
    "--capacity",
    default="",
    metavar="TIMELINE",
    callback=checked(timelines.parse),
    help="Jobs that each account's generator runs at once, such as `3, 1 at 60s, 0 at 2m`.",
)
@click.option(
    "--credits",
    "credits_",
    type=click.IntRange(min=0),
    help="What each account may spend, in its provider's unit; Pictory's is a tenth of a credit.",
)
@click.option(
    "--link-seconds",
    type=click.FloatRange(min=0),
    help="Virtual seconds for which a media link works.",
)
@click.option(
    "--extra-host",
    "extra_hosts",
    multiple=True,
    metavar="HOST",
    help="A host besides loopback that callbacks and inputs may reach; repeatable, `*` is any.",
)
@click.option("--public-url", help="Origin of media links, when clients see another one.")
@click.option("--control-token", help="Bearer token that /__mock asks for.")
@click.option(
    "--replay",
    "past",
    type=click.File("rb"),
    help="A world file; its world is there as `replay`, to look at and to go on with.",
)
def main(  # noqa: PLR0913
    *,
    host: str,
    port: int,
    speed: float,
    clock_: ClockKind | None,
    poll_seconds: float,
    queue: float,
    run_: float,
    accounts: tuple[str, ...],
    prompt_count: Count,
    strict_combinations: bool,
    edge_blocks_agents: bool,
    seed: int,
    faults: tuple[str, ...],
    chaos: tuple[str, ...],
    capacity: str,
    credits_: int | None,
    link_seconds: float | None,
    extra_hosts: tuple[str, ...],
    public_url: str | None,
    control_token: str | None,
    past: BinaryIO | None,
) -> None:
    """Mock providers: Pictory AI Studio and useapi.net PixVerse, offline, on one port."""
    if not is_loopback(host) and not control_token:
        raise click.UsageError(
            f"{host} is not a loopback address: others could reach /__mock; give --control-token"
        )
    if min(speed, poll_seconds) <= 0:
        raise click.BadParameter("--speed and --poll-seconds must be above 0")
    clock: ClockKind = clock_ or ("real" if speed == 1 else "scaled")
    settings = Settings(
        clock=clock,
        speed=speed,
        poll_seconds=poll_seconds,
        queue_seconds=queue,
        run_seconds=run_,
        accounts=tuple(account(text) for text in accounts),
        prompt_count=prompt_count,
        strict_combinations=strict_combinations,
        edge_blocks_agents=edge_blocks_agents,
        seed=seed,
        faults=faults,
        chaos=chaos,
        capacity=capacity,
        credits=credits_,
        link_seconds=link_seconds,
        extra_hosts=extra_hosts,
        public_url=public_url,
        control_token=control_token,
    )
    mock = MockServer(settings)
    if past is not None:
        try:
            asyncio.run(relive(mock, past.read()))
        except ValueError as fault:
            raise click.ClickException(f"{past.name}: {fault}") from fault
    try:
        listening = listen(host, port)
    except OSError as fault:
        # Python adds the address once more to the words for most of them.
        words = str(fault.strerror).partition(" (while ")[0]
        raise click.ClickException(f"cannot listen on {host}:{port}: {words}") from fault
    with listening:
        origin = origin_of(listening)
        text = banner(origin, settings)
        if past is not None:
            text += f"\n  replay    {origin}{prefix_of(REPLAY)}/__mock/ui/"
        serve(mock, listening, lambda: click.echo(text))
