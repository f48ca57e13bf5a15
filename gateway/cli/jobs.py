"""`filmgate jobs`: looking into videos, and deciding about those that are stuck."""

from typing import Any, Final

import click

from gateway.cli.output import ListingGroup, asking, clock, json_option, print_json, print_table
from gateway.cli.request import gateway_options

_STATUSES: Final = ("queued", "in_progress", "completed", "failed")


@click.group(cls=ListingGroup)
def command() -> None:
    """Look into videos, and decide about those that are stuck.

    Without a command it lists them, with the options of `list`: an operator's key sees
    everybody's, another its own. To adopt, resubmit and fail takes an operator's key.
    """


@command.command("list")
@click.option("--status", multiple=True, type=click.Choice(_STATUSES), help="May be repeated.")
@click.option("--phase", multiple=True, help="Such as needs_attention; may be repeated.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="At most."
)
@json_option
@gateway_options
def list_jobs(
    *,
    status: tuple[str, ...],
    phase: tuple[str, ...],
    limit: int,
    raw: bool,
    url: str,
    key: str | None,
) -> None:
    """List the newest videos."""
    wanted = {"status": ",".join(status), "phase": ",".join(phase)}
    with asking(url, key) as client:
        found = client.videos(limit, **{name: words for name, words in wanted.items() if words})
    if raw:
        print_json(found)
        return
    print_table(
        ("video", "phase", "model", "account", "tries", "made", "error"),
        [
            (
                one["id"],
                one["phase"],
                one["model"],
                one["account"],
                one["attempts"],
                clock(one["created_at"]),
                one["error"] and one["error"]["code"],
            )
            for one in found
        ],
    )


@command.command()
@click.argument("video_id")
@json_option
@gateway_options
def show(*, video_id: str, raw: bool, url: str, key: str | None) -> None:
    """Show one video.

    That is where it stands, what happened to it and, to operators, the evidence.
    """
    with asking(url, key) as client:
        found = client.read(video_id)
    if raw:
        print_json(found)
        return
    for name, words in facts(found):
        click.echo(f"{name:<9}{words}")
    _part(
        ("when", "what happened", "phase", ""),
        [(one["at"][:19], one["event"], one["phase"], one["detail"]) for one in found["timeline"]],
    )
    evidence = found["evidence"] or {"attempts": (), "orphans": ()}
    _part(
        ("try", "account", "state", "sent", "upstream id", "heard of", "missed", "evidence"),
        [
            (
                one["n"],
                one["account"],
                one["state"],
                clock(one["sent_at"]),
                one["upstream_id"],
                one["claimed_id"],
                one["looks"],
                one["evidence"],
            )
            for one in evidence["attempts"]
        ],
    )
    _part(
        ("paid for, and nobody's", "account", "why", "film"),
        [
            (one["upstream_id"], one["account"], one["reason"], one["url"])
            for one in evidence["orphans"]
        ],
    )


@command.command()
@click.argument("video_id")
@gateway_options
def cancel(*, video_id: str, url: str, key: str | None) -> None:
    """Stop a video, as far as it can be stopped.

    Free while it waits or is prepared; later it says in the end what was spent.
    """
    _decide(video_id, "cancel", url, key)


@command.command()
@click.argument("video_id")
@click.argument("upstream_id")
@gateway_options
def adopt(*, video_id: str, upstream_id: str, url: str, key: str | None) -> None:
    """Say which of the provider's jobs a video is.

    For one in needs_attention or submission_unknown; the watch goes on from there.
    """
    _decide(video_id, "adopt", url, key, upstream_id=upstream_id)


@command.command()
@click.argument("video_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@gateway_options
def resubmit(*, video_id: str, yes: bool, url: str, key: str | None) -> None:
    """Send a video again, at the risk of paying twice.

    For one in needs_attention or submission_unknown, when nothing was made of it.
    """
    if not yes:
        click.confirm(
            f"The provider may have made {video_id} already: then it is paid for twice, and "
            "`filmgate jobs show` may tell. Send it again?",
            abort=True,
        )
    _decide(video_id, "resubmit", url, key)


@command.command()
@click.argument("video_id")
@click.option("--reason", metavar="WORDS", help="Shown to whoever asked for it.")
@gateway_options
def fail(*, video_id: str, reason: str | None, url: str, key: str | None) -> None:
    """Give a video up.

    For one in needs_attention or submission_unknown; it fails with the code given_up.
    """
    _decide(video_id, "fail", url, key, **({"reason": reason} if reason else {}))


def facts(video: dict[str, Any]) -> list[tuple[str, str]]:
    """Where a video stands, by name."""
    queue, eta, error = video["queue"], video["eta"], video["error"]
    told = {
        "video": video["id"],
        "phase": video["phase"] + (f", place {queue['position']}" if queue else ""),
        "waits": queue and queue["reason"],
        "eta": eta and f"{clock(eta['at'])}, {clock(eta['latest'])} at the latest",
        "error": error and _coded(error["code"], error["message"]),
        "model": video["model"],
        "account": video["account"],
        "upstream": video["upstream_id"],
        "prompt": video["prompt"],
        "owner": video["evidence"] and video["evidence"]["owner"],
    }
    return [(name, words) for name, words in told.items() if words]


def _coded(code: str, message: str) -> str:
    """The words of an error with its code before them, once."""
    return message if message.startswith(f"{code}:") else f"{code}: {message}"


def _part(columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    if rows:
        click.echo()
        print_table(columns, rows)


def _decide(video_id: str, verb: str, url: str, key: str | None, **told: str) -> None:
    with asking(url, key) as client:
        found = client.decide(video_id, verb, **told)
    error = found["error"]
    click.echo(f"{found['id']}: {found['phase']}" + (f" ({error['message']})" if error else ""))
