<<<<<<< HEAD
"""The API for the files of a commit."""
=======
"""The files through which a step speaks to the runner: GITHUB_OUTPUT, GITHUB_ENV and their like."""
>>>>>>> executor

from __future__ import annotations

import re
<<<<<<< HEAD
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
=======
from pathlib import Path

KINDS = {
    "GITHUB_OUTPUT": "output",
    "GITHUB_ENV": "env",
    "GITHUB_PATH": "path",
    "GITHUB_STATE": "state",
    "GITHUB_STEP_SUMMARY": "summary",
}
SUMMARY_LIMIT = 1024 * 1024
"""Bytes that a step may write to its summary."""
FORBIDDEN = {"NODE_OPTIONS"}


class WrongFile(ValueError):
    """A step wrote what GitHub cannot read; the step fails."""


class CommandFiles:
    """The files of one step, in a folder of its own."""

    def __init__(self, folder: Path, name: str):
        folder.mkdir(parents=True, exist_ok=True)
        self.environment: dict[str, str] = {}
        for variable, kind in KINDS.items():
            path = folder / f"{kind}_{name}"
            path.touch()
            self.environment[variable] = str(path)

    def outputs(self) -> dict[str, str]:
        """The outputs that the step set. Raises WrongFile."""
        return self._pairs("GITHUB_OUTPUT")

    def variables(self) -> dict[str, str]:
        """The environment that later steps get. Raises WrongFile."""
        variables = self._pairs("GITHUB_ENV")
        for name in variables:
            if name.upper() in FORBIDDEN:
                raise WrongFile(f"GITHUB_ENV may not set {name}")
        return variables

    def paths(self) -> list[str]:
        """Folders to put before the PATH of later steps; the last one written comes first."""
        return [line for line in reversed(self._text("GITHUB_PATH").split("\n")) if line]

    def summary(self) -> str:
        """Markdown for the page of the run. Raises WrongFile if it is too long: GitHub then shows nothing."""
        text = self._text("GITHUB_STEP_SUMMARY")
        size = len(text.encode())
        if size > SUMMARY_LIMIT:
            raise WrongFile(
                f"$GITHUB_STEP_SUMMARY may have {SUMMARY_LIMIT // 1024}k, and has {size // 1024}k"
            )
        return text

    def _text(self, variable: str) -> str:
        return Path(self.environment[variable]).read_text(encoding="utf-8-sig", errors="replace")

    def _pairs(self, variable: str) -> dict[str, str]:
        try:
            return pairs(self._text(variable))
        except WrongFile as error:
            raise WrongFile(f"${variable}: {error}") from None


def pairs(text: str) -> dict[str, str]:
    """name=value lines and name<<DELIMITER blocks. Raises WrongFile for anything else."""
    found: dict[str, str] = {}
    # Not splitlines(), which ends lines at other characters too.
    lines = iter(re.split("\r\n|\r|\n", text))
    for line in lines:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, _, value = line.partition("=")
        elif heredoc >= 0:
            name, _, delimiter = line.partition("<<")
            value = _block(lines, delimiter)
        else:
            raise WrongFile(f"invalid format {line!r}")
        if not name:
            raise WrongFile(f"no name in {line!r}")
        found[name] = value
    return found


def _block(lines, delimiter: str) -> str:
    if not delimiter:
        raise WrongFile("a block without a delimiter")
    block = []
    for line in lines:
        if line == delimiter:
            return "\n".join(block)
        block.append(line)
    raise WrongFile(f"the delimiter {delimiter!r} is missing at a block's end")
>>>>>>> executor
