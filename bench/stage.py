"""Where everybody deploys to: one machine with TLJH and the environment, taken back before each first apply.

What the contenders are told is one file of facts, so that all of them do the same work; and what they did is
compared, byte for byte, with what coursehub's own settings ask for.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import course

from coursehub import settings
from coursehub.droplet.users import FIRST_USE, HUB_PYTHON
from coursehub.model import Json
from coursehub.parts import configuration, content, hub, packages
from coursehub.probe import probe
from coursehub.problems import Failure
from coursehub.secrets import Secrets
from sandbox import host, machine, network, sources, state

MACHINE = "bench"
DEPLOY = state.SCRIPTS / "deploy.py"
ADMIN_PASSWORD = "only-for-the-bench"
REPOSITORIES = {"worktree": "/srv/course/content", "bare": content.REPOSITORY}
PASSWORDS = "/opt/tljh/state/passwords.dbm"
ENVIRONMENT = "/opt/course/envs/current/bin/jupyterhub-singleuser"
GITCONFIG = """\
[safe]
\tdirectory = {worktree}
\tdirectory = {bare}
[user]
\tname = Course
\temail = course@localhost
"""
# The machine as it was before the course: standard input of `sh -e`, which knows no names but its arguments.
RESET = """
dpkg --purge "$@"
rm -rf /var/lib/apt/lists/* /var/lib/apt/periodic/* /etc/gitconfig /srv/course
# Ansible and pyinfra take lists for fresh by this time stamp.
mkdir -p /var/lib/apt/lists/partial /var/lib/apt/periodic
touch -d '3 days ago' /var/lib/apt/lists
rm -rf /opt/course/bin /opt/course/jupyter /opt/course/state/last-good /opt/course/state/configuration.json
rm -f /opt/tljh/state/passwords.dbm* /opt/tljh/config/jupyterhub_config.d/coursehub.py
rm -f /opt/tljh/config/jupyterhub_config.d/coursehub_service.py /opt/tljh/config/roster.json
cat /root/config.yaml > /opt/tljh/config/config.yaml
systemctl reset-failed jupyterhub traefik
timeout 60 tljh-config reload proxy
timeout 60 tljh-config reload hub
sync
"""
OURS = ("ca-certificates", "git", "python3-venv", "sudo")
"""Packages that are on the machine before the course is: they are never taken away."""


@dataclass(frozen=True)
class Stage:
    """The machine, the course, and all that a contender may know. Files of ours lie in `folder`."""

    folder: Path
    box: machine.Machine
    course: course.Course
    override: Path
    facts: Json = None

    @property
    def key(self) -> Path:
        return self.folder / "id_ed25519"

    @property
    def settings(self) -> settings.Settings:
        return settings.load(self.course.root, self.override)

    def secrets(self, address: str) -> dict[str, str]:
        """The environment that scripts/deploy.py takes its secrets from."""
        return {
            "DROPLET_HOST": address,
            "DROPLET_HOST_KEY": self.box.host_key,
            "SSH_PRIVATE_KEY": self.key.read_text(),
            "HUB_ADMIN_PASSWORD": ADMIN_PASSWORD,
        }

    def reset(self) -> None:
        """Take everything away but TLJH and the environment. Raises Failure."""
        wanted = hub.want(self.settings, Secrets())
        extra = [name for name in self.facts["packages"] if name not in OURS]
        self.box.run(["tee", "/root/config.yaml"], input=wanted.config.encode())
        self.box.run(["sh", "-es", *extra], input=RESET.encode(), timeout=180)

    def check(self) -> None:
        """Raise Failure unless the machine is as the course wants it, whoever made it so."""
        wanted, nobody = self.settings, Secrets()
        missing = [name for name in self.facts["packages"] if not self._installed(name)]
        for path, file in configured(wanted).items():
            if self.box.run(["cat", path]).stdout.decode() != file["text"]:
                missing.append(path)
        if content.want(wanted, nobody).tree not in self._trees():
            missing.append("the content")
        if missing:
            raise Failure("a deploy left the machine without " + ", ".join(missing))
        checks = probe(f"http://{self.box.address}", patience=30)
        if bad := [check.seen for check in checks if not check.good]:
            raise Failure("after a deploy the hub cannot be used: " + "; ".join(bad))

    def _installed(self, name: str) -> bool:
        return b"install ok installed" in self.box.run(["dpkg", "-s", name], check=False).stdout

    def _trees(self) -> list[str]:
        """The trees that are published, in either of the places where contenders publish."""
        found = []
        for place in REPOSITORIES.values():
            done = self.box.run(["git", "-C", place, "rev-parse", "main^{tree}"], check=False)
            found.append(done.stdout.decode().strip())
        return found

    def hub_process(self) -> str:
        """The present run of the hub's service: another one after a restart."""
        words = ["systemctl", "show", "--property=InvocationID", "--value", "jupyterhub"]
        return self.box.run(words).stdout.decode().strip()


@contextmanager
def prepared(files: int) -> Iterator[Stage]:
    """A machine with TLJH and the course's environment; afterwards nothing of it is left but downloads."""
    host.check()
    host.install_packages()
    folder = state.directory() / MACHINE
    had_network, had_mirror = network.find() is not None, sources.running() is not None
    remove(folder)
    try:
        yield build(folder, files)
    finally:
        remove(folder)
        if not had_mirror:
            sources.stop()
        if not had_network and not machine.all_machines():
            network.remove()


def remove(folder: Path) -> None:
    """Remove the machine and the folder; also what a killed run left."""
    if left := machine.find(MACHINE):
        left.destroy()
    shutil.rmtree(folder, ignore_errors=True)


def build(folder: Path, files: int) -> Stage:
    """Make the course and the machine, and have coursehub install all that takes long."""
    software = sources.start()
    made = course.make(folder, files)
    key = folder / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    override = folder / "override.yml"
    users = [f"student-{number:02}" for number in range(1, course.STUDENTS + 1)]
    override.write_text(json.dumps({"users": users, "mirrors": dict(software.mirrors)}))
    box = machine.create(
        MACHINE,
        memory="4G",
        cpus=2.0,
        authorized_keys=[key.with_suffix(".pub").read_text()],
        binds=binds(folder, software),
    )
    stage = Stage(folder, box, made, override)
    installing = [sys.executable, DEPLOY, "--course", made.root, "--override", override]
    if subprocess.run(installing, env=os.environ | stage.secrets(box.address)).returncode:
        raise Failure("the machine could not be prepared: see the messages above")
    return replace(stage, facts=facts(stage))


def binds(folder: Path, software: sources.Sources) -> dict[str, str]:
    """What the machine shares with this computer: also Debian packages, which are taken away and installed
    again many times, in a directory of its own because apt locks it."""
    archives = folder / "archives"
    (archives / "partial").mkdir(parents=True)
    return {**software.binds, str(archives): "/var/cache/apt/archives"}


def configured(settings: Any) -> Mapping[str, Mapping[str, Json]]:
    """The files of the hub's configuration, without those that are to be absent."""
    files = configuration.want(settings, Secrets()).files
    return {path: file for path, file in files.items() if file["text"] is not None}


def facts(stage: Stage) -> Json:
    """What rivals need to know to do the same: packages, files, a password, where the content goes."""
    wanted, nobody = stage.settings, Secrets()
    texts = {path: (file["text"], file["mode"]) for path, file in configured(wanted).items()}
    texts["/etc/gitconfig"] = (GITCONFIG.format(**REPOSITORIES), 0o644)
    files = []
    for number, (path, (text, mode)) in enumerate(texts.items()):
        source = stage.folder / "files" / f"{number}-{Path(path).name}"
        source.parent.mkdir(exist_ok=True)
        source.write_text(text)
        files.append({"path": path, "source": str(source), "mode": f"{mode:04o}"})
    order = {"names": wanted.admins, "password": ADMIN_PASSWORD, "locked": False, "database": PASSWORDS}
    # What the file is called in the end depends on the kind of database that Python has.
    created = stage.box.run(["find", str(Path(PASSWORDS).parent), "-path", PASSWORDS + "*"]).stdout
    return {
        "key": str(stage.key),
        "packages": list(packages.want(wanted, nobody).names),
        "files": files,
        "environment_program": ENVIRONMENT,
        "password": {
            "argv": [HUB_PYTHON, "-c", FIRST_USE],
            "stdin": json.dumps(order),
            "creates": created.decode().strip(),
        },
        "content": str(stage.course.content),
        "folder": REPOSITORIES["worktree"],
        "repository": REPOSITORIES["bare"],
        "local_repository": str(stage.course.repository),
    }
