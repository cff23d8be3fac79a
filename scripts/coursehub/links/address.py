"""nbgitpuller links: an address that brings material to a student and opens it.

The form is nbgitpuller's: https://nbgitpuller.readthedocs.io/en/latest/topic/url-options.html
"""

from __future__ import annotations

from urllib.parse import quote, urlencode

from ..parts.content import BRANCH, REPOSITORY

OPENED_BY = {"lab": "lab/tree", "notebook": "tree"}


def link(settings, url: str, path: str | None = None, interface: str | None = None) -> str:
    """The link that opens `path` of content/ (by default the course's start, "" for the whole folder) in the
    student's own copy. `interface` is the course's where it is not given."""
    opened = path if path is not None else settings.content.start
    repository = f"file://{REPOSITORY}"
    return pulling(url, repository, BRANCH, settings.content.folder, opened, interface or settings.interface)


def pulling(hub: str, repository: str, branch: str | None, folder: str, path: str, interface: str) -> str:
    """The link that brings `branch` of a repository (its default one for None) to `folder` of a student's
    home, and opens `path` of it there; "" is the folder itself. `hub` has no slash at its end."""
    query = {"repo": repository}
    if branch is not None:
        query["branch"] = branch
    opened = f"{folder}/{path}" if path else folder
    query |= {"targetPath": folder, "urlpath": f"{OPENED_BY[interface]}/{quote(opened)}"}
    return f"{hub}/hub/user-redirect/git-pull?{urlencode(query)}"
