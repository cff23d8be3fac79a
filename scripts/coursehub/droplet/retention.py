"""Which generations may go, and giving their disk back. Never one in use, never the last that worked."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
from pathlib import Path

from coursehub.droplet import generations
from coursehub.droplet.generations import ENVIRONMENTS, MARKER
from coursehub.droplet.system import COURSE, OperationFailed, free_bytes, read_json, wait_for

CACHE = COURSE / "cache"
CONDA_CACHE, UV_CACHE = CACHE / "conda", CACHE / "uv"
KEPT = 2
"""How many of the generations that worked are kept, the current one included."""
CROWD = 3
"""Up to so many generations are left alone, for finding out which are in use takes a while."""


def collectable():
    """The generations that may go: what interrupted runs left and, when there are more than CROWD complete
    ones, those that are neither current, nor among the last KEPT that worked, nor in use."""
    complete, half = generations.present()
    return sorted([*half, *(spare(complete) if len(complete) > CROWD else [])])


def spare(complete):
    """Those of the `complete` generations that are not needed and not in use."""
    needed = {generations.current(), *generations.worked()[:KEPT]}
    candidates = [name for name in complete if name not in needed]
    used = users(candidates) if candidates else {}
    return [name for name in candidates if name not in used]


def users(names):
    """{generation: [process id]} for those of `names` that a process runs from, stands in, has mapped into
    its memory or names in its environment (as the PATH of a terminal does)."""
    pattern = re.compile(re.escape(os.fsencode(ENVIRONMENTS)) + rb"/([^/:;\s\0]+)")
    found = {}
    others = [int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit()]
    for process in others:
        named = {os.fsdecode(match) for match in pattern.findall(traces(Path("/proc", str(process))))}
        for name in named.intersection(names) if process != os.getpid() else ():
            found.setdefault(name, []).append(process)
    return found


def traces(process):
    """Everything by which a process shows which files it needs; what has none (a thread of the kernel) or
    ended meanwhile shows nothing."""
    try:
        links = [os.fsencode((process / link).readlink()) for link in ("exe", "cwd")]
        return b"\0".join([*links, *((process / file).read_bytes() for file in ("environ", "maps"))])
    except OSError:
        return b""


def collect(names):
    """Remove those of the generations `names` that may go, and from the cache what no other one uses.

    Returns the bytes of disk that were given back. The deploy lock must be held.
    """
    before = free_bytes(COURSE)
    complete, half = generations.present()
    remove([name for name in names if name in {*half, *spare(complete)}])
    return max(0, free_bytes(COURSE) - before)


def remove(names):
    """Remove generations. Interrupted anywhere, this leaves them incomplete, for the next run to remove."""
    for name in names:
        (ENVIRONMENTS / name / MARKER).unlink(missing_ok=True)
    end_leftovers(names)
    prune_cache()
    delete_generations(names)


def clear(half):
    """Remove what interrupted runs left, but not from the cache, where the next installation finds what had
    been downloaded."""
    end_leftovers(half)
    delete_generations(half)


def delete_generations(names):
    """Remove generations that nobody uses, and their locks."""
    for name in names:
        shutil.rmtree(ENVIRONMENTS / name, ignore_errors=True)
        (ENVIRONMENTS / f"{name}.lock").unlink(missing_ok=True)


def end_leftovers(names):
    """End the processes of an installation whose program was killed: nobody else uses an incomplete
    generation, and they would go on writing into it."""

    if not names:
        return

    def still_there():
        for process in {one for several in users(names).values() for one in several}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        left = users(names)
        return f"processes {left} do not end" if left else None

    if problem := wait_for(still_there, seconds=15):
        raise OperationFailed("an earlier installation cannot be ended: " + problem, "restart the droplet")


def prune_cache():
    """Remove from the cache the packages that no complete generation uses."""
    kept = set()
    for name in generations.present()[0]:
        for file in ENVIRONMENTS.joinpath(name, "conda-meta").glob("*.json"):
            kept.add(Path((read_json(file) or {}).get("extracted_package_dir") or file.stem).name)
    for place in CONDA_CACHE.iterdir() if CONDA_CACHE.is_dir() else ():
        if place.name.removesuffix(".lock") not in kept:
            delete(place)
    # uv hardlinks as well: what it unpacked and no generation links to has no second name.
    for place in UV_CACHE.glob("archive-v*/*"):
        if not any(file.lstat().st_nlink > 1 for file in place.rglob("*") if file.is_file()):
            delete(place)


def delete(place):
    """Remove a file or a directory, as far as that is possible."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink(missing_ok=True)
