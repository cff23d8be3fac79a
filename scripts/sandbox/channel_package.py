"""A conda package as a value, and how it is written: the .conda format.

An outer zip holds two zstd-compressed tar archives, one with what is installed and one with info/:
https://docs.conda.io/projects/conda-build/en/stable/resources/package-spec.html
"""

from __future__ import annotations

import hashlib
import io
import json
import stat
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

# Stands for the prefix in files that name it. conda's own has 255 characters, and so no prefix may be longer.
PLACEHOLDER = "/" + ("placeholder_" * 22)[:254]
COMPRESSION_LEVEL = 3


@dataclass(frozen=True)
class File:
    """A file of a package.

    `path` is relative to the prefix, with forward slashes. The content is that of `source`, unless `content`
    replaces it. `names_prefix` marks text in which PLACEHOLDER stands for the prefix.
    """

    path: str
    source: Path
    content: bytes | None = None
    names_prefix: bool = False

    def read(self) -> bytes:
        """The content."""
        return self.source.read_bytes() if self.content is None else self.content


@dataclass(frozen=True)
class Link:
    """A symbolic link of a package, to a target relative to it."""

    path: str
    target: str


@dataclass(frozen=True)
class Package:
    """A conda package for linux-64, or for any platform if `noarch` says "python" or "generic"."""

    name: str
    version: str
    build: str
    depends: tuple[str, ...] = ()
    noarch: str | None = None
    files: tuple[File, ...] = ()
    links: tuple[Link, ...] = ()
    entry_points: tuple[str, ...] = ()
    summary: str = ""

    @property
    def subdir(self) -> str:
        """The channel's directory for it."""
        return "noarch" if self.noarch else "linux-64"

    @property
    def stem(self) -> str:
        """The file's name without its suffix."""
        return f"{self.name}-{self.version}-{self.build}"


def write(package: Package, channel: Path) -> Path:
    """Write a package into its directory of a channel and return its path."""
    directory = channel / package.subdir
    directory.mkdir(parents=True, exist_ok=True)
    target = directory / f"{package.stem}.conda"
    payload, paths = _payload(package)
    information = _archive(
        (tarfile.TarInfo(f"info/{name}"), content) for name, content in _information(package, paths).items()
    )
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("metadata.json", json.dumps({"conda_pkg_format_version": 2}))
        archive.writestr(f"pkg-{package.stem}.tar.zst", payload)
        archive.writestr(f"info-{package.stem}.tar.zst", information)
    return target


def _payload(package: Package) -> tuple[bytes, list[dict[str, Any]]]:
    """The archive of what is installed, and its description for paths.json."""
    members, paths = [], []
    for file in package.files:
        content = file.read()
        status = file.source.stat()
        member = tarfile.TarInfo(file.path)
        member.mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
        # A compiled module names its source's time, to the second.
        member.mtime = int(status.st_mtime)
        members.append((member, content))
        paths.append(_path_entry(file, content))
    for link in package.links:
        member = tarfile.TarInfo(link.path)
        member.type, member.linkname = tarfile.SYMTYPE, link.target
        members.append((member, b""))
        paths.append({"_path": link.path, "path_type": "softlink", **_sums(link.target.encode())})
    return _archive(members), paths


def _path_entry(file: File, content: bytes) -> dict[str, Any]:
    """A file as paths.json describes it."""
    entry = {"_path": file.path, "path_type": "hardlink", **_sums(content)}
    if file.names_prefix:
        entry |= {"prefix_placeholder": PLACEHOLDER, "file_mode": "text"}
    return entry


def _sums(content: bytes) -> dict[str, Any]:
    """Checksum and size as paths.json spells them."""
    return {"sha256": hashlib.sha256(content).hexdigest(), "size_in_bytes": len(content)}


def _information(package: Package, paths: list[dict[str, Any]]) -> Mapping[str, bytes]:
    """The files of info/."""
    index = {
        "name": package.name,
        "version": package.version,
        "build": package.build,
        "build_number": 0,
        "depends": list(package.depends),
        "arch": None if package.noarch else "x86_64",
        "platform": None if package.noarch else "linux",
        "subdir": package.subdir,
    }
    if package.noarch:
        index["noarch"] = package.noarch
    about = {"summary": package.summary, "channels": [], "home": "", "license": ""}
    result = {
        "index.json": _json(index),
        "about.json": _json(about),
        "paths.json": _json({"paths": paths, "paths_version": 1}),
        "files": "".join(f"{entry['_path']}\n" for entry in paths).encode(),
    }
    if package.noarch == "python":
        noarch = {"type": "python", "entry_points": list(package.entry_points)}
        result["link.json"] = _json({"noarch": noarch, "package_metadata_version": 1})
    return result


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode()


def _archive(members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """A compressed tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).compress(buffer.getvalue())
