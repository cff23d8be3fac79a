"""The secrets of a deployment, from the environment, where GitHub Actions puts them.

Their problems never show a value: what is wrong is said, not what was read.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from coursehub.openssh import WrongSecret, host_key_from, private_key_from
from coursehub.problems import InvalidInput, Problem

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 72
"""Bytes: bcrypt, which keeps the hub's passwords, takes no more."""
HOST_NAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)

# Field -> environment variable, and how to come by it when it is missing.
VARIABLES = {
    "host": ("DROPLET_HOST", "Set it to the server's IP address or host name."),
    "host_key": (
        "DROPLET_HOST_KEY",
        "Set it to what this prints: ssh-keyscan -t ed25519 and the server's address.",
    ),
    "ssh_private_key": (
        "SSH_PRIVATE_KEY",
        "Set it to the whole private key, the file that ssh-keygen makes without .pub.",
    ),
    "hub_admin_password": (
        "HUB_ADMIN_PASSWORD",
        f"Set it to the first admin's password, of {SHORTEST_PASSWORD} characters or more.",
    ),
}


@dataclass(frozen=True)
class Secrets:
    """What only the deployment may know; None means not given. `host_key` is one line, "type base64"."""

    host: str | None = field(default=None, repr=False)
    port: int = field(default=22, repr=False)
    host_key: str | None = field(default=None, repr=False)
    ssh_private_key: str | None = field(default=None, repr=False)
    hub_admin_password: str | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Secrets:
        """The secrets in `environ`; empty ones count as absent, for that is how GitHub passes missing ones.

        Raises InvalidInput with every secret that cannot be right.
        """
        values: dict[str, Any] = {}
        problems = []
        for name, read in READERS.items():
            variable, _ = VARIABLES[name]
            text = environ.get(variable, "")
            if not text.strip():
                continue
            try:
                values |= read(text)
            except WrongSecret as wrong:
                problems.append(Problem(f"secret {variable}", wrong.message, wrong.fix))
        if problems:
            raise InvalidInput(problems)
        return cls(**values)

    def require(self, *names: str) -> None:
        """Raises InvalidInput naming each of these fields that is absent, and how to set it."""
        missing = [VARIABLES[name] for name in names if getattr(self, name) is None]
        if missing:
            raise InvalidInput(
                [Problem(f"secret {variable}", "is not set", fix) for variable, fix in missing]
            )


def _host(text: str) -> dict[str, Any]:
    """Host and port of "host", "host:port", "::1" or "[::1]:port"."""
    text = text.strip()
    if "://" in text or "/" in text:
        raise WrongSecret("is a web address, not a host", "Leave out what is before // and after the name.")
    if "@" in text:
        raise WrongSecret("names a user as well", "Leave out the @ and what is before it.")
    if _is_address(text, 6):
        return {"host": text}
    bracketed = re.fullmatch(r"\[(.+)\](?::(.*))?", text)
    host, port = bracketed.groups() if bracketed else _split_port(text)
    if bracketed and not _is_address(host, 6):
        raise WrongSecret("has something else than an IPv6 address in brackets", "Leave out the brackets.")
    looks_like_ipv4 = re.fullmatch(r"[0-9.]+", host)
    if not bracketed and not (_is_address(host, 4) if looks_like_ipv4 else HOST_NAME.fullmatch(host)):
        fix = "Write an IP address such as 203.0.113.7 or a host name such as hub.school.edu."
        raise WrongSecret("is neither an IP address nor a host name", fix)
    if port is None:
        return {"host": host}
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise WrongSecret("has a port that is no number from 1 to 65535", "Write host:22, or the host alone.")
    return {"host": host, "port": int(port)}


def _split_port(text: str) -> tuple[str, str | None]:
    host, colon, port = text.rpartition(":")
    return (host, port) if colon else (text, None)


def _is_address(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False


def _password(text: str) -> dict[str, Any]:
    password = text.rstrip("\r\n")
    fix = f"Choose another, of {SHORTEST_PASSWORD} characters or more; several words make a good one."
    if len(password) < SHORTEST_PASSWORD:
        raise WrongSecret(f"has fewer than {SHORTEST_PASSWORD} characters", fix)
    if len(password.encode("utf-8", "surrogateescape")) > LONGEST_PASSWORD:
        raise WrongSecret(f"is longer than the {LONGEST_PASSWORD} bytes that the hub can keep", fix)
    if re.search(r"[\x00-\x1f\x7f]", password) or password != password.strip():
        raise WrongSecret("has a line break, a tab, or a space at an end", fix)
    return {"hub_admin_password": password}


READERS = {
    "host": _host,
    "host_key": lambda text: {"host_key": host_key_from(text)},
    "ssh_private_key": lambda text: {"ssh_private_key": private_key_from(text)},
    "hub_admin_password": _password,
}
