"""The OpenAPI document of useapi.net's PixVerse API as mocked."""

from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.openapi.parts import (
    EXPLANATION,
    FORM,
    GARBLED,
    JSON,
    OWN,
    TEXT,
    Answer,
    Document,
    Operation,
    Parameter,
    answer_of,
    callback,
    paths_of,
    ref,
    too_large,
)
from mockserver.openapi.pixverse_schemas import (
    ACCOUNT,
    AVAILABLE,
    FEATURES,
    FILES,
    FILM_PATH,
    PICTURE_PATH,
    RECEIVERS,
    SCHEDULER,
    SCHEMAS,
    VIDEO_ID,
    VIDEOS,
    schema_name,
)
from mockserver.pixverse import BASE_PATH, LIST_LIMIT
from mockserver.pixverse.answers import account_document, features_document, uploaded_media
from mockserver.pixverse.errors import BUSY, REFUSALS, filled
from mockserver.pixverse.rules import ENDPOINTS, NAME, Endpoint
from mockserver.settings import DEFAULT_EMAIL, Account
from mockserver.wire.evidence import Evidence
from mockserver.wire.http import Route
from mockserver.wire.rules import Schema
from mockserver.wire.sniff import EXTENSIONS

GET_VIDEO = "useapi.net: GET videos/video_id"
GET_ACCOUNT = "useapi.net: GET accounts/email"
GET_ACCOUNTS = "useapi.net: GET accounts"
UNTRACK = "useapi.net: DELETE scheduler/video_id"

_FACTS = {"email": DEFAULT_EMAIL, "maxJobs": 3}
_ACCOUNT = account_document(Account(email=DEFAULT_EMAIL))
ERRORS = {
    status: answer_of(filled(row, **_FACTS), ref("Error")) for status, row in REFUSALS.items()
}
ALWAYS = (ERRORS[401],)
"""What the token decides, whatever is asked."""


def _ok(
    schema: str, meaning: str, example: Any, source: str, evidence: Evidence = "documented"
) -> Answer:
    return Answer(
        status=200,
        meaning=meaning,
        schema=ref(schema),
        example=example,
        evidence=evidence,
        source=source,
    )


def _error(status: int, text: str, evidence: Evidence, source: str) -> Answer:
    return Answer(
        status=status,
        meaning=text,
        schema=ref("Error"),
        example={"error": text, "code": status},
        evidence=evidence,
        source=source,
    )


def _query(name: str, schema: Schema, meaning: str, source: str) -> Parameter:
    return Parameter(name=name, where="query", schema=schema, meaning=meaning, source=source)


_UNKNOWN_EMAIL = _error(404, f"Account {DEFAULT_EMAIL} is not configured.", "inferred", GET_ACCOUNT)
_EMAIL_NEEDED = _error(
    400,
    "Parameter email is required when several accounts are configured",
    "documented",
    FILES,
)


def _create(endpoint: Endpoint) -> Operation:
    name = schema_name(endpoint)
    return Operation(
        summary=f"Orders a video (videos/{endpoint.path}).",
        evidence=endpoint.evidence,
        source=endpoint.source,
        description="Unknown fields are ignored; a null counts as a field left out (inferred).",
        body={media: {"schema": ref(name)} for media in (JSON, FORM)},
        answers=(
            _ok(
                "Created",
                "The job was made and charged, and holds a slot.",
                {"video_id": VIDEO_ID},
                endpoint.source,
                endpoint.evidence,
            ),
            GARBLED,
            *(answer for status, answer in ERRORS.items() if status != 401),  # noqa: PLR2004
            *(
                answer_of(filled(row, **_FACTS), ref("Error"), f"busy {who}")
                for who, row in BUSY.items()
            ),
            too_large(ref("Error")),
        ),
        callbacks=callback(
            "progress",
            "{$request.body#/replyUrl}",
            ref("Callback"),
            "Sent when rendering starts, half way through, and at the end.",
            "inferred",
            RECEIVERS,
        ),
    )


_VIDEO_PATH = Parameter(
    name="video_id",
    where="path",
    schema=TEXT,
    meaning="The video's id, raw: neither `:` nor `@` may be percent-encoded.",
    evidence="inferred",
    source="vendor's example programs",
)
_EMAIL_PATH = Parameter(
    name="email", where="path", schema=TEXT, meaning="The account.", source=ACCOUNT
)
_EXECUTING = {
    "id": VIDEO_ID,
    "type": "video",
    "started": "2026-01-01T00:00:00.000Z",
    "elapsed": "03:57",
    "replyUrl": "https://hooks.example.com/p",
    "replyRef": "job-42",
}
_ROOM = {"email": DEFAULT_EMAIL, "maxJobs": 3, "executing": 1, "available": 2}
_UPLOADED = Answer(
    status=200,
    meaning="A film or sound was kept.",
    schema=ref("Uploaded"),
    example=uploaded_media(FILM_PATH, "https://media.example.com"),
    name="film",
    source=FILES,
)

