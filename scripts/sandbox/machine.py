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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from coursehub.problems import Failure
from sandbox import addresses, cgroup, commands, identity, image, network, remains, sizes, state, storage

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
    # The name of the machine whose files it began with.
    like: str | None = None
    # The number of the droplet that it is, in the sandbox's cloud, whose name server it then uses.
    droplet: int | None = None

    @property
    def directory(self) -> Path:
        return state.machines() / self.name

    @property
    def layers(self) -> list[Path]:
        """What its file system lies over, the uppermost first."""
        image_root = state.images() / self.image / "root"
        return [storage.written(state.machines() / self.like), image_root] if self.like else [image_root]

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
            self.start()
            self.wait_until_ready()

    def reboot(self, wait: bool = True) -> None:
        """Have the machine reboot in good order: until systemd runs again, and with `wait` until sshd
        answers. Raises Failure."""
        leader = self._leader()
        os.kill(leader, REBOOT)
        commands.wait_until(lambda: not _is_alive(leader), BOOT_SECONDS, f"the shutdown of {self.name}")
        self._wait_for_systemd()
        if wait:
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

    def start(self) -> None:
        """Start the machine unless it runs, until systemd does; the caller holds its lock. Raises Failure."""
        if self.is_running:
            return
        host = network.ensure()
        if self.address not in host.addresses:
            raise Failure(
                f"the machine {self.name} has the address {self.address}; the sandbox is now {host.subnet}",
                fix="destroy it and create it again",
            )
        storage.mount(self.directory, *self.layers)
        servers = network.nameservers() if self.droplet is None else [str(host.gateway)]
        identity.connect(self.directory / "root", self.address, host, servers)
        network.forget_neighbour(self.address)
        group = remains.groups() / self.name / "supervisor"
        group.make()
        # In a mount namespace of its own, which it tidies up.
        apart = ["unshare", "--mount", "--propagation", "slave"]
        starting = [*apart, sys.executable, "-m", "sandbox.supervisor", self.name]
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
        self._wait_for_systemd()

    def _wait_for_systemd(self) -> None:
        """Return once systemd is the first process and takes signals: those that it waits for it blocks."""

        def runs() -> bool:
            if not self.is_running:
                raise Failure(f"the machine {self.name} stopped while booting", detail=self._log())
            with contextlib.suppress(Failure, OSError):
                status = Path(f"/proc/{self._leader()}/status").read_text()
                blocked = re.search(r"^SigBlk:\t(\w+)$", status, re.MULTILINE)
                return bool(blocked and int(blocked[1], 16) >> (POWER_OFF - 1) & 1)
            return False

        commands.wait_until(runs, BOOT_SECONDS, f"the start of systemd in {self.name}")

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
    like: Machine | None = None,
) -> Machine:
    """Make a machine and boot it; returns once its sshd answers.

    `memory` and `disk` are sizes such as "2G"; `binds` shows the host's paths (keys) inside (values);
    `environment` is set for sessions and services. It begins with the files of the machine `like`, if any,
    which is off, must stay so, and be destroyed after it; name, keys and address are its own all the same.
    Raises Failure if the name is taken or something fails.
    """
    if not NAME.fullmatch(name):
        raise Failure(f"{name!r} is no name for a machine", fix="use letters, digits, hyphens and dots")
    if like and (like.is_running or like.like):
        raise Failure(f"{name} cannot be made like {like.name}", fix="switch off a machine that is like none")
    if like:
        storage.let_go(like.directory)
    planned = Machine(
        name,
        address="",
        image=like.image if like else image.ensure().parent.name,
        memory=sizes.in_bytes(memory),
        cpus=cpus,
        disk=sizes.in_bytes(disk),
        binds=dict(binds or {}),
        environment=image.trust_environment() | dict(environment or {}),
        like=like and like.name,
    )

    def first_start(machine: Machine) -> None:
        storage.mount(machine.directory, *machine.layers)
        identity.give(machine.directory / "root", name, authorized_keys, machine.environment)
        machine.start()
        machine.wait_until_ready()

    return make(planned, first_start)


def make(planned: Machine, first_start: Callable[[Machine], None], source: Path | None = None) -> Machine:
    """Make the machine that is planned, with an address and a disk, empty or as `source`, and start it with
    `first_start`. If anything fails nothing is left of it. Raises Failure if its name is taken."""
    name = planned.name
    with remains.lock(name):
        if find(name):
            raise Failure(
                f"there is a machine {name} already", fix="destroy it first, or choose another name"
            )
        remains.remove(name)  # what an interrupted creation left
        machine = _reserve(planned)
        try:
            storage.create(machine.directory, machine.disk, source)
            first_start(machine)
        except BaseException:
            remains.remove(name)
            raise
        remains.ready_mark(name).touch()
    return machine


def change(machine: Machine, **fields) -> Machine:
    """Write down that the machine, which is off, has other `fields` from its next start on; returns it."""
    changed = replace(machine, **fields)
    whole = remains.record(machine.name).with_suffix(".new")
    whole.write_text(json.dumps(asdict(changed)))
    whole.rename(remains.record(machine.name))
    return changed


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
    with addresses.choosing():
        address = addresses.free(host)[0]
        machine.directory.mkdir(parents=True)
        disk = storage.size_of_disk(machine.directory, machine.disk)
        return change(machine, address=address, disk=disk)


def _is_alive(process: int) -> bool:
    return Path(f"/proc/{process}").exists()
