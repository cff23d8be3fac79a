"""A small conda channel of a test's own, beside the large one: packages that change, are big or broken."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import sandbox
from sandbox.channel_package import File, Package, write

NAME = "extra"
INDEXER = Path(sandbox.__file__).with_name("channel_index.py")


def make_channel(folder: Path, stamps: int, megabytes: int) -> Path:
    """A channel in `folder` with the packages

    stamp 1 … `stamps`   a module with a number of that name
    bulky 1 … 3          a module and so many megabytes that cannot be compressed
    broken 1             a module that cannot be imported
    """
    parts = folder / "parts"
    parts.mkdir(parents=True)
    channel = folder / NAME
    for number in range(1, stamps + 1):
        write(noarch("stamp", number, {"stamp.py": f"NUMBER = {number}\n".encode()}, parts), channel)
    for number in range(1, 4):
        data = os.urandom(megabytes << 20)
        write(noarch("bulky", number, {"bulky.py": b"", "bulky.data": data}, parts), channel)
    broken = {"broken.py": b"import a_module_that_nobody_has\n"}
    write(noarch("broken", 1, broken, parts), channel)
    subprocess.run([sys.executable, "-P", INDEXER, channel], capture_output=True, timeout=120)
    assert (channel / "noarch/repodata.json.zst").exists()
    return channel


def noarch(name: str, number: int, contents: dict[str, bytes], parts: Path) -> Package:
    """A package of pure Python; `contents` are files below site-packages."""
    source = parts / f"{name}-{number}"
    source.write_text(name)
    files = tuple(File(f"site-packages/{path}", source, data) for path, data in contents.items())
    return Package(name, str(number), "py_0", ("python",), noarch="python", files=files)
