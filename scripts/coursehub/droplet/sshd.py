"""sshd's configuration, changed so that log-in stays possible: tested before it counts, never by a restart.

Debian and Ubuntu read /etc/ssh/sshd_config.d/*.conf first, in the order of their names, and of a keyword
that comes twice sshd uses the first (sshd_config(5)). So a name that sorts first wins over what cloud-init
(50-cloud-init.conf) and images put there, now and later.
"""

from __future__ import annotations

import os
from pathlib import Path

from coursehub.droplet.system import OperationFailed, read_text, run, write_atomically

FOLDER = Path("/etc/ssh/sshd_config.d")
SSHD = "/usr/sbin/sshd"
UNIT = "ssh.service"


def configure(name, text, wanted):
    """Put `text` into the file `name`, and see that sshd will take it: `wanted` is {keyword: [value, …]}.

    Otherwise the file is as it was before, and OperationFailed says what stood in the way. Nothing counts
    for the sshd that runs before `reload`.
    """
    path = FOLDER / name
    before = read_text(path)
    if before != text:
        write_atomically(path, text)
    try:
        run([SSHD, "-t"], timeout=30)
        found = effective()
    except OperationFailed as error:
        put_back(path, before)
        raise OperationFailed(
            "sshd does not accept its configuration",
            "correct what is in /etc/ssh on the server: sshd's own words are below",
            error.detail or error.message,
        ) from None
    if others := [keyword for keyword, values in wanted.items() if found.get(keyword) != values]:
        put_back(path, before)
        raise OperationFailed(
            f"the server's sshd_config overrules {path} in {', '.join(others)}",
            f"let /etc/ssh/sshd_config begin with the line Include {FOLDER}/*.conf, and take these keywords "
            "out of its Match blocks",
        )


def put_back(path, text):
    """Give a file its former text, or remove it where there was none."""
    if text is None:
        path.unlink(missing_ok=True)
    else:
        write_atomically(path, text)


def effective():
    """The configuration that holds for root from where we are: {keyword in lower case: [value, …]}."""
    client = (os.environ.get("SSH_CONNECTION") or "127.0.0.1").split()[0]
    shown = run([SSHD, "-T", "-C", f"user=root,host={client},addr={client}"], timeout=30).stdout
    found = {}
    for line in shown.splitlines():
        keyword, _, value = line.partition(" ")
        found.setdefault(keyword.lower(), []).append(value)
    return found


def reload():
    """Let the running sshd read keys and configuration again; connections that are open stay open.

    Where a socket unit starts an sshd for each connection, there is none to tell.
    """
    if run(["systemctl", "is-active", "--quiet", UNIT], timeout=30, check=False).returncode == 0:
        run(["systemctl", "reload", UNIT], timeout=60)
