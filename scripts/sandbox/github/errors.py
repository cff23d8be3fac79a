"""GitHub's errors, in GitHub's shape."""

from __future__ import annotations

from typing import Any

DOCUMENTATION = "https://docs.github.com/rest"
NOT_ACCESSIBLE = "Resource not accessible by integration"
SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach "
    "out to GitHub Support for help, please include the request ID."
)


class ApiError(Exception):
    """An answer that is a refusal. `errors` are the details of a 422."""

    def __init__(
        self,
        status: int,
        message: str,
        errors: list[dict[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
    ):
        super().__init__(message)
        self.status, self.message, self.errors, self.headers = status, message, errors, headers or {}

    def body(self, documentation: str = "") -> dict[str, Any]:
        """The answer's JSON; DOCUMENTATION is the page below docs.github.com/rest."""
        details = {"errors": self.errors} if self.errors else {}
        page = f"{DOCUMENTATION}/{documentation}".rstrip("/")
        return {"message": self.message, **details, "documentation_url": page, "status": str(self.status)}


class Unknown(Exception):
    """Something that GitHub may well know, but this API does not: its tests have to fail."""


def not_found() -> ApiError:
    return ApiError(404, "Not Found")


def invalid(resource: str, field: str, code: str, message: str | None = None) -> ApiError:
    """A value that cannot be taken: `code` is missing_field, invalid, already_exists, custom …"""
    told = {"message": message} if message else {}
    return ApiError(422, "Validation Failed", [{"resource": resource, "code": code, "field": field, **told}])


def too_long(resource: str, field: str, most: int) -> ApiError:
    return invalid(resource, field, "custom", f"{field} is too long (maximum is {most} characters)")