OPERATIONS: Mapping[str, Operation] = {
    f"{NAME}.{key}": operation
    for key, operation in {
        **{endpoint.operation: _create(endpoint) for endpoint in ENDPOINTS},
        "upload_file": Operation(
            summary="Takes a picture, film or sound as the raw body.",
            description="What the bytes are decides; the Content-Type must name a type all the "
            "same. Pictures: under 20 MB and at most 4000 pixels a side (PixVerse's own rule).",
            source=FILES,
            parameters=(
                _query("email", TEXT, "Required where several accounts are configured.", FILES),
            ),
            body={kind: {} for kind in EXTENSIONS},
            answers=(
                _UPLOADED,
                Answer(
                    status=200,
                    meaning="A picture was kept.",
                    schema=ref("Uploaded"),
                    example={
                        "result": [
                            {
                                "id": 123456,
                                "url": f"https://media.example.com/media/{PICTURE_PATH}",
                                "path": PICTURE_PATH,
                                "size": 112233,
                                "name": PICTURE_PATH.removeprefix("upload/"),
                                "category": 0,
                                "err_msg": "",
                            }
                        ]
                    },
                    name="picture",
                    source=FILES,
                ),
                _error(400, "The request body is empty", "documented", FILES),
                _UNKNOWN_EMAIL,
                too_large(ref("Error")),
            ),
        ),
        "list_videos": Operation(
            summary="Lists the videos, newest first.",
            source=VIDEOS,
            parameters=(
                _query("email", TEXT, "Only those of this account.", VIDEOS),
                _query(
                    "limit",
                    {"type": "integer", "minimum": 0, "maximum": 999999, "default": LIST_LIMIT},
                    "How many.",
                    VIDEOS,
                ),
                _query(
                    "offset",
                    {"type": "integer", "minimum": 0, "maximum": 999999, "default": 0},
                    "How many to leave out; that it counts videos is inferred.",
                    VIDEOS,
                ),
            ),
            answers=(
                _ok("VideoList", "The videos.", {"data": []}, VIDEOS),
                GARBLED,
                _error(400, "Parameter limit must be a number", "invented", OWN),
                _UNKNOWN_EMAIL,
            ),
        ),
        "get_video": Operation(
            summary="Shows one video that has ended.",
            source=GET_VIDEO,
            parameters=(_VIDEO_PATH,),
            answers=(
                _ok("Video", "It has ended.", None, GET_VIDEO),
                GARBLED,
                _error(
                    400,
                    "video_id must not be URL-encoded",
                    "inferred",
                    "vendor's example programs",
                ),
                _error(
                    404, f"Video {VIDEO_ID} not found or still processing", "documented", GET_VIDEO
                ),
            ),
        ),
        "list_scheduler": Operation(
            summary="Lists what holds a slot.",
            source=SCHEDULER,
            answers=(_ok("Executing", "Oldest first.", [_EXECUTING], SCHEDULER),),
        ),
        "scheduler_available": Operation(
            summary="Tells the room of every account.",
            source=AVAILABLE,
            answers=(
                _ok(
                    "Availability",
                    "Jobs and room.",
                    {"executing": [_EXECUTING], "available": [_ROOM]},
                    AVAILABLE,
                ),
            ),
        ),
        "stop_tracking": Operation(
            summary="Frees the slot of a job and ends its callbacks; the video goes on, charged.",
            source=UNTRACK,
            parameters=(_VIDEO_PATH,),
            answers=(
                _ok("Nothing", "It is no longer tracked.", {}, UNTRACK, "inferred"),
                _error(
                    404,
                    f"Unable to locate running {VIDEO_ID}",
                    "inferred",
                    "useapi.net: MiniMax API, DELETE scheduler",
                ),
            ),
        ),
        "list_accounts": Operation(
            summary="Shows every configuration, by email.",
            source=GET_ACCOUNTS,
            answers=(_ok("Accounts", "Secrets masked.", {DEFAULT_EMAIL: _ACCOUNT}, GET_ACCOUNTS),),
        ),
        "get_account": Operation(
            summary="Shows one configuration.",
            source=GET_ACCOUNT,
            parameters=(_EMAIL_PATH,),
            answers=(
                _ok("Account", "Secrets masked.", _ACCOUNT, GET_ACCOUNT),
                Answer(status=404, meaning="No such configuration.", source=GET_ACCOUNT),
            ),
        ),
        "configure_account": Operation(
            summary="Configures an account, which ends its hold.",
            source=ACCOUNT,
            parameters=(_EMAIL_PATH,),
            body={media: {"schema": ref("AccountOrder")} for media in (JSON, FORM)},
            answers=(
                Answer(
                    status=201,
                    meaning="Configured.",
                    schema=ref("Account"),
                    example=_ACCOUNT,
                    source=ACCOUNT,
                ),
                _error(400, "maxJobs is required", "documented", ACCOUNT),
                too_large(ref("Error")),
            ),
        ),
        "get_features": Operation(
            summary="Tells what the account's plan allows and has left.",
            source=FEATURES,
            parameters=(
                _query("email", TEXT, "Required where several accounts are configured.", FEATURES),
            ),
            answers=(
                _ok("Features", "An excerpt of the plan.", features_document(0), FEATURES),
                _EMAIL_NEEDED,
                _UNKNOWN_EMAIL,
            ),
        ),
    }.items()
}


def document(routes: Sequence[Route], origin: str) -> Document:
    """The OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "PixVerse API v2 of useapi.net, mocked by Filmgate",
            "version": "1",
            "description": EXPLANATION,
        },
        "servers": [{"url": f"{origin}{BASE_PATH}", "description": "This mock."}],
        "security": [{"token": []}],
        "paths": paths_of(routes, BASE_PATH, OPERATIONS, ALWAYS),
        "components": {
            "schemas": dict(SCHEMAS),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`user:<number>-<rest>`, whole and not URL-encoded.",
                    "x-evidence": "documented",
                    "x-source": f"{ENDPOINTS[0].source}, Request Headers",
                }
            },
        },
    }
