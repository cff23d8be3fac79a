"""The bare repository that students' copies are made of: whole, or known not to be.

REPOSITORY            the one in use; the file `coursehub-unfinished` is in it while it is being changed
REPOSITORY.new        one that is being made: it is renamed when all of it is on the disk
REPOSITORY.damaged    the last one that had to be replaced, kept for a while for whoever wants to look into it

A repository that is made anew takes over what can be read of the old one's history. Git does not merge
histories without a common commit, so that without it nobody who has a copy could pull any more with
nbgitpuller alone, which clones with `--depth 1`, and updates with `git fetch` and `git merge -Xours`. What
students' servers have of ours (coursehub.pulling) could.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from coursehub.droplet.system import OperationFailed, run, write_atomically

NEW, ASIDE = ".new", ".damaged"
UNFINISHED = "coursehub-unfinished"
INCOMING = "refs/coursehub/incoming"
KEPT = 30 * 24 * 3600
"""Seconds for which a damaged repository is kept."""
# Each publication is one pack: packs are synced by any git. From 2.36 on, git syncs the rest as well; for
# those before, which do not know the key, `sync` does.
OPTIONS = ("-c", "core.fsync=all", "-c", "fastimport.unpackLimit=0", "-c", "gc.autoDetach=false")
ENTRY = re.compile(r"(\d{6}) blob ([0-9a-f]{40}) +\d+\t(.*)", re.DOTALL)


def git(repository, *words, check=True, timeout=60, **more):
    """Run git on the bare repository; see `run`."""
    return run(["git", *OPTIONS, f"--git-dir={repository}", *words], timeout=timeout, check=check, **more)


def succeeds(repository, *words, **more):
    """Whether git says yes. Raises OperationFailed when it was killed: unknown is not no."""
    done = git(repository, *words, check=False, **more)
    if done.returncode < 0:
        raise OperationFailed(f"git was killed (signal {-done.returncode})", "run the deploy again")
    return done.returncode == 0


def damage(repository, branch):
    """What is wrong with the newest version in the repository, in words; None when nothing is.

    That everything is there is always looked at. Every byte is read only where a change was interrupted,
    for that is when a power cut does harm.
    """
    if not succeeds(repository, "rev-parse", "--git-dir"):
        return "git does not know it as a repository"
    if not succeeds(repository, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}^{{commit}}"):
        return f"its branch {branch} is lost"
    found = files(repository, branch)
    if found is None or (unfinished(repository) and not readable(repository, found)):
        return "some of its files cannot be read"
    return None


def files(repository, branch):
    """The branch's files, {path: [mode, blob id]}; None when one of them or a directory cannot be read.

    For their sizes, which are not wanted, git has to open each.
    """
    listing = git(repository, "ls-tree", "-r", "-z", "--long", f"refs/heads/{branch}", check=False)
    entries = [ENTRY.fullmatch(entry) for entry in listing.stdout.split("\0") if entry]
    if listing.returncode or not all(entries):
        return None
    return {path: [mode, blob] for mode, blob, path in (entry.groups() for entry in entries)}


def readable(repository, found):
    """Whether every byte of these files can be read, without holding them in memory."""
    reading = ["git", f"--git-dir={repository}", "cat-file", "--batch", "--buffer"]
    wanted = "".join(f"{blob}\n" for _, blob in found.values())
    nothing = subprocess.DEVNULL
    try:
        done = subprocess.run(
            reading, input=wanted.encode(), stdout=nothing, stderr=nothing, timeout=90, check=False
        )
    except subprocess.TimeoutExpired:
        raise OperationFailed("reading the content took longer than 90 s", "run the deploy again") from None
    return done.returncode == 0


def unfinished(repository):
    """Whether a change of the repository was begun and not ended."""
    return Path(repository, UNFINISHED).exists()


@contextlib.contextmanager
def changing(repository):
    """Within it, the repository may be changed; the next look knows if this was not gone through."""
    mark = Path(repository, UNFINISHED)
    write_atomically(mark, "")
    sync_one(repository)
    # Whoever changes the repository holds the deploy's lock, so these are of a git that was killed.
    for left in ("**/*.lock", "fast_import_crash_*", INCOMING):
        for path in Path(repository).glob(left):
            path.unlink()
    yield repository
    sync(repository)
    mark.unlink()
    sync_one(repository)
    forget_damaged(repository)


@contextlib.contextmanager
def made_anew(repository, branch):
    """Within it, the directory of another repository, with what can be saved of the old one's history;
    afterwards that is the repository. What fails within leaves everything as it was."""
    new, aside = Path(f"{repository}{NEW}"), Path(f"{repository}{ASIDE}")
    remove(new)
    new.parent.mkdir(parents=True, exist_ok=True)
    run(["git", "init", "--quiet", "--bare", "--template=", f"--initial-branch={branch}", new], timeout=60)
    try:
        # The second is there alone when a repair was interrupted between its two renamings.
        any(take_history(old, new, branch) for old in (Path(repository), aside) if old.is_dir())
        yield str(new)
        sync(new)
    except BaseException:
        remove(new)
        raise
    if os.path.lexists(repository):
        remove(aside)
        Path(repository).rename(aside)
        os.utime(aside)
    new.rename(repository)
    sync_one(new.parent)


def take_history(old, new, branch):
    """Let `branch` of the repository `new` be the newest commit of which `old` has everything, with
    all before it; return whether there is one. Only the objects of `old` are looked at."""
    borrowed = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": f"{old}/objects"}
    for commit in commits(new, borrowed):
        pack = ("pack-objects", "--revs", "-q", f"{new}/objects/pack/pack")
        if succeeds(new, *pack, input=f"{commit}\n", environment=borrowed, timeout=600):
            git(new, "update-ref", f"refs/heads/{branch}", commit)
            if succeeds(new, "fsck", "--no-progress", "--no-dangling", timeout=600):
                return True
            git(new, "update-ref", "-d", f"refs/heads/{branch}")
        for half in Path(new, "objects", "pack").iterdir():
            half.unlink()
    return False


def commits(repository, borrowed):
    """The ids of all commits that can be read, published or not, those with most before them first."""
    ask = ("cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)")
    listed = git(repository, *ask, environment=borrowed, check=False).stdout.splitlines()
    parents = {}
    for found in (line.partition(" ")[2] for line in listed if line.startswith("commit ")):
        text = git(repository, "cat-file", "commit", found, environment=borrowed, check=False).stdout
        parent = re.search(r"^parent ([0-9a-f]{40})$", text, re.MULTILINE)
        parents[found] = parent[1] if parent else None

    def before(found):
        number = 0
        while found := parents.get(found):
            number += 1
        return number

    return sorted(parents, key=before, reverse=True)


def forget_damaged(repository):
    """Remove the damaged repository that was set aside, once it is old."""
    aside = Path(f"{repository}{ASIDE}")
    if os.path.lexists(aside) and time.time() - aside.lstat().st_mtime > KEPT:
        remove(aside)


def remove(path):
    """Remove a directory with all that is in it, or a file in its place."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sync(directory):
    """Return once the disk has all that is in the directory."""
    for folder, _, names in os.walk(directory):
        for name in names:
            sync_one(Path(folder, name))
        sync_one(folder)


def sync_one(path):
    """Return once the disk has what the file or the directory itself holds."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
