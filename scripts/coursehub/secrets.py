"""The secrets of a deployment, from the environment, where GitHub Actions puts them.

Their problems never show a value: what is wrong is said, not what was read.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from coursehub import certificates
from coursehub.derivation import DEPLOY_KEY, KeyPair, key_pair, key_pair_of
from coursehub.openssh import MAKE_A_KEY, WrongSecret, host_key_from, private_key_from
from coursehub.problems import InvalidInput, Problem
from coursehub.roster.people import Person
from coursehub.roster.reading import people_from
from coursehub.stretching import composed

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 72
"""Bytes: bcrypt, which keeps the hub's passwords, takes no more."""
SHORTEST_SECRET = 20
LEAST_GUESSES = 16
"""Powers of ten, by zxcvbn's estimate; at 0.1 s for each guess (see derivation), beyond anybody's reach."""
HOST_NAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)

# Field -> environment variable, and how to come by it when it is missing.
VARIABLES = {
    "digitalocean_token": (
        "DIGITALOCEAN_TOKEN",
        "Make one in DigitalOcean's control panel, under API: see Documentation/DigitalOcean.md.",
    ),
    "course_secret": (
        "COURSE_SECRET",
        "Set it to a long random sentence, and keep a copy where you keep passwords.",
    ),
    "host": ("DROPLET_HOST", "Set it to the server's IP address or host name."),
    "host_key": (
        "DROPLET_HOST_KEY",
        "Set it to what this prints: ssh-keyscan -t ed25519 and the server's address.",
    ),
    "ssh_private_key": (
        "SSH_PRIVATE_KEY",
        "Set it to the whole private key, the file that ssh-keygen makes without .pub.",
    ),
    "droplet_password": (
        "DROPLET_PASSWORD",
        "Set it to root's password; it is used once, to install the deploy key.",
    ),
    "hub_admin_password": (
        "HUB_ADMIN_PASSWORD",
        f"Set it to the first admin's password, of {SHORTEST_PASSWORD} characters or more.",
    ),
    "hub_users": (
        "HUB_USERS",
        "Set it to the list of the class, such as an export of your school's system, as text.",
    ),
    "https_certificate": ("HTTPS_CERTIFICATE", certificates.WHOLE_CHAIN),
    "https_private_key": ("HTTPS_PRIVATE_KEY", certificates.WHOLE_KEY),
    "oauth_client_id": ("OAUTH_CLIENT_ID", "Set it to the client ID that the provider gave."),
    "oauth_client_secret": ("OAUTH_CLIENT_SECRET", "Set it to the client secret that the provider gave."),
}

# Who gives the first needs the others too; of those in one row, any will do.
COMPANIONS = {
    "host": (("host_key",), ("ssh_private_key", "course_secret")),
    "digitalocean_token": (("course_secret", "ssh_private_key"),),
}


@dataclass(frozen=True)
class Secrets:
    """What only the deployment may know; None means not given. `host_key` is one line, "type base64"."""

    digitalocean_token: str | None = field(default=None, repr=False)
    course_secret: str | None = field(default=None, repr=False)
    host: str | None = field(default=None, repr=False)
    port: int = field(default=22, repr=False)
    host_key: str | None = field(default=None, repr=False)
    ssh_private_key: str | None = field(default=None, repr=False)
    droplet_password: str | None = field(default=None, repr=False)
    hub_admin_password: str | None = field(default=None, repr=False)
    hub_users: tuple[Person, ...] = field(default=(), repr=False)
    https_certificate: str | None = field(default=None, repr=False)
    https_private_key: str | None = field(default=None, repr=False)
    oauth_client_id: str | None = field(default=None, repr=False)
    oauth_client_secret: str | None = field(default=None, repr=False)

    @property
    def seed(self) -> str | None:
        """What the course's own keys are derived from; None when there is nothing."""
        return self.course_secret or self.ssh_private_key

    @property
    def deploy_key(self) -> KeyPair | None:
        """The key that deploys: the one that was given, else the course's own; None without either.

        Raises InvalidInput when the one that was given cannot be read after all.
        """
        if self.ssh_private_key:
            try:
                return key_pair_of(self.ssh_private_key)
            except ValueError:
                problem = Problem(
                    "secret SSH_PRIVATE_KEY", "cannot be read", f"{MAKE_A_KEY} and use that one."
                )
                raise InvalidInput([problem]) from None
        return key_pair(self.course_secret, DEPLOY_KEY) if self.course_secret else None

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
            except InvalidInput as wrong:
                problems += wrong.problems
        if not problems:
            problems += _pair(values)
        if problems:
            raise InvalidInput(problems)
        return cls(**values)

    def missing(self, given: str) -> list[Problem]:
        """What has to accompany the field `given` (see COMPANIONS) and is absent, and how to set it."""
        rows = [row for row in COMPANIONS[given] if not any(getattr(self, name) for name in row)]
        message = f"is needed beside {VARIABLES[given][0]}"
        return [Problem(f"secret {' or '.join(_named(row))}", message, _ways(row)) for row in rows]


