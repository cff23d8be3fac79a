"""The computer that the machines run on: can it, what it lacks, and leaving it as it was."""

from __future__ import annotations

import os
import platform
import shutil

from coursehub.problems import Failure
from sandbox import blocks, cgroup, mounts, network, remains, services, state
from sandbox.commands import PATH, run

# The program that shows that a Debian package is there.
PACKAGES = {
    "systemd-nspawn": "systemd-container",
    "debootstrap": "debootstrap",
    "iptables": "iptables",
    "ip": "iproute2",
    "mkfs.ext4": "e2fsprogs",
    "dnsmasq": "dnsmasq-base",
    "nsenter": "util-linux",
    "mount": "mount",
    "ssh-keygen": "openssh-client",
    "git": "git",
    "pebble": "pebble",
}
BROWSERS = ("chromium", "google-chrome", "google-chrome-stable")
"""Any of these is a browser that tests can do without a screen. The first is Debian's; Ubuntu has it only as
a snap, which cannot be used by root in a directory of its own."""
ELSEWHERE = "or use a Debian or Ubuntu computer, a virtual machine, or GitHub Actions"


def check() -> None:
    """Raise Failure, with what to do instead, if this computer cannot run machines."""
    if platform.system() != "Linux":
        raise Failure(
            f"the sandbox needs Linux; this is {platform.system()}",
            fix="run it in a Debian or Ubuntu virtual machine, or let GitHub Actions run it",
        )
    if os.geteuid() != 0:
        raise Failure("the sandbox starts machines, for which it must be root", fix="run it with sudo")
    if not shutil.which("apt-get"):
        raise Failure("the sandbox makes machines with apt, which is not here", fix=ELSEWHERE[3:])
    if not cgroup.is_writable():
        raise Failure(
            "control groups cannot be made here, as in most containers",
            fix=f"run it outside of the container, {ELSEWHERE}",
        )


def install_packages() -> None:
    """Install, with apt, those Debian packages that are missing. Needs root."""
    if missing := missing_packages():
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "update"], timeout=300)
        installing = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
        run(installing, timeout=600, env=environment)


def install_browser() -> None:
    """Install Chromium, with apt, where there is no browser and apt has one: tests say what they miss."""
    if browser() is None:
        installing = ["apt-get", "install", "--yes", "--no-install-recommends", BROWSERS[0]]
        run(installing, timeout=600, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"}, check=False)


def browser() -> str | None:
    """The path of a browser that tests can use; None for none."""
    return next(filter(None, (shutil.which(program, path=PATH) for program in BROWSERS)), None)


def remove_all(keep_images: bool = True) -> None:
    """Remove every trace of this sandbox: machines, its cloud's volumes and snapshots, servers, bridge,
    firewall rules, mounts, loop devices, control groups.

    Also what a killed process left. The prepared images stay unless `keep_images` is false.
    """
    services.stop_all()
    remains.remove_all()
    blocks.release_below(state.cloud())
    mounts.remove_tree(state.cloud())
    network.remove()
    if not keep_images:
        mounts.remove_tree(state.images())
    directory = state.directory()
    if directory.exists() and not any(directory.iterdir()):
        directory.rmdir()


def missing_packages() -> list[str]:
    """The Debian packages that the sandbox needs and that are not installed."""
    return [package for program, package in PACKAGES.items() if not shutil.which(program, path=PATH)]
