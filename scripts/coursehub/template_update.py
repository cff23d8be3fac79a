"""`scripts/update.py`: how a course, made with "Use this template", takes what became better in the template.

Standard library and git only, for it runs in a bare clone. The new state is put together beside the clone's
files; they change at the very end, together with one commit, whose trailers say what the next update starts
from.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .problems import Failure
from .template_base import base_of, difference, trailers
from .template_changes import Changes
from .template_git import NO_GIT, Git, fetch, look_at

DONE, FAILED, AVAILABLE = 0, 1, 3
SHOWN = 30  # paths in a list on the screen
SETTINGS = "pyproject.toml"


def run(description: str) -> int:
    """Update, or look whether there is an update; return the exit code: 0 done or up to date, 1 failed,
    3 an update is available."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--from", dest="url", metavar="URL", help="the template (default: see pyproject.toml)"
    )
    parser.add_argument("--to", metavar="TAG-OR-BRANCH", help="default: the newest version")
    parser.add_argument(
        "--replace", action="store_true", help="where both have changed a file, take the template's"
    )
    parser.add_argument("--check", action="store_true", help="only tell; exit code 3 if there is an update")
    arguments = parser.parse_args()
    try:
        git = Git(top(Path()))
        url = arguments.url and resolved(arguments.url)
        return update(git, url, arguments.to, replace=arguments.replace, check=arguments.check)
    except Failure as error:
        print(f"{error}\n{error.detail}".rstrip(), file=sys.stderr)
        return FAILED


def update(git: Git, url: str | None, to: str | None, *, replace: bool, check: bool) -> int:
    """Bring a clone up to date; the exit code. Raises Failure, and then nothing has changed."""
    head = ready(git) if not check else commit_of(git)
    template = look_at(git, url or address(git.root))
    name, target = template.choose(to)
    fetch(git, template.url, sorted({target, template.head or target}))
    base = base_of(git, template.url, head, [target, template.head or target])
    if base.tree is None and not replace:
        raise Failure(
            f"The template's commit {base.commit}, from which this course was updated last, is no longer at "
            f"{template.url}, so that the course's own changes to the program cannot be told",
            "--replace makes every file of the program the template's, and keeps the course's files.",
        )
    if not to and base.commit and git.holds("merge-base", "--is-ancestor", target, base.commit):
        return up_to_date(name)
    found = difference(git, head, base, target)
    if not found:
        return up_to_date(name, found)
    tell(found, name, target)
    if check:
        return AVAILABLE
    stop_at(git, found, head, replace=replace)
    apply(git, head, found, message(git, found, name, target))
    print(
        "\nThe update is one commit on this branch; `git show --stat` shows it. What is next:\n"
        "  1. git push, best on a branch of its own, and open a pull request\n"
        "  2. its plan names mistakes that course.yml may have under the new version, and what would change"
    )
    return DONE


def resolved(url: str) -> str:
    """An address; a folder of this computer in full, as git works in the root of the clone."""
    return str(Path(url).resolve()) if Path(url).is_dir() else url


def top(place: Path) -> Path:
    """The root of the clone. Raises Failure."""
    try:
        return Path(Git(place).run("rev-parse", "--show-toplevel").rstrip("\n"))
    except Failure as error:
        raise Failure("This folder is not in a git repository", NO_GIT, error.detail) from error


def commit_of(git: Git) -> str:
    """The present commit, of a clone that has its history. Raises Failure."""
    head = git.resolve("HEAD^{commit}")
    if head is None:
        raise Failure("This repository has no commit yet", "Commit the course's files first.")
    if git.run("rev-parse", "--is-shallow-repository").strip() == "true":
        raise Failure(
            "This clone has only the last part of its history", "Run `git fetch --unshallow` first."
        )
    return head


def ready(git: Git) -> str:
    """The present commit, of a clone that can take another one. Raises Failure."""
    head = commit_of(git)
    if not git.holds("symbolic-ref", "--quiet", "HEAD"):
        raise Failure("No branch is checked out", "Run `git switch main`, or the name of your branch.")
    if git.resolve("MERGE_HEAD"):
        raise Failure(
            "A merge is under way", "Finish it with `git commit`, or end it with `git merge --abort`."
        )
    entries = git.run("status", "--porcelain", "-z", "--no-renames", "--untracked-files=no").split("\0")
    if changed := [entry[3:] for entry in entries if entry]:
        raise Failure(
            "There are changes that are not committed",
            "Commit them, or put them aside with `git stash`, and run this again.",
            listed(changed),
        )
    if not git.holds("var", "GIT_COMMITTER_IDENT"):
        raise Failure(
            "git does not know who you are",
            'Run `git config user.name "Your Name"` and `git config user.email you@school.edu`.',
        )
    return head


