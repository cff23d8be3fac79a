"""Moving what was on the droplet's own disk, students' files and the hub's state, to a new volume.

The disk stays the truth until the copy was compared to it; the old copy is kept aside, for a person to
remove. A mark on the volume says that the copy is not finished. Each piece may be killed and done again.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

from coursehub.droplet.homes import PREFIX
from coursehub.droplet.mount_home import BOUND, HOME, MOVING, OPTIONS, PRIVATE, STATE
from coursehub.droplet.system import OperationFailed, run, stream

PLACES = Path("/run/coursehub")
ASIDE = "before-the-volume"
"""/home-before-the-volume, /opt/tljh/state-before-the-volume and /srv/course-before-the-volume"""
NOT_MOVED = "lost+found"
GIB = 1 << 30
LONGEST = 6 * 3600
"""Seconds for one pass of the copy."""
# Yields to the class; ends with this program, so that a rerun is alone.
GENTLY = ("nice", "-n", "10", "setpriv", "--pdeathsig", "KILL", "--")
RSYNC = ("rsync", "--archive", "--hard-links", "--acls", "--xattrs", "--sparse", "--numeric-ids", "--delete")
VANISHED = "failed with exit code 24"
"""A file was deleted while it was to be copied, as happens while students work."""


@contextlib.contextmanager
def mounted(source, name, *options):
    """Mount `source` below /run/coursehub, where only root looks, for as long as this lasts."""
    PLACES.mkdir(mode=0o700, exist_ok=True)
    place = PLACES / name
    place.mkdir(exist_ok=True)
    if os.path.ismount(place):  # by a program that was killed
        run(["umount", place], timeout=60)
    run(["mount", *options, source, place], timeout=120)
    try:
        yield place
    finally:
        run(["umount", place], timeout=120)


def volume(device):
    """The volume, beside whatever is at /home."""
    return mounted(device, "volume", "-t", "ext4", "-o", OPTIONS)


def disk():
    """The droplet's own disk, with what lies below other mounts."""
    return mounted("/", "disk", "--bind", "--make-private")


def on_disk(root=Path("/")):
    """What the disk at `root` has: the students' homes by name, and whether there is a state of the hub."""
    state = below(root, STATE)
    return {
        "homes": [name for name in entries(below(root, HOME)) if name.startswith(PREFIX)],
        "state": bool(entries(state)) and not os.path.ismount(state),
    }


def entries(directory):
    """The names in a directory that may be absent, sorted."""
    names = (entry.name for entry in directory.iterdir()) if directory.is_dir() else ()
    return sorted(name for name in names if name != NOT_MOVED)


def below(root, path):
    return root / path.relative_to("/")


def move(volume, progress, stop_hub, start_hub):
    """Copy what the disk has to the mounted `volume`, and compare. The mark stays until `finish`.

    Students work on while the most is copied; the hub is stopped for what has changed meanwhile, and
    started again only if something fails.
    """
    mark, private = volume / MOVING, volume / PRIVATE
    with disk() as root:
        found = on_disk(root)
        pairs = [(below(root, HOME), volume)]
        pairs += [(below(root, shown), private / name) for name, (shown, _) in BOUND.items()]
        if not found["homes"] and not found["state"]:
            if mark.exists():
                raise OperationFailed(UNFINISHED, UNFINISHED_FIX)
            take_along(below(root, HOME), volume)
            make_private(private)
            return
        if private.exists() and not mark.exists():
            raise OperationFailed(both_sentence(found), BOTH_FIX)
        require_room([source for source, _ in pairs], volume)
        mark.touch()
        os.sync()
        make_private(private)
        progress("copying the students' files; the hub runs on")
        copy(pairs, progress)
        progress("stopping the hub, for what has changed meanwhile")
        stop_hub()
        try:
            copy(pairs, progress)
            progress("comparing the copy with the students' files")
            compare(pairs)
        except BaseException:
            start_hub()
            raise


