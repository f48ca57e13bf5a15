"""What useapi.net says about a video (GET videos)."""

from collections.abc import Mapping
from typing import Any, Final

from providers import _wire
from providers.contract import Failed, Fault, Finished, Running, Sighting, Unseen, shorten

PENDING: Final = frozenset({"QUEUED", "GENERATING", "PROCESSING", "5", "9", "10"})
"""Names (`video_status_name`) and numbers (`video_status`) of videos in the making."""
NOT_COMPLETED: Final = PENDING | {"MODERATED", "FAILED"}


def sighting(video: Mapping[str, Any]) -> Sighting:
    """What one video object says.

    `video_status_final` is true for queued videos too, and `url` can be set on unfinished
    ones, so neither decides alone; the order of the tests does.
    """
    name = (_wire.text(video, "video_status_name") or "").upper()
    number = _wire.text(video, "video_status") or ""
    status = {name, number}
    final = video.get("video_status_final")
    url = _wire.text(video, "url")
    word = shorten(name or number, 100)
    # A name that is known outweighs the number: what is still queued has no video yet.
    completed = name == "COMPLETED" or (number == "1" and name not in NOT_COMPLETED)
    if not word:
        return Unseen(reason="a video without a status")
    if completed and url:
        return Finished(url=url)
    if status & PENDING:
        return Running(word=word)
    if status & {"MODERATED", "7"}:
        return Failed(fault=Fault.MODERATED, words="PixVerse moderated this video")
    gone = final is True or (status & {"FAILED", "8"} and final is not False)
    if gone and not completed:
        said = _wire.text(video, "errMsg", "err_msg", "error", "errCode")
        words = f"{word}: {said}" if said else f"PixVerse says {word} and gives no reason"
        return Failed(fault=Fault.GENERATION_FAILED, words=shorten(words))
    return Running(word=f"{word} without url" if completed else word)
