"""The kernels of an environment, and which of them a notebook runs in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

PYTHON = "python3"


class EnvironmentKernels(KernelSpecManager):
    """The kernels that are installed in the environment at `prefix`, and no others of this computer."""

    def __init__(self, prefix: Path):
        folders = [str(prefix / "share/jupyter/kernels")]
        super().__init__(kernel_dirs=folders, ensure_native_kernel=False)
        self.prefix = prefix

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """A kernel's specification. Its program is the environment's: a bare `python` would be ours."""
        spec = super().get_kernel_spec(kernel_name)
        if "/" not in spec.argv[0]:
            spec.argv[0] = str(self.prefix / "bin" / spec.argv[0])
        return spec

    def languages(self) -> dict[str, str]:
        """Each kernel's name and language."""
        return {name: self.get_kernel_spec(name).language for name in sorted(self.find_kernel_specs())}


def kernel_for(notebook_metadata: Mapping[str, Any], kernels: Mapping[str, str]) -> str | None:
    """The kernel that a notebook runs in: the one it names, else, as JupyterLab does, one of its language;
    None when there is none. `kernels` are names and languages."""
    spec = notebook_metadata.get("kernelspec") or {}
    about = notebook_metadata.get("language_info") or {}
    if spec.get("name") in kernels:
        return spec["name"]
    language = str(spec.get("language") or about.get("name") or "python").lower()
    same = [name for name, spoken in kernels.items() if spoken.lower() == language]
    return PYTHON if PYTHON in same else next(iter(same), None)


def without_kernel(notebook_metadata: Mapping[str, Any], kernels: Mapping[str, str]) -> str:
    """Why a notebook has no kernel to run in, and what to do."""
    if not kernels:
        return (
            "the environment has no kernel to run notebooks in: ipykernel is missing. "
            "Correct environment.yml, or postBuild if that removed it"
        )
    spec = notebook_metadata.get("kernelspec") or {}
    names = ", ".join(kernels)
    return (
        f"the notebook wants the kernel {spec.get('name') or '?'}, which the environment does not have "
        f"(it has {names}). Add its package to environment.yml, or choose another kernel and save it"
    )
