"""The Littlest JupyterHub, at a pinned version: its installer upgrades only when the pin is changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from ..model import Json, Reporter, Step
from ..problems import Failure
from ..sizes import MIB
from .configuration import HEADER, config_yaml

NAME = "hub"
SUPPORTED = ("ubuntu-22.04", "ubuntu-24.04", "ubuntu-26.04", "debian-11", "debian-12", "debian-13")
LEAST_MEMORY = 900 * MIB
"""Bytes. TLJH's own tests install it in this much."""


@dataclass(frozen=True)
class Want:
    """`config` is what TLJH starts with: the course's, behind a closed door."""

    version: str
    bootstrap: str
    config: str


def want(settings, secrets) -> Want:
    return Want(
        version=settings.hub.tljh_version,
        bootstrap=settings.mirrors.tljh_bootstrap.format(version=settings.hub.tljh_version),
        config=HEADER
        + json.dumps(config_yaml(settings) | {"http": {"address": "127.0.0.1"}, "https": {}}, indent=2),
    )


def question(want: Want) -> Json:
    return {}


def prepare(want: Want, seen: Mapping, machine: Mapping, report: Reporter) -> Want:
    """Refuse a machine on which TLJH cannot work, before anything is changed there."""
    if not machine["root"]:
        raise Failure("the deploy key does not log in as root", "install the key for the user root")
    if machine["release"] not in SUPPORTED:
        raise Failure(
            f"TLJH does not support the server's system, {machine['system']}",
            "choose the image ubuntu-24-04-x64 or debian-12-x64",
        )
    if machine["architecture"] != "x86_64":
        raise Failure(f"the server's processor is {machine['architecture']}", "choose an x86_64 server")
    if machine["memory"] < LEAST_MEMORY:
        raise Failure(
            f"the server has {machine['memory'] // MIB} MiB of memory, too little for a hub",
            "choose a droplet.size with 1 GB or more",
        )
    return want


def plan(want: Want, seen: Mapping, machine: Mapping) -> list[Step]:
    """One step where that version was not installed to the end yet."""
    if seen["version"] == want.version:
        return []
    verb = f"Upgrade TLJH from {seen['version']} to" if seen["version"] else "Install TLJH"
    parameters = {"bootstrap_url": want.bootstrap, "version": want.version, "config": want.config}
    return [Step(NAME, f"{verb} {want.version}", "hub.install", parameters, timeout=2700)]
