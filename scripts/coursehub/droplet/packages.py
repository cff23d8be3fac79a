"""Debian packages: those of apt.txt and the few that coursehub itself stands on."""

from __future__ import annotations

import re

from coursehub.droplet.system import MORE_SPACE, NO_SPACE, OperationFailed, last_lines, run

APT = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l", "APT_LISTCHANGES_FRONTEND": "none"}
OPTIONS = ("-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Options::=--force-confold")
INSTALL = ("apt-get", *OPTIONS, "install", "--yes")


def look(names):
    """Which of `names` are not installed (an unpacked but unconfigured one is not)."""
    if not names:
        return {"missing": []}
    seen = run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Abbrev}\\n", *names], timeout=30, check=False
    )
    installed = set()
    for line in seen.stdout.splitlines():
        name, _, status = line.partition(" ")
        if status.strip() == "ii":
            installed.add(name)
    return {"missing": [name for name in names if name not in installed]}


def install(names, progress):
    """Install `names`, first finishing what an interrupted run may have left undone."""
    run(["dpkg", "--configure", "-a"], timeout=600, environment=APT, check=False)
    progress("reading the package lists")
    update = run(["apt-get", *OPTIONS, "update"], timeout=600, environment=APT, check=False)
    # A power cut in the middle of unpacking leaves dependencies unmet, which dpkg alone cannot mend.
    run([*INSTALL, "--fix-broken"], timeout=1800, environment=APT, check=False)
    progress("installing " + " ".join(names))
    done = run(
        [*INSTALL, "--no-install-recommends", *names],
        timeout=1800,
        environment=APT,
        check=False,
    )
    if done.returncode:
        raise OperationFailed(*explain(done.stdout, update), detail=last_lines(done.stdout))


def explain(output, update):
    """(message, fix) for an apt-get that failed."""
    unknown = re.findall(r"E: Unable to locate package (\S+)", output)
    unknown += re.findall(r"E: Package '(\S+)' has no installation candidate", output)
    if unknown:
        return (
            f"the droplet's system has no package named {', '.join(unknown)}",
            "correct the name in apt.txt (packages.ubuntu.com and packages.debian.org list them)",
        )
    if NO_SPACE in output or "You don't have enough free space" in output:
        return ("the droplet's disk is full", MORE_SPACE)
    if update.returncode or "Failed to fetch" in output:
        return ("the droplet could not reach its package server", "run the deploy again in a few minutes")
    return ("apt-get could not install the packages of apt.txt", "see the last lines of its output below")
