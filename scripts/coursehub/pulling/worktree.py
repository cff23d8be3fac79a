"""A student's files: what lies there, and how another file is put in its place without losing it."""

from __future__ import annotations

import os
import stat

from .decide import OTHER
from .git import DiskFull, Git, is_full
from .names import beside, set_aside


class InTheWay(Exception):
    """Something has to be set aside before the course's files can be put there: `path`."""

    def __init__(self, path: str):
        super().__init__(path)
        self.path = path


class Changed(Exception):
    """A file was saved while it was looked at: look again."""


class Worktree:
    """The files of one copy. Paths are relative to it. `stage` is a folder of ours on the same disk."""

    def __init__(self, git: Git, stage: str):
        self.git, self.folder, self.stage = git, git.folder, stage
        self.seen: dict[str, tuple] = {}

    def place(self, path: str) -> str:
        return os.path.join(self.folder, path)

    def blobs(self, paths: list[str]) -> dict[str, str]:
        """The name that git has for the bytes of each path that is there; OTHER for what is no file."""
        found, plain = {}, []
        for path in paths:
            place = self.place(path)
            if self.blocked(path) or not os.path.lexists(place):
                continue
            self.seen[path] = signature(place)
            if os.path.islink(place):
                target = os.fsencode(os.readlink(place))
                found[path] = self.git.line("hash-object", "--stdin", input=target)
            elif not os.path.isfile(place) or not os.access(place, os.R_OK):
                found[path] = OTHER
            elif "\n" in path:
                found[path] = self.git.line("hash-object", "--", path)
            else:
                plain.append(path)
        names = b"".join(os.fsencode(path) + b"\n" for path in plain)
        made = self.git("hash-object", "--stdin-paths", input=names).decode().split() if plain else []
        return {**found, **dict(zip(plain, made))}

    def blocked(self, path: str) -> str | None:
        """The file or link that stands where a folder of the path should be."""
        while path := os.path.dirname(path):
            place = self.place(path)
            if os.path.lexists(place) and (os.path.islink(place) or not os.path.isdir(place)):
                return path
        return None

    def stage_files(self, commit: str, paths: list[str]) -> None:
        """Write these files of a commit below `stage`, as git checks them out. Raises DiskFull before
        anything else is changed."""
        index = self.stage + ".wanted"
        try:
            self.git("read-tree", commit, index=index)
            names = b"".join(os.fsencode(path) + b"\0" for path in paths)
            self.git("checkout-index", f"--prefix={self.stage}/", "-z", "--stdin", input=names, index=index)
        finally:
            if os.path.exists(index):
                os.unlink(index)

    def stage_bytes(self, path: str, data: bytes) -> None:
        """Have these bytes put at a path, with the mode of what is there."""
        staged = os.path.join(self.stage, path)
        os.makedirs(os.path.dirname(staged), exist_ok=True)
        try:
            with open(staged, "wb") as file:
                file.write(data)
        except OSError as error:
            raise (DiskFull() if is_full(error) else error) from error
        place = self.place(path)
        if os.path.lexists(place):
            os.chmod(staged, stat.S_IMODE(os.stat(place).st_mode) | stat.S_IRUSR | stat.S_IWUSR)

    def read(self, path: str) -> bytes:
        with open(self.place(path), "rb") as file:
            return file.read()

    def put(self, path: str) -> None:
        """Let what is staged for a path take its place. Raises InTheWay, Changed."""
        self.check(path)
        if stop := self.blocked(path):
            raise InTheWay(stop)
        try:
            os.makedirs(os.path.dirname(self.place(path)), exist_ok=True)
            os.replace(os.path.join(self.stage, path), self.place(path))
        except (IsADirectoryError, NotADirectoryError):
            raise InTheWay(path) from None
        except PermissionError:
            raise InTheWay(self.unwritable(path)) from None

    def set_aside(self, path: str, what: str, when: str) -> str:
        """Rename what lies at a path, and return its new name. Raises InTheWay, Changed."""
        self.check(path)
        try:
            new = set_aside(self.place(path), what, when)
        except PermissionError:
            raise InTheWay(self.unwritable(path)) from None
        self.seen.pop(path, None)
        return os.path.relpath(new, self.folder)

    def put_beside(self, path: str, staged: str, what: str, when: str) -> str:
        """Put a staged file next to what lies at a path, and return its name. Raises InTheWay."""
        new = beside(self.place(path), what, when)
        try:
            os.rename(staged, new)
        except PermissionError:
            raise InTheWay(self.unwritable(path)) from None
        return os.path.relpath(new, self.folder)

    def remove(self, path: str) -> None:
        """Remove a file that the student did not change, and folders that are empty without it."""
        self.check(path)
        try:
            os.unlink(self.place(path))
        except PermissionError:
            return  # What cannot be removed does no harm.
        while path := os.path.dirname(path):
            try:
                os.rmdir(self.place(path))
            except OSError:
                return

    def unwritable(self, path: str) -> str:
        """The uppermost folder of a path that nothing can be put into."""
        parts = path.split("/")[:-1]
        for number in range(1, len(parts) + 1):
            folder = "/".join(parts[:number])
            if os.path.isdir(self.place(folder)) and not os.access(self.place(folder), os.W_OK | os.X_OK):
                return folder
        raise PermissionError(path)

    def check(self, path: str) -> None:
        """Raise Changed when a file is no longer what it was when it was looked at."""
        if path in self.seen and self.seen[path] != signature(self.place(path)):
            raise Changed(path)


def signature(place: str) -> tuple:
    """Another one once a file was written to."""
    try:
        found = os.lstat(place)
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode
