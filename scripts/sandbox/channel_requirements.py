"""From PyPI's requirements to conda's: names, versions, environment markers, extras."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from packaging.requirements import Requirement
from packaging.specifiers import Specifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

# Where conda-forge's name is not PyPI's canonical one.
CONDA_NAMES = {
    "build": "python-build",
    "fastjsonschema": "python-fastjsonschema",
    "graphviz": "python-graphviz",
    "importlib-resources": "importlib_resources",
    "ipython-pygments-lexers": "ipython_pygments_lexers",
    "jupyter-client": "jupyter_client",
    "jupyter-core": "jupyter_core",
    "jupyter-events": "jupyter_events",
    "jupyter-server": "jupyter_server",
    "jupyter-server-terminals": "jupyter_server_terminals",
    "jupyterhub": "jupyterhub-base",
    "jupyterlab-pygments": "jupyterlab_pygments",
    "jupyterlab-server": "jupyterlab_server",
    "jupyterlab-widgets": "jupyterlab_widgets",
    "matplotlib": "matplotlib-base",
    "msgpack": "msgpack-python",
    "pure-eval": "pure_eval",
    "stack-data": "stack_data",
    "tables": "pytables",
    "torch": "pytorch",
    "typing-extensions": "typing_extensions",
    "tzdata": "python-tzdata",
}

# Answers what a distribution requires, by its canonical name.
RequirementsOf = Callable[[str], Iterable[str]]


def conda_name(name: str) -> str:
    """conda-forge's name for a distribution on PyPI."""
    canonical = canonicalize_name(name)
    return CONDA_NAMES.get(canonical, canonical)


def conda_versions(specifiers: SpecifierSet) -> str:
    """A version specifier of PEP 440 as conda spells it; empty when every version will do."""
    return ",".join(sorted(part for one in specifiers for part in _conda_specifier(one)))


def _conda_specifier(specifier: Specifier) -> Iterator[str]:
    """One clause; `~=` becomes the two that it stands for."""
    operator, version = specifier.operator, specifier.version
    if operator == "~=":
        series = ".".join(str(number) for number in Version(version).release[:-1])
        yield f">={version}"
        yield f"{series}.*"
    elif operator == "==" and version.endswith(".*"):
        yield version
    elif operator == "===":
        yield f"=={version}"
    else:
        yield f"{operator}{version}"


def conda_depends(
    requirements: Iterable[str], environment: Mapping[str, str], requirements_of: RequirementsOf
) -> list[str]:
    """What a conda package depends on, from the Requires-Dist lines of the wheel it is made of.

    `environment` holds the markers' values for the interpreter in question. conda knows no extras: those that
    a requirement asks for are resolved here, into what they stand for.
    """
    found: dict[str, SpecifierSet] = {}
    pending = [(line, "") for line in requirements]
    seen = set(pending)
    while pending:
        line, extra = pending.pop(0)
        requirement = Requirement(line)
        if not _applies(requirement, environment, extra):
            continue
        name = conda_name(requirement.name)
        found[name] = found.get(name, SpecifierSet()) & requirement.specifier
        for wanted in requirement.extras:
            further = [(other, wanted) for other in requirements_of(requirement.name)]
            pending += [item for item in further if item not in seen]
            seen.update(further)
    return sorted(f"{name} {conda_versions(specifiers)}".strip() for name, specifiers in found.items())


def _applies(requirement: Requirement, environment: Mapping[str, str], extra: str) -> bool:
    """Whether a requirement holds here; for an extra: whether it is the extra that brings it."""
    marker = requirement.marker
    without = marker is None or marker.evaluate({**environment, "extra": ""})
    if not extra:
        return without
    return not without and marker.evaluate({**environment, "extra": extra})
