"""The bundle: plain files in one archive, all of them as others may see them."""

from __future__ import annotations

import io
import os
import platform
import tarfile
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

LIBRARIES = ("fabric", "paramiko", "pydo", "cryptography", "PyYAML", "py-rattler", "requests")
MOST = 2_000_000
"""Characters of a file."""


def write(path: Path, files: Mapping[str, str], redact: Callable[[str], str], at: float) -> None:
    """Make the archive, readable for its owner alone, whole or not at all. `at` is its time, in seconds since
    the epoch."""
    beside = path.with_name(f".{path.name}.new")
    folder = path.name.removesuffix(".gz").removesuffix(".tar")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            for name, text in files.items():
                data = redact(text[:MOST]).encode("utf-8", "backslashreplace")
                entry = tarfile.TarInfo(f"{folder}/{name}")
                entry.size, entry.mtime, entry.mode = len(data), int(at), 0o644
                archive.addfile(entry, io.BytesIO(data))
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def versions(commit: str | None) -> str:
    """What runs here."""
    said = [
        f"Python {platform.python_version()} on {platform.platform()}",
        f"course: commit {commit or 'unknown'}",
    ]
    for name in LIBRARIES:
        try:
            said.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            said.append(f"{name} is not installed")
    return "\n".join(said)
