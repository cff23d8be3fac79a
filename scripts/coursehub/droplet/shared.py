"""The shared places: `shared/`, which teachers fill, and a folder for each group.

/srv/course/shared           everybody reads; the Unix group coursehub-teachers writes
/srv/course/groups/NAME      for the Unix group course-NAME alone
/srv/course/shared.json      which files of shared/ are a deploy's: see `placing`

/srv/course is on the volume, so that both outlive the droplet; `show-shared` makes links to them in a
student's home when the server starts. Nothing here ever removes what is in a place.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from coursehub.droplet import placing, sources, tend_shared, unix_groups
from coursehub.droplet.system import OperationFailed, read_text, run, write_atomically
from coursehub.droplet.tend_shared import GROUPS, PREFIX, SHARED, TEACHERS

UNITS = Path("/etc/systemd/system")
TIMER = "coursehub-shared.timer"
WANTED = UNITS / "timers.target.wants" / TIMER
TEND = Path("/opt/course/bin/tend-shared")
SHOW = Path("/opt/course/bin/show-shared")
PUSH = "push"

SERVICE_TEXT = f"""\
# Written by coursehub at each deploy: this file is replaced.
[Unit]
Description=Rights in the course's shared places

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -I {TEND} --rest
Nice=19
IOSchedulingClass=idle
CapabilityBoundingSet=CAP_CHOWN CAP_FOWNER CAP_FSETID CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH
NoNewPrivileges=yes
# Twice a minute nothing happens, which the journal need not tell.
LogLevelMax=notice
"""
TIMER_TEXT = """\
# Written by coursehub at each deploy: this file is replaced.
[Unit]
Description=Rights in the course's shared places, twice a minute

[Timer]
OnActiveSec=1
OnUnitInactiveSec=30
AccuracySec=1

[Install]
WantedBy=timers.target
"""
SHOW_TEXT = f"""\
#!/bin/sh
# Written by coursehub. Shows a person the shared places in the home, by links: run as that person, before the
# server starts. What is the person's own is left as it is; links of ours to what is closed are removed.
cd || exit 0

leads_to() {{ [ -L "$1" ] && [ "$(readlink "$1")" = "$2" ]; }}

# show PLACE NAME...: a link to it, under the first name that is free.
show() {{
    place=$1
    shift
    for name; do leads_to "$name" "$place" && return; done
    for name; do
        [ -e "$name" ] || [ -L "$name" ] || {{ ln -s "$place" "$name" && return; }}
    done
    echo "coursehub: $place is not shown, for each of these is a file of one's own: $*" >&2
}}

if [ -w {SHARED} ] || {{ [ -r {SHARED} ] && [ -n "$(ls -AU {SHARED} | head -n 1)" ]; }}; then
    show {SHARED} shared course-shared
else
    for name in shared course-shared; do leads_to "$name" {SHARED} && rm "$name"; done
fi

