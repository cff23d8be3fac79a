"""The pip part of an environment: what PyPI adds to the conda part, solved by uv, each file with its hash."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

TIMEOUT = 450.0
PUBLIC_VERSION = re.compile(r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?$")
# Where conda-forge's name is not PyPI's, and the package does not say so itself.
NAMES = {
    "importlib_metadata": "importlib-metadata",
    "msgpack-python": "msgpack",
    "py-opencv": "opencv-python",
    "pytables": "tables",
    "python-build": "build",
    "python-duckdb": "duckdb",
    "python-fastjsonschema": "fastjsonschema",
    "python-graphviz": "graphviz",
    "python-kaleido": "kaleido",
    "python-tzdata": "tzdata",
    "pytorch": "torch",
}


# The C libraries (glibc 2.x) whose wheels uv can solve for; it refuses the names of others.
MANYLINUX = (17, 28, *range(31, 41))


class Unsolvable(Exception):
    """The pip part cannot be solved; the text is uv's."""


class Unreachable(Exception):
    """The index cannot be read; the text is uv's."""


@dataclass(frozen=True)
class PipPart:
    """`requirements` are lines with hashes, for `pip install --require-hashes --no-deps`; `packages` maps
    names to versions, `sizes` names to the bytes of their download."""

    requirements: str
    packages: Mapping[str, str]
    sizes: Mapping[str, int]


def canonical(name: str) -> str:
    """A name as PyPI compares names (https://packaging.python.org/en/latest/specifications/name-normalization/)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def provided(records: Iterable[Mapping]) -> dict[str, str]:
    """What the conda part gives to Python, by its name on PyPI, with versions.

    `records` are repodata records. A record may say its name on PyPI (`purls`); else it is conda's name or,
    for the part of a package that is split (`matplotlib-base`), what stands before the dash. Packages without
    Python in them are left out: conda's `graphviz` is a program, and PyPI's is something else.
    """
    found: dict[str, str] = {}
    for record in records:
        purls = [purl for purl in record.get("purls") or () if purl.startswith("pkg:pypi/")]
        names = [re.split("[@?]", purl.removeprefix("pkg:pypi/"))[0] for purl in purls]
        if not names and is_python(record):
            name = NAMES.get(record["name"], record["name"])
            names = [name, name.removesuffix("-base")]
        found |= {canonical(name): record["version"] for name in names}
    return found


def is_python(record: Mapping) -> bool:
    """Whether a record's package holds modules for Python."""
    needs = {need.split()[0] for need in record.get("depends", ())}
    return record.get("noarch") == "python" or bool({"python", "python_abi"} & needs)


def solve_pip(
    wanted: Iterable[str], have: Mapping[str, str], python: str, glibc: str, index: str | None, folder: Path
) -> PipPart:
    """Solve for this Python and C library, with `have` (name on PyPI to version) as it is.

    What `have` provides is not part of the result. Raises Unsolvable and Unreachable.
    """
    import uv

    (folder / "wanted.txt").write_text("\n".join(wanted) + "\n")
    constraints = [f"{name}=={version}" for name, version in have.items() if PUBLIC_VERSION.match(version)]
    (folder / "constraints.txt").write_text("\n".join(constraints) + "\n")
    done = subprocess.run(
        [uv.find_uv_bin(), "pip", "compile", "--quiet", "--generate-hashes", "--format", "pylock.toml"]
        + ["--only-binary", ":all:", "--python", sys.executable, "--no-header", "--no-annotate"]
        + ["--python-version", ".".join(python.split(".")[:2])]
        + ["--python-platform", platform(glibc)]
        + (["--index-url", index] if index else [])
        + ["--constraint", folder / "constraints.txt", folder / "wanted.txt"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    if done.returncode:
        words = re.sub(
            r"(?<![\w.-])([\w.-]+==[\w.]*\w)",
            lambda match: f"{match[0]} (of the conda part)" if match[0] in constraints else match[0],
            done.stderr.strip(),
        )
        lost = "Failed to fetch" in words or "error sending request" in words
        raise (Unreachable if lost else Unsolvable)(words)
    packages = tomllib.loads(done.stdout).get("packages", [])
    return part([package for package in packages if canonical(package["name"]) not in have])


def platform(glibc: str) -> str:
    """uv's name for a system with this C library: what suits an older one suits it too."""
    minor = int(glibc.split(".")[1])
    return f"x86_64-manylinux_2_{max(known for known in MANYLINUX if known <= minor)}"


def part(packages: Iterable[Mapping]) -> PipPart:
    """A PipPart of the packages of a pylock.toml
    (https://packaging.python.org/en/latest/specifications/pylock-toml/), which name the fitting wheels."""
    lines, versions, sizes = [], {}, {}
    for package in packages:
        name, version, wheels = canonical(package["name"]), package["version"], package["wheels"]
        hashes = sorted(f"{kind}:{value}" for wheel in wheels for kind, value in wheel["hashes"].items())
        lines.append(f"{name}=={version}" + "".join(f" \\\n    --hash={value}" for value in hashes) + "\n")
        versions[name] = version
        sizes[name] = max(wheel.get("size", 0) for wheel in wheels)
    return PipPart("".join(lines), versions, sizes)
