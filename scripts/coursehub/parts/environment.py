"""The course's conda environment: solved here, installed on the droplet beside the present one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from .. import lockfile, solving
from ..conda_channels import channels
from ..conflicts import name_of
from ..environment_changes import bytes_needed, costs, differences, new_packages
from ..model import Json, Reporter, Step
from ..problems import Failure, InvalidInput, Problem
from ..run_identity import commit, who
from ..solving import digest

NAME = "environment"
PINS = Path(__file__).parents[3] / "requirements.txt"
TOOLS = ("py-rattler", "uv")
HUB_MAJOR = {"1": 4, "2": 5}
"""The major version of JupyterHub in each major version of TLJH: a student's server must match it."""
POST_BUILD = "postBuild"
KEPT = 3
"""So many generations may stay before old ones are collected: looking who uses them takes time."""


@dataclass(frozen=True)
class Want:
    """What is asked for, a digest of it (`inputs`), and, once solved, exactly what that means.

    `lock` is the committed lock that belongs to the request; `stale` says that there is one that does not.
    `from_commit` is filled in when something is to be installed.
    """

    request: solving.Request
    inputs: str
    tools: str
    tools_requirements: str
    root: Path
    post_build: str | None = field(default=None, repr=False)
    lock: lockfile.Lock | None = field(default=None, repr=False)
    stale: bool = False
    allow_rejected: bool = False
    solution: solving.Solution | None = field(default=None, repr=False)
    from_commit: str = ""
    record: str = field(default="", repr=False)

    @property
    def generation(self) -> str | None:
        """The name of what is installed: the same packages and the same postBuild have the same."""
        solution = self.solution
        return solution and digest([solution.lock, solution.pip_requirements, self.post_build])


def want(settings, secrets, *, locked: bool = False, allow_rejected: bool = False) -> Want:
    """Reads environment.lock and postBuild beside course.yml. With `locked`, a lock that belongs to
    environment.yml is required. Raises InvalidInput."""
    request = request_of(settings)
    lock = read_lock(settings.root)
    belongs = lock is not None and lock.made_from == request.digest
    if locked and not belongs:
        fault = "belongs to an earlier environment.yml" if lock else "is missing"
        raise InvalidInput([Problem(lockfile.FILE, fault, f"run {lockfile.MAKE} and commit the file")])
    used = lock if belongs else None
    post_build = read_post_build(settings.root)
    pins = pinned(PINS.read_text(), TOOLS)
    return Want(
        request=request,
        inputs=digest([request.digest, used and used.checksum, post_build]),
        tools=digest(pins),
        tools_requirements=pins,
        root=settings.root,
        post_build=post_build,
        lock=used,
        stale=lock is not None and not belongs,
        allow_rejected=allow_rejected,
    )


