"""`make demo`: a machine like a droplet on this computer, and the course deployed to it.

The deploy itself is `scripts/deploy.py`, the very script that the workflows run, told nothing but what a
coordinator would tell it: an address, a host key, a private key, a password, and where mirrors are.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from coursehub import settings
from coursehub.droplet_sizes import droplet_memory
from coursehub.problems import CoursehubError
from sandbox import host, machine, sources, state

NAME = "demo"
STUDENT = "ada"
ADMIN = "teacher"
COURSE = state.SCRIPTS.parent


@dataclass(frozen=True)
class Account:
    """What opens the demo's machine and hub, kept in the sandbox's directory for the next run."""

    private_key: str
    public_key: str
    password: str


def main(verb: str) -> int:
    """Do one of VERBS; a mistake or a failure becomes a message, and exit code 1."""
    if verb not in VERBS:
        print(f"demo.py does not know {verb!r}: say {', '.join(VERBS)}", file=sys.stderr)
        return 2
    try:
        return VERBS[verb]()
    except CoursehubError as error:
        print(f"{error}\n{getattr(error, 'detail', '')}".rstrip(), file=sys.stderr)
        return 1


def prepare() -> int:
    """The set-up that tests and the demo share: Debian packages, the machines' image, the channel.

    Nothing runs afterwards, so that there is nothing to take down.
    """
    host.check()
    host.install_packages()
    sources.prepare()
    return 0


def up() -> int:
    """Bring the demo up and deploy to it; return deploy.py's exit code."""
    began = time.monotonic()
    host.check()
    host.install_packages()
    software = sources.start()
    for line in software.explained:
        say(line)
    account = ensure_account(state.directory() / NAME)
    course = settings.load(COURSE)
    box = machine.find(NAME)
    if box is None:
        say(f"Making a machine like {course.droplet.size}")
        box = machine.create(
            NAME,
            memory=f"{droplet_memory(course.droplet.size) >> 20}M",
            cpus=processors(course.droplet.size),
            authorized_keys=[account.public_key],
            binds=software.binds,
        )
    elif not box.is_running:
        box.boot()
    override = state.directory() / NAME / "override.yml"
    users = sorted({STUDENT, *course.users})
    # JSON is YAML.
    override.write_text(
        json.dumps({"users": users, "admins": [ADMIN], "mirrors": software.mirrors}, indent=2)
    )
    done = subprocess.run(
        [sys.executable, COURSE / "scripts/deploy.py", "--course", COURSE, "--override", override, "--json"],
        env={**os.environ, **secrets_of(box, account)},
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode == 0:
        welcome(json.loads(done.stdout), account, time.monotonic() - began)
    return done.returncode


def down() -> int:
    """Remove every trace but the prepared images and downloads, which make the next demo fast."""
    host.check()
    sources.stop()
    host.remove_all(keep_images=True)
    say("The demo is gone: machines, bridge, firewall rules and mounts. Its downloads stay in .sandbox/")
    return 0


def processors(size: str) -> float:
    """The processors of a droplet of this size ("s-2vcpu-4gb"), at most as many as this computer has."""
    match = re.search(r"(\d+)vcpu", size) or re.search(r"-(\d+)", size)
    return float(min(int(match[1]) if match else 1, os.cpu_count() or 1))


def secrets_of(box: machine.Machine, account: Account) -> dict[str, str]:
    """The secrets that a coordinator would have given to GitHub."""
    return {
        "DROPLET_HOST": box.address,
        "DROPLET_HOST_KEY": box.host_key,
        "SSH_PRIVATE_KEY": account.private_key,
        "HUB_ADMIN_PASSWORD": account.password,
    }


def ensure_account(folder: Path) -> Account:
    """The keys and the password of the last demo, or new ones."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    key, password = folder / "id_ed25519", folder / "admin-password"
    if not key.exists():
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "coursehub-demo", "-f", key], check=True
        )
    if not password.exists():
        password.touch(0o600)
        password.write_text(secrets.token_urlsafe(9))
    return Account(key.read_text(), key.with_suffix(".pub").read_text().strip(), password.read_text())


def welcome(result: dict, account: Account, seconds: float) -> None:
    """The last lines: what a person needs to try the hub."""
    say("")
    say(f"The demo is up ({seconds:.0f} s). Open it in a browser on this computer:")
    say(f"  hub       {result['url']}")
    say(f"  teacher   {ADMIN}, password {account.password}")
    say(f"  student   {STUDENT}, who chooses a password at the first log-in")
    say(f"  link      {result['link']}")
    say("Change a notebook in content/ and run `make demo` again; `make demo-down` removes it all.")


def say(text: str) -> None:
    print(text, flush=True)


VERBS = {"up": up, "down": down, "prepare": prepare}
