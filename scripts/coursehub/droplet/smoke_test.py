"""Trying a new environment before any student gets it, without rights and with little memory.

Whatever fails is raised as OperationFailed that names the package, and the class keeps what it has.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from coursehub.droplet import sources
from coursehub.droplet.gently import run_gently, workers
from coursehub.droplet.installers import check_pip_part
from coursehub.droplet.provided_modules import folded, provided_modules
from coursehub.droplet.system import OperationFailed, last_lines

TIMEOUT = 300.0
ENOUGH = 256 << 20
"""Bytes after which the imports go on in a fresh process, so that they fit beside a class at work."""
NEEDED = ("ipykernel", "nbgitpuller", "jupyterlab", "notebook", "jupyter-resource-usage")
"""What each student's server is made of, whatever the course asks for."""
ANSWER = ('{"trying"', '{"failed"', '{"next"')
BROKEN_EXTENSION = re.compile(r"(\S+) v\S+ enabled\s+X")


def smoke_test(prefix, tools, requested, pip_names, progress):
    """Try the environment at `prefix`. `requested` are the packages that the course asked for, `pip_names`
    those that come from its pip part."""
    with tempfile.TemporaryDirectory(prefix="coursehub-") as home:
        os.chown(home, pwd.getpwnam("nobody").pw_uid, -1)
        trial = Trial(prefix, Path(home))
        trials = (
            lambda: try_imports(trial, [*dict.fromkeys((*requested, *NEEDED))]),
            lambda: try_kernel(trial),
            lambda: try_server(trial),
            lambda: try_extensions(trial),
            lambda: try_requirements(trial, tools, {*map(folded, pip_names)}, progress),
        )
        with ThreadPoolExecutor(workers()) as pool:
            running = [pool.submit(one) for one in trials]
        for one in running:
            one.result()


class Trial:
    """Runs commands of the environment at `prefix` as somebody with no rights, at home in `home`."""

    def __init__(self, prefix, home):
        self.prefix, self.home = prefix, home

    def run(self, *command):
        """What the command prints. Raises OperationFailed."""
        return run_gently(
            [self.prefix / "bin" / command[0], *command[1:]],
            prefix=self.prefix,
            timeout=TIMEOUT,
            nobody=True,
            environment={"HOME": str(self.home), "MPLBACKEND": "Agg"},
            cwd=self.home,
        )

    def script(self, name, *arguments):
        """Run one of our own pieces with the environment's Python."""
        return self.run("python", "-c", sources.text(f"coursehub.droplet.{name}"), *arguments)


def broken(what, detail="", fix="correct environment.yml; the last words are below"):
    """The error for an environment that does not work."""
    return OperationFailed(
        f"the new environment does not work: {what}; the class keeps the one it has", fix, last_lines(detail)
    )


def try_imports(trial, packages):
    """Import what each package is there for, in one process as long as memory allows."""
    pairs = []
    for package in packages:
        modules = provided_modules(trial.prefix, package)
        if modules is None:
            raise broken(
                f"{package} is missing", fix="correct environment.yml, or postBuild if that removed it"
            )
        pairs += [(package, module) for module in modules]
    while pairs:
        modules = json.dumps([module for _, module in pairs])
        try:
            said, ended = trial.script("trial_imports", modules, str(ENOUGH)), None
        except OperationFailed as error:
            said, ended = error.detail, error.message
        lines = said.splitlines()
        answers = [json.loads(line) for line in lines if line.startswith(ANSWER)]
        last = answers[-1] if answers else {"trying": 0}
        if "next" in last:
            pairs = pairs[last["next"] :]
            continue
        package, module = pairs[last.get("failed", last.get("trying", 0))]
        why = last.get("error", ended or "it ended without a word")
        named = package if package == module else f"{package} (module {module})"
        fix = f"correct or remove {package} in environment.yml; the last words are below"
        rest = "\n".join(line for line in lines if not line.startswith(ANSWER))
        raise broken(f"{named} cannot be imported: {why}", rest, fix)


def try_kernel(trial):
    """A kernel of this very environment must start and run a cell."""
    try:
        said = trial.script("trial_kernel")
    except OperationFailed as error:
        raise broken(f"a notebook's kernel does not run a cell ({error.message})", error.detail) from None
    if str(trial.prefix) not in said.split():
        raise broken("the kernel python3 runs another Python than the environment's", said)


def try_server(trial):
    """The program that each student's server is."""
    try:
        trial.run("jupyterhub-singleuser", "--version")
    except OperationFailed as error:
        raise broken(f"a student's server does not start ({error.message})", error.detail) from None


def try_extensions(trial):
    """JupyterLab's extensions must be such as this JupyterLab can load."""
    try:
        said = re.sub(r"\x1b\[\d*m", "", trial.run("jupyter-labextension", "list"))
    except OperationFailed as error:
        raise broken(f"JupyterLab does not start ({error.message})", error.detail) from None
    if unfit := BROKEN_EXTENSION.findall(said):
        raise broken(f"JupyterLab cannot load its extension {', '.join(unfit)}", said)


def try_requirements(trial, tools, pip_names, progress):
    """What the pip part requires or brings must fit. conda's own packages fit by its solver's word, and what
    their Python metadata says beyond that is told, but stops nobody."""
    for line in check_pip_part(trial.prefix, tools, trial.home):
        if pip_names & {folded(name) for name in re.findall(r"`([A-Za-z0-9._-]+)", line)}:
            raise broken("its packages do not fit together", line)
        progress(line)
