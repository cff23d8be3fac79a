"""A student's copy brought up to date: their changes kept, the course's new version taken, and what cannot be
both set aside under a clear name.

Everything is written beside first, so that a full disk is noticed before anything has changed; then files are
renamed into their places, one by one; then git is told. Cut off at any point, the next time goes on, for what
was given is known from git and what is there is looked at.
"""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Iterator, Sequence

from . import broken
from .decide import MAKE_WAY, MERGE, NOTHING, REMOVE, SUBMODULE, TAKE, decide
from .fetching import fetch, tracking
from .git import Git, GitFailed
from .names import COURSES, YOURS
from .notebook import merge
from .text import is_text, merge_lines
from .worktree import Worktree

STAGE = "coursehub-stage"
INCOMING = "refs/coursehub/incoming"
FILE_MODES = ("100644", "100755")


class Update:
    """One pull, into the copy in `folder`. `when` is how the present is called in names; `wanted` are paths
    that come again where they are missing, for a link opens them, or they were set aside just now."""

    def __init__(self, folder: str, url: str, branch: str, when: str, wanted: Sequence[str] = ()):
        self.git, self.wanted = Git(folder), wanted
        self.url, self.branch, self.when = url, branch, when
        self.files = Worktree(self.git, os.path.join(self.git.directory, STAGE))
        self.index, self.courses = self.files.stage + ".index", self.files.stage + ".course"
        self.beside: dict[str, str] = {}

    def run(self) -> Iterator[str]:
        """Raises GitFailed when the copy is damaged, NotNow, InTheWay, Changed and OSError."""
        yield from broken.clear_locks(self.git.directory, self.git.folder)
        # Git writes it when all files are there: without it, what is missing never came.
        self.is_whole = os.path.exists(os.path.join(self.git.directory, "index"))
        head, before = self.git.commits("HEAD", tracking(self.branch))
        if head is None:
            raise GitFailed("the copy has no version")
        yield f"$ git fetch {self.url} {self.branch}\n"
        fetch(self.git, self.url, self.branch, INCOMING)
        (new,) = self.git.commits(INCOMING)
        if new is None:
            raise GitFailed("what was fetched cannot be read")
        try:
            yield from self.bring(head, self.version_given(head, new, before), new)
        finally:
            self.clear()

    def version_given(self, head: str, new: str, before: str | None) -> str:
        """The version that the student's files come from: what this link brought last, or what another did.
        Histories need not have anything in common, for the course's may have been rewritten. Raises
        GitFailed when there is none."""
        if before and self.git.has(head, before):
            return before
        if common := self.git.common(head, new):
            return common
        others = self.git.line("for-each-ref", "--format=%(objectname)", "refs/remotes").split()
        for other in others:
            if self.git.has(head, other):
                return other
        raise GitFailed("nothing in this copy comes from the course")

    def bring(self, head: str, given: str, new: str) -> Iterator[str]:
        """Change the files, and then git's own knowledge of them."""
        self.clear()  # what one that was cut off has left
        os.makedirs(self.files.stage, exist_ok=True)
        trees = {commit: self.git.tree(commit) for commit in {given, new}}
        old, wanted = trees[given], trees[new]
        yield from broken.take_out_marks(self.files, self.git, sorted(wanted), self.when)
        choices = self.choices(old, wanted)
        if not choices and self.is_settled(head, new):
            yield "Nothing new\n"
            return
        staged = [path for path, what in choices.items() if what in (TAKE, MAKE_WAY, MERGE)]
        if staged:
            self.files.stage_files(new, staged)
        for path in staged:
            if choices[path] == MERGE:
                self.merge(path, old[path][1])
        mine = self.commit_own(head)
        yield from self.apply(choices)
        self.commit_both(mine, new, list(choices))
        yield f"Up to date: {sum(what != NOTHING for what in choices.values())} files came or went\n"

    def is_settled(self, head: str, new: str) -> bool:
        """Whether git knows already that the student has this version, and nothing is unfinished."""
        return (
            self.is_attached()
            and not broken.unfinished(self.git.directory)
            and self.git.has(head, new)
            and self.git.commits(tracking(self.branch)) == [new]
        )

    def is_attached(self) -> bool:
        """Whether the student is on a branch."""
        with open(os.path.join(self.git.directory, "HEAD")) as file:
            return file.read().startswith("ref:")

    def is_wanted(self, path: str) -> bool:
        """Whether a file that the student has not comes again. Who deleted one means it, unless the click is
        to open that very file, or a folder that is gone as a whole: so one begins anew."""
        return not self.is_whole or any(
            path == one or (path.startswith(one + "/") and not os.path.lexists(self.files.place(one)))
            for one in self.wanted
        )

    def choices(self, old: dict, wanted: dict) -> dict[str, str]:
        """What becomes of each path that is not as it should be."""
        changed, made = [], {}
        for path in sorted({*old, *wanted}):
            was, will = old.get(path), wanted.get(path)
            if SUBMODULE in {entry[0] for entry in (was, will) if entry}:
                continue
            if was != will:
                changed.append(path)
            elif not os.path.lexists(self.files.place(path)) and self.is_wanted(path):
                made[path] = TAKE
        blobs = self.files.blobs(changed)
        for path in changed:
            was, will = old.get(path), wanted.get(path)
            what = decide(was and was[1], will and will[1], blobs.get(path))
            if what == MERGE and not {was[0], will[0]} <= set(FILE_MODES):
                what = MAKE_WAY
            if what != NOTHING or will:
                made[path] = what
        return made

    def merge(self, path: str, given: str) -> None:
        """Stage what comes of a file that both changed: the merged one, and if both changed the same place,
        the course's beside it."""
        staged = os.path.join(self.files.stage, path)
        before = self.git("cat-file", "--filters", f"--path={path}", given)
        mine = self.files.read(path)
        with open(staged, "rb") as file:
            theirs = file.read()
        if path.endswith(".ipynb"):
            merged = merge(before, mine, theirs)
            if merged is None:
                self.beside[path] = YOURS
                return
        elif is_text(before, mine, theirs):
            merged = merge_lines(before, mine, theirs)
        else:
            merged = mine, True
        data, collided = merged
        if collided:
            self.beside[path] = COURSES
            kept = os.path.join(self.courses, path)
            os.makedirs(os.path.dirname(kept), exist_ok=True)
            os.rename(staged, kept)
        self.files.stage_bytes(path, data)

    def commit_own(self, head: str) -> str:
        """The student's version as a commit, which nothing points at yet; `head` when nothing is theirs."""
        present = os.path.join(self.git.directory, "index")
        if os.path.exists(present):
            shutil.copyfile(present, self.index)
        try:
            self.git("read-tree", "-m", head, index=self.index)
        except GitFailed:
            self.git("read-tree", head, index=self.index)  # a merge is under way
        try:
            self.git("add", "--update", "--ignore-errors", ".", index=self.index)
        except GitFailed as failure:
            if "Permission denied" not in str(failure):
                raise  # Of what cannot be read there is nothing to keep in a commit.
        tree = self.git.line("write-tree", index=self.index)
        if [tree] == self.git.ids(head + "^{tree}"):
            return head
        return self.commit(tree, [head], "Your version, before the course's newest was taken")

    def commit(self, tree: str, parents: list[str], message: str) -> str:
        words = [word for parent in parents for word in ("-p", parent)]
        return self.git.line("commit-tree", tree, *words, "-m", message)

    def apply(self, choices: dict[str, str]) -> Iterator[str]:
        """Put the staged files in place. What is set aside is named."""
        for path, what in choices.items():
            if what == REMOVE:
                self.files.remove(path)
        for path, what in choices.items():
            place = self.files.place(path)
            if what == MAKE_WAY or self.beside.get(path) == YOURS:
                if os.path.isdir(place) and not os.path.islink(place) and not os.listdir(place):
                    os.rmdir(place)
                elif os.path.lexists(place):
                    yield f"Set aside: {self.files.set_aside(path, YOURS, self.when)}\n"
                self.files.seen.pop(path, None)
            if what in (TAKE, MAKE_WAY, MERGE):
                self.files.put(path)
            if self.beside.get(path) == COURSES:
                name = self.files.put_beside(path, os.path.join(self.courses, path), COURSES, self.when)
                yield f"You and the course changed the same place: {name}\n"

    def commit_both(self, mine: str, new: str, paths: list[str]) -> None:
        """Record that the student has this version now, on a branch, with nothing unfinished."""
        names = b"".join(os.fsencode(path) + b"\0" for path in paths)
        self.git("update-index", "-z", "--add", "--remove", "--stdin", input=names, index=self.index)
        tree = self.git.line("write-tree", index=self.index)
        local, attached = f"refs/heads/{self.branch}", self.is_attached()
        others = [new, *([] if attached else filter(None, self.git.commits(local)))]
        parents = [mine, *(other for other in others if not self.git.has(mine, other))]
        trees = self.git.ids(mine + "^{tree}", new + "^{tree}")
        if parents == [mine] and tree == trees[0]:
            made = mine
        elif parents == [mine, new] and tree == trees[1] and self.git.has(new, mine):
            made = new
        else:
            made = self.commit(tree, parents, "Yours and the course's")
        refs = (("HEAD" if attached else local, made), (tracking(self.branch), new))
        orders = "".join(f"update {name} {commit}\n" for name, commit in refs)
        self.git("update-ref", "-m", "followed a link", "--stdin", input=orders.encode())
        if not attached:
            self.git("symbolic-ref", "HEAD", local)
        os.replace(self.index, os.path.join(self.git.directory, "index"))
        broken.forget_unfinished(self.git.directory)
        self.remember_address()

    def remember_address(self) -> None:
        """For nbgitpuller's own way, and for students who use git: where this came from."""
        known = self.git.line("config", "--list").splitlines()
        for key, value in (("url", self.url), ("fetch", "+refs/heads/*:refs/remotes/origin/*")):
            if f"remote.origin.{key}={value}" not in known:
                self.git("config", "--replace-all", f"remote.origin.{key}", value)

    def clear(self) -> None:
        for left in glob.glob(glob.escape(self.files.stage) + "*"):
            if os.path.isdir(left):
                shutil.rmtree(left, ignore_errors=True)
            else:
                os.unlink(left)
