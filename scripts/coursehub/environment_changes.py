"""What a change of the environment means, in words: packages, downloads, disk."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .sizes import MIB

UNPACKED = 5
"""A package takes about this many times its download on disk: unpacked once, and its compiled modules."""
LINKS = 96 * MIB
"""Bytes that a generation takes even if no package is new: directories, and files that hold its path."""


def differences(
    wanted: Mapping[str, str], present: Mapping[str, str], requested: Collection[str] = ()
) -> list[str]:
    """Packages added (+), changed (~) and removed (-), those that the course asks for first; nothing for a
    first install, where all is new."""
    if not present:
        return []
    lines = {name: f"+ {name} {version}" for name, version in wanted.items() if name not in present}
    lines |= {
        name: f"~ {name} {present[name]} → {version}"
        for name, version in wanted.items()
        if name in present and present[name] != version
    }
    lines |= {name: f"- {name} {version}" for name, version in present.items() if name not in wanted}
    return [lines[name] for name in sorted(lines, key=lambda name: (name not in requested, name))]


def new_packages(wanted: Mapping[str, str], present: Mapping[str, str]) -> list[str]:
    """What the present generation does not have in that version."""
    return [name for name, version in wanted.items() if present.get(name) != version]


def bytes_needed(download: int) -> int:
    """Disk for a generation whose new packages are `download` bytes to fetch: a safe estimate."""
    return download * UNPACKED + LINKS


def costs(number: int, download: int, needed: int, free: int) -> str:
    """Such as "12 packages to download, 84 MB; needs about 400 MB of disk, 21 GB free"."""
    what = f"{number} package{'' if number == 1 else 's'} to download, {spoken(download)}"
    if not number:
        what = "nothing to download"
    verdict = ", which is too little" if free < needed else ""
    return f"{what}; needs about {spoken(needed)} of disk, {spoken(free)} free{verdict}"


def spoken(size: int) -> str:
    """A number of bytes as people say it, in powers of 1000: 840 kB, 84 MB, 2.1 GB."""
    for unit, name in ((10**9, "GB"), (10**6, "MB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}" if size < 10 * unit else f"{size / unit:.0f} {name}"
    return f"{-(-size // 1000)} kB"
