"""The course's material: a bare repository that students' servers pull from.

Its history is its own, a straight line with one commit a deploy, so that no rewriting upstream can ever
reach a student, and nothing of the course repository's past (solutions, say) is in it.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from coursehub.droplet.system import OperationFailed, last_lines, run

INCOMING = "refs/coursehub/incoming"
IDENTITY = "Coursehub <coursehub@localhost>"


def look(repository, branch, tree):
    """The published tree's id; unless it is `tree`, its files as well ({path: [mode, blob id]})."""
    found = git(repository, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}^{{tree}}", check=False)
    present = found.stdout.strip() if found.returncode == 0 else None
    seen = {"tree": present, "trusted": repository in trusted()}
    if present and present != tree:
        listing = git(repository, "ls-tree", "-r", "-z", f"refs/heads/{branch}").stdout
        seen["files"] = {
            path: [about.split()[0], about.split()[2]]
            for about, _, path in (line.partition("\t") for line in listing.split("\0") if line)
        }
    return seen


def git(repository, *words, check=True, timeout=60):
    """Run git on the bare repository."""
    return run(["git", f"--git-dir={repository}", *words], timeout=timeout, check=check)


def trusted():
    """The repositories that git, run by a student, may read although root owns them."""
    return run(
        ["git", "config", "--system", "--get-all", "safe.directory"], timeout=10, check=False
    ).stdout.split("\n")


def publish(repository, branch, tree, files, message, payload):
    """Make one commit that holds `files`, and move `branch` to it once it is whole.

    `files` is a list of [path, mode, blob id, size]; a size of None means that the repository has the
    blob already, otherwise its bytes are next in the payload. The commit is built beside the branch and
    must have the tree id `tree`: bytes lost or changed on the way cannot be published.
    """
    if not Path(repository, "HEAD").exists():
        Path(repository).parent.mkdir(parents=True, exist_ok=True)
        run(["git", "init", "--quiet", "--bare", f"--initial-branch={branch}", repository], timeout=60)
    if repository not in trusted():
        run(["git", "config", "--system", "--add", "safe.directory", repository], timeout=10)
    git(repository, "update-ref", "-d", INCOMING)
    import_commit(repository, branch, files, message, payload)
    made = git(repository, "rev-parse", f"{INCOMING}^{{tree}}").stdout.strip()
    if made != tree:
        raise OperationFailed(
            f"the content did not arrive as it was sent (tree {made}, not {tree})",
            "run the deploy again; a file may have changed while it was read",
        )
    git(repository, "update-ref", f"refs/heads/{branch}", INCOMING)
    git(repository, "update-ref", "-d", INCOMING)
    git(repository, "gc", "--auto", "--quiet", timeout=600)


def import_commit(repository, branch, files, message, payload):
    """Feed one commit to git fast-import."""
    process = subprocess.Popen(
        ["git", f"--git-dir={repository}", "fast-import", "--quiet", "--done"],
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
        full = "No space left" in output
        raise OperationFailed(
            "the droplet's disk is full" if full else "git could not store the content",
            "free some disk or choose a larger droplet.size" if full else "run the deploy again",
            last_lines(output),
        )


def quoted(path):
    """A path as fast-import reads it: C-style quotes, so that any character may be in it."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
