"""The students' homes and the hub's state, on a volume that outlives the droplet.

What makes it so at each boot is a service of ours and `mount-home`, which that service runs. The hub and the
proxy require it, so neither ever starts on an empty /home; sshd does not, so the droplet can be mended.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from coursehub.droplet import homes, hub, moving, sources, volume
from coursehub.droplet.mount_home import HOME, RECORD, is_bound, is_mounted
from coursehub.droplet.system import (
    OperationFailed,
    read_json,
    read_text,
    run,
    wait_for,
    write_atomically,
)

PATIENCE = 120.0
"""Seconds for a volume to appear that is being attached."""
HUB_PATIENCE = 60.0
UNITS = Path("/etc/systemd/system")
SERVICE = "coursehub-home.service"
SCRIPT = Path("/opt/course/bin/mount-home")
WANTED = UNITS / "multi-user.target.wants" / SERVICE

UNIT = f"""\
# Written by coursehub at each deploy: this file is replaced.
[Unit]
Description=Students' homes, the hub's state and the content, on the course's volume
Before=traefik.service jupyterhub.service
# When the volume goes, this goes, and with it what requires it.
StopPropagatedFrom=home.mount
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/python3 -I {SCRIPT}
# At a boot they are about to start anyway; after a volume that came late, nobody else would start them.
ExecStartPost=-/bin/systemctl --no-block start jupyterhub.service
TimeoutStartSec=3600
Restart=on-failure
RestartSec=10
RestartPreventExitStatus=2

[Install]
WantedBy=multi-user.target
"""
# Beside TLJH's units, not in them: its installer writes those anew.
DROP_IN = f"""\
# Written by coursehub at each deploy: this file is replaced.
[Unit]
Requires={SERVICE}
After={SERVICE} home.mount
StopPropagatedFrom=home.mount
AssertPathIsMountPoint=/home
AssertPathIsMountPoint=/opt/tljh/state
AssertPathIsMountPoint=/srv/course
"""


def files():
    """{path: (text, mode)} of what makes the volume's place permanent."""
    script = sources.text("coursehub.droplet.mount_home")
    drop_ins = {
        UNITS / f"{name}.service.d" / "coursehub-home.conf": (DROP_IN, 0o644)
        for name in ("jupyterhub", "traefik")
    }
    return {SCRIPT: (script, 0o755), UNITS / SERVICE: (UNIT, 0o644), **drop_ins}


def look(device):
    """Where the homes are, what of them is not as it should be, and [message, fix] if that must not be
    touched (`refusal`); `device` is None without a volume."""
    seen = {"homes": homes.look(), "hub": (UNITS / "jupyterhub.service").exists()}
    if device is None:
        return {**seen, "refusal": homes.refusal(seen["homes"]["conflicts"])}
    record, about = read_json(RECORD) or {}, volume.examine(Path(device))
    there = about["state"] == "ours" and is_mounted(Path(device))
    return {
        **seen,
        "volume": about,
        "settled": there and is_bound() and installed() and not record.get("moving"),
        "disk": {"homes": [], "state": False} if there else moving.on_disk(),
        "refusal": refusal(device, about, record) or homes.refusal(seen["homes"]["conflicts"]),
    }


def refusal(device, about, record):
    """[message, fix] where going on could cost somebody their files; else None."""
    if record and about["state"] != "absent" and about["uuid"] != record["uuid"]:
        return [
            "another volume is attached than the one with the students' files: theirs has the UUID "
            f"{record['uuid']}, and the attached one {about['uuid'] or 'has no file system of coursehub'}",
            f"attach the right one; if this one is to replace it, remove {RECORD} on the droplet",
        ]
    if os.path.ismount(HOME) and not (about["state"] == "ours" and is_mounted(Path(device))):
        return [
            "another file system than the course's volume is mounted at /home",
            "attach the volume, unmount the other one, or set `storage.size: none` in course.yml",
        ]
    return volume.refusal(about, device)


def installed():
    """Whether the service and what requires it are as they should be."""
    return WANTED.exists() and all(read_text(path) == text for path, (text, _) in files().items())


def mount(device, progress):
    """Bring the homes and the hub's state to the volume, for good: format it if it is empty, move what the
    disk has, give the homes their accounts, and mount it."""
    progress("looking for the volume")
    place = Path(device)
    absent = f"the volume is not attached to the droplet: there is no {device}"
    if wait_for(lambda: None if place.exists() else absent, seconds=PATIENCE):
        raise OperationFailed(absent, "attach it in DigitalOcean's control panel, and deploy again")
    record, about = read_json(RECORD) or {}, volume.examine(place)
    if refused := refusal(device, about, record):
        raise OperationFailed(*refused)
    if about["state"] != "ours":
        progress("formatting the volume, which is empty")
        volume.make(place)
    bring(device, volume.examine(place)["uuid"], bool(record.get("moving")), progress)
    start_service(progress)


def bring(device, uuid, copied, progress):
    """Move, install and put aside, in an order in which a cut after any step loses nothing: until the service
    is installed the disk is the truth, and from then on the hub cannot start without the volume."""
    with moving.volume(device) as place:
        if not copied or (place / moving.MOVING).exists():
            moving.move(place, progress, stop_hub, start_hub)
        homes.settle(place)
        install()
        remember(device, uuid, moving=True)
        moving.finish(place)
    moving.put_aside()
    remember(device, uuid, moving=False)


def remember(device, uuid, *, moving):
    """Record which volume is this droplet's; `moving` until nothing is in its way on the disk."""
    write_atomically(RECORD, json.dumps({"device": device, "uuid": uuid, "moving": moving}), 0o600)


def install():
    """Put the service in place, for this boot and the next ones."""
    for path, (text, mode) in files().items():
        write_atomically(path, text, mode)
    run(["systemctl", "daemon-reload"], timeout=120)
    run(["systemctl", "enable", "--quiet", SERVICE], timeout=120)


def start_service(progress):
    """Mount, now, and give the hub, if there is one, the time to come up. What the service says is the
    explanation when it cannot."""
    progress("mounting the volume at /home")
    done = run(["systemctl", "restart", SERVICE], timeout=3700, check=False)
    if done.returncode or not is_bound():
        raise OperationFailed(
            "the volume could not be mounted at /home",
            "the last lines of the service's journal say why",
            hub.journal(SERVICE, 0, 8),
        )
    if hub.look()["version"]:
        wait_for(hub.problem_for_students, seconds=HUB_PATIENCE)


def stop_hub():
    """Stop the hub, the proxy and the students' servers: nobody writes into a home any more."""
    for units in (["jupyterhub.service", "traefik.service"], ["jupyter-*.service"]):
        run(["systemctl", "stop", *units], timeout=300, check=False)


def start_hub():
    """Start the hub again, after a move that failed."""
    run(["systemctl", "--no-block", "start", "jupyterhub.service"], timeout=60, check=False)
