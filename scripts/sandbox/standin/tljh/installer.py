"""Set up everything but the environments, which the bootstrap made: safe to run again."""

from __future__ import annotations

import argparse
import dbm
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import bcrypt
import requests
from tljh import accounts, systemd, traefik
from tljh.config import write_config
from tljh.configurer import load_config, read_config
from tljh.paths import CONFIG_DIR, CONFIG_FILE, HUB_ENV_PREFIX, PASSWORDS, STATE_DIR

COMMAND = Path("/usr/bin/tljh-config")
HUB_PATIENCE = 60  # seconds until the proxy must answer


def main(arguments: Sequence[str] | None = None) -> None:
    """Install or upgrade."""
    options = command_line().parse_args(arguments)
    admins = [entry for entries in options.admin for entry in entries]
    with step("groups and configuration"):
        accounts.ensure_groups()
        ensure_directories()
        ensure_configuration(admins)
    if options.plugin:
        with step("plugins"):
            install_plugins(options.plugin)
    with step("services"):
        traefik.ensure_secret()
        traefik.write_configuration(load_config())
        systemd.install_services()
        ensure_command()
        wait_for_answer()
    print("Done!")


def command_line() -> argparse.ArgumentParser:
    """The options that the bootstrap passes on."""
    parser = argparse.ArgumentParser(prog="tljh.installer", description=__doc__)
    parser.add_argument("--admin", nargs="*", action="append", default=[], metavar="USER[:PASSWORD]")
    parser.add_argument("--plugin", nargs="*", default=[])
    return parser


def ensure_directories() -> None:
    """Make the directories that only root may enter."""
    names = ("jupyterhub_config.d", "traefik_config.d")
    for directory in (STATE_DIR, CONFIG_DIR, *(CONFIG_DIR / name for name in names)):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)


def ensure_configuration(admins: Sequence[str]) -> None:
    """Write config.yaml; admins given here replace those in it, their passwords are stored hashed."""
    config = read_config()
    if admins:
        # As in the real installer, a password with a colon in it is an error.
        names_and_passwords = [entry.split(":") for entry in admins]
        if any(len(parts) > 2 for parts in names_and_passwords):
            sys.exit("--admin takes USER or USER:PASSWORD, and a password may not contain a colon.")
        config.setdefault("users", {})["admin"] = [name for name, *_ in names_and_passwords]
        for name, *password in names_and_passwords:
            if password:
                store_password(name, password[0])
    write_config(CONFIG_FILE, config)


def store_password(name: str, password: str) -> None:
    """Store a password as FirstUseAuthenticator does."""
    with dbm.open(str(PASSWORDS), "c", 0o600) as passwords:
        passwords[name] = bcrypt.hashpw(password.encode(), bcrypt.gensalt())


def install_plugins(requirements: Sequence[str]) -> None:
    """Install the packages of plugins beside the hub; if that fails, exit with uv's code, for it said why."""
    uv, python = HUB_ENV_PREFIX / "bin" / "uv", sys.executable
    code = subprocess.run((str(uv), "pip", "install", "--python", python, *requirements)).returncode
    if code != 0:
        sys.exit(code)


def ensure_command() -> None:
    """Put `tljh-config` on everybody's path."""
    if not COMMAND.is_symlink():
        COMMAND.symlink_to(HUB_ENV_PREFIX / "bin" / "tljh-config")


def wait_for_answer() -> None:
    """Wait until something answers on the hub's port; like the real one, do not ask what it says."""
    config = load_config()["http"]
    url = f"http://{config['address'] or '127.0.0.1'}:{config['port']}"
    deadline = time.monotonic() + HUB_PATIENCE
    while True:
        try:
            requests.get(url, verify=False, allow_redirects=False, timeout=10)  # noqa: S501
            return
        except requests.RequestException as error:
            if time.monotonic() > deadline:
                sys.exit(f"Installation failed: {url} does not answer after {HUB_PATIENCE} s: {error}")
            time.sleep(0.3)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Print what is being done and how many seconds it took."""
    begun = time.monotonic()
    yield
    print(f"{title}: {time.monotonic() - begun:.1f} s", flush=True)


if __name__ == "__main__":
    main()
