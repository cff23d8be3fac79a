"""All that a course has in its account, tags and key included: what an end of it has to think of."""

from __future__ import annotations

from dataclasses import dataclass

from .api import Account
from .making import soon
from .model import Seen, Wanted
from .observe import fingerprint, observe
from .removing import tags_of


@dataclass(frozen=True)
class Belongings:
    """`tags` are the names of the course's; `own_key` tells that the deploy key was added by a deploy."""

    seen: Seen
    tags: frozenset[str]
    own_key: bool


def belongings(account: Account, wanted: Wanted) -> Belongings:
    """Look at everything. A droplet whose making was interrupted may not be in a list yet: it is waited for,
    so that none is left behind. Raises Failure naming what could not be seen."""
    seen = observe(account, wanted)
    if seen.creating and seen.droplet is None and soon(account, wanted.names.tag):
        seen = observe(account, wanted)
    key = account.read("ssh_keys.get", fingerprint(wanted.public_key)) if seen.key else None
    own = key is not None and key["ssh_key"]["name"] == wanted.names.tag
    return Belongings(seen, frozenset(tags_of(account, wanted.names.tag)), own)
