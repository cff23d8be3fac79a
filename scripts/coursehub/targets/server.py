"""An address that exists already: a droplet made by hand, or any Ubuntu or Debian server with SSH."""

from __future__ import annotations

from ..problems import InvalidInput, Problem
from ..ssh import Login, SshSession


class Server:
    """A server that is reached with a key, and known by its pinned host key."""

    def __init__(self, settings, secrets):
        """Raises InvalidInput naming each secret that is missing."""
        needed = {
            "DROPLET_HOST_KEY": (secrets.host_key, "the line that `ssh-keyscan -t ed25519 ADDRESS` prints"),
            "SSH_PRIVATE_KEY": (
                secrets.ssh_private_key,
                "a private key whose public half the server's root accepts",
            ),
        }
        problems = [
            Problem(f"secret {name}", "it is needed to reach DROPLET_HOST", f"add it: {what}")
            for name, (value, what) in needed.items()
            if not value
        ]
        if problems:
            raise InvalidInput(problems)
        self.settings = settings
        self.login = Login(secrets.host, secrets.port, secrets.host_key, secrets.ssh_private_key)

    @property
    def address(self) -> str:
        return self.login.address

    @property
    def url(self) -> str:
        """Where people reach the hub, without a slash at the end."""
        domain = self.settings.https.domain
        return f"https://{domain}" if domain else f"http://{bracketed(self.address)}"

    def open(self) -> SshSession:
        """Connect. Raises Failure in words for a teacher."""
        return SshSession(self.login)


def bracketed(address: str) -> str:
    """An address as URLs want it."""
    return f"[{address}]" if ":" in address else address
