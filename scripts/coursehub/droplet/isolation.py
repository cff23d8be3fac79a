"""Nothing for students to find: the droplet's metadata, and what the hub and the deploys keep."""

from __future__ import annotations

import pwd
import stat
from pathlib import Path

from coursehub.droplet.system import OperationFailed, read_text, run, write_atomically

METADATA = "169.254.169.254"
AGENT = "do-agent"
"""The account of DigitalOcean's monitoring, which asks there for the droplet's name."""
UNITS = Path("/etc/systemd/system")
SERVICE = "coursehub-metadata.service"
SCRIPT = Path("/opt/course/bin/close-metadata")
NOBODY = "65534"
PRIVATE = {
    "/opt/course/state": 0o700,
    "/opt/course/audit.log": 0o600,
    "/opt/course/lock": 0o600,
    "/opt/tljh/config": 0o700,
    "/opt/tljh/state": 0o700,
}
"""What others than root have no business with; of these, /opt/course/state is made where it is missing."""

# Rules of routing, for they hold for every kind of packet and need no firewall, which might be replaced.
RULES = f"""\
#!/bin/sh
# Written by coursehub. Root may ask {METADATA} about this droplet, and nobody else: the answer holds what
# the droplet was created with. DigitalOcean's own agent, if it is there, may ask for its graphs' sake.
set -e
rule() {{
    ip -4 rule show pref "$1" | grep -q {METADATA} || ip -4 rule add pref "$@"
}}
if agent=$(id -u {AGENT} 2>/dev/null); then
    rule 1691 to {METADATA} uidrange "$agent-$agent" lookup main
fi
rule 1692 to {METADATA} uidrange 1-4294967294 prohibit
"""
FILES = {
    SCRIPT: (RULES, 0o755),
    UNITS / SERVICE: (
        f"""\
# Written by coursehub at each deploy: this file is replaced.
[Unit]
Description=The droplet's metadata, for root alone
After=network-pre.target systemd-networkd.service
Before=jupyterhub.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={SCRIPT}

[Install]
WantedBy=multi-user.target
""",
        0o644,
    ),
    UNITS / "jupyterhub.service.d" / "coursehub-metadata.conf": (
        f"# Written by coursehub at each deploy.\n[Unit]\nRequires={SERVICE}\nAfter={SERVICE}\n",
        0o644,
    ),
    # Else networkd removes, when it starts, rules that are not its own: see networkd.conf(5).
    Path("/etc/systemd/networkd.conf.d/coursehub.conf"): (
        "# Written by coursehub at each deploy.\n[Network]\nManageForeignRoutingPolicyRules=no\n",
        0o644,
    ),
}


def look():
    """Whether the metadata is closed to students in fact, whether that will last, whether the agent is let
    through (None without one), and which private paths are open to others."""
    return {
        "closed": is_prohibited(NOBODY),
        "lasting": lasting(),
        "agent": agent_passes(),
        "open": [path for path in PRIVATE if is_open(path)],
    }


def is_prohibited(user):
    """What the kernel says to a process of this user that looks for the way to the metadata."""
    asking = ["setpriv", "--reuid", user, "--regid", NOBODY, "--clear-groups"]
    done = run([*asking, "ip", "-4", "route", "get", METADATA], timeout=30, check=False)
    return done.returncode != 0 and "Permission denied" in done.stdout


def lasting():
    """Whether it will be so after a reboot."""
    enabled = (UNITS / "multi-user.target.wants" / SERVICE).exists()
    return enabled and all(read_text(path) == text for path, (text, _) in FILES.items())


def agent_passes():
    """Whether DigitalOcean's agent reaches the metadata; None without an agent."""
    try:
        return not is_prohibited(str(pwd.getpwnam(AGENT).pw_uid))
    except KeyError:
        return None


def is_open(path):
    """Whether others than the owner can do anything with a path; one that is absent is not open."""
    try:
        return bool(stat.S_IMODE(Path(path).lstat().st_mode) & 0o077)
    except FileNotFoundError:
        return False


def settle():
    """Close what is open, now and after reboots."""
    for path, mode in PRIVATE.items():
        if is_open(path):
            Path(path).chmod(mode)
    Path("/opt/course/state").mkdir(mode=0o700, parents=True, exist_ok=True)
    for path, (text, mode) in FILES.items():
        write_atomically(path, text, mode)
    run(["systemctl", "daemon-reload"], timeout=120)
    run(["systemctl", "enable", "--quiet", SERVICE], timeout=120)
    # Not restarted, which would take the hub with it: the script adds what is missing.
    run([SCRIPT], timeout=60)
    run(["systemctl", "start", SERVICE], timeout=120)
    if not is_prohibited(NOBODY):
        raise OperationFailed(
            f"students still reach the droplet's metadata at {METADATA}",
            "see which rule of routing comes first, on the droplet: ip rule",
            run(["ip", "-4", "rule"], timeout=30, check=False).stdout,
        )
