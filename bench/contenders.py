"""Who deploys the course: coursehub, and the tools that people would take instead."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from line import SSH_PORT, Line
from stage import DEPLOY, Stage

from coursehub.problems import Failure
from sandbox import state

BENCH = Path(__file__).resolve().parent
RIVALS = BENCH / "rivals"
PATIENCE = 900.0
"""Seconds for one deploy; the slowest has been seen to take a few minutes."""


@dataclass(frozen=True)
class Job:
    """One deploy to be timed: a command, and what its environment has besides ours."""

    argv: list[str]
    environment: dict[str, str]


@dataclass(frozen=True)
class Contender:
    """`prepare` makes the job for a stage and a line; nothing of it is timed."""

    name: str
    prepare: Callable[[Stage, Line, Path], Job]

    def deploy(self, stage: Stage, line: Line) -> float:
        """Deploy once, from a cold start, and return the seconds of wall time. Raises Failure."""
        with scratch() as folder:
            job = self.prepare(stage, line, folder)
            began = time.perf_counter()
            done = subprocess.run(
                job.argv,
                cwd=folder,
                env=os.environ | job.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=PATIENCE,
            )
            seconds = time.perf_counter() - began
        if done.returncode:
            raise Failure(f"{self.name} failed with exit code {done.returncode}", detail=done.stdout[-4000:])
        return seconds


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for one run; connections that stay open (ControlPersist) end with it."""
    # Short, for the paths of sockets may have 108 bytes.
    folder = Path(tempfile.mkdtemp(prefix="ch-bench-", dir="/tmp"))
    try:
        yield folder
    finally:
        for control in (folder / "cp").glob("*"):
            words = ["ssh", "-F", "none", "-o", f"ControlPath={control}", "-O", "exit", "any"]
            subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(folder)


def coursehub(stage: Stage, line: Line, folder: Path) -> Job:
    """The script that the workflows run."""
    options = ["--course", str(stage.course.root), "--override", str(stage.override), "--json"]
    return Job([sys.executable, str(DEPLOY), *options], stage.secrets(f"{line.address}:{SSH_PORT}"))


def told(stage: Stage, line: Line, folder: Path) -> dict:
    """What rivals are told, written to FOLDER/facts.json; host key checking is on for all of them."""
    known_hosts = folder / "known_hosts"
    known_hosts.write_text(f"[{line.address}]:{SSH_PORT} {stage.box.host_key}\n")
    facts = {
        **stage.facts,
        "ssh_host": line.address,
        "ssh_port": SSH_PORT,
        "known_hosts": str(known_hosts),
        "push_to": f"ssh://root@{line.address}:{SSH_PORT}{stage.facts['repository']}",
    }
    (folder / "facts.json").write_text(json.dumps(facts))
    return facts


def git_over_ssh(facts: dict) -> dict[str, str]:
    """The environment in which git reaches the machine."""
    options = f"-F none -i {facts['key']} -o UserKnownHostsFile={facts['known_hosts']}"
    return {"GIT_SSH_COMMAND": f"ssh {options}"}


def ssh_commands(stage: Stage, line: Line, folder: Path) -> Job:
    """A process of OpenSSH per command."""
    told(stage, line, folder)
    return Job([sys.executable, str(RIVALS / "ssh_commands.py"), str(folder / "facts.json")], {})


def ansible(playbook: str) -> Callable[[Stage, Line, Path], Job]:
    """ansible-playbook, with pipelining on and ControlPersist as it comes."""

    def prepare(stage: Stage, line: Line, folder: Path) -> Job:
        facts = told(stage, line, folder)
        hub = {
            "ansible_host": line.address,
            "ansible_port": SSH_PORT,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": facts["key"],
            "ansible_ssh_common_args": f"-F none -o UserKnownHostsFile={facts['known_hosts']}",
        }
        inventory = folder / "inventory.yml"
        inventory.write_text(json.dumps({"all": {"hosts": {"hub": hub}}}))
        settings = {
            "ANSIBLE_HOME": str(folder / "home"),
            "ANSIBLE_PIPELINING": "True",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "cp"),
            "ANSIBLE_NOCOLOR": "1",
            "LC_ALL": "C.UTF-8",
        }
        words = ["-i", str(inventory), "-e", f"@{folder / 'facts.json'}", str(RIVALS / "ansible" / playbook)]
        return Job([str(program("ansible-playbook")), *words], git_over_ssh(facts) | settings)

    return prepare


def pyinfra(deploy: str) -> Callable[[Stage, Line, Path], Job]:
    """pyinfra, told to go on without asking."""

    def prepare(stage: Stage, line: Line, folder: Path) -> Job:
        facts = told(stage, line, folder)
        files = [str(RIVALS / "pyinfra" / name) for name in ("inventory.py", deploy)]
        environment = {"BENCH_FACTS": str(folder / "facts.json")}
        return Job([str(program("pyinfra")), "--yes", *files], git_over_ssh(facts) | environment)

    return prepare


def program(name: str) -> Path:
    """A rival's program; see `install`."""
    return virtual_environment() / "bin" / name


def virtual_environment() -> Path:
    """Where the rivals are installed: beside the sandbox, apart from coursehub's own libraries."""
    return state.directory() / "bench-venv"


def install() -> dict[str, str]:
    """Install the rivals as requirements.txt pins them, unless they are; return everybody's version."""
    place, wanted = virtual_environment(), BENCH / "requirements.txt"
    recorded = place / "requirements.txt"
    if not recorded.exists() or recorded.read_text() != wanted.read_text():
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, place], check=True)
        words = ["--compile-bytecode", "--require-hashes", "--requirement", wanted]
        subprocess.run([uv, "pip", "install", "--quiet", "--python", place, *words], check=True)
        shutil.copy(wanted, recorded)
    pins = dict(line.split(" ")[0].split("==") for line in wanted.read_text().splitlines() if "==" in line)
    openssh = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr
    python = sys.version.split()[0]
    ours = {"python": python, "ssh": openssh.split(",")[0]}
    return ours | {name: pins[name] for name in ("ansible-core", "pyinfra")}


COURSEHUB = Contender("coursehub", coursehub)
SSH = Contender("an ssh process per command", ssh_commands)
ANSIBLE = Contender("ansible-core, as documented", ansible("documented.yml"))
PYINFRA = Contender("pyinfra, as documented", pyinfra("documented.py"))
AS_DOCUMENTED = (COURSEHUB, SSH, ANSIBLE, PYINFRA)
CONTENDERS = (
    *AS_DOCUMENTED,
    Contender("ansible-core, tuned by hand", ansible("tuned.yml")),
    Contender("pyinfra, tuned by hand", pyinfra("tuned.py")),
)
