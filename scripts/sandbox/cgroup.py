"""A machine's control groups: they hold its limits, and list its processes however they came to be.

    BASE/NAME/supervisor    the supervisor (see supervisor.py), outside the limits
    BASE/NAME/machine       systemd-nspawn and all that runs inside; the limits hold here

The machine sees its group as the root of its hierarchy, so it reads its own limits there:
/sys/fs/cgroup/memory/memory.limit_in_bytes (version 1), /sys/fs/cgroup/memory.max (version 2).

Version 1 (a hierarchy per controller) and 2 (one for all) are both in use. Version 2 allows processes only in
groups that do not hand controllers on to children: hence the sibling for the supervisor, and a fresh
machine group for every boot, for systemd-nspawn divides it into `payload` and `supervisor`.
Version 2 is as the kernel's admin-guide/cgroup-v2 has it; both passed the tests with Debian 12 (systemd 252).
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from coursehub.problems import Failure
from sandbox.commands import wait_until

ROOT = Path("/sys/fs/cgroup")
PERIOD = 100_000  # microseconds; the kernel's own default
NO_LIMIT = {1: "-1", 2: "max"}
# Writes its own process id to the files before "--" and becomes the command after it.
JOIN = 'while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done; shift; exec "$@"'


@dataclass(frozen=True)
class Limits:
    """Bytes of memory (page cache included) and number of CPUs; None is no limit."""

    memory: int | None
    cpus: float | None


@dataclass(frozen=True)
class Group:
    """One path in every hierarchy."""

    path: str

    def __truediv__(self, name: str) -> Group:
        return Group(f"{self.path}/{name}")

    @property
    def directories(self) -> list[Path]:
        return [hierarchy / self.path for hierarchy in _hierarchies()]

    def make(self, limits: Limits | None = None) -> None:
        """Create the group, its parents with it, and set its limits."""
        for directory in self.directories:
            directory.mkdir(parents=True, exist_ok=True)
        if version() == 2:
            _hand_controllers_on(ROOT, ROOT / self.path)
        if limits:
            self.limit(limits)

    def limit(self, limits: Limits) -> None:
        memory = _limit_value(limits.memory)
        quota = _limit_value(limits.cpus and round(limits.cpus * PERIOD))
        if version() == 2:
            settings = {"memory.max": memory, "memory.swap.max": "0", "cpu.max": f"{quota} {PERIOD}"}
            for file, value in settings.items():
                _write(ROOT / self.path / file, value)
            return
        for directory in self.directories:
            controllers = directory.relative_to(ROOT).parts[0].split(",")
            if "memory" in controllers:
                _write(directory / "memory.limit_in_bytes", memory)
                # Memory and swap together, where the kernel counts swap. Never below the memory's limit.
                _write(directory / "memory.memsw.limit_in_bytes", memory, optional=True)
            if "cpu" in controllers:
                _write(directory / "cpu.cfs_period_us", str(PERIOD))
                _write(directory / "cpu.cfs_quota_us", quota)

    def joining(self, argv: Sequence[str]) -> list[str]:
        """The command that enters this group and then becomes `argv`; its children start in the group."""
        files = [str(directory / "cgroup.procs") for directory in self.directories]
        return ["sh", "-c", JOIN, "join", *files, "--", *argv]

    def entrance(self) -> Group:
        """Where a process from outside may join the group while the machine runs in it.

        Version 2 allows no processes where other groups are below; in version 1 these would be at the mercy
        of the machine's systemd, which removes what is empty.
        """
        if version() == 1:
            return self
        entrance = self / "entrance"
        try:
            # Not make(): while the machine reboots, a group that hands controllers on could not be entered.
            (ROOT / entrance.path).mkdir(exist_ok=True)
        except FileNotFoundError:
            raise Failure(f"the control group {self.path} is gone", fix="boot the machine") from None
        return entrance

    def processes(self) -> list[int]:
        """The ids of all processes in the group and below it."""
        found: set[int] = set()
        for directory in self.directories:
            for group, _, _ in os.walk(directory):
                # A group may go away meanwhile; reading one that is going says "no such device".
                with contextlib.suppress(OSError):
                    found.update(map(int, Path(group, "cgroup.procs").read_text().split()))
        return sorted(found)

    def kill(self) -> None:
        """Kill every process of the group, those started meanwhile too. Raises Failure if some survive."""

        def all_gone() -> bool:
            remaining = self.processes()
            for process in remaining:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            return not remaining

        wait_until(all_gone, 20, f"the end of all processes in the control group {self.path}")

    def remove(self) -> None:
        """Remove the group and those below it; there must be no processes left in them."""
        for directory in self.directories:
            wait_until(lambda top=directory: _remove_tree(top), 5, f"the removal of {directory}")


def is_writable() -> bool:
    """Whether groups can be made here."""
    return bool(_hierarchies()) and all(os.access(hierarchy, os.W_OK) for hierarchy in _hierarchies())


def children(group: Group) -> list[str]:
    """The names of the groups directly below `group`, in any hierarchy."""
    return sorted(
        {child.name for directory in group.directories for child in directory.glob("*") if child.is_dir()}
    )


def version() -> int:
    """1 or 2, as the host mounts them; 1 too where version 2 is only there for systemd's own use."""
    return 2 if (ROOT / "cgroup.controllers").exists() else 1


def _hierarchies() -> list[Path]:
    """Where the hierarchies are mounted, without version 1's cpuset: it takes no process until set up."""
    if version() == 2:
        return [ROOT]
    return sorted(
        directory
        for directory in ROOT.iterdir()
        if not directory.is_symlink()
        and (directory / "cgroup.procs").exists()
        and "cpuset" not in directory.name.split(",")
    )


def _hand_controllers_on(top: Path, group: Path) -> None:
    """Version 2: let `group` have the controllers, which every group above it must hand on."""
    for parent in reversed([parent for parent in group.parents if parent.is_relative_to(top)]):
        for controller in ("memory", "cpu", "pids"):
            _write(parent / "cgroup.subtree_control", f"+{controller}")


def _limit_value(limit: int | None) -> str:
    return NO_LIMIT[version()] if limit is None else str(limit)


def _write(file: Path, value: str, *, optional: bool = False) -> None:
    try:
        file.write_text(value)
    except OSError as error:
        if optional or (not file.exists() and value in (*NO_LIMIT.values(), "0")):
            return
        raise Failure(
            f"the kernel did not take {value} for {file}: {error.strerror}",
            fix="the memory and cpu controllers must be available: see /proc/cgroups",
        ) from None


def _remove_tree(top: Path) -> bool:
    """Remove the groups from the deepest up; False if one is still busy (the kernel takes its time)."""
    for directory, _, _ in os.walk(top, topdown=False):
        try:
            Path(directory).rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return False
    return True
