"""Where a hub can live. Chosen once, by what the secrets offer, from a table."""

from __future__ import annotations

from ..model import Target
from ..problems import InvalidInput, Problem
from .droplet import CloudDroplet
from .server import Server

TARGETS = {"host": Server, "digitalocean_token": CloudDroplet}
"""Which secret makes which target; the first that is given counts."""


def choose(settings, secrets, words: frozenset[str] = frozenset()) -> Target:
    """The target for these secrets; `words` are what a person allowed for this run.

    Raises InvalidInput when the secrets name none, or not all that it needs.
    """
    for name, target in TARGETS.items():
        if getattr(secrets, name):
            return target(settings, secrets, words)
    fix = (
        "add the secrets DIGITALOCEAN_TOKEN and COURSE_SECRET, to have a droplet made; or, for a server that "
        "exists, DROPLET_HOST (its address), DROPLET_HOST_KEY and COURSE_SECRET"
    )
    raise InvalidInput([Problem("secret DROPLET_HOST", "there is no server to deploy to", fix)])
