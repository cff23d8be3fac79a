"""nbgitpuller links: an address that brings the course's material to a student and opens it."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from .parts.content import BRANCH, REPOSITORY

OPENED_BY = {"lab": "lab/tree", "notebook": "tree"}


def link(settings, url: str, path: str | None = None) -> str:
    """The link that opens `path` of content/ (by default the course's start) in the student's own copy.

    The form is nbgitpuller's: https://nbgitpuller.readthedocs.io/en/latest/topic/url-options.html
    """
    opened = path if path is not None else settings.content.start
    folder = settings.content.folder
    query = {
        "repo": f"file://{REPOSITORY}",
        "branch": BRANCH,
        "targetPath": folder,
        "urlpath": f"{OPENED_BY[settings.interface]}/{quote(f'{folder}/{opened}')}",
    }
    return f"{url}/hub/user-redirect/git-pull?{urlencode(query)}"
