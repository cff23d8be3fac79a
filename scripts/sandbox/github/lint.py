"""All that looks at the workflows: GitHub's own parser, zizmor, shellcheck, the policy.

python -m sandbox.github.lint    (in scripts/; prints every tool's findings, exits with 1 if there is any)
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from coursehub.problems import Failure
from sandbox.commands import PATH, run
from sandbox.github import packages, policy
from sandbox.github.rules import subject, tree

ROOT = Path(__file__).resolve().parents[3]
TIMEOUT = 120
BASH = re.compile(r"(?:bash|sh)?(?:\s.*)?")
"""The value of `shell`, which is bash where there is none, if shellcheck can read the script."""


def parser(root: Path) -> list[str]:
    """What GitHub's language service says. Raises Failure if it cannot run."""
    folder = packages.ensure()
    files = [str(root / file) for file in subject.workflow_files(root)]
    argv = ["node", "--import", str(folder / "json_modules.mjs"), str(folder / "validate.mjs"), *files]
    done = run(argv, check=False, timeout=TIMEOUT, directory=folder)
    lines = done.stdout.decode().replace(f"{root}/", "").splitlines()
    if done.returncode and not lines:
        raise Failure("validate.mjs failed", detail=done.stderr.decode(errors="replace"))
    return lines


def zizmor(root: Path) -> list[str]:
    """What zizmor says, at its strictest. Raises Failure if it cannot run."""
    program = Path(sys.executable).with_name("zizmor")
    options = ["--offline", "--persona=pedantic", "--strict-collection", "--no-progress", "--color=never"]
    done = run([str(program), *options, ".github"], check=False, timeout=TIMEOUT, directory=root)
    if not done.returncode:
        return []
    said = (done.stdout.strip() or done.stderr.strip()).decode(errors="replace").splitlines()
    return said or [f"exit code {done.returncode}"]


def shellcheck(root: Path) -> list[str]:
    """What shellcheck says of the steps' scripts, by the files' lines. Raises Failure if it is missing."""
    program = _shellcheck()
    runs = []
    for file, text in subject.workflow_files(root).items():
        try:
            document = tree.read(file, text)
        except yaml.MarkedYAMLError:
            continue  # the others say so
        runs += [(file, step["run"]) for step in document.steps if BASH.fullmatch(step["shell"].text)]
    with tempfile.TemporaryDirectory() as scratch:
        scripts = {f"{scratch}/{number}": (file, node) for number, (file, node) in enumerate(runs) if node}
        for path, (_, node) in scripts.items():
            # GitHub's runner stops at the first error; shellcheck sees it from the first line.
            Path(path).write_text(f"#!/bin/bash -e\n{node.text}", encoding="utf-8")
        options = ["--severity=style", "--shell=bash", "--format=json1"]
        done = run([program, *options, *scripts], check=False, timeout=TIMEOUT) if scripts else None
    if not done:
        return []
    if done.returncode > 1:
        raise Failure("shellcheck failed", detail=done.stderr.decode(errors="replace"))
    said = []
    for comment in json.loads(done.stdout)["comments"]:
        file, node = scripts[comment["file"]]
        line = node.first_line + comment["line"] - 2
        said.append(f"{file}:{line}: {comment['message']} (SC{comment['code']})")
    return said


def _shellcheck() -> str:
    """The program; installed with apt, if it is missing and that is possible."""
    if not shutil.which("shellcheck", path=PATH) and not os.geteuid() and shutil.which("apt-get"):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "update"], timeout=300)
        install = ["apt-get", "install", "--yes", "--no-install-recommends", "shellcheck"]
        run(install, timeout=600, env=environment)
    program = shutil.which("shellcheck", path=PATH)
    if not program:
        raise Failure(
            "shellcheck is not installed",
            fix="sudo apt-get install shellcheck; elsewhere see https://www.shellcheck.net",
        )
    return program


def own_policy(root: Path) -> list[str]:
    """What the policy says."""
    files = subject.workflow_files(root)
    if not files:
        return [".github: there are no workflows"]
    return [str(finding) for finding in policy.check(files, subject.read_pins(root), subject.paths(root))]


CHECKS: dict[str, Callable[[Path], list[str]]] = {
    "GitHub's parser": parser,
    "zizmor": zizmor,
    "shellcheck": shellcheck,
    "policy": own_policy,
}


def findings(root: Path) -> dict[str, list[str]]:
    """What each tool has to say, of those which have; one that cannot run says why."""
    with ThreadPoolExecutor() as executor:
        said = dict(zip(CHECKS, executor.map(lambda check: _said(check, root), CHECKS.values()), strict=True))
    return {tool: lines for tool, lines in said.items() if lines}


def _said(check: Callable[[Path], list[str]], root: Path) -> list[str]:
    try:
        return check(root)
    except Failure as failure:
        return [str(failure), *failure.detail.splitlines()]


def main(root: Path = ROOT) -> int:
    """Print all findings; the exit code."""
    said = findings(root)
    for tool, lines in said.items():
        print(f"{tool}:", *(f"  {line}" for line in lines), sep="\n", file=sys.stderr)
    if not said:
        print(f"{len(subject.workflow_files(root))} workflows and actions pass: {', '.join(CHECKS)}")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
