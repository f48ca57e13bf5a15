"""`/v1/files`: pictures and films that requests name by id."""

import re
from email.message import Message
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, Response, delete, post, route
from litestar.params import FromPath

from gateway.api.body import FORM, check_coding, media_type, read_body, read_form, wrong_type
from gateway.api.form import file_name
from gateway.api.listing import Listing
from gateway.api.operation import READ, Answer, Operation, Parameter
from gateway.api.query import PAGING, ascending, read_after, read_limit
from gateway.api.sending import CONDITIONS, answers, file_response
from gateway.api.stored import is_id, json_response, surroundings
from gateway.engine import files
from gateway.engine.links import EXTENSIONS
from gateway.model.clock import SECOND
from gateway.model.errors import InvalidError, NotFoundError
from gateway.model.files import StoredFile
from gateway.model.reading import Reading, Upload, text, unknown

MAX_BODY: Final = 101_000_000
"""Bytes: the largest film, and what a form puts around it."""
PURPOSES: Final = "[A-Za-z][A-Za-z0-9_-]{0,63}"
"""What a purpose may be: one word, as OpenAI's are."""
PURPOSE: Final = "user_data"
"""What OpenAI calls a file that is for nothing in particular."""
RAW: Final = ("image/*", "video/*")


class File(msgspec.Struct, frozen=True, kw_only=True):
    """An uploaded picture or film: OpenAI's members, and ours beside them.

    Times are seconds since 1970, sizes bytes and pixels. `duration_ms` is of a film.
    """

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    expires_at: int | None = None
    filename: str
    purpose: str
    status: Literal["processed"] = "processed"
    media_type: str
    width: int | None
    height: int | None
    duration_ms: int | None
    sha256: str


class FileList(Listing[File], frozen=True, kw_only=True):
    """A page of files."""


class FileDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """The file is gone."""

    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


class UploadForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form that uploads a file."""

    file: Annotated[
        str,
        msgspec.Meta(
            description="PNG, JPEG, WebP, GIF, MP4, QuickTime or WebM.",
            extra_json_schema={"format": "binary"},
        ),
    ]
    purpose: Annotated[
        str,
        msgspec.Meta(
            description="A word of yours, given back.",
            pattern=f"^{PURPOSES}$",
            examples=["vision", "user_data"],
        ),
    ] = PURPOSE


def name_of(stored: StoredFile) -> str:
    """The file's name; one made of its id where it came without."""
    return stored.filename or stored.id + EXTENSIONS.get(stored.media_type, "")


def shown(stored: StoredFile) -> File:
    """A file as its owner sees it."""
    return File(
        id=stored.id,
        bytes=stored.bytes,
        created_at=stored.created_at // SECOND,
        filename=name_of(stored),
        purpose=stored.purpose,
        media_type=stored.media_type,
        width=stored.width,
        height=stored.height,
        duration_ms=stored.duration_ms,
        sha256=stored.digest,
    )


_ID: Final = Parameter(name="file_id", where="path", meaning="The id that the upload answered.")


