"""What is broken in the drill (`faults.py`): how, who should tell it, and how it is undone."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import volumes
from broken import BOMB, CACHE, HOARD, IMPOSTOR, MANY, NOTEBOOK
from coursehub.ssh import SshSession
from coursehub.ssh_login import Login
from sandbox import state
from sandbox.cgroup import version
from sandbox.machine import Machine
from student import Student

DEVICE, VOLUME = "/dev/disk/by-id/scsi-0DO_Volume_the-drill", "home"
SNIPPET = "/opt/tljh/config/jupyterhub_config.d/coursehub.py"


@dataclass(frozen=True)
class Fault:
    """`strike` and `undo` are done to the machine. `finding` is the watchdog's name for it, where it can know
    it; `outside`: whether who comes from outside without a key can notice; `heals`: whether it ends without
    a person; `prepare` is done before, and not counted."""

    name: str
    strike: Callable[[Machine], object]
    finding: str | None
    outside: bool = True
    heals: bool = True
    undo: Callable[[Machine], object] = lambda box: None
    prepare: Callable[[Machine], object] = lambda box: None


def shell(script: str) -> Callable[[Machine], object]:
    return lambda box: box.run(["sh", "-c", script], timeout=300)


def in_a_kernel(code: str) -> Callable[[Machine], object]:
    """A student runs this in a notebook."""

    def strike(box: Machine) -> None:
        student = Student(f"http://{box.address}", "student-02", "a first password").log_in().open_server()
        student.write("mine.ipynb", NOTEBOOK)
        with student.open("mine.ipynb") as kernel:
            kernel.run(code)

    return strike


def impostor(box: Machine) -> None:
    """Another program takes the hub's port and answers each question with an error."""
    box.run(["systemctl", "stop", "jupyterhub"])
    box.run(["systemd-run", "--quiet", "--unit=impostor", "python3", "-c", IMPOSTOR])


def freeze(frozen: bool) -> Callable[[Machine], object]:
    """All processes of the machine stand still, as on a host that is overwhelmed."""

    def change(box: Machine) -> None:
        if version() == 2:
            Path("/sys/fs/cgroup", box.group.path, "cgroup.freeze").write_text("1" if frozen else "0")
            return
        for place in box.group.directories:
            if (place / "freezer.state").exists():
                (place / "freezer.state").write_text("FROZEN" if frozen else "THAWED")

    return change


def leave_no_room(box: Machine) -> None:
    box.run(["mkdir", "-p", CACHE])
    box.run(["fallocate", "-l", "400M", f"{CACHE}/wheel"])
    free = "$(df --output=avail -B1 / | tail -1)"
    box.run(["sh", "-c", f"fallocate -l $(( {free} - 150000000 )) /root/ballast"])


def breaks_configuration(box: Machine) -> None:
    box.run(["cp", SNIPPET, "/root/snippet"])
    box.run(["sh", "-c", f"echo 'raise RuntimeError(42)' >> {SNIPPET}"])
    box.run(["systemctl", "restart", "--no-block", "jupyterhub"])


def give_volume(box: Machine) -> None:
    """The students' files are moved to a volume, as by a deploy with `droplet.volume`."""
    folder = state.directory() / box.name
    if box.run(["test", "-e", "/opt/course/state/volume.json"], check=False).returncode == 0:
        return
    volumes.attach(box, volumes.make(folder / VOLUME, 6 << 30), DEVICE)
    login = Login(box.address, 22, (box.host_key,), (folder / "id_ed25519").read_text(), "")
    with SshSession(login) as session:
        session.call("storage.mount", {"device": DEVICE})


def reset_budget(box: Machine) -> None:
    """As if the hour were over, for which the watchdog's budget is."""
    path = "/opt/course/state/watchdog.json"
    with contextlib.suppress(ValueError):
        report = json.loads(box.run(["cat", path], check=False).stdout or b"{}")
        for entry in report.get("kills", {}), report.get("restarts", {}):
            for one in entry.values():
                one["at"] = 0.0
        box.run(["tee", path], input=json.dumps(report | {"acts": []}).encode())


KILL = "systemctl kill --signal=SIGKILL --kill-who=main"
STOP = "systemctl kill --signal=SIGSTOP --kill-who=main"
FAULTS = (
    Fault("hub killed", shell(f"{KILL} jupyterhub"), "restarts"),
    Fault("hub switched off", shell("systemctl stop jupyterhub"), "hub"),
    Fault("hub in a crash loop by bad configuration", breaks_configuration, "hub"),
    Fault("proxy killed", shell(f"{KILL} traefik"), "restarts"),
    Fault("proxy switched off", shell("systemctl stop traefik"), "proxy"),
    Fault("proxy's routes lost", shell("echo > /opt/tljh/state/rules/rules.toml"), "way to the hub"),
    Fault("port 80 hung", shell(f"{STOP} traefik"), "proxy"),
    Fault("500s", impostor, "hub", heals=False, undo=shell("systemctl stop impostor; sleep 1")),
    Fault("disk full", leave_no_room, "disk", outside=False, undo=shell("rm -f /root/ballast")),
    Fault("inodes gone", lambda box: box.run(["python3", "-c", MANY], timeout=300), "disk", outside=False),
    # The kernel ends that notebook's program by itself, and it is told for a quarter of an hour.
    Fault(
        *("memory eaten by a student", in_a_kernel(HOARD), "memory of a server"), outside=False, heals=False
    ),
    Fault("a fork bomb by a student", in_a_kernel(BOMB), "processes", outside=False),
    Fault("sshd dead", shell("systemctl stop ssh.socket ssh.service 2>/dev/null; true"), "SSH"),
    Fault("machine frozen", freeze(True), None, heals=False, undo=freeze(False)),
    Fault("machine off", lambda box: box.kill(), None, heals=False, undo=lambda box: box.boot()),
    Fault("volume unmounted", shell("umount --lazy /home"), "volume", prepare=give_volume),
)
"""In the order of the drill; the volume comes last, for a machine that boots must be shown it anew. What only
the check from outside can see (a name that leads astray, a wrong clock) is in `faults.astray`."""
