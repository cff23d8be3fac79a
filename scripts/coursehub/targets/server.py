"""An address that exists already: a droplet made by hand, or any Ubuntu or Debian server with SSH."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..model import Ground, Reporter, Session, Step
from ..openssh import fingerprint
from ..problems import InvalidInput, Problem
from ..ssh import SshSession
from ..ssh_login import KeyRefused, Login, shown_host_key
from .first_contact import FirstContact, steps_for

ADVICE = (
    "if you rebuilt the server yourself, put its new key into DROPLET_HOST_KEY; if not, somebody may be "
    "between you and it"
)
NOT_NEEDED = "The deploy key is the only way in: the secret DROPLET_PASSWORD can be deleted"


class Server:
    """A server that is reached with a key, and known by its pinned host key."""

    def __init__(self, settings, secrets, words: frozenset[str] = frozenset()):
        """Raises InvalidInput naming each secret that is missing."""
        if problems := secrets.missing("host"):
            raise InvalidInput([with_shown_key(problem, secrets) for problem in problems])
        self.settings = settings
        self.key = secrets.deploy_key
        self.password = secrets.droplet_password
        self.login = Login(secrets.host, secrets.port, (secrets.host_key,), self.key.private, ADVICE)

    @property
    def address(self) -> str:
        return self.login.address

    @property
    def url(self) -> str:
        """Where people are likely to reach the hub, without a slash at the end, as long as it was not looked
        at: whether it has a certificate for its address only the droplet can tell."""
        return hub_url(self.settings, self.address)

    @property
    def ground(self) -> Ground:
        """The way in, which is all that can be done beneath a server that exists already."""
        return FirstContact(self.login, self.password)

    @property
    def choices(self) -> Mapping[str, Mapping[str, Any]]:
        """Nothing that a part has to know is done here."""
        return {}

    @property
    def whereabouts(self) -> Mapping[str, Any]:
        """See `coursehub.model.Target`; there is no account that could tell more."""
        (host_key,) = self.login.host_keys
        return {"address": self.login.address, "port": self.login.port, "host_key": host_key}

    def exists(self) -> bool:
        """It does, or nobody would have given its address."""
        return True

    def prepare(self, report: Reporter) -> list[Step]:
        """What is to be done about the way in: nothing without a password. Raises Failure."""
        if not self.password:
            return []
        report.stage(f"Looking whether {self.address} knows the deploy key")
        steps = steps_for(self.login, self.key.public)
        if not steps:
            report.note(NOT_NEEDED)
        return steps

    def secure(self, session: Session, report: Reporter) -> None:
        """Its host key was pinned by hand, and stays."""

    def open(self) -> SshSession:
        """Connect with the key; where it is not let in yet, with the password. Raises Failure."""
        try:
            return SshSession(self.login)
        except KeyRefused:
            if not self.password:
                raise
            return SshSession(replace(self.login, password=self.password))


def with_shown_key(problem: Problem, secrets) -> Problem:
    """The problem; if it is that the host key is missing, with the one that the server shows now."""
    if "DROPLET_HOST_KEY" not in problem.file or not (line := shown_host_key(secrets.host, secrets.port)):
        return problem
    shown = (
        f"The server at {secrets.host} shows now: {line} (fingerprint {fingerprint(line)}). This was not "
        "trusted, and nothing was sent: compare it with what your provider's console shows for "
        "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub, and set the secret to it only if it is the same."
    )
    return replace(problem, fix=f"{problem.fix} {shown}")


def hub_url(settings, address: str) -> str:
    """Where the hub is reached, without a slash at the end."""
    domain = settings.https.domain
    return f"https://{domain}" if domain else f"http://{bracketed(address)}"


def bracketed(address: str) -> str:
    """An address as URLs want it."""
    return f"[{address}]" if ":" in address else address
