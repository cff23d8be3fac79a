"""Where a hub can live. Chosen once, by what the secrets offer, from a table."""

from __future__ import annotations

from ..problems import InvalidInput, Problem
from .server import Server

TARGETS = {"server": Server}


def choose(settings, secrets):
    """The target for these secrets. Raises InvalidInput when they name none."""
    if secrets.host:
        return TARGETS["server"](settings, secrets)
    fix = "add the secrets DROPLET_HOST (the server's address), DROPLET_HOST_KEY and SSH_PRIVATE_KEY"
    raise InvalidInput([Problem("secret DROPLET_HOST", "there is no server to deploy to", fix)])
