"""Somebody else's repository as a teacher names it: its address, or a page of GitHub's or GitLab's in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from ..problems import InvalidInput, Problem

OPTION = "--repository"
SSH = re.compile(r"(?:ssh://)?(?:[\w.-]+@)(?P<host>[\w.-]+)(?::\d+(?=/))?[:/]/?(?P<path>[^\s]+)")
HOST = re.compile(r"[\w.-]+(:\d+)?")
BRANCH = re.compile(r"(?!-)[^\s~^:?*\[\\\x00-\x1f\x7f]+")
GITHUB, RAW = "github.com", "raw.githubusercontent.com"
ON_A_BRANCH = ("blob", "tree", "raw", "edit", "blame")
"""What stands before the branch in the address of a page about a file or a folder."""


@dataclass(frozen=True)
class Source:
    """What a link brings: `branch` None is the repository's default one; `path`, below its top, is what
    opens, "" for all of it; `folder` is what it becomes in a student's home."""

    repository: str
    branch: str | None
    path: str
    folder: str


def source_from(
    address: str, branch: str | None = None, path: str | None = None, folder: str | None = None
) -> Source:
    """Take what a teacher gave apart. An address of a page says branch and path itself; a branch with a
    slash in its name has to be given as well. Raises InvalidInput."""
    repository, rest = parts_of(address.strip())
    page_branch, page_path = on_branch(rest, branch) if rest else (None, "")
    branch = agreed("--branch", branch, page_branch)
    path = agreed("--path", path, page_path or None) or ""
    if branch is not None and not BRANCH.fullmatch(branch):
        raise wrong("--branch", "is not the name of a branch", "Write it as the repository has it.", branch)
    folder = folder if folder is not None else repository.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git")
    return Source(repository, branch, below("--path", path), below("--folder", unquote(folder), empty=False))


def parts_of(address: str) -> tuple[str, str]:
    """(the address for git, the rest of a page's address from the branch on). Raises InvalidInput."""
    if found := SSH.fullmatch(address):
        web = f"https://{found['host']}/{found['path']}"
        raise wrong(
            OPTION, "is an address for SSH, which takes a key that students lack", f"Try {web}", address
        )
    try:
        split = urlsplit(address)
        host = split.netloc
    except ValueError:
        raise wrong(OPTION, "is not a web address", example(), address) from None
    if "@" in host:
        fix = "Leave the name and the password out; the repository has to be public."
        raise wrong(OPTION, "holds a name or a password, which everybody with the link could read", fix)
    if split.scheme != "https" or not HOST.fullmatch(host):
        raise wrong(OPTION, "is not an address that starts with https://", example(), address)
    names = [unquote(name) for name in split.path.split("/") if name]
    return taken_apart(host.lower(), names, address)


def taken_apart(host: str, names: list[str], address: str) -> tuple[str, str]:
    """The repository, and what follows it in the address of a page."""
    if host in (GITHUB, f"www.{GITHUB}", RAW):
        own, rest = names[:2], names[2:]
        if len(own) < 2:
            raise wrong(OPTION, "names no repository", example(), address)
        kind = ["raw"] if host == RAW and rest else rest[:1]
        rest = rest if host == RAW else rest[1:]
        host, own = GITHUB, [own[0], own[1].removesuffix(".git")]
    elif "-" in names:
        # GitLab, wherever it runs: its own pages come after a dash.
        at = names.index("-")
        own, kind, rest = names[:at], names[at + 1 : at + 2], names[at + 2 :]
        if own:
            own[-1] = own[-1].removesuffix(".git") + ".git"
    else:
        own, kind, rest = names, [], []
    if not own:
        raise wrong(OPTION, "names no repository", example(), address)
    repository = f"https://{host}/{quote('/'.join(own))}"
    if kind and (kind[0] not in ON_A_BRANCH or not rest):
        raise wrong(OPTION, "is a page that shows no file and no folder", f"Try {repository}", address)
    return repository, "/".join(rest)


def on_branch(rest: str, branch: str | None) -> tuple[str, str]:
    """(branch, path) of what follows in the address of a page."""
    rest = rest.removeprefix("refs/heads/")
    if branch and (rest == branch or rest.startswith(branch + "/")):
        return branch, rest[len(branch) + 1 :]
    found, _, path = rest.partition("/")
    return found, path


def agreed(option: str, given: str | None, by_page: str | None) -> str | None:
    """What was given, or what the page's address says; they may not contradict each other."""
    if given and by_page and given.strip("/") != by_page:
        raise wrong(option, f"contradicts the page's address, which says {by_page}", "Leave one out.", given)
    return given or by_page


def below(option: str, text: str, *, empty: bool = True) -> str:
    """A relative path with slashes that leads nowhere else. Raises InvalidInput."""
    path = PurePosixPath(text)
    odd = text.startswith(("/", "~")) or ".." in path.parts or "\\" in text or not text.isprintable()
    if odd or (not empty and path == PurePosixPath()):
        fix = "Write a path with slashes, such as week-1/intro.ipynb, without .. and no / in front."
        raise wrong(option, "does not stay below the repository's folder" if empty else "names no folder",
                    fix, text)  # fmt: skip
    return "" if path == PurePosixPath() else path.as_posix()


def example() -> str:
    return "Write it like https://github.com/OWNER/NAME, or give the address of a file's page there."


def wrong(option: str, message: str, fix: str, found: str | None = None) -> InvalidInput:
    return InvalidInput([Problem(option, message, fix, found=found if found is None else repr(found))])
