"""The schemas of the PixVerse document: requests from the rule tables, answers row by row."""

from collections.abc import Mapping

from mockserver.openapi.parts import (
    NUMBER,
    OWN,
    TEXT,
    TRUTH,
    URL,
    WHOLE,
    Property,
    filled_text,
    record,
    ref,
    request_schema,
)
from mockserver.pixverse.accounts import FIELDS as ACCOUNT_FIELDS
from mockserver.pixverse.accounts import REQUIRED as ACCOUNT_REQUIRED
from mockserver.pixverse.answers import ODD_STATUS, STATUSES
from mockserver.pixverse.rules import ENDPOINTS, Endpoint
from mockserver.wire.rules import Schema

VIDEOS = "useapi.net: GET videos"
SCHEDULER = "useapi.net: GET scheduler"
AVAILABLE = "useapi.net: GET scheduler/available"
ACCOUNT = "useapi.net: POST accounts/email"
FEATURES = "useapi.net: GET features"
FILES = "useapi.net: POST files"
RECEIVERS = "vendor's example receivers"

PICTURE_PATH = "upload/7d16eed2-a8f4-cef8aa447280.jpeg"
FILM_PATH = "upload/0c1b22aa-9d3e-51f0c4b7a6d2.mp4"
VIDEO_ID = "user:1234-pixverse:ops@example.com-video:112233445566"
PROMPT = "A lighthouse at dusk, waves rolling in"


def schema_name(endpoint: Endpoint) -> str:
    """What an endpoint's order is called in the document."""
    return "".join(word.capitalize() for word in endpoint.operation.split("_")) + "Order"


def order_example(endpoint: Endpoint) -> dict[str, object]:
    """The shortest order that says something."""
    if "video_path" in endpoint.fields:
        return {"prompt": PROMPT, "video_id": VIDEO_ID}
    if "first_frame_path" in endpoint.required:
        return {"first_frame_path": PICTURE_PATH, "last_frame_path": PICTURE_PATH, "duration": 8}
    return {"prompt": PROMPT, "duration": 8}


def order_schema(endpoint: Endpoint) -> Schema:
    """The body of a create endpoint; a null counts as a field left out (inferred)."""
    schema = request_schema(
        endpoint.fields,
        endpoint.source,
        required=endpoint.required,
        defaults=endpoint.defaults,
        nulls=True,
    )

    def given(name: str) -> Schema:
        there = filled_text({"type": "string"})
        return {"required": [name], "properties": {name: there}}

    if endpoint.one_required:
        schema["anyOf"] = [given(name) for name in endpoint.one_required]
    if endpoint.exactly_one:
        schema["oneOf"] = [given(name) for name in endpoint.exactly_one]
    return {**schema, "examples": [order_example(endpoint)]}


_CODES = [*(status.code for status in STATUSES.values()), ODD_STATUS.code]
_NAMES = [*(status.name for status in STATUSES.values()), ODD_STATUS.name]
_FLAG: Schema = {"type": "integer", "enum": [0, 1]}

VIDEO: Mapping[str, Property] = {
    "video_id": Property(TEXT, "Who made it, on which account, and its number."),
    "video_status": Property(
        {"type": "integer", "enum": _CODES},
        f"{ODD_STATUS.code} comes by directive only (invented).",
    ),
    "video_status_name": Property({"type": "string", "enum": _NAMES}, "The status in a word."),
    "video_status_final": Property(TRUTH, "Whether nothing follows; not to be trusted alone."),
    "account_id": Property(WHOLE, "The PixVerse account's number."),
    "created_at": Property({"type": "string", "format": "date-time"}, "When it was ordered."),
    "first_frame": Property(TEXT, "A picture of the first frame; empty until completed."),
    "last_frame": Property(TEXT, "A picture of the last frame; empty until completed."),
    "output_width": Property(WHOLE, "Pixels; 0 until completed."),
    "output_height": Property(WHOLE, "Pixels; 0 until completed."),
    "original_video_id": Property(
        {"type": ["integer", "string"]}, "The video that was extended, or 0."
    ),
    "upscaled": Property(_FLAG, "Whether it is an upscaled one; never here."),
    "extended": Property(_FLAG, "Whether it extends another."),
    "prompt": Property(TEXT, "As ordered."),
    "negative_prompt": Property(TEXT, "As ordered."),
    "model": Property(TEXT, "The generator."),
    "model_name": Property(TEXT, "Always empty here."),
    "quality": Property(TEXT, "The shorter side."),
    "motion_mode": Property(TEXT, "How much moves."),
    "aspect_ratio": Property(TEXT, "Width to height, or the nearest known ratio."),
    "duration": Property(NUMBER, "Seconds."),
    "video_duration": Property(NUMBER, "Seconds."),
    "seed": Property(WHOLE, "As ordered, or 0."),
    "queue_data": Property(
        record(
            VIDEOS,
            {
                "queue_time": Property(WHOLE, "Always 0 here."),
                "queue_count": Property(WHOLE, "Always 0 here."),
            },
        ),
        "The queue at PixVerse.",
    ),
    "lip_sync": Property({"type": "object"}, "Always empty here."),
    "url": Property(TEXT, "The MP4; may be there before the video is completed."),
    "img_id": Property(WHOLE, "Always 0 here."),
    "img_url": Property(TEXT, "Always empty here."),
    "remove_watermark": Property(_FLAG, "A number in answers."),
    "likes": Property(WHOLE, "Always 0 here."),
    "asset_id": Property(WHOLE, "Always 0 here."),
    "nick_name": Property(TEXT, "Made up of the email."),
    "avatar": Property(TEXT, "Always empty here."),
    "camera_movement": Property(TEXT, "Always `default` here."),
    "style": Property(TEXT, "As ordered."),
    "template_id": Property(WHOLE, "As ordered, or 0."),
}

