"""The course's conda environment: solved here, installed on the droplet beside the present one."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from .. import solving
from ..model import Json, Reporter, Step
from ..problems import Failure

NAME = "environment"
PINS = Path(__file__).parents[3] / "requirements.txt"
TOOLS = ("py-rattler", "uv")
HUB_MAJOR = {"1": 4, "2": 5}
"""The major version of JupyterHub in each major version of TLJH: a student's server must match it."""
SHOWN = 15


@dataclass(frozen=True)
class Want:
    """What is asked for, a digest of it (`inputs`), and, once solved, exactly what that means."""

    request: solving.Request
    inputs: str
    tools: str
    tools_requirements: str
    index: str | None
    solution: solving.Solution | None = None


def want(settings, secrets) -> Want:
    asked = settings.environment
    request = solving.Request(
        channels=tuple(
            channel_url(name, settings.mirrors.conda) for name in asked.channels if name != "nodefaults"
        ),
        conda=tuple((requirement.text, requirement.line) for requirement in asked.conda),
        pip=tuple((requirement.text, requirement.line) for requirement in asked.pip),
        hub=hub_needs(settings.hub.tljh_version),
        index=settings.mirrors.pypi,
    )
    pins = pinned(PINS.read_text(), TOOLS)
    content = [
        request.channels,
        [text for text, _ in request.conda],
        [text for text, _ in request.pip],
        request.hub,
    ]
    return Want(request, digest(content), digest(pins), pins, settings.mirrors.pypi)


def channel_url(name: str, mirrors: Mapping[str, str]) -> str:
    """Where a channel of environment.yml is: a mirror from course.yml, a URL as it stands, or anaconda.org.

    `defaults` is not on conda.anaconda.org (https://docs.conda.io/projects/conda/en/stable/user-guide/configuration/settings.html).
    """
    if name in mirrors:
        return mirrors[name]
    if "://" in name:
        return name
    return (
        "https://repo.anaconda.com/pkgs/main" if name == "defaults" else f"https://conda.anaconda.org/{name}"
    )


def hub_needs(tljh_version: str) -> tuple[str, ...]:
    """What a student's server is made of, besides what the course asks for."""
    major = HUB_MAJOR.get(tljh_version.split(".")[0], max(HUB_MAJOR.values()))
    return (
        f"jupyterhub-singleuser >={major},<{major + 1}",
        "jupyterlab >=4",
        "notebook >=7",
        "nbgitpuller",
        "ipykernel",
        "jupyter-resource-usage",
    )


def pinned(requirements: str, names: tuple[str, ...]) -> str:
    """The blocks of a requirements file (version and hashes) for some of its packages."""
    blocks = re.split(r"\n(?=[A-Za-z0-9])", requirements)
    found = [block for block in blocks if block.split("==")[0].strip() in names]
    if len(found) != len(names):
        raise Failure(f"requirements.txt does not pin {' and '.join(names)}", "restore it from the template")
    return "\n".join(re.sub(r"\n\s*#.*", "", block).rstrip() for block in found) + "\n"


def digest(value: Json) -> str:
    """A short name for a value."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:12]


def question(want: Want) -> Json:
    return {"tools": want.tools, "inputs": want.inputs}


def prepare(want: Want, seen: Mapping, machine: Mapping, report: Reporter) -> Want:
    """Solve for this droplet, unless what it has was made from the very same request."""
    if seen["inputs"] == want.inputs:
        return want
    report.note("Solving the environment")
    return replace(want, solution=solving.solve(want.request, machine["glibc"], machine["kernel"]))


def plan(want: Want, seen: Mapping, machine: Mapping) -> list[Step]:
    """Install the generation where it is not there yet, then switch to it."""
    solution = want.solution
    if solution is None or seen["inputs"] == want.inputs:
        return []
    name = solution.generation
    steps = []
    if name not in seen["generations"]:
        if not seen["tools"]:
            parameters = {"digest": want.tools, "requirements": want.tools_requirements, "index": want.index}
            title = "Install the environment tools"
            steps.append(Step(NAME, title, "environment.install_tools", parameters, timeout=900))
        parameters = {
            "generation": name,
            "tools": want.tools,
            "lock": solution.lock,
            "pip_requirements": solution.pip_requirements,
            "index": want.index,
            "about": {"inputs": want.inputs, "packages": dict(solution.packages)},
            "size": solution.size,
        }
        title = f"Install the environment {name} ({len(solution.packages)} packages)"
        details = differences(solution.packages, seen["packages"])
        steps.append(Step(NAME, title, "environment.install", parameters, details, timeout=4200))
    title = f"Start new servers from the environment {name}"
    steps.append(
        Step(NAME, title, "environment.switch", {"generation": name, "about": {"inputs": want.inputs}})
    )
    return steps


def differences(wanted: Mapping[str, str], present: Mapping[str, str]) -> tuple[str, ...]:
    """Packages added (+), changed (~) and removed (-), at most SHOWN lines; nothing for a first install."""
    if not present:
        return ()
    lines = [f"+ {name} {wanted[name]}" for name in wanted if name not in present]
    lines += [
        f"~ {name} {present[name]} → {wanted[name]}"
        for name in wanted
        if name in present and present[name] != wanted[name]
    ]
    lines += [f"- {name} {present[name]}" for name in present if name not in wanted]
    lines.sort(key=lambda line: line[2:])
    return tuple(lines if len(lines) <= SHOWN else [*lines[:SHOWN], f"… and {len(lines) - SHOWN} more"])
