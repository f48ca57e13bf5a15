"""From clips to bytes: blocking, to be called off the event loop.

A film with no given picture to show is drawn without a library. So is every other one where PyAV
or Pillow is missing: it then shows its pictures in tiles.
"""

from collections.abc import Callable, Mapping

from mockserver.media import drawn, reading
from mockserver.media.clip import Clip, Role
from mockserver.media.notes import notes_of
from mockserver.wire.sniff import image_type, is_film, picture_size

THUMBNAIL_SIDE = 320
PREVIEW_SIDE = 960


class MissingExtraError(RuntimeError):
    """PyAV or Pillow is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "a still in JPEG needs PyAV and Pillow: pip install 'filmgate[mock]'",
        )


def has_extra() -> bool:
    """Whether PyAV and Pillow are installed."""
    try:
        from mockserver.media import pictures  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True


def film(clip: Clip) -> bytes:
    """The MP4."""
    if not _shows_pictures(clip):
        return drawn.film(clip)
    from mockserver.media import film as films  # noqa: PLC0415
    from mockserver.media import motion  # noqa: PLC0415

    return films.write(motion.pictures_of(clip), (clip.width, clip.height), notes_of(clip))


def _shows_pictures(clip: Clip) -> bool:
    """Whether the clip's film takes more than tiles."""
    return any(source.data is not None for source in clip.sources) and has_extra()


def last_frame_png(clip: Clip, mp4: bytes) -> bytes:
    """The last frame of the clip's film, as decoders see it."""
    if not _shows_pictures(clip):
        return drawn.last_frame_png(clip)
    from mockserver.media import film as films  # noqa: PLC0415
    from mockserver.media import pictures  # noqa: PLC0415

    return pictures.png(films.last_picture(mp4))


def first_frame_jpeg(mp4: bytes, longest_side: int) -> bytes:
    """The first frame as decoders see it, made smaller.

    Raises:
        MissingExtraError: the optional packages are not installed.
    """
    if not has_extra():
        raise MissingExtraError
    from mockserver.media import film as films  # noqa: PLC0415
    from mockserver.media import pictures  # noqa: PLC0415

    return pictures.jpeg(next(films.pictures_of(mp4)), longest_side)


STILLS: Mapping[str, tuple[str, Callable[[Clip, bytes], bytes]]] = {
    "last.png": ("image/png", last_frame_png),
    "thumb.jpg": ("image/jpeg", lambda _, mp4: first_frame_jpeg(mp4, THUMBNAIL_SIDE)),
    "preview.jpg": ("image/jpeg", lambda _, mp4: first_frame_jpeg(mp4, PREVIEW_SIDE)),
}
"""Pictures of a clip and its finished film, by the end of their names."""


def input_fault(role: Role, data: bytes) -> str | None:
    """Why the bytes cannot serve in that role; without the extra only their headers are read."""
    if role == "extend":
        return _film_fault(data) if is_film(data) else "is not a video"
    return _image_fault(data) if image_type(data) is not None else "is not an image"


def _film_fault(data: bytes) -> str | None:
    if has_extra():
        from mockserver.media import film as films  # noqa: PLC0415

        return films.fault(data)
    if data[4:8] != b"ftyp":
        return None
    try:
        reading.read(data)
    except ValueError as cause:
        return f"is not a readable video: {cause}"
    return None


def _image_fault(data: bytes) -> str | None:
    if has_extra():
        from mockserver.media import pictures  # noqa: PLC0415

        return pictures.fault(data)
    return (
        None if picture_size(data) else "is not a readable image: it does not say how large it is"
    )


def film_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a film as its header says; None when that cannot be read."""
    found = reading.size(data)
    if found is None and has_extra():
        from mockserver.media import film as films  # noqa: PLC0415

        found = films.size(data)
    return found
