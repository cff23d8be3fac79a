"""The API for the files of a commit."""

from __future__ import annotations

import re
from typing import Any

from sandbox.github.errors import ApiError, Unknown, not_found
from sandbox.github.objects import lines_of_base64
from sandbox.github.plumbing import LINK, Entry
from sandbox.github.routing import Answer, Call, Route

WITH_CONTENT = 2**20  # bytes: larger files are shown without
PLAIN = ("application/json", "application/vnd.github+json", "application/vnd.github.v3+json", "*/*")
RAW = re.compile(r"application/vnd\.github(\.v3)?\.raw(\+json)?")


def get_content(call: Call) -> Answer:
    """A file or a folder of a commit."""
    git, path = call.repository.objects, call.arguments.get("path", "").strip("/")
    ref = call.query.get("ref") or call.repository.default_branch
    commit = git.resolve(f"refs/heads/{ref}") or git.resolve(ref)
    if commit is None:
        raise ApiError(404, f"No commit found for the ref {ref}" if git.text("branch") else "Not Found")
    raw = RAW.fullmatch(call.accept)
    if not raw and call.accept not in PLAIN:
        raise Unknown(f"files as {call.accept}")
    found = [(entry, size) for entry, size in git.entries(commit, path=path)] if path else []
    if path and not found:
        raise not_found()
    if not path or found[0][0].mode == "040000":
        tree = found[0][0].sha if path else git.resolve(commit, "tree")
        shown = [
            _file(call, ref, f"{path}/{entry.path}".lstrip("/"), entry, size)
            for entry, size in git.entries(tree)
        ]
        return Answer(200, shown)
    entry, size = found[0]
    content = git.read("blob", entry.sha)
    if raw:
        return Answer(200, content, {"Content-Type": "application/vnd.github.raw+json; charset=utf-8"})
    small = size <= WITH_CONTENT
    text = {"content": lines_of_base64(content) if small else "", "encoding": "base64" if small else "none"}
    return Answer(200, {**_file(call, ref, path, entry, size), **text})


def _file(call: Call, ref: str, path: str, entry: Entry, size: int) -> dict[str, Any]:
    repository = call.repository
    kind = {"040000": "dir", LINK: "symlink", "160000": "submodule"}.get(entry.mode, "file")
    url = f"{repository.url}/contents/{path}?ref={ref}"
    git = f"{repository.url}/git/{'trees' if kind == 'dir' else 'blobs'}/{entry.sha}"
    page = f"https://github.com/{repository.full_name}/{'tree' if kind == 'dir' else 'blob'}/{ref}/{path}"
    raw = f"https://raw.githubusercontent.com/{repository.full_name}/{ref}/{path}"
    return {
        "type": kind,
        "name": path.rsplit("/", 1)[-1],
        "path": path,
        "sha": entry.sha,
        "size": size,
        "url": url,
        "git_url": git,
        "html_url": page,
        "download_url": None if kind == "dir" else raw,
        "_links": {"self": url, "git": git, "html": page},
    }


DOCUMENTATION = "repos/contents#get-repository-content"
ROUTES = tuple(
    Route("GET", path, get_content, ("contents",), DOCUMENTATION, asks=frozenset({"ref"}))
    for path in ("/contents", "/contents/{path*}")
)
