"""Wheels from PyPI as conda packages.

uv resolves and installs them into an environment of their own, in parallel and from its cache; then each
installed distribution's record tells which of the files are its own, and these become its conda package.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from coursehub.problems import Failure
from sandbox.channel_package import PLACEHOLDER, File, Package
from sandbox.channel_python import Interpreter
from sandbox.channel_requirements import conda_depends, conda_name, conda_versions

SCRIPT_GROUPS = ("console_scripts", "gui_scripts")
# The drawings from which JupyterHub's icon font is made: a fifth of a course's files, and no page loads them.
LEFT_OUT = "/fontawesome-free/svgs"


def install(environment: Path, interpreter: Interpreter, requirements: Sequence[str]) -> None:
    """Make a virtual environment and install requirements into it, from wheels alone."""
    _uv("venv", "--no-project", "--python", str(interpreter.executable), str(environment))
    _uv(
        *("pip", "install", "--link-mode", "copy", "--only-binary", ":all:"),
        *("--python", str(environment / "bin" / "python"), *requirements),
    )


def packages(environment: Path, interpreter: Interpreter) -> list[Package]:
    """Every distribution installed in an environment as a conda package."""
    site = environment / "lib" / f"python{interpreter.series}" / "site-packages"
    installed = {canonicalize_name(found.name): found for found in distributions(path=[str(site)])}
    platform_modules = [
        str(distribution.locate_file(file))
        for distribution in installed.values()
        if not _is_pure(distribution)
        for file in distribution.files or ()
        if file.suffix == ".py"
    ]
    compile_modules(environment, platform_modules)

    def requirements_of(name: str) -> Sequence[str]:
        distribution = installed.get(canonicalize_name(name))
        return (distribution.requires if distribution else None) or ()

    result = []
    for distribution in installed.values():
        depends = conda_depends(distribution.requires or (), interpreter.markers, requirements_of)
        result.append(_package(distribution, environment, interpreter, depends))
    return result


def compile_modules(environment: Path, modules: Sequence[str]) -> None:
    """Compile modules, as packages for one platform carry them; what does not compile is left as it is."""
    python = str(environment / "bin" / "python")
    subprocess.run(
        (python, "-m", "compileall", "-q", "-j", "0", "-i", "-"),
        input="\n".join(modules),
        capture_output=True,
        text=True,
    )


def _uv(*arguments: str) -> None:
    """Run uv, or raise Failure with what it said."""
    result = subprocess.run((sys.executable, "-m", "uv", *arguments), capture_output=True, text=True)
    if result.returncode != 0:
        raise Failure("The packages of the stand-in's channel could not be installed.", detail=result.stderr)


def _is_pure(distribution: Distribution) -> bool:
    """Whether the wheel was for any platform."""
    return "-none-any" in (distribution.read_text("WHEEL") or "")


def _package(
    distribution: Distribution, environment: Path, interpreter: Interpreter, depends: Sequence[str]
) -> Package:
    """One distribution as a conda package."""
    pure = _is_pure(distribution)
    scripts = {
        entry.name: f"{entry.name} = {entry.value}"
        for entry in distribution.entry_points
        if entry.group in SCRIPT_GROUPS
    }
    files = tuple(_files(distribution, environment, interpreter, set(scripts) if pure else set()))
    if pure:
        python = conda_versions(SpecifierSet(distribution.metadata.get("Requires-Python", "")))
        needs = (f"python {python}".strip(), *depends)
    else:
        needs = (
            f"python {interpreter.series}.*",
            f"python_abi {interpreter.series}.* *_cp{interpreter.tag}",
            *depends,
        )
    return Package(
        name=conda_name(distribution.name),
        version=str(Version(distribution.version)),
        build="py_0" if pure else f"py{interpreter.tag}_0",
        depends=needs,
        noarch="python" if pure else None,
        files=files,
        entry_points=tuple(scripts.values()) if pure else (),
        summary=distribution.metadata.get("Summary", ""),
    )


def _files(
    distribution: Distribution, environment: Path, interpreter: Interpreter, made_later: set[str]
) -> Iterator[File]:
    """The files of a distribution where conda wants them.

    A package for any platform leaves it to the installer where the modules lie, and to make the scripts named
    in `made_later`.
    """
    pure = _is_pure(distribution)
    above_modules = f"lib/python{interpreter.series}/"
    for record in distribution.files or ():
        source = Path(os.path.normpath(distribution.locate_file(record)))
        path = source.relative_to(environment).as_posix()
        if LEFT_OUT in path:
            continue
        if path.startswith("bin/"):
            if source.name not in made_later:
                yield _script(source, f"python-scripts/{source.name}" if pure else path, environment)
        elif path.startswith(above_modules) and pure:
            yield _file(source, path.removeprefix(above_modules))
        else:
            yield _file(source, path)
            compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-{interpreter.tag}.pyc"
            if source.suffix == ".py" and compiled.exists():
                yield File(compiled.relative_to(environment).as_posix(), compiled)


def _file(source: Path, path: str) -> File:
    """A file as it is; the note who installed it names conda, so that others leave it alone."""
    installed_by = path.endswith(".dist-info/INSTALLER")
    return File(path, source, b"conda\n" if installed_by else None)


def _script(source: Path, path: str, environment: Path) -> File:
    """A program, whose first line names the interpreter in the prefix."""
    content = source.read_bytes()
    portable = content.replace(str(environment).encode(), PLACEHOLDER.encode())
    names_prefix = portable != content
    return File(path, source, portable if names_prefix else None, names_prefix)
