"""`tljh-config`: show and change config.yaml, and make the hub or the proxy take it up."""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from tljh.configurer import load_config, read_config
from tljh.paths import (
    CONFIG_DIR,
    CONFIG_FILE,
    HUB_ENV_PREFIX,
    INSTALL_PREFIX,
    STATE_DIR,
    USER_ENV_PREFIX,
)

# Snippets in jupyterhub_config.d import these from here, as they do from the real package.
__all__ = [
    "CONFIG_DIR",
    "CONFIG_FILE",
    "HUB_ENV_PREFIX",
    "INSTALL_PREFIX",
    "STATE_DIR",
    "USER_ENV_PREFIX",
    "main",
]

LOCK_PATIENCE = 1.0  # seconds, as the real one


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `tljh-config`."""
    if os.geteuid() != 0:
        sys.exit("tljh-config needs root privileges: try sudo tljh-config.")
    options = command_line().parse_args(arguments)
    file = Path(options.config_path)
    if options.action == "show":
        sys.stdout.write(as_yaml(read_config(file)))
    elif options.action == "reload":
        reload(options.component)
    else:
        with lock(file):
            config = read_config(file)
            change(config, options)
            write_config(file, config)


def command_line() -> argparse.ArgumentParser:
    """The options and verbs of `tljh-config`."""
    parser = argparse.ArgumentParser(prog="tljh-config", description=__doc__)
    parser.add_argument("--config-path", default=str(CONFIG_FILE), help="file to show or change")
    for option in ("--validate", "--no-validate"):
        parser.add_argument(option, action="store_true", help="accepted; nothing is validated")
    verbs = parser.add_subparsers(dest="action", required=True)
    verbs.add_parser("show", help="print config.yaml")
    for verb, takes_value in (("set", True), ("unset", False), ("add-item", True), ("remove-item", True)):
        subparser = verbs.add_parser(verb, help=f"{verb} a property")
        subparser.add_argument("key_path", help="keys joined by dots, such as limits.memory")
        if takes_value:
            subparser.add_argument("value")
    component = verbs.add_parser("reload", help="restart a component with the new configuration")
    component.add_argument("component", choices=("hub", "proxy"), default="hub", nargs="?")
    return parser


def change(config: dict[str, Any], options: argparse.Namespace) -> None:
    """Make one change in a configuration, in place; exits with a message if there is nothing to change."""
    *parents, last = options.key_path.split(".")
    place = config
    for key in parents:
        place = place.setdefault(key, {})
        if not isinstance(place, dict):
            sys.exit(f"{options.key_path}: {key} is not a mapping")
    if options.action == "set":
        place[last] = parse_value(options.value)
    elif options.action == "unset":
        if last not in place:
            sys.exit(f"{options.key_path} does not exist in config!")
        del place[last]
    elif options.action == "add-item":
        # Twice is twice: the real one appends duplicates as well.
        place.setdefault(last, []).append(parse_value(options.value))
    else:
        remove_item(place, last, options)


def remove_item(place: dict[str, Any], key: str, options: argparse.Namespace) -> None:
    """Take a value out of a list; exits with a message if it is not there."""
    value = parse_value(options.value)
    if value not in place.get(key, []):
        sys.exit(f"{value} is not in {options.key_path}")
    place[key].remove(value)


def parse_value(text: str) -> Any:
    """A value from the command line: none, whole number, decimal number, true, false, or the text itself."""
    constants = {"none": None, "true": True, "false": False}
    if text.lower() in constants:
        return constants[text.lower()]
    if re.fullmatch(r"[0-9]+", text):
        return int(text)
    if re.fullmatch(r"[0-9]+\.[0-9]*", text):
        return float(text)
    return text


def as_yaml(config: dict[str, Any]) -> str:
    """The configuration as `config.yaml` spells it."""
    return yaml.safe_dump(config, default_flow_style=False, sort_keys=False)


def write_config(file: Path, config: dict[str, Any]) -> None:
    """Write config.yaml whole, readable by root alone."""
    new = file.with_name(f"{file.name}.new")
    new.touch(mode=0o600)
    new.write_text(as_yaml(config), encoding="utf-8")
    new.replace(file)


@contextmanager
def lock(file: Path) -> Iterator[None]:
    """Hold the lock beside config.yaml; whoever does not get it exits with 1."""
    with file.with_name(f"{file.name}.lock").open("w") as handle:
        deadline = time.monotonic() + LOCK_PATIENCE
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    sys.exit(f"Another tljh-config holds the lock {handle.name}.")
                time.sleep(0.05)
        yield


def reload(component: str) -> None:
    """Restart the hub and wait until it answers, or write traefik's configuration and restart traefik.

    As in the real one, the wait for the hub has no end, and the proxy is not waited for.
    """
    from tljh import systemd, traefik

    if component == "proxy":
        traefik.write_configuration(load_config())
        systemd.restart("traefik")
        print("Proxy reload with new configuration complete")
        return
    systemd.restart("jupyterhub")
    while not hub_answers():
        time.sleep(1)
    print("Hub reload with new configuration complete")


def hub_answers() -> bool:
    """Whether the hub answers through the proxy; prints why not."""
    import requests

    config = load_config()
    address = config["http"]["address"] or "127.0.0.1"
    url = f"http://{address}:{config['http']['port']}{config['base_url'].rstrip('/')}/hub/api"
    try:
        # With HTTPS this address redirects to a certificate that is not made out to it.
        status = requests.get(url, verify=False, timeout=10).status_code  # noqa: S501
    except requests.RequestException as error:
        print(f"Hub not ready: {error}")
        return False
    if status != 200:
        print(f"Hub not ready: (HTTP status {status})")
    return status == 200


if __name__ == "__main__":
    main()
