"""What the token of a job may do."""

from __future__ import annotations

from collections.abc import Mapping

SCOPES = (
    "actions", "attestations", "checks", "contents", "deployments", "discussions", "id-token", "issues",
    "models", "packages", "pages", "pull-requests", "security-events", "statuses",
)  # fmt: skip
NEVER_READ = {"id-token"}
DEFAULT = {"contents": "read", "packages": "read"}
"""What a token may do where the workflow says nothing, in repositories made since 2023."""


def of_token(stated: Mapping[str, str] | str | None, trusted: bool) -> dict[str, str]:
    """The permissions of a job's token; for pull requests from forks (not `trusted`) nothing to write."""
    if stated is None:
        permissions = dict(DEFAULT)
    elif isinstance(stated, str):
        level = stated.removesuffix("-all")
        permissions = {scope: level for scope in SCOPES if not (level == "read" and scope in NEVER_READ)}
    else:
        permissions = {scope: level for scope, level in stated.items() if level != "none"}
    if not trusted:
        permissions = {scope: "read" for scope in permissions if scope not in NEVER_READ}
    return {**permissions, "metadata": "read"}
