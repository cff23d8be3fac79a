"""The API's errors: a status, and a body with id, message and request_id."""

from __future__ import annotations

from collections.abc import Mapping

IDENTIFIERS = {
    400: "bad_request",
    401: "Unauthorized",
    402: "payment_required",
    403: "Forbidden",
    404: "not_found",
    409: "conflict",
    412: "precondition_failed",
    422: "unprocessable_entity",
    429: "too_many_requests",
    500: "server_error",
    503: "service_unavailable",
}
MESSAGES = {
    401: "Unable to authenticate you",
    403: "You are not authorized to perform this operation",
    404: "The resource you were accessing could not be found.",
    429: "API Rate limit exceeded.",
    500: "Server was unable to give you a response.",
    503: "Server was unable to give you a response.",
}


class ApiError(Exception):
    """An answer that says no: its status, what it tells, and its headers besides the usual ones."""

    def __init__(self, status: int, message: str = "", headers: Mapping[str, str] | None = None):
        self.status = status
        self.message = message or MESSAGES.get(status, "")
        self.headers = dict(headers or {})
        super().__init__(f"{status} {self.message}")

    def body(self, request_id: str) -> dict[str, str]:
        """The error as the API writes it."""
        identifier = IDENTIFIERS.get(self.status, "error")
        return {"id": identifier, "message": self.message, "request_id": request_id}


def not_found(message: str = "") -> ApiError:
    """404."""
    return ApiError(404, message)


def conflict(message: str) -> ApiError:
    """409: there is one of that name already, or it is in use."""
    return ApiError(409, message)


def unprocessable(message: str) -> ApiError:
    """422: understood, and refused."""
    return ApiError(422, message)


PENDING = "Droplet already has a pending event."
