"""Unix accounts and groups of those who log in."""

from __future__ import annotations

import grp
import hashlib
import pwd
import subprocess
from pathlib import Path

ADMINS, USERS = "jupyterhub-admins", "jupyterhub-users"
SUDOERS = Path("/etc/sudoers.d/jupyterhub-admins")
LONGEST_NAME = 25  # a Unix account's name has 32 characters at most: 26, a dash, 5 of a hash


def system_username(name: str) -> str:
    """The Unix account of a hub user's name with its prefix; long names are cut and told apart by a hash."""
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME + 1]}-{hashlib.sha256(name.encode()).hexdigest()[:5]}"


def ensure_groups() -> None:
    """Make both groups; admins may become root without a password."""
    for group in (ADMINS, USERS):
        subprocess.run(("groupadd", "--force", group), check=True)
    SUDOERS.touch(mode=0o440)
    SUDOERS.write_text(
        f"%{ADMINS} ALL = (ALL) NOPASSWD: ALL\nDefaults exempt_group = {ADMINS}\n", encoding="ascii"
    )


def ensure_user(name: str) -> None:
    """Make a Unix account with a home that others cannot look into."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        subprocess.run(("useradd", "--create-home", "--shell", "/bin/bash", name), check=True)
        subprocess.run(("chmod", "o-rwx", pwd.getpwnam(name).pw_dir), check=True)


def set_membership(name: str, group: str, member: bool) -> None:
    """Put an account into a group, or out of it."""
    if (name in grp.getgrnam(group).gr_mem) != member:
        change = "--add" if member else "--delete"
        subprocess.run(("gpasswd", change, name, group), check=True, stdout=subprocess.DEVNULL)