@post(
    "/v1/files",
    status_code=201,
    request_max_body_size=MAX_BODY,
    opt={
        "operation": Operation(
            summary="Upload a picture or film",
            tag="files",
            detail="As a form with `file` and `purpose`, the way OpenAI's clients send it, or "
            "as the bytes themselves. A request names the file by its id wherever it takes a "
            "picture or a film. Pictures may have 20 MB and 4000 pixels a side, films 100 MB.",
            form=UploadForm,
            raw=RAW,
            parameters=(
                Parameter(
                    name="Content-Disposition",
                    where="header",
                    meaning='Names a file that is sent as it is: `attachment; filename="a.png"`.',
                    required=False,
                ),
            ),
            answers={
                201: Answer(
                    meaning="Kept.", body=File, headers={"Location": "Where to look at it."}
                )
            },
            problems=(400, 401, 408, 413, 415, 422, 503),
        )
    },
)
async def upload_file(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Keep a file."""
    kind = media_type(request)
    if kind == FORM:
        upload, purpose = _uploaded(await read_form(request))
    elif kind.startswith(("image/", "video/")):
        check_coding(request)
        name = _named(request.headers.get("content-disposition", ""))
        upload, purpose = Upload(await read_body(request), name), PURPOSE
    else:
        raise wrong_type(kind, FORM, *RAW)
    tools, owner = surroundings(request)
    kept = await files.keep(tools, owner, upload.content, upload.filename, purpose)
    headers = {"location": f"/v1/files/{kept.id}"}
    return json_response(shown(kept), status=201, headers=headers)


@route(
    "/v1/files",
    http_method=READ,
    status_code=200,
    opt={
        "operation": Operation(
            summary="List the files",
            tag="files",
            parameters=PAGING,
            answers={200: Answer(meaning="A page of the caller's files.", body=FileList)},
            problems=(400, 401, 503),
        )
    },
)
async def list_files(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The caller's files, a page at a time."""
    tools, owner = surroundings(request)
    page = await files.listing(
        tools,
        owner,
        after=read_after(request),
        limit=read_limit(request),
        ascending=ascending(request),
    )
    return json_response(FileList.of(tuple(map(shown, page.items)), has_more=page.has_more))


@route(
    "/v1/files/{file_id:str}",
    http_method=READ,
    status_code=200,
    opt={
        "operation": Operation(
            summary="Look at a file",
            tag="files",
            parameters=(_ID,),
            answers={200: Answer(meaning="What the file is.", body=File)},
            problems=(400, 401, 404, 503),
        )
    },
)
async def read_file(request: Request[Any, Any, Any], file_id: FromPath[str]) -> Response[bytes]:
    """What a file is."""
    return json_response(shown(await _own(request, file_id)))


@route(
    "/v1/files/{file_id:str}/content",
    http_method=READ,
    status_code=200,
    opt={
        "operation": Operation(
            summary="Download a file",
            tag="files",
            detail="The bytes as they were uploaded; `Range` and conditions are honoured.",
            parameters=(_ID, *CONDITIONS),
            answers=answers("The file", "image/*, video/*"),
            problems=(400, 401, 404, 412, 416, 503),
        )
    },
)
async def read_file_content(
    request: Request[Any, Any, Any], file_id: FromPath[str]
) -> Response[Any]:
    """A file's bytes."""
    found = await _own(request, file_id)
    path = surroundings(request)[0].media.path(found.digest)
    return await file_response(request, path, found.media_type, found.digest, name_of(found))


@delete(
    "/v1/files/{file_id:str}",
    status_code=200,
    opt={
        "operation": Operation(
            summary="Delete a file",
            tag="files",
            detail="Videos that were asked for with it are made all the same.",
            parameters=(_ID,),
            answers={200: Answer(meaning="Gone.", body=FileDeleted)},
            problems=(400, 401, 404, 503),
        )
    },
)
async def delete_file(request: Request[Any, Any, Any], file_id: FromPath[str]) -> Response[bytes]:
    """Forget a file."""
    tools, owner = surroundings(request)
    if not is_id(file_id) or not await files.remove(tools, owner, file_id):
        raise _unknown()
    return json_response(FileDeleted(id=file_id))


def _uploaded(form: dict[str, object]) -> tuple[Upload, str]:
    reading = Reading(lambda _: False)
    unknown(form, "", reading, UploadForm.__struct_fields__)
    file, word = form.get("file"), form.get("purpose", PURPOSE)
    purpose = text(word, "/purpose", reading)
    if purpose is not None and not re.fullmatch(PURPOSES, purpose):
        reading.note("/purpose", "bad_word", "must be one word of at most 64 letters and digits")
    if file is None:
        reading.note("/file", "required", "the part with the file is missing")
    elif not isinstance(file, Upload):
        reading.wrong_type("/file", "one part with a file name", file)
    if reading.faults or purpose is None or not isinstance(file, Upload):
        raise InvalidError("The upload cannot be used.", errors=reading.faults)
    return file, purpose


def _named(header: str) -> str:
    """The file name of a Content-Disposition, empty where it names none."""
    message = Message()
    # Header values are read as Latin-1; names beyond it are often sent as plain UTF-8.
    message["content-disposition"] = header.encode("latin-1", "replace").decode("utf-8", "replace")
    try:
        return file_name(message.get_filename(""))
    except (TypeError, ValueError):
        # Parts of a name (RFC 2231) that are misnumbered trip the library up.
        return ""


async def _own(request: Request[Any, Any, Any], file_id: str) -> StoredFile:
    """The caller's file; another's is as unknown as one that never was."""
    tools, owner = surroundings(request)
    found = await files.find(tools, owner, file_id) if is_id(file_id) else None
    if found is None:
        raise _unknown()
    return found


def _unknown() -> NotFoundError:
    return NotFoundError("You have no file with this id.")