_MASKED = Property(TEXT, "Masked.")

SCHEMAS: Mapping[str, Schema] = {
    **{schema_name(endpoint): order_schema(endpoint) for endpoint in ENDPOINTS},
    "Created": record(
        ENDPOINTS[0].source, {"video_id": Property(TEXT, "To look the video up by.")}
    ),
    "Video": record(VIDEOS, VIDEO),
    "Callback": record(
        VIDEOS,
        {
            **VIDEO,
            "replyUrl": Property(TEXT, "As ordered, or the account's.", "inferred", RECEIVERS),
            "replyRef": Property(TEXT, "As ordered.", "inferred", RECEIVERS),
        },
    ),
    "VideoList": record(
        VIDEOS,
        {"data": Property({"type": "array", "items": ref("Video")}, "Newest first.")},
    ),
    "Uploaded": {"oneOf": [ref("UploadedPicture"), ref("UploadedMedia")]},
    "UploadedPicture": record(
        FILES,
        {
            "result": Property(
                {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 1,
                    "items": record(
                        FILES,
                        {
                            "id": Property(WHOLE, "The upload's number."),
                            "url": Property(URL, "Where it can be seen."),
                            "path": Property(TEXT, "What create requests name it by."),
                            "size": Property(WHOLE, "Bytes."),
                            "name": Property(TEXT, "The end of the path."),
                            "category": Property(WHOLE, "Always 0 here."),
                            "err_msg": Property(TEXT, "Always empty here."),
                        },
                    ),
                },
                "One picture.",
            )
        },
    ),
    "UploadedMedia": record(
        FILES,
        {
            "path": Property(TEXT, "What extend requests name it by."),
            "url": Property(URL, "Where it can be seen."),
        },
    ),
    "Executing": {
        "type": "array",
        "items": record(
            SCHEDULER,
            {
                "id": Property(TEXT, "The video's id."),
                "type": Property({"const": "video", "type": "string"}, "What is being made."),
                "started": Property({"type": "string", "format": "date-time"}, "Since when."),
                "elapsed": Property(TEXT, "Minutes and seconds since."),
                "replyUrl": Property(TEXT, "As ordered, or empty."),
                "replyRef": Property(TEXT, "As ordered, or empty."),
            },
        ),
    },
    "Availability": record(
        AVAILABLE,
        {
            "executing": Property(ref("Executing"), "What holds a slot."),
            "available": Property(
                {
                    "type": "array",
                    "items": record(
                        AVAILABLE,
                        {
                            "email": Property(TEXT, "The account."),
                            "maxJobs": Property(WHOLE, "Its limit."),
                            "executing": Property(WHOLE, "Slots taken."),
                            "available": Property(WHOLE, "Slots left."),
                        },
                    ),
                },
                "Room by account.",
            ),
        },
    ),
    "AccountOrder": request_schema(ACCOUNT_FIELDS, ACCOUNT, required=ACCOUNT_REQUIRED, nulls=True),
    "Account": record(
        ACCOUNT,
        {
            "email": Property(TEXT, "The PixVerse login."),
            "password": _MASKED,
            "maxJobs": Property(WHOLE, "Jobs it runs at once."),
            "jwt": Property(
                record(
                    ACCOUNT,
                    {
                        "AccountId": Property(WHOLE, "The PixVerse account's number."),
                        "ExpireTime": Property(WHOLE, "Unix time."),
                        "ExpireTimeUTC": Property(TEXT, "The same in UTC."),
                        "Username": Property(TEXT, "Made up of the email."),
                        "token": _MASKED,
                    },
                ),
                "The session at PixVerse.",
            ),
        },
    ),
    "Accounts": {"type": "object", "additionalProperties": ref("Account")},
    "Features": record(
        FEATURES,
        {
            "gen_simultaneously": Property(WHOLE, "The plan's concurrency."),
            "credit_daily": Property(WHOLE, "Always 0 here."),
            "credit_monthly": Property(WHOLE, "What this mock has left the account."),
            "credit_package": Property(WHOLE, "Always 0 here."),
            "qualities": Property({"type": "array", "items": TEXT}, "What can be ordered."),
            "off_peak": Property(_FLAG, "Whether the plan has off-peak prices."),
            "off_peak_discount": Property(TEXT, "A factor, as text."),
            "preview_mode_discount": Property(TEXT, "A factor, as text."),
        },
    ),
    "Error": record(
        ENDPOINTS[0].source,
        {
            "error": Property(TEXT, "In words."),
            "code": Property(WHOLE, "The HTTP status; on some pages only.", "documented", FILES),
        },
        optional=("code",),
    ),
    "Nothing": {"type": "object", "maxProperties": 0, "description": f"Invented by {OWN}."},
}
