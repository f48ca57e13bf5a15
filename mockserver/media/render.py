"""From clips to bytes: blocking, to be called off the event loop."""

from collections.abc import Callable, Mapping

from mockserver.engine.jobs import Role
from mockserver.media.clip import Clip
from mockserver.sniff import image_type, is_film

THUMBNAIL_SIDE = 320
PREVIEW_SIDE = 960


class MissingExtraError(RuntimeError):
    """PyAV or Pillow is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "rendering media needs PyAV and Pillow: pip install 'filmgate[mock]'",
        )


def film(clip: Clip) -> bytes:
    """The MP4.

    Raises:
        MissingExtraError: the optional packages are not installed.
    """
    try:
        from mockserver.media import film as films  # noqa: PLC0415
        from mockserver.media import pictures  # noqa: PLC0415
    except ImportError as cause:
        raise MissingExtraError from cause
    count = clip.seconds * films.FPS
    frames = pictures.frames_of(clip)
    return films.write(
        (frames.at(n / (count - 1)) for n in range(count)), (clip.width, clip.height)
    )


def last_frame_png(mp4: bytes) -> bytes:
    """The last frame as decoders see it."""
    from mockserver.media import film as films  # noqa: PLC0415
    from mockserver.media import pictures  # noqa: PLC0415

    return pictures.png(films.last_picture(mp4))


def first_frame_jpeg(mp4: bytes, longest_side: int) -> bytes:
    """The first frame as decoders see it, made smaller."""
    from mockserver.media import film as films  # noqa: PLC0415
    from mockserver.media import pictures  # noqa: PLC0415

    return pictures.jpeg(next(iter(films.pictures_of(mp4))), longest_side)


STILLS: Mapping[str, tuple[str, Callable[[bytes], bytes]]] = {
    "last.png": ("image/png", last_frame_png),
    "thumb.jpg": ("image/jpeg", lambda mp4: first_frame_jpeg(mp4, THUMBNAIL_SIDE)),
    "preview.jpg": ("image/jpeg", lambda mp4: first_frame_jpeg(mp4, PREVIEW_SIDE)),
}
"""Pictures taken from the finished film, by the end of their names."""


def input_fault(role: Role, data: bytes) -> str | None:
    """Why the bytes cannot serve in that role; without the extra only their first few are read."""
    if role == "extend":
        if not is_film(data):
            return "is not a video"
    elif image_type(data) is None:
        return "is not an image"
    try:
        from mockserver.media import film as films  # noqa: PLC0415
        from mockserver.media import pictures  # noqa: PLC0415
    except ImportError:
        return None
    return films.fault(data) if role == "extend" else pictures.fault(data)


def film_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a film as its header says; None when that cannot be read."""
    try:
        from mockserver.media import film as films  # noqa: PLC0415
    except ImportError:
        return None
    return films.size(data)
