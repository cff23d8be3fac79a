"""What a request for a droplet asks for, with every mistake that the API finds in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.cloud import catalogue
from sandbox.cloud.account import key_by
from sandbox.cloud.backups import policy
from sandbox.cloud.core import Call, found
from sandbox.cloud.errors import ApiError, unprocessable
from sandbox.cloud.offers import image
from sandbox.cloud.state import Record, State

NAME = re.compile(r"[a-zA-Z0-9]?[a-z0-9A-Z.\-]*[a-z0-9A-Z]")
TAG = re.compile(r"[a-zA-Z0-9_\-:]{1,255}")
USER_DATA_LIMIT = 64 * 1024  # bytes
DEFAULT_REGION = "nyc3"


def names(call: Call) -> list[str]:
    """The names of the droplets that are asked for, within the account's limit."""
    body = call.body
    asked = body["names"] if "names" in body else [body.get("name")]
    for name in asked:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise unprocessable("Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)")
    if len(call.state.droplets) + len(asked) > call.state.account["droplet_limit"]:
        raise unprocessable("creating this/these droplet(s) will exceed your droplet limit")
    return asked


def size_in(slug: object, region: str) -> Record:
    """A size that can be had in a region."""
    size = catalogue.size(str(slug))
    if size is None:
        raise unprocessable("You specified an invalid size for Droplet creation.")
    if region not in size["regions"]:
        raise unprocessable("Size is not available in this region.")
    return size


def region_of(body: Mapping[str, Any]) -> str:
    """The region that is asked for, if it takes droplets."""
    slug = body.get("region") or DEFAULT_REGION
    region = catalogue.region(str(slug))
    if region is None or not region["available"]:
        raise unprocessable("You specified an invalid region for Droplet creation.")
    return slug


def image_for(state: State, identifier: object, disk: int, region: str) -> Record:
    """An image that is in the region and fits on a disk of `disk` GB."""
    entry = image(state, identifier)
    if entry is None:
        raise unprocessable("You specified an invalid image for Droplet creation.")
    if region not in entry["regions"]:
        raise unprocessable("The image you specified is not available in the selected region.")
    if entry["min_disk_size"] > disk:
        raise unprocessable("The image you specified requires a larger disk.")
    return entry


def public_keys(state: State, identifiers: list[Any]) -> list[str]:
    """The keys' public halves."""
    keys = {identifier: key_by(state, identifier) for identifier in identifiers}
    if wrong := [str(identifier) for identifier, key in keys.items() if key is None]:
        raise unprocessable(f"{', '.join(wrong)} are invalid key identifiers for Droplet creation.")
    return [key["public_key"] for key in keys.values() if key]


def user_data(body: Mapping[str, Any]) -> str:
    """What the machine reads at its first boot."""
    text = body.get("user_data") or ""
    if len(text.encode()) > USER_DATA_LIMIT:
        raise unprocessable("User data is too long (maximum is 64 KiB)")
    return text


def tags_of(body: Mapping[str, Any]) -> list[str]:
    """The tags, in their order, without repetition."""
    tags = list(dict.fromkeys(body.get("tags") or []))
    if any(not isinstance(tag, str) or not TAG.fullmatch(tag) for tag in tags):
        raise unprocessable("Tag names may contain letters, numbers, colons, dashes, and underscores")
    return tags


def volumes_of(state: State, identifiers: list[str], region: str) -> list[str]:
    """The ids of the volumes, all of them free and in the region."""
    for identifier in identifiers:
        volume = found(state.volumes, identifier)
        if volume["region"] != region:
            raise unprocessable("volume is in another region than the droplet")
        if volume["droplet_ids"]:
            raise unprocessable("volume is already attached to another droplet")
    return list(identifiers)


def read(call: Call) -> tuple[list[str], Record]:
    """The names, and what the new droplets have in common. Raises ApiError (4xx)."""
    body = call.body
    wanted, region = names(call), region_of(body)
    size = size_in(body.get("size"), region)
    tags = tags_of(body)
    if tags:
        call.need("tag:create")
    volumes = volumes_of(call.state, body.get("volumes") or [], region)
    if volumes and len(wanted) > 1:
        raise ApiError(422, "volumes can be attached to one droplet only")
    return wanted, {
        "region": region,
        "size_slug": size["slug"],
        "memory": size["memory"],
        "vcpus": size["vcpus"],
        "disk": size["disk"],
        "image": image_for(call.state, body.get("image"), size["disk"], region),
        "public_keys": public_keys(call.state, body.get("ssh_keys") or []),
        "user_data": user_data(body),
        "tags": tags,
        "volume_ids": volumes,
        "backup_policy": policy(body.get("backup_policy")) if body.get("backups") else None,
        "monitoring": bool(body.get("monitoring")),
        "vpc_uuid": str(body.get("vpc_uuid") or ""),
    }