UNFINISHED = "the volume holds a copy of another droplet's files that was never finished"
UNFINISHED_FIX = f"if that droplet is gone, look at the files, then remove {MOVING} from the volume"
BOTH_FIX = "move one of the two out of the way, on the droplet, and deploy again: nothing was changed"


def both_sentence(found):
    """For a disk and a volume that both have what only one may have."""
    what = [*found["homes"][:3], *(["…"] if len(found["homes"]) > 3 else [])]
    what += ["the hub's state"] if found["state"] else []
    return f"the volume is in use already, and the droplet's disk has files as well: {', '.join(what)}"


def take_along(homes, volume):
    """Bring what the image has in /home (the home of its own user, say), but never over what is there."""
    for name in entries(homes):
        run([*RSYNC[:-1], "--ignore-existing", homes / name, volume], timeout=600)


def make_private(private):
    """Root's own directory on the volume."""
    private.mkdir(mode=0o700, exist_ok=True)
    for name, (_, mode) in BOUND.items():
        (private / name).mkdir(mode=mode, exist_ok=True)


def require_room(sources, volume):
    """Raises OperationFailed when the volume is too small for what is to be copied."""
    present = [source for source in sources if source.is_dir()]
    counting = ["du", "--summarize", "--total", "--one-file-system", "--block-size=1"]
    done = run([*counting, *present], timeout=LONGEST, check=False)
    needed = int(done.stdout.split()[-2])
    about = os.statvfs(volume)
    room = (about.f_blocks - about.f_bfree + about.f_bavail) * about.f_frsize
    if needed > room:
        raise OperationFailed(
            f"the students' files take {needed / GIB:.1f} GB, and the volume has {room / GIB:.1f}",
            "set a larger storage.size in course.yml",
        )


def copy(pairs, progress):
    """Make each destination like its source, sending only what differs."""
    for source, destination in pairs:
        if source.is_dir():
            try:
                stream(
                    [*GENTLY, *RSYNC, *excluded(), f"{source}/", destination],
                    progress=progress,
                    timeout=LONGEST,
                )
            except OperationFailed as error:
                if VANISHED not in error.message:
                    raise
    os.sync()


def compare(pairs):
    """Raises OperationFailed naming what differs, byte by byte, between the sources and the copies."""
    for source, destination in pairs:
        if source.is_dir():
            looking = ["--checksum", "--dry-run", "--itemize-changes", *excluded()]
            words = [*GENTLY, *RSYNC, *looking, f"{source}/", destination]
            different = stream(words, progress=lambda line: None, timeout=LONGEST)
            if different.strip():
                raise OperationFailed(
                    "the copy on the volume is not like the students' files yet",
                    "deploy again, while nobody works on the droplet itself",
                    different[:2000],
                )


def excluded():
    """What is the volume's own, at the top: neither copied nor removed."""
    return [f"--exclude=/{name}" for name in (PRIVATE, MOVING, NOT_MOVED)]


def finish(volume):
    """The volume is the truth from here on."""
    (volume / MOVING).unlink(missing_ok=True)
    os.sync()


def put_aside():
    """Keep the old copy under another name, where only root can look."""
    with disk() as root:
        for directory in (below(root, place) for place in (HOME, *(shown for shown, _ in BOUND.values()))):
            aside = directory.with_name(f"{directory.name}-{ASIDE}")
            for name in entries(directory):
                aside.mkdir(mode=0o700, exist_ok=True)
                set_aside(directory / name, aside)


def set_aside(source, folder):
    """Move a file or directory into `folder`, on the same disk. On an overlay, a directory of a lower layer
    cannot be renamed (https://docs.kernel.org/filesystems/overlayfs.html): it is copied, and removed once
    the copy is whole."""
    try:
        source.rename(folder / source.name)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        run([*RSYNC[:-1], source, folder], timeout=LONGEST)
        shutil.rmtree(source)
