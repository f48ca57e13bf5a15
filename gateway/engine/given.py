"""What a request is made from, looked at before anything is promised.

Files are looked up, links and other videos checked: every fault is told, each at its
pointer, and nothing is stored.
"""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple, assert_never

from gateway import frames
from gateway.engine.kinds import Facts, facts_of, misfit
from gateway.engine.stills import NOT_INSTALLED
from gateway.engine.tools import Tools
from gateway.model.errors import FieldFault
from gateway.model.files import StoredFile
from gateway.model.inputs import (
    FileInput,
    FrameInput,
    Given,
    InlineInput,
    Input,
    StoredInput,
    UrlInput,
    VideoInput,
)
from gateway.model.media import NotMedia
from gateway.model.phases import Phase
from gateway.model.request import CreateVideo
from gateway.net import Blocked
from gateway.storage import Connection, files, waits
from gateway.storage.waits import Source
from providers.contract import Role


class Known(NamedTuple):
    """A request whose files are looked up; what its inline inputs are; every fault."""

    request: CreateVideo
    inline: Mapping[str, Facts]
    faults: tuple[FieldFault, ...]


class _Rows(NamedTuple):
    """What the database knows of the videos and files a request names."""

    sources: Mapping[str, Source]
    files: Mapping[str, StoredFile]


async def look_up(tools: Tools, request: CreateVideo, owner: str) -> Known:
    """Look at everything a request is made from, and at where its notice should go."""
    rows = await _looked_up(tools, request, owner)
    found: dict[str, Input] = {}
    inline: dict[str, Facts] = {}
    faults: list[FieldFault] = []
    if request.callback_url is not None:
        faults += _link_faults(tools, "/callback_url", request.callback_url)
    for one in request.given:
        match one.value:
            case UrlInput(url=url):
                faults += _link_faults(tools, one.pointer, url)
            case InlineInput(content=content):
                facts = await _inline(one, content, faults)
                if facts is not None:
                    inline[one.pointer] = facts
            case FileInput(file_id=file_id):
                stored = _file(one, rows.files.get(file_id), faults)
                if stored is not None:
                    found[one.pointer] = stored
            case FrameInput() | VideoInput():
                faults += _source_faults(one, rows.sources, owner)
            case StoredInput():
                pass
            case _:
                assert_never(one.value)
    return Known(request.with_inputs(found), inline, tuple(faults))


async def _looked_up(tools: Tools, request: CreateVideo, owner: str) -> _Rows:
    if any(isinstance(one.value, FileInput | FrameInput | VideoInput) for one in request.given):
        return await tools.database.read(lambda connection: _rows(connection, request, owner))
    return _Rows({}, {})


def _rows(connection: Connection, request: CreateVideo, owner: str) -> _Rows:
    wanted = [one.value.file_id for one in request.given if isinstance(one.value, FileInput)]
    looked_up = {name: files.get(connection, owner, name) for name in wanted}
    return _Rows(
        waits.sources(connection, request.sources),
        {name: file for name, file in looked_up.items() if file is not None},
    )


def _link_faults(tools: Tools, pointer: str, url: str) -> list[FieldFault]:
    """Refuse links that lead where nobody should be sent, before a slot waits for them."""
    try:
        tools.upstream.check(url)
    except Blocked as error:
        return [FieldFault(pointer=pointer, code="bad_url", detail=error.reason)]
    return []


async def _inline(one: Given, content: bytes, faults: list[FieldFault]) -> Facts | None:
    try:
        facts = await asyncio.to_thread(facts_of, content)
    except NotMedia as error:
        code = "bad_film" if one.role is Role.EXTEND else "bad_picture"
        faults.append(FieldFault(pointer=one.pointer, code=code, detail=str(error)))
        return None
    if words := misfit(one.role, facts.media_type):
        faults.append(FieldFault(pointer=one.pointer, code="wrong_media", detail=words))
        return None
    return facts


def _file(one: Given, file: StoredFile | None, faults: list[FieldFault]) -> StoredInput | None:
    if file is None:
        faults.append(unknown_file(one.pointer))
        return None
    if words := misfit(one.role, file.media_type):
        faults.append(FieldFault(pointer=one.pointer, code="wrong_media", detail=words))
        return None
    return StoredInput(digest=file.digest, media_type=file.media_type, file_id=file.id)


def unknown_file(pointer: str) -> FieldFault:
    """The fault of naming a file that is not there."""
    return FieldFault(pointer=pointer, code="unknown_file", detail="you have no file with this id")


def _source_faults(one: Given, sources: Mapping[str, Source], owner: str) -> list[FieldFault]:
    faults: list[FieldFault] = []
    video = one.source or ""
    source = sources.get(video)
    if source is None or source.owner != owner:
        faults.append(
            FieldFault(
                pointer=one.pointer, code="unknown_video", detail="you have no video with this id"
            )
        )
    elif source.phase is Phase.FAILED:
        faults.append(
            FieldFault(
                pointer=one.pointer, code="source_failed", detail=source_words(video, source)
            )
        )
    whole = isinstance(one.value, VideoInput)
    if whole != (one.role is Role.EXTEND):
        words = "a picture is needed here: name a frame" if whole else "a whole film is needed here"
        faults.append(FieldFault(pointer=one.pointer, code="wrong_media", detail=words))
    if not whole and not frames.available():
        faults.append(
            FieldFault(pointer=one.pointer, code="stills_unavailable", detail=NOT_INSTALLED)
        )
    return faults


def source_words(video: str, source: Source | None) -> str:
    """Why a video that did not come about cannot be made anything from."""
    if source is None:
        return f"{video}, which this video is made from, was removed"
    why = f": {source.error.code}: {source.error.message}" if source.error else ""
    return f"{video}, which this video is made from, failed{why}"
