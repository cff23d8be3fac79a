"""A conda channel made on the spot: from the running interpreter and from wheels of PyPI.

For networks on which conda-forge cannot be reached. Its packages have conda-forge's names and layout, so the
product needs no branch for it; `sandbox.mirror` serves it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from coursehub.problems import Failure
from sandbox import channel_package, channel_python, channel_wheels
from sandbox.channel_package import Package
from sandbox.channel_python import Interpreter

# What a course's environment is made of: the single-user server, and what the sample course uses.
REQUIREMENTS = (
    "jupyterhub>=5,<6",
    "jupyterlab",
    "notebook",
    "nbgitpuller",
    "ipykernel",
    "jupyter-resource-usage",
    "ipywidgets",
    "nbclient",
    "matplotlib",
    "numpy",
    "pandas",
    "pip",
)
# Packages of conda-forge without content of their own: name, what each stands for, what else it brings.
META_PACKAGES = (
    ("matplotlib", "matplotlib-base", ()),
    ("jupyterhub-singleuser", "jupyterhub-base", ("jupyterlab",)),
    ("typing-extensions", "typing_extensions", ()),
)
KEY_FILE = "made-from.json"


def build(
    directory: Path,
    requirements: Sequence[str] = REQUIREMENTS,
    python: Path = Path(sys.executable),
    extra_versions: Sequence[str] = (),
) -> None:
    """Make a channel in a directory, or leave it if it is made of the same already.

    `requirements` are resolved together. Each of `extra_versions`, such as "tabulate==0.9.0", is resolved by
    itself and its packages are offered besides. Which versions an unpinned requirement gets is decided when
    the channel is made: remove the directory to have newer ones.

    Raises Failure if the interpreter does not work or the requirements cannot be installed.
    """
    interpreter = channel_python.look_at(python)
    key = _key(interpreter, requirements, extra_versions)
    directory.parent.mkdir(parents=True, exist_ok=True)
    with directory.with_name(f"{directory.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_made_from(directory, key):
            return
        scratch = directory.with_name(f"{directory.name}.making").resolve()
        shutil.rmtree(scratch, ignore_errors=True)  # what an interrupted run left
        try:
            made = scratch / "channel"
            _write(made, scratch, interpreter, (requirements, *([one] for one in extra_versions)))
            (made / KEY_FILE).write_text(key, encoding="utf-8")
            if directory.exists():
                directory.rename(scratch / "old")
            made.rename(directory)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def is_made_from(directory: Path, key: str) -> bool:
    """Whether the directory holds a complete channel made of that."""
    try:
        return (directory / KEY_FILE).read_text(encoding="utf-8") == key
    except FileNotFoundError:
        return False


def _key(interpreter: Interpreter, requirements: Sequence[str], extra_versions: Sequence[str]) -> str:
    """Everything that decides what is in the channel, these modules included."""
    status = interpreter.executable.stat()
    sources = sorted(Path(__file__).parent.glob("channel*.py"))
    code = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    facts = {
        "interpreter": [str(interpreter.executable), interpreter.version, status.st_mtime_ns, status.st_size],
        "requirements": list(requirements),
        "extra_versions": list(extra_versions),
        "code": code,
    }
    return json.dumps(facts, indent=1)


def _write(
    channel: Path, scratch: Path, interpreter: Interpreter, resolutions: Iterable[Sequence[str]]
) -> None:
    """Make all packages and the index."""
    found: dict[tuple[str, str], Package] = {}
    for number, requirements in enumerate(resolutions):
        environment = scratch / f"environment-{number}"
        channel_wheels.install(environment, interpreter, requirements)
        for package in channel_wheels.packages(environment, interpreter):
            found.setdefault((package.name, package.version), package)
    wanted = [*channel_python.packages(interpreter), *found.values(), *_meta_packages(found.values())]
    with ThreadPoolExecutor() as pool:
        for _ in pool.map(lambda package: channel_package.write(package, channel), wanted):
            pass
    _index(channel)


def _meta_packages(packages: Iterable[Package]) -> list[Package]:
    """The packages that only depend on others."""
    return [
        Package(
            name=name,
            version=package.version,
            build="py_0",
            depends=(f"{package.name} =={package.version}", *others),
            noarch="generic",
        )
        for package in packages
        for name, real, others in META_PACKAGES
        if package.name == real
    ]


def _index(channel: Path) -> None:
    """Write the channel's index, judged by what it leaves rather than by how the process ended."""
    program = Path(__file__).with_name("channel_index.py")
    # -P: the modules beside the program must not hide others of the same name.
    result = subprocess.run(
        (sys.executable, "-P", str(program), str(channel)), capture_output=True, text=True
    )
    missing = [name for name in ("linux-64", "noarch") if not (channel / name / "repodata.json.zst").exists()]
    if missing:
        raise Failure("The stand-in's channel could not be indexed.", detail=result.stderr)
    shutil.rmtree(channel / ".cache", ignore_errors=True)
