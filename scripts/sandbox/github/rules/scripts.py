"""What steps run: nothing put into it by GitHub, nothing unpinned, and every file that it names is there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sandbox.github.rules import Said
from sandbox.github.rules.subject import Repository
from sandbox.github.rules.tree import Document, Node

SHELL = r"(?:sudo\s+(?:-\S+\s+)*)?(?:\S*/)?(?:(?:ba|da|z)?sh|python3?)\b"
FETCH = r"(?:curl|wget)\b"
FORBIDDEN = (
    (r"StrictHostKeyChecking[=\s]+[\"']?(?:no|off|accept-new)\b", "takes any server's host key; pin it"),
    (r"UserKnownHostsFile[=\s]+[\"']?/dev/null", "takes any server's host key; pin it"),
    (r"\bssh-keyscan\b", "believes whoever answers; pin the host key"),
    (rf"\b{FETCH}[^|;&]*\|\s*{SHELL}", "runs what it fetched, unseen; pin it by its hash"),
    (rf"{SHELL}[^|;&]*(?:<\(|\$\(|`)\s*{FETCH}", "runs what it fetched, unseen; pin it by its hash"),
    (r"\bset\s+(?:-\w+\s+)*(?:-\w*x|-o\s+xtrace)", "prints every command, with what is in it"),
    (r"\b(?:ba|da|z)?sh\s+(?:-\w+\s+)*-\w*x\b", "prints every command, with what is in it"),
    (r"\bpip3?\s+install\b(?![^|;&]*--require-hashes)", "installs what nobody pinned; use --require-hashes"),
)
NAMED = re.compile(
    r"(?<![\w./$}{*~-])(?:\$(?:GITHUB_WORKSPACE|\{GITHUB_WORKSPACE\})/|\./)?"
    r"(?P<path>[\w.-]+(?:/[\w.-]+)+\.(?:py|sh|mjs|js))(?![\w/*-])"
)
RUN = re.compile(r"\b(?:python3?|bash|sh|node|source)\s+(?P<path>[\w.-]+\.(?:py|sh|mjs|js))\b")
REQUIREMENTS = re.compile(r"(?:\s-r|--requirement)[=\s]+[\"']?(?P<path>[\w./-]+)")
MODULE = re.compile(r"\s-m\s+(?P<module>(?:coursehub|sandbox)(?:\.\w+)+)")


def has_no_expression(document: Document, _: Repository) -> Said:
    for path, node in document.root.scalars():
        if path[-1] in ("run", "shell", "working-directory") and "${{" in node.text:
            line = node.first_line + node.text.partition("${{")[0].count("\n")
            yield line, f"an expression in {path[-1]} becomes part of the program; pass it through env"


def does_nothing_forbidden(document: Document, _: Repository) -> Said:
    for step in document.steps:
        for line, command in commands(step["run"]):
            for pattern, why in FORBIDDEN:
                if found := re.search(pattern, command):
                    yield line, f"`{found[0].strip()}` {why}"
        if re.search(FORBIDDEN[-2][0], step["shell"].text):
            yield step["shell"].line, f"`{step['shell'].text}` {FORBIDDEN[-2][1]}"


def files_exist(document: Document, repository: Repository) -> Said:
    for step in document.steps:
        folder = step["working-directory"].text.removeprefix("./").rstrip("/")
        for line, command in commands(step["run"]):
            for path in _paths(command):
                if path not in repository.paths and f"{folder}/{path}" not in repository.paths:
                    yield line, f"there is no {path}"


def _paths(command: str) -> Iterator[str]:
    for pattern in (NAMED, RUN, REQUIREMENTS):
        yield from (found["path"].removeprefix("./") for found in pattern.finditer(command))
    for found in MODULE.finditer(command):
        yield f"scripts/{found['module'].replace('.', '/')}.py"


def commands(run: Node) -> Iterator[tuple[int, str]]:
    """The lines of a script and their numbers in the file; continued ones joined, comments left out."""
    begun, whole = 0, ""
    for number, line in enumerate(run.text.splitlines(), run.first_line):
        if not whole and line.lstrip().startswith("#"):
            continue
        begun, whole = (begun if whole else number), whole + line
        if whole.endswith("\\"):
            whole = whole[:-1] + " "
            continue
        yield begun, whole
        whole = ""
    if whole:
        yield begun, whole


RULES = (has_no_expression, does_nothing_forbidden, files_exist)
