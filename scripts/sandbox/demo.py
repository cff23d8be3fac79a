"""`make demo`: DigitalOcean on this computer, and the course deployed to a droplet there.

The deploy itself is `scripts/deploy.py`, the very script that the workflows run, told nothing but what a
coordinator would tell it: a token, the course's secret, a password, and where mirrors are.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from coursehub import settings
from coursehub.problems import CoursehubError
from sandbox import host, machine, mounts, network, services, sources, state
from sandbox.cloud.machines import Machines
from sandbox.commands import wait_until

NAME = "demo"
STUDENT = "ada"
ADMIN = "teacher"
COURSE = state.SCRIPTS.parent
API, PORT = "digitalocean", 8443
BACKEND = "sandbox.cloud.machines:Machines"
PATIENCE = 30.0


@dataclass(frozen=True)
class Account:
    """What opens the demo's account and hub, kept in the sandbox's directory for the next run."""

    token: str = field(repr=False)
    course_secret: str = field(repr=False)
    password: str = field(repr=False)


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
    """The set-up that tests and the demo share (Debian packages, the machines' image, the channel), and the
    tests' browser.

    Nothing runs afterwards, so that there is nothing to take down.
    """
    host.check()
    host.install_packages()
    host.install_browser()
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
    url, authority = serve_api(account)
    switch_on()
    course = settings.load(COURSE)
    override = state.directory() / NAME / "override.yml"
    users = sorted({STUDENT, *course.users})
    # JSON is YAML.
    override.write_text(
        json.dumps(
            {"users": users, "admins": [ADMIN], "mirrors": {**software.mirrors, "digitalocean": url}},
            indent=2,
        )
    )
    done = subprocess.run(
        [sys.executable, COURSE / "scripts/deploy.py", "--course", COURSE, "--override", override, "--json"],
        env={**os.environ, **secrets_of(account, authority)},
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
    mounts.remove_tree(state.directory() / "cloud")
    say("The demo is gone: machines, bridge, firewall rules and mounts. Its downloads stay in .sandbox/")
    return 0


def serve_api(account: Account) -> tuple[str, Path]:
    """DigitalOcean's API, started unless it runs: its address, and the certificate that clients trust."""
    directory, address = state.directory() / "cloud", str(network.ensure().gateway)
    command = [sys.executable, "-m", "sandbox.cloud", "--directory", str(directory), "--address", address]
    command += ["--port", str(PORT), "--backend", BACKEND]
    services.ensure(API, command, {"DIGITALOCEAN_TOKEN": account.token})
    wait_until(lambda: listens(address), PATIENCE, "the start of DigitalOcean's API")
    return f"https://{address}:{PORT}", directory / "ca.pem"


def listens(address: str) -> bool:
    """Whether the API takes connections."""
    try:
        with socket.create_connection((address, PORT), timeout=1):
            return True
    except OSError:
        return False


def switch_on() -> None:
    """Start the droplets again that ended with this computer."""
    for box in machine.all_machines():
        if box.droplet is not None and not box.is_running:
            Machines().start(box.droplet)


def secrets_of(account: Account, authority: Path) -> dict[str, str]:
    """The secrets that a coordinator would have given to GitHub, and whose certificates to trust."""
    return {
        "DIGITALOCEAN_TOKEN": account.token,
        "COURSE_SECRET": account.course_secret,
        "HUB_ADMIN_PASSWORD": account.password,
        "REQUESTS_CA_BUNDLE": str(authority),
    }


def ensure_account(folder: Path) -> Account:
    """The token, secret and password of the last demo, or new ones."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    kept = folder / "account.json"
    if not kept.exists():
        made = Account(f"dop_v1_{secrets.token_hex(32)}", secrets.token_urlsafe(32), secrets.token_urlsafe(9))
        kept.touch(0o600)
        kept.write_text(json.dumps(asdict(made)))
    return Account(**json.loads(kept.read_text()))


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
