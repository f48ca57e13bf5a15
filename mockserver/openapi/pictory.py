"""The OpenAPI document of Pictory AI Studio as mocked."""

from collections.abc import Mapping, Sequence

from mockserver.openapi.parts import (
    EXPLANATION,
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
from mockserver.openapi.pictory_schemas import GET_FILMS, GET_JOB, GET_JOBS, QUOTA, SCHEMAS
from mockserver.pictory import BASE_PATH, FILMS_PAGE_SIZE, KEY_PREFIX, PAGE_SIZE
from mockserver.pictory.answers import CLEANED, not_found, quota_document
from mockserver.pictory.rules import HELPER, PAGE, REFUSALS
from mockserver.wire.http import Route

CLEAN = "docs.pictory.ai: Clean Job"
JOB_ID = "4a09edf9-d071-4847-bda5-8dea913d80fe"
PAGE_KEY = "eyJsYXN0RXZhbHVhdGVkS2V5Ijp7fX0="

_JOB_PATH = Parameter(
    name="job_id", where="path", schema=TEXT, meaning="The job's id.", source=GET_JOB
)
_FILM = {
    "url": "https://cdn.example.com/out.mp4",
    "duration": "8s",
    "width": 720,
    "height": 1280,
    "thumbnailImageUrl": "https://cdn.example.com/out.thumb.jpg",
    "lastFrameImageUrl": "https://cdn.example.com/out.last.png",
    "previewImageUrl": "https://cdn.example.com/out.preview.jpg",
}
_DONE = {"status": "completed", **_FILM, "aiCreditsUsed": 12.8}
_RUNNING = {"job_id": JOB_ID, "success": True, "data": {"status": "in-progress"}}
_COMPLETED = {"job_id": JOB_ID, "success": True, "data": _DONE}
_FAILED = {
    "job_id": JOB_ID,
    "success": False,
    "data": {
        "status": "failed",
        "error_code": "INSUFFICIENT_CREDITS",
        "error_message": "The account has not enough credits for the video",
    },
}
_CLEANED = {"job_id": JOB_ID, "success": True, "data": {"status": CLEANED}}


def _job(name: str, meaning: str, example: object) -> Answer:
    return Answer(
        status=200, meaning=meaning, schema=ref("Job"), example=example, name=name, source=GET_JOB
    )


_NOT_FOUND = Answer(
    status=200,
    meaning="No such job.",
    schema=ref("Job"),
    example=not_found("unknown"),
    name="unknown",
    evidence="inferred",
    source=HELPER,
)


def _next_page(source: str) -> Parameter:
    meaning = "The key that the page before gave."
    return Parameter(name="nextPageKey", where="query", schema=TEXT, meaning=meaning, source=source)


def _bad_request(text: str) -> Answer:
    return Answer(
        status=400,
        meaning=text,
        schema=ref("InvalidRequest"),
        example={"code": "INVALID_REQUEST", "message": text},
        evidence="invented",
        source=OWN,
    )


_SCHEMA_OF = {400: "InvalidBody", 402: "InvalidRequest"}
ERRORS = {
    status: answer_of(row, ref(_SCHEMA_OF.get(status, "Message")))
    for status, row in REFUSALS.items()
}
ALWAYS = (ERRORS[401], ERRORS[403])
"""What the key and the edge decide, whatever is asked."""

OPERATIONS: Mapping[str, Operation] = {
    "pictory.generate_video": Operation(
        summary="Orders a video.",
        description="At most one of the three inputs may be given. Unknown fields are ignored.",
        source=PAGE,
        body={JSON: {"schema": ref("VideoOrder")}},
        answers=(
            Answer(
                status=200,
                meaning="The job was made and charged.",
                schema=ref("Submitted"),
                example={"success": True, "data": {"jobId": JOB_ID}},
                source=PAGE,
            ),
            GARBLED,
            *(answer for status, answer in ERRORS.items() if status not in {401, 403}),
            too_large(ref("OwnError")),
        ),
        callbacks=callback(
            "finished",
            "{$request.body#/webhook}",
            ref("Job"),
            "Sent once, when the job has completed or failed.",
            "inferred",
            "docs.pictory.ai: Storyboard API",
        ),
    ),
    "pictory.get_job": Operation(
        summary="Says where a job stands.",
        source=GET_JOB,
        parameters=(_JOB_PATH,),
        answers=(
            _job("running", "The job is under way.", _RUNNING),
            _job("completed", "The job has a result.", _COMPLETED),
            _job("failed", "The job failed and was refunded.", _FAILED),
            _job("cleaned", "The result was deleted.", _CLEANED),
            _NOT_FOUND,
            GARBLED,
        ),
    ),
    "pictory.list_jobs": Operation(
        summary="Lists the jobs, newest first.",
        source=GET_JOBS,
        parameters=(_next_page(GET_JOBS),),
        answers=(
            Answer(
                status=200,
                meaning=f"Up to {PAGE_SIZE} jobs (the number is invented).",
                schema=ref("JobList"),
                example={
                    "items": [{"success": True, "data": {"jobId": JOB_ID, **_DONE}}],
                    "nextPageKey": PAGE_KEY,
                },
                source=GET_JOBS,
            ),
            GARBLED,
            _bad_request("Unknown nextPageKey"),
        ),
    ),
    "pictory.list_films": Operation(
        summary="Lists what was made, newest first.",
        description="Its ids are not those of the jobs; a job and its film share the link. The "
        "films of cleaned jobs are left out (inferred).",
        source=GET_FILMS,
        parameters=(_next_page(GET_FILMS),),
        answers=(
            Answer(
                status=200,
                meaning=f"Up to {FILMS_PAGE_SIZE} films.",
                schema=ref("FilmList"),
                example={
                    "items": [
                        {
                            "id": "20260101000503127ec00b33280fc451f",
                            "prompt": "Waves at noon",
                            "model": "pixverse5.5",
                            "aspectRatio": "9:16",
                            "createdDate": "2026-01-01T00:05:48.127Z",
                            **_FILM,
                        }
                    ],
                    "nextPageKey": PAGE_KEY,
                },
                source=GET_FILMS,
            ),
            GARBLED,
            _bad_request("Unknown nextPageKey"),
        ),
    ),
    "pictory.clean_job": Operation(
        summary="Deletes the result of a finished job, for good; may be repeated.",
        source=CLEAN,
        parameters=(_JOB_PATH,),
        answers=(
            Answer(
                status=200,
                meaning="The result is gone (the body is invented).",
                schema=ref("Job"),
                example=_CLEANED,
                name="cleaned",
                evidence="inferred",
                source=CLEAN,
            ),
            _NOT_FOUND,
            _bad_request("Only a finished job can be cleaned"),
        ),
    ),
    "pictory.get_quota": Operation(
        summary="Tells usage and limits.",
        source=QUOTA,
        answers=(
            Answer(
                status=200,
                meaning="An excerpt of the quota.",
                schema=ref("Quota"),
                example=quota_document(128),
                source=QUOTA,
            ),
        ),
    ),
}


def document(routes: Sequence[Route], origin: str) -> Document:
    """The OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pictory AI Studio, mocked by Filmgate",
            "version": "1",
            "description": EXPLANATION,
        },
        "servers": [{"url": f"{origin}{BASE_PATH}", "description": "This mock."}],
        "security": [{"key": []}],
        "paths": paths_of(routes, BASE_PATH, OPERATIONS, ALWAYS),
        "components": {
            "schemas": dict(SCHEMAS),
            "securitySchemes": {
                "key": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": f"The raw key, which starts with `{KEY_PREFIX}`; no `Bearer`.",
                    "x-evidence": "documented",
                    "x-source": f"{PAGE}, Request Headers",
                }
            },
        },
    }
