"""Where nbgitpuller calls us: instead of its own update of a copy that is there already.

Its own way is the way out: for a first clone, and whenever ours fails for a reason that we do not know.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator

from . import asked
from .git import DiskFull, GitFailed, NotNow, Unreachable, is_full
from .names import YOURS, set_aside, stamp
from .rebuild import rebuild
from .update import Update
from .worktree import Changed, InTheWay

ATTEMPTS = 30
BEFORE = "before"
MARK = "of_coursehub"
log = logging.getLogger("coursehub")


def install() -> None:
    """Take the place of GitPuller.pull, once."""
    from nbgitpuller.pull import GitPuller

    try:
        asked.watch()
    except Exception:
        log.exception("coursehub is not told what links open")

    theirs = GitPuller.pull
    if hasattr(theirs, MARK):
        return

    def pull(self):
        opened = asked.opened_by(self.repo_dir)
        yield from pulled(self.repo_dir, self.git_url, self.branch_name, lambda: theirs(self), opened)

    setattr(pull, MARK, True)
    GitPuller.pull = pull


def pulled(
    folder: str, url: str, branch: str, theirs: Callable[[], Iterator[str]], opened: str | None = None
) -> Iterator[str]:
    """Bring a copy up to date, or have nbgitpuller do it; `opened` is the path in it that the link opens."""
    folder, aside = folder.rstrip("/"), ""
    try:
        aside = yield from ours(folder, url, branch, opened)
    except NotNow as hindrance:
        # What is there opens all the same: who cannot get in cannot delete anything either.
        yield f"Nothing new was brought, and nothing changed: {hindrance}\n"
        return
    except Exception as failure:
        log.exception("coursehub could not bring %s up to date", folder)
        yield f"{type(failure).__name__}: {failure}\nLeaving it to nbgitpuller\n"
    if aside is None:
        return
    try:
        yield from theirs()
    except BaseException:
        if aside and not os.path.lexists(folder):
            os.rename(aside, folder)
        raise


def ours(folder: str, url: str, branch: str, opened: str | None = None) -> Iterator[str]:
    """Returns None when all is done. Otherwise it is nbgitpuller's turn: the path that what was at `folder`
    has now, or "" when there is nothing of ours to do."""
    when, home = stamp(), os.path.realpath(os.path.expanduser("~"))
    if not branch or not os.path.lexists(folder):
        return ""
    if (home + "/").startswith(os.path.realpath(folder).rstrip("/") + "/"):
        return ""
    if not os.path.isdir(folder):
        aside = set_aside(folder, YOURS, when)
        yield f"Set aside: {aside}\n"
        return aside
    try:
        yield from healed(os.path.realpath(folder), url, branch, when, opened)
    except Unreachable:
        raise
    except (GitFailed, OSError) as failure:
        log.exception("coursehub sets %s aside", folder)
        aside = set_aside(folder, BEFORE, when)
        yield f"{failure}\nSet aside: {aside}\n"
        return aside
    return None


def healed(folder: str, url: str, branch: str, when: str, opened: str | None = None) -> Iterator[str]:
    """Update the copy; on the way set aside what stands in the way, and make a damaged repository anew.
    Raises GitFailed or OSError when that does not help."""
    made_anew, wanted = False, [opened] if opened else []
    for _ in range(ATTEMPTS):
        try:
            yield from Update(folder, url, branch, when, wanted).run()
            return
        except InTheWay as found:
            yield f"Set aside: {set_aside(os.path.join(folder, found.path), YOURS, when)}\n"
            wanted.append(found.path)
        except Changed:
            continue
        except (GitFailed, OSError) as failure:
            no_room(failure)
            if made_anew:
                raise
            yield f"{failure}\n"
            yield from anew(folder, url, branch, when)
            made_anew = True
    raise OSError(f"{folder} changes all the time")


def anew(folder: str, url: str, branch: str, when: str) -> Iterator[str]:
    """Make the copy's repository anew. Raises GitFailed, NotNow and OSError."""
    try:
        yield from rebuild(folder, url, branch, when)
    except OSError as failure:
        no_room(failure)
        raise


def no_room(failure: Exception) -> None:
    """Raise DiskFull where that is the reason."""
    if isinstance(failure, OSError) and is_full(failure):
        raise DiskFull from failure
