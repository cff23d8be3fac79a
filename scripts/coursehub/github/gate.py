"""Whether there is anything to deploy to: a fresh copy of the template has no secrets yet, and is not broken.

The workflow tells only which secrets there are, never a value. An address and a host key may be variables as
well: GitHub hides a secret wherever it shows it, and gives no output that has one in it to a later job.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from .standalone import Said

SECRETS = (
    "DIGITALOCEAN_TOKEN",
    "COURSE_SECRET",
    "DROPLET_HOST",
    "DROPLET_HOST_KEY",
    "SSH_PRIVATE_KEY",
    "DROPLET_PASSWORD",
    "HUB_ADMIN_PASSWORD",
)
STARTS = ("DIGITALOCEAN_TOKEN", "DROPLET_HOST")
"""With one of these there is something to deploy to; what it needs besides, the deploy itself tells."""
PAGE = "Documentation/Github.md"
MENU = "Settings → Secrets and variables → Actions"
HIDDEN = (
    "DROPLET_HOST is a secret, so GitHub hides the hub's address wherever it shows it, and keeps it from the "
    "health check. An address is none: make it a variable of that name (Settings → Secrets and variables → "
    "Actions → Variables), and delete the secret"
)
NOTHING = "Nothing was deployed: this repository has no secrets yet"


def given(environ: Mapping[str, str]) -> list[str]:
    """The names of the secrets that are set: the workflow says so in HAVE_NAME, "true" or "false"."""
    return [name for name in SECRETS if environ.get(f"HAVE_{name}") == "true"]


def is_ready(names: Collection[str]) -> bool:
    """Whether secrets of these names make a deploy worth a try."""
    return any(name in names for name in STARTS)


def decide(environ: Mapping[str, str]) -> Said:
    """The outputs `ready`, "true" or "false", and `given`, the JSON list of names; without secrets also what
    to do."""
    names = given(environ)
    ready = is_ready(names)
    outputs = {"ready": "true" if ready else "false", "given": json.dumps(names)}
    if ready:
        hidden = HIDDEN if environ.get("IS_HOST_HIDDEN") == "true" else ""
        return Said("", hidden, outputs, noticed=bool(hidden))
    return Said(f"{NOTHING}. {advice(environ, names)}", outputs=outputs, noticed=True)


def advice(environ: Mapping[str, str], names: list[str]) -> str:
    """Where to go, with addresses where they are known."""
    there = f" ({', '.join(names)} alone will not do.)" if names else ""
    where, page = MENU, PAGE
    if environ.get("GITHUB_REPOSITORY"):
        home = f"{environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{environ['GITHUB_REPOSITORY']}"
        where = f"{MENU} ({home}/settings/secrets/actions)"
        page = f"{home}/blob/HEAD/{PAGE}"
    return f"Add DIGITALOCEAN_TOKEN and COURSE_SECRET under {where}; {page} shows how.{there}"
