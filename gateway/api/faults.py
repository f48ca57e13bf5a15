"""Errors that the API itself meets; all others are in `gateway.model.errors`."""

from gateway.model.errors import CallerError


class BadFormError(CallerError):
    """The body is not a form (`multipart/form-data`) that can be read."""

    code = "invalid_form"
    status = 400
    title = "The body is not a readable form"


class NoStillError(CallerError):
    """This installation cannot cut a still from the film; the film itself can be had."""

    code = "still_unavailable"
    status = 409
    title = "There is no still of this video"
