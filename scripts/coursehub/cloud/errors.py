"""What DigitalOcean's API refuses, in words for a coordinator. Pure.

The API's own wording is shown but never decided upon, except where nothing else tells two cases apart: it is
not part of its specification.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ..problems import Failure

PENDING = "pending"
"""In the message of a 422 while another action runs on the droplet."""
GROUPS = {
    "ssh_keys": "ssh_key",
    "tags": "tag",
    "droplets": "droplet",
    "droplet_actions": "droplet",
    "volumes": "block_storage",
    "volume_actions": "block_storage_action",
    "volume_snapshots": "block_storage_snapshot",
    "snapshots": "snapshot",
    "firewalls": "firewall",
    "reserved_ips": "reserved_ip",
    "reserved_ips_actions": "reserved_ip",
    "domains": "domain",
    "projects": "project",
    "images": "image",
    "balance": "billing",
}
"""pydo's groups of calls, and what the scopes for them are called where that differs."""
VERBS = {
    "get": "read",
    "list": "read",
    "create": "create",
    "post": "create",
    "delete": "delete",
    "destroy": "delete",
    "update": "update",
    "assign": "create",
    "unassign": "delete",
    "patch": "update",
}
EXCEPTIONS = {
    "droplet_actions.post": "droplet:update",
    "reserved_ips_actions.post": "reserved_ip:update",
    "projects.assign_resources": "project:assign_resource",
    "domains.create_record": "domain:create",
}
BILLING = "https://cloud.digitalocean.com/account/billing"
SETTLE = f"settle the account's bill at {BILLING}, or ask DigitalOcean's support; then run this again"


@dataclass(eq=False)
class Refused(Exception):
    """An answer that is not a good one. `status` is HTTP's, 0 when there was no answer at all;
    `retry_after` is in seconds."""

    call: str
    status: int
    kind: str
    message: str
    number: str = ""
    retry_after: float | None = None

    @property
    def passes(self) -> bool:
        """Whether it may go away by itself: no answer, a server's error, too many requests."""
        return self.status == 0 or self.status == 429 or self.status >= 500

    @property
    def is_pending(self) -> bool:
        """Whether the thing is busy with another action, as a droplet that is being started."""
        return self.status == 422 and PENDING in self.message.lower()

    def during(self, call: str) -> Refused:
        return replace(self, call=call)

    def __str__(self) -> str:
        said = f"{self.status} {self.message}".strip() if self.status else self.message
        return said + (f" (request {self.number})" if self.number else "")


class Uncertain(Failure):
    """It may have been done, and may not: the answer was lost, or an error came afterwards."""

    def __init__(self, refused: Refused):
        super().__init__(
            f"DigitalOcean did not say whether it did {refused.call}: {refused}",
            "run this again: it looks at what is there",
        )


@contextmanager
def understood() -> Iterator[None]:
    """Turns an answer of another shape than the specification's into a Failure."""
    try:
        yield
    except (KeyError, TypeError, IndexError) as error:
        raise Failure(
            f"an answer of DigitalOcean's is not as its specification says ({error!r})",
            "run this again; if it stays so, this is a mistake in coursehub: report it",
        ) from error


def scope(call: str) -> str:
    """The scope of a token that a call takes, such as "droplet:create", as DigitalOcean's specification has
    it."""
    group, _, verb = call.partition(".")
    return EXCEPTIONS.get(call) or f"{GROUPS.get(group, group)}:{VERBS[verb.split('_')[0]]}"


def explained(refused: Refused) -> Failure:
    """The failure that a person sees."""
    made = {
        401: _wrong_token,
        402: _unpaid,
        403: _forbidden,
        412: _limit,
        429: _too_many,
    }.get(refused.status, _outage if refused.passes else _other)
    return made(refused)


def _wrong_token(refused: Refused) -> Failure:
    return Failure(
        "DigitalOcean does not accept DIGITALOCEAN_TOKEN",
        "make a new one in the control panel, under API, and replace the "
        "secret (Documentation/DigitalOcean.md)",
        str(refused),
    )


def _unpaid(refused: Refused) -> Failure:
    return Failure("DigitalOcean asks for a payment first", SETTLE, str(refused))


def _forbidden(refused: Refused) -> Failure:
    if any(word in refused.message.lower() for word in ("payment", "billing", "locked", "verif")):
        return _unpaid(refused)
    missing = scope(refused.call)
    fix = "make a token with the scopes listed in Documentation/DigitalOcean.md, and replace the secret"
    if missing.endswith(":delete"):
        fix = (
            "make a token that may also delete (Documentation/DigitalOcean.md lists the scopes), and give it "
            "as DIGITALOCEAN_TOKEN for this run alone, or replace the secret"
        )
    return Failure(f"DIGITALOCEAN_TOKEN may not do this: it lacks the scope {missing}", fix, str(refused))


def _limit(refused: Refused) -> Failure:
    return Failure(
        "the account has reached a limit of DigitalOcean's",
        "delete what is no longer needed, or ask for a higher limit in the control panel, under Settings",
        str(refused),
    )


def _too_many(refused: Refused) -> Failure:
    return Failure(
        "DigitalOcean's limit of requests is used up (by everything that uses this account's tokens)",
        "run this again in an hour",
        str(refused),
    )


def _outage(refused: Refused) -> Failure:
    return Failure(
        f"DigitalOcean's API does not answer as it should: {refused}",
        "see https://status.digitalocean.com, and run this again later",
    )


def _other(refused: Refused) -> Failure:
    if refused.status == 422 and "limit" in refused.message.lower():
        return _limit(refused)
    return Failure(
        f"DigitalOcean refused {refused.call}: {refused}", "correct what the message names, and deploy again"
    )