folder=groups
if [ -L groups ] || {{ [ -e groups ] && [ ! -d groups ]; }}; then folder=course-groups; fi
for group in $(id -nG); do
    case $group in {PREFIX}*) ;; *) continue ;; esac
    place={GROUPS}/${{group#{PREFIX}}}
    [ -x "$place" ] && mkdir -p "$folder" && show "$place" "$folder/${{group#{PREFIX}}}"
done
for link in groups/* course-groups/*; do
    [ -L "$link" ] || continue
    case $(readlink "$link") in {GROUPS}/*) ;; *) continue ;; esac
    [ -x "$link" ] || {{ rm "$link" && rmdir --ignore-fail-on-non-empty "${{link%%/*}}"; }}
done
exit 0
"""


def files():
    """{path: (text, mode)} of what keeps the places as they are, and shows them."""
    tend = sources.text("coursehub.droplet.tend_shared")
    return {
        SHOW: (SHOW_TEXT, 0o755),
        TEND: (tend, 0o755),
        UNITS / "coursehub-shared.service": (SERVICE_TEXT, 0o644),
        UNITS / TIMER: (TIMER_TEXT, 0o644),
    }


def is_ours(group):
    """Whether a Unix group is one of the shared places'."""
    return group == TEACHERS or group.startswith(PREFIX)


def look(wanted, elsewhere):
    """What is there: the Unix groups with their numbers and members; for each folder of a group, and for
    shared/ (None when absent), whether its own rights are "open", "closed" (root's alone) or "wrong"; the
    state of each file of `wanted`, [path, sha256, size], and of those that a push put there before and that
    are neither wanted nor in `elsewhere`; and whether all of it lasts."""
    groups = unix_groups.look(is_ours)
    entries = placing.ours()
    here = SHARED.is_dir() and not SHARED.is_symlink()
    files = {path: (sha256, size) for path, sha256, size in wanted}
    left = [
        path for path in entries
        if entries[path]["by"] == PUSH and path not in files and path not in elsewhere
    ]  # fmt: skip
    return {
        "groups": groups,
        "shared": condition(SHARED, groups.get(TEACHERS), 0o5) if here else None,
        "folders": {path.name: condition(path, groups.get(PREFIX + path.name), 0) for path in folders()},
        "files": placing.states(files, entries) if here else {path: ["absent", None] for path in files},
        "left": placing.states({}, entries, left) if here else {},
        "put": {path: [entries[path]["sha256"], entries[path]["by"]] for path in files if path in entries},
        "lasting": lasting(),
    }


def folders():
    """The groups' folders."""
    found = GROUPS.iterdir() if GROUPS.is_dir() else ()
    return sorted(path for path in found if path.is_dir() and not path.is_symlink())


def condition(path, group, others):
    about = path.stat()
    mode = stat.S_IMODE(about.st_mode)
    if (about.st_uid, mode) == (0, 0o700):
        return "closed"
    right = tend_shared.Rights(group[0] if group else -1, others, 0)
    return "wrong" if right.are_wrong(about) else "open"


def lasting():
    """Whether the places are tended and shown as they should be, now and after a reboot."""
    return (
        WANTED.exists()
        and all(read_text(path) == text for path, (text, _) in files().items())
        and run(["systemctl", "is-active", "--quiet", TIMER], timeout=20, check=False).returncode == 0
    )


def settle(folder, groups, teachers):
    """Bring about the places with their rights: shared/ if `folder`, which is closed otherwise, and the
    folder of each of `groups`, {name: Unix accounts}. `teachers` are the accounts that fill shared/."""
    made = {PREFIX + name: members for name, members in groups.items()}
    paths = {TEACHERS: SHARED, **{PREFIX + path.name: path for path in folders()}}
    numbers = {name: path.stat().st_gid for name, path in paths.items() if path.is_dir()}
    unix_groups.settle({TEACHERS: teachers, **made}, numbers)
    SHARED.parent.mkdir(parents=True, exist_ok=True)
    if folder:
        make(SHARED, TEACHERS, 0o5)
    elif SHARED.is_dir():
        close(SHARED)
    if groups:
        GROUPS.mkdir(mode=0o755, exist_ok=True)
    for name in groups:
        make(GROUPS / name, PREFIX + name, 0)
    install()
    # What is in them is tended now: a group may have got another number.
    run([TEND], timeout=3600)


def make(path, group, others):
    """A place whose own rights are right. It is closed until they are."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        if path.is_symlink() or not path.is_dir():
            raise OperationFailed(
                f"{path} is no folder", "move it out of the way, on the droplet, and deploy again"
            ) from None
    descriptor = os.open(path, tend_shared.DIRECTORY)
    try:
        tend_shared.put_right(descriptor, tend_shared.Rights(tend_shared.number(group), others, 0))
    finally:
        os.close(descriptor)


def close(path):
    """Let nobody in but root; what is there stays."""
    os.chown(path, 0, 0)
    path.chmod(0o700)


def install():
    for path, (text, mode) in files().items():
        write_atomically(path, text, mode)
    run(["systemctl", "daemon-reload"], timeout=120)
    run(["systemctl", "enable", "--quiet", TIMER], timeout=120)
    run(["systemctl", "restart", TIMER], timeout=120)


def publish(files, remove, payload):
    """Put `files`, [path, sha256, size, executable, whether its bytes are in the payload], into shared/, and
    take away those of `remove` that are still as they were put there. Those without bytes are there already,
    and are only taken into the list."""
    entries = placing.ours()
    try:
        for path in remove:
            if path in entries:
                placing.take_away(path, entries.pop(path))
        for path, sha256, size, executable, sent in files:
            if sent:
                placing.put(received(payload, size, sha256, path), path, executable, entries)
            entry = placing.entry_for(path, sha256, PUSH)
            if entry:
                entries[path] = entry
    finally:
        # On a full disk, what came half is the first that has to go.
        placing.incoming(PUSH).unlink(missing_ok=True)
        placing.remember(entries)


def received(payload, size, sha256, path):
    """The file that comes next, whole, beside the others."""
    place = placing.incoming(PUSH)
    found = hashlib.sha256()
    with place.open("wb") as file:
        for piece in payload.read(size):
            file.write(piece)
            found.update(piece)
    if found.hexdigest() != sha256:
        raise OperationFailed(
            f"shared-data/{path} did not arrive as it was sent",
            "run the deploy again; it may have changed while it was read",
        )
    return place
