"""The schemas of the Pictory document: the request from the rule tables, answers row by row."""

from collections.abc import Mapping
from itertools import combinations

from mockserver.openapi.parts import (
    NUMBER,
    OWN,
    TEXT,
    TRUTH,
    URL,
    WHOLE,
    Property,
    record,
    ref,
    request_schema,
)
from mockserver.pictory import FILMS_PAGE_SIZE, PAGE_SIZE
from mockserver.pictory.answers import CLEANED, ODD_STATUS, STATUSES
from mockserver.pictory.rules import (
    BY_MODEL,
    DEFAULT_MODEL,
    EXCLUSIVE,
    FIELDS,
    HELPER,
    MODELS,
    PAGE,
    REQUIRED,
)
from mockserver.wire.rules import Schema

GET_JOB = "docs.pictory.ai: Get Video Generation Job"
GET_JOBS = "docs.pictory.ai: List Jobs"
GET_FILMS = "docs.pictory.ai: Get Generated Videos"
QUOTA = "docs.pictory.ai: Get Quota"

PROMPT = "A lighthouse at dusk, waves rolling in"
WORDS = [*dict.fromkeys(STATUSES.values()), CLEANED, ODD_STATUS]


def order_schema() -> Schema:
    """The body of Generate Video, its dependence on the model and its exclusive inputs included."""
    by_model = [
        {
            "if": {
                "properties": {"model": {"const": name}},
                **({} if name == DEFAULT_MODEL else {"required": ["model"]}),
            },
            "then": {
                "properties": {
                    field: {"enum": list(getattr(model, attribute))}
                    for field, attribute in BY_MODEL.items()
                }
            },
        }
        for name, model in MODELS.items()
    ]
    exclusive = [{"not": {"required": list(pair)}} for pair in combinations(EXCLUSIVE, 2)]
    defaults = {"model": DEFAULT_MODEL}
    return request_schema(FIELDS, PAGE, required=REQUIRED, defaults=defaults) | {
        "allOf": [*by_model, *exclusive],
        "examples": [
            {"prompt": PROMPT},
            {"prompt": PROMPT, "model": "veo3.1", "aspectRatio": "9:16", "duration": "8s"},
        ],
    }


_STATUS = Property(
    {"type": "string", "enum": WORDS},
    f"Where the job stands; `{ODD_STATUS}` comes by directive only (invented).",
)
_FILM = {
    "url": Property(URL, "The MP4."),
    "duration": Property(TEXT, "Seconds with their unit, such as `8s`."),
    "width": Property(WHOLE, "Pixels."),
    "height": Property(WHOLE, "Pixels."),
    "thumbnailImageUrl": Property(URL, "A small JPEG.", "documented", GET_FILMS),
    "lastFrameImageUrl": Property(URL, "The last frame, a PNG."),
    "previewImageUrl": Property(URL, "A JPEG.", "documented", GET_FILMS),
}
"""What a job and the list of films show alike."""

_RESULT = {
    **_FILM,
    "aiCreditsUsed": Property(NUMBER, "Credits, with up to one decimal."),
    "error_code": Property(
        TEXT, "Why it failed; the field is documented, its values are invented.", "inferred"
    ),
    "error_message": Property(TEXT, "The same in words (texts are invented)."),
}

SCHEMAS: Mapping[str, Schema] = {
    "VideoOrder": order_schema(),
    "Submitted": record(
        PAGE,
        {
            "success": Property(TRUTH, "True."),
            "data": Property(
                record(PAGE, {"jobId": Property(TEXT, "The job's UUID.")}), "What was made."
            ),
        },
    ),
    "Job": record(
        GET_JOB,
        {
            "job_id": Property(TEXT, "The job's UUID, here with an underscore."),
            "success": Property(TRUTH, "False when the job failed or is unknown."),
            "data": Property(ref("JobData"), "State and result."),
        },
    ),
    "JobData": record(
        GET_JOB,
        {"status": _STATUS, **_RESULT},
        optional=("status", *_RESULT),
    ),
    "JobList": record(
        GET_JOBS,
        {
            "items": Property(
                {"type": "array", "maxItems": PAGE_SIZE, "items": ref("JobItem")}, "Newest first."
            ),
            "nextPageKey": Property(TEXT, "Given while there are older ones."),
        },
        optional=("nextPageKey",),
    ),
    "JobItem": record(
        GET_JOBS,
        {
            "success": Property(TRUTH, "False when the job failed."),
            "data": Property(
                record(
                    GET_JOBS,
                    {
                        "jobId": Property(TEXT, "The job's UUID, here spelt so."),
                        "status": _STATUS,
                        **_RESULT,
                    },
                    optional=tuple(_RESULT),
                ),
                "Id, state and result.",
            ),
        },
    ),
    "FilmList": record(
        GET_FILMS,
        {
            "items": Property(
                {"type": "array", "maxItems": FILMS_PAGE_SIZE, "items": ref("Film")},
                "Newest first.",
            ),
            "nextPageKey": Property(TEXT, "Given while there are older ones."),
        },
        optional=("nextPageKey",),
    ),
    "Film": record(
        GET_FILMS,
        {
            "id": Property(TEXT, "The film's id, which is no job's."),
            "prompt": Property(TEXT, "As ordered."),
            "model": Property(TEXT, "As ordered."),
            "aspectRatio": Property(TEXT, "As ordered."),
            "createdDate": Property(
                TEXT, "A moment in UTC, here that of the job's end (inferred)."
            ),
            **_FILM,
            "firstFrameImageUrl": Property(URL, "As ordered."),
            "extendVideoUrl": Property(URL, "As ordered."),
            "referenceImageUrls": Property({"type": "array", "items": URL}, "As ordered."),
        },
        optional=tuple(EXCLUSIVE),
    ),
    "Usage": record(
        QUOTA,
        {
            "used": Property(NUMBER, "Spent so far."),
            "limit": Property(NUMBER, "What the plan has."),
        },
    ),
    "Quota": record(
        QUOTA,
        {
            "videoMinutes": Property(ref("Usage"), "As in the documented sample."),
            "aiCredits": Property(ref("Usage"), "What this mock charged, less refunds."),
        },
    ),
    "InvalidBody": record(
        PAGE,
        {
            "code": Property(TEXT, "`INVALID_REQUEST_BODY`.", "documented", HELPER),
            "message": Property(TEXT, "In words.", "inferred", HELPER),
            "fields": Property(
                {
                    "type": "array",
                    "items": record(
                        HELPER,
                        {
                            "name": Property(TEXT, "The field."),
                            "errors": Property(TEXT, "Its faults (texts are invented)."),
                        },
                    ),
                },
                "Every fault, each field once.",
            ),
        },
    ),
    "InvalidRequest": record(
        "docs.pictory.ai: Get AI Credits Usage",
        {
            "code": Property(TEXT, "`INVALID_REQUEST`, or the name of another error.", "inferred"),
            "message": Property(TEXT, "In words.", "inferred"),
        },
    ),
    "Message": record(HELPER, {"message": Property(TEXT, "In words.")}),
    "OwnError": record(OWN, {"error": Property(TEXT, "In words.", "invented")}),
}