def _named(row: tuple[str, ...]) -> list[str]:
    return [VARIABLES[name][0] for name in row]


def _ways(row: tuple[str, ...]) -> str:
    """How to set one of several secrets."""
    if len(row) == 1:
        return VARIABLES[row[0]][1]
    return " Or ".join("{}: {}".format(*VARIABLES[name]) for name in row)


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


def _token(text: str) -> dict[str, Any]:
    token = text.strip()
    if not re.fullmatch(r"[A-Za-z0-9_.-]{20,}", token):
        fix = "Copy the token again, whole and alone: it starts with dop_v1_ and has no blanks."
        raise WrongSecret("is not a token of DigitalOcean's API", fix)
    return {"digitalocean_token": token}


def _course_secret(text: str) -> dict[str, Any]:
    """Composed (see `stretching`), and beyond guessing."""
    from zxcvbn import zxcvbn  # 65 ms, of which --help has no use

    secret = composed(text)
    fix = "Choose five or more words at random, or use what this prints: openssl rand -base64 32"
    if len(secret) < SHORTEST_SECRET:
        raise WrongSecret(f"has fewer than {SHORTEST_SECRET} characters", fix)
    # What is longer can only be harder to guess; and zxcvbn takes its time for long texts.
    if zxcvbn(secret[:LONGEST_PASSWORD])["guesses_log10"] < LEAST_GUESSES:
        raise WrongSecret("could be guessed: it repeats itself, or is made of well-known words", fix)
    return {"course_secret": secret}


def _client(text: str) -> str:
    """A client's ID or secret as the provider shows it."""
    value = text.strip()
    if not re.fullmatch(r"[\x21-\x7e]{4,512}", value):
        raise WrongSecret("is not what a provider gives", "Copy it again, whole and alone, on one line.")
    return value


def _droplet_password(text: str) -> dict[str, Any]:
    password = text.rstrip("\r\n")
    if re.search(r"[\x00\r\n]", password):
        raise WrongSecret("has more than one line", "Set it to root's password alone.")
    return {"droplet_password": password}


def _pair(values: dict[str, Any]) -> list[Problem]:
    """Put the chain of a certificate of one's own in order, in place; what is wrong with it and its key."""
    names = ("https_certificate", "https_private_key")
    given = [name for name in names if name in values]
    if len(given) == 1:
        missing, fix = VARIABLES[next(name for name in names if name not in given)]
        there = VARIABLES[given[0]][0]
        return [Problem(f"secret {missing}", f"is not set, but {there} is", f"{fix} Or delete {there}.")]
    if given:
        try:
            values["https_certificate"] = certificates.paired(*(values[name] for name in names))
        except WrongSecret as wrong:
            return [Problem("secret HTTPS_CERTIFICATE", wrong.message, wrong.fix)]
    return []


READERS = {
    "digitalocean_token": _token,
    "course_secret": _course_secret,
    "droplet_password": _droplet_password,
    "host": _host,
    "host_key": lambda text: {"host_key": host_key_from(text)},
    "ssh_private_key": lambda text: {"ssh_private_key": private_key_from(text)},
    "hub_admin_password": _password,
    "hub_users": lambda text: {"hub_users": people_from(text)},
    "https_certificate": lambda text: {"https_certificate": certificates.chain_from(text)},
    "https_private_key": lambda text: {"https_private_key": certificates.key_from(text)},
    "oauth_client_id": lambda text: {"oauth_client_id": _client(text)},
    "oauth_client_secret": lambda text: {"oauth_client_secret": _client(text)},
}
