"""Machines that stand in for droplets: create, reach, reboot, pull the plug, destroy.

A machine is a directory below .sandbox/machines; whether it runs is seen from its control groups, so
machines outlive the process that made them, and what a killed process left can be found and removed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from coursehub.problems import Failure
from sandbox import cgroup, commands, identity, image, network, remains, sizes, state, storage

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?")
BOOT_SECONDS = 60
# systemd's signals to the first process of a machine: see systemd(1), "Signals".
POWER_OFF, REBOOT = signal.SIGRTMIN + 4, signal.SIGRTMIN + 5
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Machine:
    """One machine. `memory` and `disk` are in bytes, `cpus` in CPUs; None means the host's own limit."""

    name: str
    address: str
    image: str
    memory: int | None = None
    cpus: float | None = None
    disk: int | None = None
    binds: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def directory(self) -> Path:
        return state.machines() / self.name

    @property
    def limits(self) -> cgroup.Limits:
        return cgroup.Limits(self.memory, self.cpus)

    @property
    def group(self) -> cgroup.Group:
        """The control group of everything inside."""
        return remains.groups() / self.name / "machine"

    @property
    def link(self) -> str:
        """The host's end of the machine's network cable, as systemd-nspawn names it."""
        return f"vb-{remains.tag(self.address)}"

    @property
    def host_key(self) -> str:
        """The public key with which the machine's sshd proves itself: `ssh-ed25519 AAAA…`."""
        key = (self.directory / "root" / f"{identity.HOST_KEY}.pub").read_text().split()
        return " ".join(key[:2])

    @property
    def is_running(self) -> bool:
        """Whether it is supervised; true through a reboot, false once it has powered off or died."""
        return bool((remains.groups() / self.name / "supervisor").processes())

    def run(
        self, argv: Sequence[str], *, input: bytes | None = None, check: bool = True, timeout: float = 60
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `argv` inside as root, within the machine's limits, and wait for its end.

        Raises Failure if the machine is down, after `timeout` seconds, or (with `check`) for an exit code.
        """
        leader = self._leader()
        group = self.group.entrance()
        entering = ["nsenter", "--all", "--root", "--wd", f"--target={leader}", "--", *argv]
        environment = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", **self.environment}
        return commands.run(
            group.joining(entering), shown=argv, input=input, timeout=timeout, check=check, env=environment
        )

    def boot(self) -> None:
        """Start the machine unless it runs, and wait until sshd answers. Raises Failure."""
        with remains.lock(self.name):
            self._boot()

    def reboot(self, wait: bool = True) -> None:
        """Have the machine reboot in good order; with `wait`, until sshd answers again. Raises Failure."""
        leader = self._leader()
        os.kill(leader, REBOOT)
        if wait:
            commands.wait_until(lambda: not _is_alive(leader), BOOT_SECONDS, f"the shutdown of {self.name}")
            self.wait_until_ready()

    def power_off(self) -> None:
        """Have the machine shut down in good order, and wait for it. Raises Failure."""
        if self.is_running:
            os.kill(self._leader(), POWER_OFF)
            commands.wait_until(lambda: not self.is_running, BOOT_SECONDS, f"the shutdown of {self.name}")

    def kill(self) -> None:
        """Pull the plug: everything inside ends at once; the file system stays as it is."""
        remains.kill(self.name)

    def destroy(self) -> None:
        """Remove the machine and all that belongs to it. The sandbox's bridge stays: see host.remove_all."""
        with remains.lock(self.name):
            remains.remove(self.name)

    def wait_until_ready(self, timeout: float = BOOT_SECONDS) -> None:
        """Return once sshd answers. Raises Failure, with the end of the log, if it does not in time."""
        last_problem = "nothing tried yet"

        def answers() -> bool:
            nonlocal last_problem
            if not self.is_running:
                raise Failure(f"the machine {self.name} stopped while booting", detail=self._log())
            try:
                with socket.create_connection((self.address, 22), timeout=1) as connection:
                    return connection.recv(4) == b"SSH-"
            except OSError as error:
                last_problem = str(error)
                return False

        try:
            commands.wait_until(answers, timeout, "an answer", interval=0.05)
        except Failure as failure:
            if failure.detail:
                raise
            raise Failure(
                f"the machine {self.name} did not answer at {self.address}:22 within {timeout:g} s"
                f" (last problem: {last_problem})",
                detail=self._log(),
            ) from None

    def _boot(self) -> None:
        if self.is_running:
            return
        host = network.ensure()
        if self.address not in host.addresses:
            raise Failure(
                f"the machine {self.name} has the address {self.address}; the sandbox is now {host.subnet}",
                fix="destroy it and create it again",
            )
        storage.mount(self.directory, state.images() / self.image / "root")
        identity.connect(self.directory / "root", self.address, host)
        network.forget_neighbour(self.address)
        group = remains.groups() / self.name / "supervisor"
        group.make()
        starting = [sys.executable, "-m", "sandbox.supervisor", self.name]
        environment = os.environ | {
            "PYTHONPATH": str(state.SCRIPTS),
            state.VARIABLE: str(state.directory()),
            "SYSTEMD_COLORS": "0",
        }
        with (self.directory / "log").open("ab") as log:
            started = subprocess.run(
                group.joining(starting),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                timeout=BOOT_SECONDS,
            )
        if started.returncode != 0:
            raise Failure(f"the supervisor of {self.name} did not start", detail=self._log())
        self.wait_until_ready()

    def _leader(self) -> int:
        """The machine's first process, by its number on the host."""
        for process in self.group.processes():
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{process}/status").read_text()
                numbers = re.search(r"^NSpid:\t(.*)$", status, re.MULTILINE)
                if numbers and numbers[1].split()[1:] == ["1"]:
                    return process
        raise Failure(f"the machine {self.name} is not running", fix="boot it first", detail=self._log())

    def _log(self) -> str:
        return commands.tail((self.directory / "log").read_bytes())


def create(
    name: str,
    *,
    memory: str | int | None = None,
    cpus: float | None = None,
    disk: str | int | None = None,
    authorized_keys: Sequence[str] = (),
    binds: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Machine:
    """Make a machine and boot it; returns once its sshd answers.

    `memory` and `disk` are sizes such as "2G"; `binds` shows the host's paths (keys) inside (values);
    `environment` is set for sessions and services. Raises Failure if the name is taken or something fails.
    """
    if not NAME.fullmatch(name):
        raise Failure(f"{name!r} is no name for a machine", fix="use letters, digits, hyphens and dots")
    root = image.ensure()
    with remains.lock(name):
        if find(name):
            raise Failure(
                f"there is a machine {name} already", fix="destroy it first, or choose another name"
            )
        remains.remove(name)  # what an interrupted creation left
        machine = _reserve(
            Machine(
                name,
                address="",
                image=root.parent.name,
                memory=sizes.in_bytes(memory),
                cpus=cpus,
                disk=sizes.in_bytes(disk),
                binds=dict(binds or {}),
                environment=image.trust_environment() | dict(environment or {}),
            )
        )
        try:
            storage.create(machine.directory, machine.disk)
            storage.mount(machine.directory, root)
            identity.give(machine.directory / "root", name, authorized_keys, machine.environment)
            machine._boot()
        except BaseException:
            remains.remove(name)
            raise
        remains.ready_mark(name).touch()
    return machine


def find(name: str) -> Machine | None:
    """The machine of that name, running or not; None if there is none, or its creation was interrupted."""
    with contextlib.suppress(FileNotFoundError):  # it may be destroyed meanwhile
        return load(name) if remains.ready_mark(name).exists() else None
    return None


def all_machines() -> list[Machine]:
    """Every machine of this sandbox, in the order of their names."""
    return [machine for name in remains.names() if (machine := find(name))]


def load(name: str) -> Machine:
    """The machine of that name, be its creation finished or not."""
    return Machine(**json.loads(remains.record(name).read_text()))


def _reserve(machine: Machine) -> Machine:
    """Give the machine an address that no other has, and record it."""
    host = network.ensure()
    with state.lock(state.machines() / ".addresses", timeout=30, what="choosing a machine's address"):
        taken = set()
        for name in remains.names():
            with contextlib.suppress(FileNotFoundError):  # not recorded yet, or destroyed meanwhile
                taken.add(load(name).address)
        free = [address for address in host.addresses if address not in taken]
        if not free:
            raise Failure(
                f"all {len(taken)} addresses of the sandbox are in use", fix="destroy some machines"
            )
        machine.directory.mkdir(parents=True)
        disk = storage.size_of_disk(machine.directory, machine.disk)
        machine = Machine(**asdict(machine) | {"address": free[0], "disk": disk})
        whole = remains.record(machine.name).with_suffix(".new")
        whole.write_text(json.dumps(asdict(machine)))
        whole.rename(remains.record(machine.name))
    return machine


def _is_alive(process: int) -> bool:
    return Path(f"/proc/{process}").exists()
