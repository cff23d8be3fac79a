"""Whether the server can be reached by SSH, by which it is deployed to: seen, and judged."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from coursehub.droplet.system import read_text, run
from coursehub.watchdog.model import FAILURE, GOOD, Finding, unseen

SERVICE, SOCKET = "ssh.service", "ssh.socket"
"""Ubuntu's sshd is started by the first connection to its socket, Debian's runs all the time."""
CONFIGURATION = Path("/etc/ssh")
SETTING = re.compile(r"^\s*(Port|ListenAddress)[\s=]+(\S+)", re.IGNORECASE | re.MULTILINE)
PATIENCE = 5.0
WANTED = ("enabled", "enabled-runtime", "alias", "static", "generated")
ANSWERS = (b"SSH-", b"Exceeded MaxStartups")
"""What an sshd says first; the second while many others log in, or try to."""


def look():
    """{"units": {unit: {property: text}}, "answer": its first words} or, in place of an answer, "trouble"."""
    names = ("Id", "LoadState", "ActiveState", "UnitFileState", "Result")
    shown = run(
        ["systemctl", "show", SERVICE, SOCKET, f"--property={','.join(names)}"], timeout=15, check=False
    ).stdout
    units = {}
    for block in shown.strip().split("\n\n"):
        about = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "Id" in about:
            units[about.pop("Id")] = about
    if not any(is_wanted(about) for about in units.values()):
        return {"units": units}
    texts = [read_text(path) or "" for path in sorted(CONFIGURATION.glob("sshd_config.d/*.conf"))]
    address, port = place("\n".join([*texts, read_text(CONFIGURATION / "sshd_config") or ""]))
    return {"units": units, **greeting(address, port)}


def is_wanted(unit):
    """Whether a unit is there, and not switched off by somebody on purpose."""
    return unit.get("LoadState") == "loaded" and unit.get("UnitFileState") in WANTED


def place(text):
    """(address, port) at which an sshd with this configuration is asked; as for it, the first word counts."""
    port, address = None, None
    for name, value in SETTING.findall(text):
        if name.lower() == "port" and value.isdigit():
            port = port or int(value)
        elif name.lower() == "listenaddress" and re.fullmatch(r"[1-9][0-9.]+", value):
            address = address or value
    return address or "127.0.0.1", port or 22


def greeting(address, port):
    """What is said at once to whoever connects."""
    try:
        with socket.create_connection((address, port), timeout=PATIENCE) as line:
            return {"answer": line.recv(64).decode("ascii", "replace")}
    except TimeoutError:
        return {"trouble": f"no answer within {PATIENCE:.0f} s"}
    except OSError as error:
        return {"trouble": error.strerror or str(error)}


def judge(seen, now):
    about = seen.get("ssh") or {}
    if blind := unseen("SSH", about):
        return blind
    if "answer" not in about and "trouble" not in about:
        return None
    if about.get("answer", "").encode().startswith(ANSWERS):
        return Finding("SSH", GOOD, "sshd answers")
    words = about.get("trouble") or "it hangs up"
    return Finding("SSH", FAILURE, f"nobody can deploy: SSH: {words}", cause(about["units"]))


def cause(units):
    """Why it does not answer, as its manager knows it."""
    states = [about.get("ActiveState") for about in units.values() if is_wanted(about)]
    if "active" in states:
        return "sshd runs and does not answer"
    return "sshd ended and was not started again" if "failed" in states else "sshd is switched off"
