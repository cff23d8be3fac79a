"""From the settings and secrets to what the course wants to have in its account."""

from __future__ import annotations

import re
from datetime import datetime

from ..derivation import FIRST_HOST_KEY, key_pair
from ..names import names_from
from ..timetable import size_due
from .model import Wanted
from .user_data import user_data


def wanted_from(settings, secrets, now: datetime) -> Wanted:
    """`now`, with a time zone, decides which size of the timetable is due. Needs `secrets.seed`."""
    droplet, first = settings.droplet, key_pair(secrets.seed, FIRST_HOST_KEY)
    return Wanted(
        names=names_from(secrets.seed),
        name=settings.https.domain or host_name(settings.content.folder),
        size=size_due(settings.timetable, droplet.size, now),
        region=droplet.region,
        image=droplet.image,
        backups=droplet.backups,
        gigabytes=settings.storage.gigabytes,
        reserved_ip=droplet.reserved_ip,
        domain=settings.https.domain,
        project=droplet.project,
        public_key=secrets.deploy_key.public,
        first_key=first.public,
        user_data=user_data(first),
    )


def host_name(folder: str) -> str:
    """A droplet's name for this course: what a host may be called."""
    return re.sub(r"[^a-z0-9-]+", "-", folder.lower()).strip("-") or "course"
