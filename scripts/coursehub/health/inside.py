"""Into the server, with this computer's own `ssh`: to ask what is known there, and to heal. Bounded in time;
the server proves itself with its pinned key first, and before that it is sent nothing."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from . import on_the_server
from .inside_model import Inside, inside_from
from .way import CLOSED, GARBAGE, HOST_KEY, OWN, REFUSED, SILENT, UNREACHABLE, NoWay, Way

CONNECT, LOOK, HEAL = 10, 25.0, 400.0
"""Seconds: for a connection, for a look, and for healing (what it may take at most, by
on_the_server.py, is less)."""
MOST = 1 << 20
NAME = "the-hub"
"""Under which the host key is known, whatever the address."""
OPTIONS = {
    "BatchMode": "yes",
    "CheckHostIP": "no",
    "ClearAllForwardings": "yes",
    "ConnectTimeout": CONNECT,
    "ControlMaster": "no",
    "ControlPath": "none",
    "ForwardAgent": "no",
    "GlobalKnownHostsFile": "/dev/null",
    "HostKeyAlias": NAME,
    "IdentitiesOnly": "yes",
    "IdentityAgent": "none",
    "LogLevel": "ERROR",
    "PreferredAuthentications": "publickey",
    "RequestTTY": "no",
    "ServerAliveCountMax": 3,
    "ServerAliveInterval": 5,
    "StrictHostKeyChecking": "yes",
    "UpdateHostKeys": "no",
}
SIGNATURES = {"ssh-rsa": "rsa-sha2-512,rsa-sha2-256"}
"""How a host key signs, where that is called otherwise than the key (RFC 8332)."""

KEY_CHANGED = (
    "if you rebuilt the server yourself, put its new key into DROPLET_HOST_KEY, or deploy with the word "
    "host-key; if not, somebody may be between you and it"
)
LET_IN = "run the workflow that deploys: it says how the key is let in"
LISTEN = "on the server, in a terminal of JupyterLab: sudo systemctl restart ssh"
REACH = "see at your provider whether the server is on, and whether its firewall admits SSH"
SIGNS = (
    # In this order: ssh says "Connection timed out" in some of the later ones too.
    (("Host key verification failed", "IDENTIFICATION HAS CHANGED", "no matching host key"), NoWay(
        HOST_KEY, "the server shows another host key than the pinned one, so nothing was sent to it",
        "it was rebuilt, or is not the server that was meant", KEY_CHANGED)),
    (("Permission denied",), NoWay(
        REFUSED, "the server does not let the deploy key in", "it was taken out, or is another", LET_IN)),
    (("during banner exchange",), NoWay(
        SILENT, "it takes connections and says nothing", "the server is frozen or far too busy", REACH)),
    (("Connection refused",), NoWay(
        CLOSED, "nobody takes connections for SSH there", "sshd does not run, or is shut off", LISTEN)),
    (("Network is unreachable", "Address family not"), NoWay(
        OWN, "this runner has no way to the server's address")),
    (("timed out", "No route to host", "Could not resolve", "Host is down"), NoWay(
        UNREACHABLE, "no connection can be made", "the server is off, or its network is cut", REACH)),
)  # fmt: skip
NO_END = NoWay(SILENT, "there was no end of it in time", "the server is frozen or far too busy", REACH)
NOT_OURS = NoWay(GARBAGE, "the server does not answer as it should", "sshd or Python on it is damaged", REACH)
NO_SSH = NoWay(OWN, "this computer has no ssh")


def ask(way: Way, what: str, seconds: float) -> Inside | NoWay:
    """What on_the_server.py says to `look` or `heal`; or why there is no answer."""
    with tempfile.TemporaryDirectory(prefix="coursehub-") as folder:
        command = command_for(way, Path(folder), f"/usr/bin/python3 -I - {what}")
        code, said, error = bounded(command, Path(on_the_server.__file__).read_bytes(), seconds)
    return understood(code, said, error)


def command_for(way: Way, folder: Path, remote: str) -> list[str]:
    """The command, with its two files made in a folder that is ours alone."""
    kind = way.host_key.split()[0]
    private(folder / "key", way.private)
    private(folder / "known_hosts", f"{NAME} {way.host_key}\n")
    options = OPTIONS | {
        "HostKeyAlgorithms": SIGNATURES.get(kind, kind),
        "IdentityFile": folder / "key",
        "UserKnownHostsFile": folder / "known_hosts",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return ["ssh", "-F", "/dev/null", *words, "-p", str(way.port), "-l", "root", "--", way.address, remote]


def private(file: Path, content: str) -> None:
    """A new file that nobody else can read at any time."""
    file.touch(0o600, exist_ok=False)
    file.write_text(content)


def bounded(command: list[str], data: bytes, seconds: float) -> tuple[int | None, str, str]:
    """(exit code, output, errors); without an exit code it had to be killed. Nothing of our environment goes
    along."""
    kept = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, env=kept, start_new_session=True
        )
    except OSError:
        return None, "", "no ssh"
    with process:
        try:
            output, errors = process.communicate(data, seconds)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            return None, "", ""
    return process.returncode, output[:MOST].decode(errors="replace"), errors[-MOST:].decode(errors="replace")


def understood(code: int | None, said: str, error: str) -> Inside | NoWay:
    """What an end of ssh means. 255 is its own; anything else is that of what it started."""
    if code is None:
        return NO_SSH if error else NO_END
    if code == 0:
        value: Any = None
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(said.strip().rpartition("\n")[2])
        return inside_from(value) if isinstance(value, dict) else NOT_OURS
    if code == 255:
        return next((means for signs, means in SIGNS if any(sign in error for sign in signs)), NOT_OURS)
    return NOT_OURS
