"""What stands in the way of a plan: mistakes that only the account shows, and what a person must decide."""

from __future__ import annotations

from dataclasses import replace

from ..droplet_sizes import droplet_memory
from ..problems import Failure, InvalidInput, Problem
from ..sizes import MIB
from . import prices
from .errors import SETTLE
from .model import Seen, Wanted

FILE = "course.yml"
USUAL_MEMORY = 4096
"""MiB."""


def refuse(wanted: Wanted, seen: Seen) -> None:
    """Raises InvalidInput for settings that this account cannot fulfil, and Failure where a deploy would have
    to guess; returns when there is nothing against a plan."""
    refuse_to_guess(wanted, seen)
    _not_archived(seen)
    problems = [*_size_problems(wanted, seen), *_region_problems(wanted, seen)]
    if problems:
        raise InvalidInput(problems)


def refuse_size(wanted: Wanted, seen: Seen, *, file: str = FILE, key: str = "droplet.size") -> None:
    """Raises InvalidInput, in which `file` and `key` tell where the size was written, when the droplet cannot
    have it; Failure where a resize would have to guess."""
    refuse_to_guess(wanted, seen)
    _not_archived(seen)
    problems = _size_problems(wanted, seen)
    if problems:
        raise InvalidInput([replace(problem, file=file, key=key) for problem in problems])


def refuse_to_guess(wanted: Wanted, seen: Seen) -> None:
    """Raises Failure when the account is locked, or something that there should be one of is there twice."""
    _account_is_open(seen)
    _nothing_is_doubled(wanted, seen)


def _account_is_open(seen: Seen) -> None:
    if seen.status == "locked":
        raise Failure("DigitalOcean has locked the account", SETTLE, seen.status_message)


def _nothing_is_doubled(wanted: Wanted, seen: Seen) -> None:
    if len(seen.droplets) > 1:
        named = ", ".join(f"{one.name} ({one.id}, since {one.created[:10]})" for one in seen.droplets)
        raise Failure(
            f"{len(seen.droplets)} droplets bear the course's tag {wanted.names.tag}: {named}",
            "in the control panel, take the tag off the one that is not the hub, or destroy it",
        )
    if len(seen.volumes) > 1:
        where = ", ".join(volume.region for volume in seen.volumes)
        raise Failure(
            f"there are volumes named {wanted.names.volume} in several regions: {where}",
            "in the control panel, rename or delete the one that does not hold the students' files",
        )
    droplet, volume = seen.droplet, seen.volume
    strange = (
        [] if volume is None else [one for one in volume.droplets if droplet is None or one != droplet.id]
    )
    if strange:
        raise Failure(
            f"the students' volume {volume.name} is attached to another droplet ({strange[0]})",
            f"give that droplet the tag {wanted.names.tag} if it is the hub, else detach the volume from it",
        )


def _not_archived(seen: Seen) -> None:
    if not seen.archived:
        return
    if seen.droplet is not None:
        raise Failure(
            "the course is being archived, and that was not finished",
            "to finish it, run scripts/archive.py again; to have the hub back, scripts/archive.py --restore",
        )
    raise Failure(
        "the course is archived: there is no droplet, on purpose",
        "to bring it back, run scripts/archive.py --restore, or the workflow of that name",
    )


def _size_problems(wanted: Wanted, seen: Seen) -> list[Problem]:
    """Only where a size is to be used: an old droplet keeps one that is no longer offered."""
    if seen.droplet and seen.droplet.size == wanted.size:
        return []
    size = seen.sizes.get(wanted.size)
    if size is None:
        near = prices.nearest_sizes(dict(seen.sizes), wanted.region, _memory_meant(wanted.size))
        return [_size_problem(wanted, "is no size that DigitalOcean has now", near)]
    if wanted.region not in size.regions:
        near = prices.nearest_sizes(dict(seen.sizes), wanted.region, size.memory)
        return [_size_problem(wanted, f"is not to be had in {wanted.region} now", near)]
    if seen.droplet and size.disk < seen.droplet.disk:
        near = prices.nearest_sizes(dict(seen.sizes), wanted.region, size.memory, seen.droplet.disk)
        message = (
            f"has a disk of {size.disk} GB, but the droplet's has {seen.droplet.disk} GB and cannot shrink"
        )
        return [_size_problem(wanted, message, near)]
    return []


def _memory_meant(size: str) -> int:
    """MiB that the name of a size speaks of, those of a usual droplet if it is no such name."""
    try:
        return droplet_memory(size) // MIB
    except ValueError:
        return USUAL_MEMORY


def _size_problem(wanted: Wanted, message: str, near: list) -> Problem:
    choices = "; ".join(map(prices.shown, near)) or "another region: this one has none"
    return Problem(FILE, message, f"Choose one of: {choices}.", key="droplet.size", found=wanted.size)


def _region_problems(wanted: Wanted, seen: Seen) -> list[Problem]:
    """A droplet and a volume stay in the region where they were made, and go only together."""
    there = {"droplet": seen.droplet, "students' volume": seen.volume if wanted.gigabytes else None}
    for what, thing in there.items():
        if thing and thing.region != wanted.region:
            fix = f"Write region: {thing.region}. See Documentation/DigitalOcean.md on moving."
            message = f"is not where the {what} is: that is in {thing.region}, and cannot be moved"
            return [Problem(FILE, message, fix, key="droplet.region", found=wanted.region)]
    archive = seen.latest_archive("volume") if wanted.gigabytes and seen.volume is None else None
    if archive and wanted.region not in archive.regions:
        where = ", ".join(archive.regions)
        fix = f"Write region: {archive.regions[0]}. See Documentation/DigitalOcean.md on moving."
        message = f"is not where the archive of the students' files is: that is in {where}"
        return [Problem(FILE, message, fix, key="droplet.region", found=wanted.region)]
    offered = {region for size in seen.sizes.values() for region in size.regions}
    if wanted.region not in offered:
        fix = f"Choose one of: {', '.join(sorted(offered))}."
        message = "is no region that takes new droplets now"
        return [Problem(FILE, message, fix, key="droplet.region", found=wanted.region)]
    return []
