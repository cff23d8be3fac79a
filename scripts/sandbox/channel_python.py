"""An installed Python interpreter as the conda package `python`.

The C libraries that it needs stay the system's: the package serves machines with the same release of the
same distribution. Two kinds of interpreter are understood: one with a prefix of its own, as pyenv and
GitHub's tool cache have it, and Debian's, which shares /usr and keeps packages in dist-packages.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from coursehub.problems import Failure
from sandbox.channel_package import PLACEHOLDER, File, Link, Package

SYSTEM_PREFIX = Path("/usr")
LOOK = """
import json, os, platform, sys, sysconfig
version = ".".join(map(str, sys.version_info[:2]))
print(json.dumps({
    "prefix": os.path.realpath(sys.base_prefix),
    "version": platform.python_version(),
    "series": version,
    "standard_library": os.path.realpath(sysconfig.get_path("stdlib")),
    "headers": os.path.realpath(sysconfig.get_path("include")),
    "markers": {
        "implementation_name": sys.implementation.name,
        "implementation_version": platform.python_version(),
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": version,
        "sys_platform": sys.platform,
    },
}))
"""
# Not for a droplet: tests, what opens windows, what is only for linking Python into other programs, and what
# Debian says about its own interpreter.
LEFT_OUT = re.compile(
    r"(test|idlelib|tkinter|turtledemo|lib2to3/tests|site-packages|dist-packages|config-[^/]*)/"
    r"|(.*/)?__pycache__/|(.*/)?(tests?)/|EXTERNALLY-MANAGED$|sitecustomize\.py$|.*\.a$"
)
# Where Debian's sysconfig installs packages, and where every other tool expects it to.
DEBIAN_PATHS = (
    (b"{base}/local", b"{base}"),
    (b"{platbase}/local", b"{platbase}"),
    (b"dist-packages", b"site-packages"),
)


@dataclass(frozen=True)
class Interpreter:
    """What an interpreter says about itself; `markers` are the values of environment markers (PEP 508)."""

    executable: Path
    prefix: Path
    version: str
    series: str
    standard_library: Path
    headers: Path
    markers: dict[str, str]

    @property
    def tag(self) -> str:
        """Such as 311."""
        return self.series.replace(".", "")


def look_at(python: Path) -> Interpreter:
    """Ask an interpreter about itself; one in a virtual environment answers for the one it is made from.

    Raises Failure if it does not run.
    """
    result = subprocess.run((str(python), "-I", "-c", LOOK), capture_output=True, text=True, timeout=60)
    if result.returncode != 0:
        raise Failure(f"{python} is not a working Python interpreter.", detail=result.stderr)
    facts = json.loads(result.stdout)
    paths = {key: Path(facts.pop(key)) for key in ("prefix", "standard_library", "headers")}
    return Interpreter(executable=paths["prefix"] / "bin" / f"python{facts['series']}", **paths, **facts)


def packages(interpreter: Interpreter) -> tuple[Package, Package]:
    """The interpreter, and `python_abi`, by which conda keeps packages for one minor version together."""
    python = Package(
        name="python",
        version=interpreter.version,
        build="0_cpython",
        files=tuple(_files(interpreter)),
        links=tuple(_links(interpreter)),
        summary="The Python interpreter of the machine that made this channel",
    )
    abi = Package(
        name="python_abi",
        version=interpreter.series,
        build=f"0_cp{interpreter.tag}",
        depends=(f"python {interpreter.series}.* *_cpython",),
        noarch="generic",
    )
    return python, abi


def _files(interpreter: Interpreter) -> Iterator[File]:
    """The program, its library, its modules and its headers."""
    yield _binary(interpreter.executable, f"bin/python{interpreter.series}", interpreter.prefix)
    for library in sorted((interpreter.prefix / "lib").glob(f"libpython{interpreter.series}*.so.*")):
        yield _binary(library, f"lib/{library.name}", interpreter.prefix)
    modules = interpreter.standard_library
    for source in sorted(modules.rglob("*")):
        name = source.relative_to(modules).as_posix()
        if source.is_file() and not LEFT_OUT.match(name):
            yield from _module(source, f"lib/python{interpreter.series}/{name}", interpreter)
    for source in sorted(interpreter.headers.rglob("*.h")):
        name = source.relative_to(interpreter.headers).as_posix()
        yield File(f"include/python{interpreter.series}/{name}", source)


def _links(interpreter: Interpreter) -> Iterator[Link]:
    """The program's usual names, and for Debian's the way to the packages.

    Its `site` module, which is frozen into the program and cannot be patched, looks in dist-packages alone.
    """
    yield Link("bin/python", f"python{interpreter.series}")
    yield Link("bin/python3", f"python{interpreter.series}")
    if interpreter.prefix == SYSTEM_PREFIX:
        yield Link(f"lib/python{interpreter.series}/dist-packages", "site-packages")


def _binary(source: Path, path: str, prefix: Path) -> File:
    """A program or library that finds its libraries beside itself, wherever it is installed.

    Interpreters built with a shared library look for it at the absolute path they were built for; the
    relative one, shorter, is written over it.
    """
    content = source.read_bytes()
    absolute, relative = f"{prefix}/lib".encode(), b"$ORIGIN/../lib"
    if absolute + b"\0" not in content or prefix == SYSTEM_PREFIX:
        return File(path, source)
    if len(absolute) < len(relative):
        raise Failure(f"{source} is built for {prefix}, a path too short to be replaced by a relative one.")
    padded = relative.ljust(len(absolute), b"\0")
    return File(path, source, content.replace(b"\0" + absolute + b"\0", b"\0" + padded + b"\0"))


def _module(source: Path, path: str, interpreter: Interpreter) -> Iterator[File]:
    """A file of the standard library, freed from where it was installed, and compiled if it was."""
    if source.suffix != ".py":
        yield File(path, source)
        return
    content = original = source.read_bytes()
    if path.endswith(("/sysconfig.py", "/sysconfig/__init__.py")):
        for debian, upstream in DEBIAN_PATHS:
            content = content.replace(debian, upstream)
    # With a prefix of its own the paths that an extension is built with must follow; /usr is the system's.
    names_prefix = source.name.startswith("_sysconfigdata") and interpreter.prefix != SYSTEM_PREFIX
    if names_prefix:
        content = content.replace(str(interpreter.prefix).encode(), PLACEHOLDER.encode())
    if content != original:
        yield File(path, source, content, names_prefix)
        return
    yield File(path, source)
    compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-{interpreter.tag}.pyc"
    if compiled.exists():
        yield File(f"{PurePosixPath(path).parent}/__pycache__/{compiled.name}", compiled)
