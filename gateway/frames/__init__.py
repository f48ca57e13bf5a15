"""Pictures cut from films. Films are decoded in a child process, never in the gateway's own.

Whoever made the film may mean harm: the child has little memory, little time, no input but
the film, and its end takes nothing with it. Decoding needs PyAV and Pillow, which come with
the extra `frames`.
"""

import asyncio
import os
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal, TypeAlias

__all__ = ["NoStill", "Which", "available", "cut"]

Which: TypeAlias = Literal["first", "last"]

PROGRAM: Final = Path(__file__).with_name("cut.py")
SECONDS: Final = 60.0
MAX_WORDS: Final = 300
NOT_WRITTEN: Final = 3
"""The exit status that blames the disk, not the film; see `cut.py`."""


class NoStill(Exception):  # noqa: N818 - a verdict on a film, not a mishap
    """No picture could be cut; the message says why."""


@cache
def available() -> bool:
    """Whether the libraries are installed that decode films. Looked up once: it reads folders."""
    return find_spec("av") is not None and find_spec("PIL") is not None


async def cut(film: Path, which: Which, out: Path, seconds: float = SECONDS) -> None:
    """Write the film's first or last picture to `out`, as PNG.

    Raises:
        NoStill: There is none to be had, or not within this time.
        OSError: It cannot be written.
    """
    # By its path and isolated: neither the folder we run in nor the environment has a say.
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(PROGRAM),
        str(film),
        which,
        str(out),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ},
    )
    try:
        async with asyncio.timeout(seconds):
            _, told = await child.communicate()
    except TimeoutError:
        raise NoStill(f"it could not be decoded within {seconds:g} seconds") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode != 0:
        words = " ".join(told.decode("utf-8", "replace").split())[-MAX_WORDS:]
        if child.returncode == NOT_WRITTEN:
            raise OSError(f"the picture cannot be written: {words}")
        raise NoStill(words or f"the decoder died (exit status {child.returncode})")
