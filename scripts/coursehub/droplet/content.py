"""The course's material: a bare repository that students' servers pull from.

Its history is its own, a straight line with one commit a deploy, so that no rewriting upstream can ever
reach a student, and nothing of the course repository's past (solutions, say) is in it.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from coursehub.droplet.repository import INCOMING, OPTIONS, changing, damage, git, made_anew, sync, unfinished
from coursehub.droplet.repository import files as files_of
from coursehub.droplet.system import MORE_SPACE, NO_SPACE, OperationFailed, last_lines, run

IDENTITY = "Coursehub <coursehub@localhost>"


def look(repository, branch, tree):
    """The published tree's id; unless it is `tree`, its files as well ({path: [mode, blob id]}).

    `damage` says in words why what is there cannot be used, and then nothing else is told of it; a change
    of it that was begun is `unfinished`.
    """
    seen = {"tree": None, "trusted": repository in trusted(), "damage": None, "unfinished": False}
    if os.path.lexists(repository):
        seen["damage"] = damage(repository, branch)
        seen["unfinished"] = unfinished(repository)
    if os.path.lexists(repository) and not seen["damage"]:
        seen["tree"] = tree_of(repository, f"refs/heads/{branch}")
        if seen["tree"] != tree:
            seen["files"] = files_of(repository, branch)
    return seen


def tree_of(repository, name):
    """The id of the tree of a commit; None when there is no such commit."""
    found = git(repository, "rev-parse", "--verify", "--quiet", f"{name}^{{tree}}", check=False)
    return found.stdout.strip() if found.returncode == 0 else None


def trusted():
    """The repositories that git, run by a student, may read although root owns them."""
    return run(
        ["git", "config", "--system", "--get-all", "safe.directory"], timeout=10, check=False
    ).stdout.split("\n")


def trust(repository):
    """Let git, run by a student, read the repository."""
    if repository not in trusted():
        # Nobody else changes git's settings at the same time: a lock is of a git that was killed.
        system = Path(os.environ.get("GIT_CONFIG_SYSTEM", "/etc/gitconfig"))
        system.with_name(f"{system.name}.lock").unlink(missing_ok=True)
        run(["git", "config", "--system", "--add", "safe.directory", repository], timeout=10)


def publish(repository, branch, tree, files, message, payload):
    """Make one commit that holds `files`, and move `branch` to it once it is whole.

    `files` is a list of [path, mode, blob id, size]; a size of None means that the repository has the
    blob already, otherwise its bytes are next in the payload. A repository that is absent or damaged is
    made anew, and appears with the commit in it.
    """
    trust(repository)
    if not os.path.lexists(repository) or damage(repository, branch):
        with made_anew(repository, branch) as place:
            commit(place, branch, tree, files, message, payload)
    else:
        with changing(repository) as place:
            commit(place, branch, tree, files, message, payload)
            git(place, "gc", "--auto", "--quiet", timeout=600)


def commit(repository, branch, tree, files, message, payload):
    """Add the commit, unless the branch has just these files already.

    It is built beside the branch and must have the tree id `tree`: bytes lost or changed on the way cannot
    be published.
    """
    if tree_of(repository, f"refs/heads/{branch}") == tree:
        return
    import_commit(repository, branch, files, message, payload)
    made = tree_of(repository, INCOMING)
    if made != tree:
        raise OperationFailed(
            f"the content did not arrive as it was sent (tree {made}, not {tree})",
            "run the deploy again; a file may have changed while it was read",
        )
    sync(Path(repository, "objects"))
    git(repository, "update-ref", f"refs/heads/{branch}", INCOMING)
    git(repository, "update-ref", "-d", INCOMING)


def import_commit(repository, branch, files, message, payload):
    """Feed one commit to git fast-import."""
    process = subprocess.Popen(
        ["git", *OPTIONS, f"--git-dir={repository}", "fast-import", "--quiet", "--done"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    parent = git(repository, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}", check=False)
    try:
        write = process.stdin.write
        for mark, (_, _, _, size) in enumerate(files, 1):
            if size is not None:
                write(b"blob\nmark :%d\ndata %d\n" % (mark, size))
                for piece in payload.read(size):
                    write(piece)
                write(b"\n")
        text = message.encode()
        write(
            f"commit {INCOMING}\ncommitter {IDENTITY} {time.time():.0f} +0000\ndata {len(text)}\n".encode()
            + text
            + b"\n"
        )
        if parent.returncode == 0:
            write(f"from {parent.stdout.strip()}\n".encode())
        write(b"deleteall\n")
        for mark, (path, mode, blob, size) in enumerate(files, 1):
            name = blob if size is None else f":{mark}"
            write(f"M {mode} {name} {quoted(path)}\n".encode())
        write(b"done\n")
        process.stdin.close()
    except BrokenPipeError:
        pass  # git ended early: its words, read below, say why.
    except BaseException:
        process.kill()
        process.wait()
        raise
    output = process.stdout.read().decode(errors="replace")
    if process.wait():
        full = NO_SPACE in output
        raise OperationFailed(
            "the droplet's disk is full" if full else "git could not store the content",
            MORE_SPACE if full else "run the deploy again",
            last_lines(output),
        )


def quoted(path):
    """A path as fast-import reads it: C-style quotes, so that any character may be in it."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