def request_of(settings) -> solving.Request:
    """What environment.yml and the hub ask for together."""
    asked = settings.environment
    return solving.Request(
        channels=channels(
            asked.channels, (requirement.text for requirement in asked.conda), settings.mirrors.conda
        ),
        conda=tuple((requirement.text, requirement.line) for requirement in asked.conda),
        pip=tuple((requirement.text, requirement.line) for requirement in asked.pip),
        hub=hub_needs(settings.hub.tljh_version),
        index=settings.mirrors.pypi,
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


def read_lock(root: Path) -> lockfile.Lock | None:
    """The committed lock, if there is one. Raises InvalidInput when it is damaged."""
    text = read_beside(root, lockfile.FILE, f"make it anew: {lockfile.MAKE}")
    return None if text is None else lockfile.read(text)


def read_post_build(root: Path) -> str | None:
    """The course's postBuild, which means what it means on mybinder.org; None without one."""
    text = read_beside(root, POST_BUILD, "save it as text, in UTF-8")
    if text is not None and "\r" in text:
        message = "has the line ends of Windows, with which no interpreter is found"
        raise InvalidInput([Problem(POST_BUILD, message, "save it with line ends of Unix (LF)", 1)])
    return text


def read_beside(root: Path, name: str, fix: str) -> str | None:
    """The text of a file beside course.yml, byte for byte; None when there is none."""
    try:
        return (root / name).read_bytes().decode()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput([Problem(name, f"cannot be read: {error}", fix)]) from error


def pinned(requirements: str, names: tuple[str, ...]) -> str:
    """The blocks of a requirements file (version and hashes) for some of its packages."""
    blocks = re.split(r"\n(?=[A-Za-z0-9])", requirements)
    found = [block for block in blocks if block.split("==")[0].strip() in names]
    if len(found) != len(names):
        raise Failure(f"requirements.txt does not pin {' and '.join(names)}", "restore it from the template")
    return "\n".join(re.sub(r"\n\s*#.*", "", block).rstrip() for block in found) + "\n"


def question(want: Want) -> Json:
    return {"tools": want.tools, "inputs": want.inputs}


def prepare(want: Want, seen: Mapping, machine: Mapping, report: Reporter) -> Want:
    """Take the lock, or solve for this droplet, unless what it has was made from the very same request."""
    if want.stale:
        report.note(
            f"{lockfile.FILE} belongs to an earlier environment.yml and is not used: run {lockfile.MAKE}"
        )
    if seen["inputs"] == want.inputs:
        return want
    refuse_rejected(want, seen)
    if want.lock:
        refuse_older_system(want.lock, machine)
        report.note(f"Taking the environment from {lockfile.FILE}")
        solution = want.lock.solution
    else:
        report.note("Solving the environment")
        solution = solving.solve(want.request, machine["glibc"], machine["kernel"])
    record = lockfile.write(solution, want.request.digest, machine["release"], machine["glibc"])
    solved = replace(want, solution=solution, record=record, from_commit=commit(want.root))
    refuse_rejected(solved, seen)
    return solved


def refuse_older_system(lock: lockfile.Lock, machine: Mapping) -> None:
    """Raises InvalidInput when the droplet's C library is older than the one that the lock was made for."""
    if version(machine["glibc"]) < version(lock.glibc):
        message = f"is made for {lock.image} with glibc {lock.glibc}, but the server has {machine['glibc']}"
        fix = f"name the server's system in course.yml (droplet.image) and run {lockfile.MAKE}"
        raise InvalidInput([Problem(lockfile.FILE, message, fix)])


def version(text: str) -> tuple[int, ...]:
    """A C library's version, to be compared."""
    return tuple(int(number) for number in re.findall(r"\d+", text))


def rejections(want: Want, seen: Mapping) -> dict[str, Mapping]:
    """What was rolled back that is now asked for again: the same request, or the same packages."""
    return {
        inputs: about
        for inputs, about in seen["rejected"].items()
        if inputs == want.inputs or about["generation"] == want.generation
    }


def refuse_rejected(want: Want, seen: Mapping) -> None:
    """Raises Failure when somebody took this very environment away from the class."""
    if want.allow_rejected:
        return
    for about in rejections(want, seen).values():
        reason = f" ({about['reason']})" if about["reason"] else ""
        when = datetime.fromtimestamp(about["when"], UTC).strftime("%Y-%m-%d %H:%M UTC")
        raise Failure(
            f"this environment was rolled back by {about['who']} on {when}{reason}, "
            "so it is not installed again",
            "revert the commit that changed environment.yml, or correct it; if the environment was right "
            "after all, deploy with --allow rejected",
        )


def plan(want: Want, seen: Mapping, machine: Mapping) -> list[Step]:
    """Install the generation where it is not there yet, switch to it, and remove what nobody uses."""
    if want.solution is None or seen["inputs"] == want.inputs:
        return removal(seen["collectable"])
    steps = [
        Step(NAME, "Forget that this environment was rolled back", "environment.pardon", {"inputs": inputs})
        for inputs in rejections(want, seen)
    ]
    name = want.generation
    if name not in seen["generations"]:
        if not seen["tools"]:
            parameters = {
                "digest": want.tools,
                "requirements": want.tools_requirements,
                "index": want.request.index,
            }
            title = "Install the environment tools"
            steps.append(Step(NAME, title, "environment.install_tools", parameters, timeout=900))
        steps.append(installation(want, seen))
    title = f"Start new servers from the environment {name}"
    parameters = {"generation": name, "about": about(want)}
    steps.append(Step(NAME, title, "environment.switch", parameters))
    return steps + removal(outdated(name, seen))


def installation(want: Want, seen: Mapping) -> Step:
    """The step that installs the generation, with what it means and what it costs."""
    solution = want.solution
    requested = sorted({name_of(text) for text, _ in (*want.request.conda, *want.request.pip)})
    new = new_packages(solution.packages, seen["packages"])
    download = sum(solution.sizes.get(name, 0) for name in new)
    size = bytes_needed(download)
    parameters = {
        "generation": want.generation,
        "tools": want.tools,
        "lock": solution.lock,
        "pip_requirements": solution.pip_requirements,
        "index": want.request.index,
        "about": about(want) | {"packages": dict(solution.packages)},
        "size": size,
        "requested": requested,
        "post_build": want.post_build,
        "record": want.record,
    }
    title = f"Install the environment {want.generation} ({len(solution.packages)} packages)"
    details = [costs(len(new), download, size, seen["disk_free"])]
    details += differences(solution.packages, seen["packages"], requested)
    return Step(NAME, title, "environment.install", parameters, tuple(details), timeout=4200)


def about(want: Want) -> dict[str, Json]:
    """What a generation's marker records of the deploy that asked for it."""
    return {"inputs": want.inputs, "commit": want.from_commit, "who": who()}


def outdated(name: str, seen: Mapping) -> list[str]:
    """What can be removed once the droplet has switched to `name`: all but it and the one before it, when
    there are more than KEPT; and what could be removed already."""
    present = {*seen["generations"], name}
    old = present if len(present) > KEPT else set(seen["collectable"])
    return sorted(old - {name, seen["current"]})


def removal(names: list[str]) -> list[Step]:
    """The step that removes old generations. It looks again, and leaves alone what is in use."""
    if not names:
        return []
    title = f"Remove {len(names)} old environment{'' if len(names) == 1 else 's'}"
    return [Step(NAME, title, "environment.collect", {"names": list(names)}, (), timeout=900, needed=False)]
