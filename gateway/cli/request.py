"""The options that say what a video shall be; `generate` and `quote` share them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

_WEB: Final = re.compile(r"https?://|data:")
_VIDEO: Final = re.compile(r"(video_[A-Za-z0-9_-]+)(?::(first|last))?")
_FILE: Final = re.compile(r"file_[A-Za-z0-9_-]+")


class Source(click.ParamType):  # type: ignore[type-arg]  # generic in some versions
    """A picture or film: a file here, a URL, an uploaded file's id, or another video's.

    Args:
        frames: Whether a video stands for one of its frames, `video_…:first` or `:last`.
    """

    name = "source"

    def __init__(self, *, frames: bool) -> None:
        self._frames = frames

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value as a request carries it; a `Path` where it is a file here."""
        if not isinstance(value, str) or _WEB.match(value):
            return value
        path = Path(value)
        if path.is_file():
            return path
        if found := _VIDEO.fullmatch(value):
            video, frame = found.groups()
            if frame and not self._frames:
                self.fail("a whole video is taken here, not a frame of one", param, ctx)
            return {"video": video, "frame": frame} if frame else {"video": video}
        if not _FILE.fullmatch(value):
            self.fail(f"{value!r} does not exist, and is neither a URL nor an id", param, ctx)
        return {"file_id": value}


_picture: Final = Source(frames=True)
_film: Final = Source(frames=False)

_OPTIONS: Final = (
    click.option(
        "--first-frame",
        type=_picture,
        metavar="PICTURE",
        help="What the video starts at: a file, a URL, or video_…[:first|last].",
    ),
    click.option(
        "--last-frame", type=_picture, metavar="PICTURE", help="What the video ends at; the same."
    ),
    click.option(
        "--reference",
        "reference_images",
        type=_picture,
        metavar="PICTURE",
        multiple=True,
        help="What the video shows; the same, and may be repeated.",
    ),
    click.option(
        "--extend",
        "extend_video",
        type=_film,
        metavar="FILM",
        help="What the video goes on from: a file, a URL, or video_….",
    ),
    click.option("--model", help="A target (provider/model) or a route."),
    click.option("--seconds", type=int, help="Length of the clip."),
    click.option("--aspect-ratio", help="Such as 16:9."),
    click.option("--resolution", help="Such as 720p."),
    click.option("--negative-prompt", help="What the video must not show."),
    click.option("--motion-mode", help="Such as normal or fast, where a model has modes."),
    click.option(
        "--keep-watermark",
        "remove_watermark",
        flag_value=False,
        default=None,
        help="Leave the provider's mark in.",
    ),
    click.option("--seed", type=int, help="The same seed, the same video, where a model has one."),
)


def request_options(command: Command) -> Command:
    """Give a command the options of a request."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def gateway_options(command: Command) -> Command:
    """Give a command the options that lead to a gateway."""
    key = click.option(
        "--key",
        envvar="FILMGATE_KEY",
        help="API key; better given as FILMGATE_KEY.",
        metavar="KEY",
    )
    url = click.option(
        "--url",
        envvar="FILMGATE_URL",
        default="http://127.0.0.1:8080",
        show_default=True,
        help="The gateway.",
    )
    return url(key(command))


def given(body: dict[str, Any]) -> dict[str, Any]:
    """The body without what was not given."""
    return {name: value for name, value in body.items() if value is not None and value != ()}


def check_meaning(body: dict[str, Any]) -> None:
    """Refuse a request that says nothing.

    Raises:
        click.UsageError: It names neither a prompt nor a picture or film.
    """
    sources = ("prompt", "first_frame", "last_frame", "reference_images", "extend_video")
    if not any(name in body for name in sources):
        raise click.UsageError("say what the video shows: give a PROMPT, or --first-frame")
