"""The command line: `python -m mockserver`, and `filmgate mock` where the gateway mounts it."""

from typing import get_args

import click

from mockserver import pictory, pixverse
from mockserver.app import MockServer
from mockserver.engine.addresses import is_loopback
from mockserver.rules import Count
from mockserver.serve import listen, origin_of, serve
from mockserver.settings import DEFAULT_EMAIL, Account, ClockKind, Settings


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
        ]
    )


def account(text: str) -> Account:
    """An account from `email` or `email=maxJobs`."""
    email, _, jobs = text.partition("=")
    if "@" not in email or (jobs and jobs not in "12345678"):
        raise click.BadParameter(f"{text!r} is not email=maxJobs with 1 to 8 jobs")
    return Account(email=email, max_jobs=int(jobs or 3))


@click.command(name="mock")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8090, show_default=True, help="0 takes a free port.")
@click.option("--speed", default=1.0, show_default=True, help="Virtual seconds per second.")
@click.option("--manual", is_flag=True, help="Time moves by POST /__mock/clock/advance only.")
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
@click.option("--public-url", help="Origin of media links, when clients see another one.")
@click.option("--control-token", help="Bearer token that /__mock asks for.")
def main(  # noqa: PLR0913
    *,
    host: str,
    port: int,
    speed: float,
    manual: bool,
    queue: float,
    run_: float,
    accounts: tuple[str, ...],
    prompt_count: Count,
    strict_combinations: bool,
    edge_blocks_agents: bool,
    seed: int,
    public_url: str | None,
    control_token: str | None,
) -> None:
    """Mock providers: Pictory AI Studio and useapi.net PixVerse, offline, on one port."""
    if not is_loopback(host) and not control_token:
        raise click.UsageError(
            f"{host} is not a loopback address: others could reach /__mock; give --control-token"
        )
    if speed <= 0:
        raise click.BadParameter("--speed must be above 0")
    clock: ClockKind = "manual" if manual else "real" if speed == 1 else "scaled"
    settings = Settings(
        clock=clock,
        speed=speed,
        queue_seconds=queue,
        run_seconds=run_,
        accounts=tuple(account(text) for text in accounts),
        prompt_count=prompt_count,
        strict_combinations=strict_combinations,
        edge_blocks_agents=edge_blocks_agents,
        seed=seed,
        public_url=public_url,
        control_token=control_token,
    )
    try:
        listening = listen(host, port)
    except OSError as fault:
        # Python adds the address once more to the words for most of them.
        words = str(fault.strerror).partition(" (while ")[0]
        raise click.ClickException(f"cannot listen on {host}:{port}: {words}") from fault
    with listening:
        origin = origin_of(listening)
        serve(MockServer(settings), listening, lambda: click.echo(banner(origin, settings)))
