"""A course of its own for a test, deployed by running `scripts/deploy.py` as the workflows do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.cloud import Server
from sandbox.machine import Machine

REPOSITORY = Path(__file__).parents[1]
COURSE_FILES = ("course.yml", "environment.yml", "apt.txt", "content")
ADMIN, ADMIN_PASSWORD = "teacher", "correct horse 'battery\" staple % ü"
COURSE_SECRET = "lantern gravel 'mustard\" % orbit seven ü"
TIMEOUT = 900
WATCHED_BY_NOBODY = {"health": {"watchdog": False}}
"""Tests break things and look at them; nothing must mend them meanwhile, but where that is what is tested."""
NOT_OURS = ("GITHUB_", "DROPLET_", "DIGITALOCEAN_")


@dataclass(frozen=True)
class Run:
    """What a script left behind: its exit code, its JSON, and what it said to a person."""

    code: int
    result: dict
    said: str

    @property
    def plan(self) -> list[str]:
        return [step["title"] for step in self.result.get("plan", [])]

    @property
    def parts(self) -> list[str]:
        return [step["part"] for step in self.result.get("plan", [])]

    @property
    def error(self) -> str:
        return (self.result.get("error") or {}).get("message", "")


@dataclass
class Course:
    """A copy of the sample course, what overrides its settings, and the secrets of its repository."""

    root: Path
    secrets: dict[str, str]
    override: dict = field(default_factory=dict)
    wrapped: Callable[[list], list] = list
    """The command that is really run for a script's: to give it a name server, for example."""

    def start(self, script: str = "deploy.py", *options: str) -> subprocess.Popen:
        """Start a script with further options; its standard error can be read line by line."""
        override = self.root.parent / "override.yml"
        override.write_text(json.dumps(self.override))
        command = [REPOSITORY / "scripts" / script, "--course", self.root, "--override", override, "--json"]
        command += options
        kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
        return subprocess.Popen(
            self.wrapped([sys.executable, *command]),
            env={**kept, **self.secrets},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def run(self, script: str = "deploy.py", *options: str) -> Run:
        """Run a script to its end."""
        process = self.start(script, *options)
        output, said = process.communicate(timeout=TIMEOUT)
        assert "Traceback" not in said, said
        return Run(process.returncode, json.loads(output) if output else {}, said)

    def deploy(self) -> Run:
        """Deploy, which must succeed."""
        done = self.run()
        assert done.code == 0, done.said
        return done

    def interrupt(
        self, how: Callable[[str, subprocess.Popen], bool], script: str = "deploy.py", *options: str
    ) -> str:
        """Deploy, asking `how` at the beginning of each step (by its title) until it has struck; return what
        was said from then on."""
        process = self.start(script, *options)
        for line in process.stderr:
            if line.strip().startswith("…") and how(line.strip().removeprefix("… "), process):
                break
        return process.communicate(timeout=TIMEOUT)[1]


def new_course(folder: Path, machine: Machine, private_key: str, mirrors: dict) -> Course:
    """The sample course, copied to `folder`, with a class of two, and a server that exists."""
    secrets = {
        "DROPLET_HOST": machine.address,
        "DROPLET_HOST_KEY": machine.host_key,
        "SSH_PRIVATE_KEY": private_key,
    }
    return copied_course(folder, secrets, mirrors)


def new_cloud_course(folder: Path, server: Server, mirrors: dict) -> Course:
    """The sample course, copied to `folder`, with a class of two, and an account at DigitalOcean's."""
    secrets = {
        "DIGITALOCEAN_TOKEN": server.token,
        "COURSE_SECRET": COURSE_SECRET,
        "REQUESTS_CA_BUNDLE": str(server.ca),
    }
    return copied_course(folder, secrets, {**mirrors, "digitalocean": server.url})


def copied_course(folder: Path, secrets: dict[str, str], mirrors: dict) -> Course:
    """The sample course in `folder`."""
    root = folder / "course"
    root.mkdir()
    for name in COURSE_FILES:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        else:
            shutil.copy(source, root / name)
    secrets = {**secrets, "HUB_ADMIN_PASSWORD": ADMIN_PASSWORD}
    return Course(
        root, secrets, {"users": ["ada", "grace"], "admins": [ADMIN], "mirrors": mirrors, **WATCHED_BY_NOBODY}
    )


def make_key(folder: Path) -> tuple[str, str]:
    """(private key, public key) made by ssh-keygen."""
    file = folder / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
    return file.read_text(), file.with_suffix(".pub").read_text().strip()