def address(root: Path) -> str:
    """Where the template is, unless another one is given. Raises Failure."""
    fix = "Give the template's address with --from."
    try:
        import tomllib
    except ImportError:
        raise Failure("This Python is older than 3.11", f"Use a newer one. Or: {fix}") from None
    try:
        return tomllib.loads((root / SETTINGS).read_text(encoding="utf-8"))["tool"]["coursehub"]["template"]
    except (OSError, ValueError, KeyError, TypeError):
        raise Failure(f"{SETTINGS} does not name the template (tool.coursehub.template)", fix) from None


def stop_at(git: Git, found: Changes, head: str, *, replace: bool) -> None:
    """Raises Failure for what a person has to decide."""
    if found.conflicts and not replace:
        raise Failure(
            "The course and the template have both changed these files; nothing has been done",
            "Run it again with --replace to take the template's, and lose the course's changes to them.",
            listed(found.conflicts),
        )
    ours = git.files(head)
    lying = [path for path in found.write if path not in ours and in_the_way(git.root, path, ours)]
    if clashes := sorted({*found.clashes, *lying}):
        raise Failure(
            "Files of yours are where the template now has its own; nothing has been done",
            "Move them elsewhere, or delete them, and run this again.",
            listed(clashes),
        )


def in_the_way(root: Path, path: str, ours: dict) -> bool:
    """Whether something that git does not know lies where a new file has to be."""
    if any(path.startswith(f"{own}/") for own in ours):
        return False  # a file of the course's, which makes room
    place = root / path
    if place.is_symlink() or place.is_file():
        return True
    if place.is_dir():
        return not any(own.startswith(f"{path}/") for own in ours)
    parents = [parent for parent in place.parents if root in parent.parents]
    return any(parent.is_symlink() or parent.is_file() for parent in parents)


def apply(git: Git, head: str, found: Changes, text: str) -> None:
    """Commit the changes on the branch, and check them out. Raises Failure, and then all is as it was."""
    new = set(found.write) - set(git.files(head))
    commit = git.run("commit-tree", git.changed(head, found), "-p", head, content=text).strip()
    try:
        git.run("merge", "--quiet", "--ff-only", "--no-verify-signatures", "--no-overwrite-ignore", commit)
    except Failure as error:
        fix = "See below, and run this again: nothing has changed."
        raise Failure("The update could not be checked out", fix, error.detail) from error
    finally:
        if git.resolve("HEAD") == head:
            take_back(git, head, new)


def take_back(git: Git, head: str, new: set[str]) -> None:
    """Undo a check-out that was interrupted: nothing was where NEW files are, and all else is in HEAD.

    Raises Failure if git cannot, which is so when it was killed.
    """
    for path in new:
        if not (git.root / path).is_dir():
            (git.root / path).unlink(missing_ok=True)
    try:
        git.run("read-tree", "--reset", "-u", head)
    except Failure as error:
        fix = "Run `git reset --hard` when no other git is at work here: what is yours is committed."
        raise Failure("The update was interrupted, and git cannot undo it", fix, error.detail) from error


def message(git: Git, found: Changes, name: str, target: str) -> str:
    """The commit's message, with what the next update starts from."""
    lost = (
        [f"The course's changes to these are given up:\n{listed(found.conflicts)}\n"]
        if found.conflicts
        else []
    )
    text = [f"Update from the template ({name})\n", *lost, trailers(git, target)]
    return "\n".join(text)


def up_to_date(name: str, found: Changes | None = None) -> int:
    print(f"Up to date with the template ({name}).")
    if found and found.kept:
        print(f"The course has its own version of:\n{listed(found.kept)}")
    return DONE


def tell(found: Changes, name: str, target: str) -> None:
    """Show what an update changes."""
    print(f"The template's {name} ({target[:7]}) changes files of the program:")
    print(listed([*found.write, *(f"{path} (removed)" for path in found.remove)]))
    if found.kept:
        print(
            f"These keep the course's changes, for the template has not touched them:\n{listed(found.kept)}"
        )
    if found.conflicts:
        print(f"These the course has changed too:\n{listed(found.conflicts)}")


def listed(paths: list[str] | tuple[str, ...]) -> str:
    """Paths, one a line, the first ones of many."""
    shown = [f"  {path}" for path in paths[:SHOWN]]
    return "\n".join([*shown, *([f"  … and {len(paths) - SHOWN} more"] if len(paths) > SHOWN else [])])
