"""The Unix accounts and groups that stand behind the hub's names."""

from __future__ import annotations

import hashlib

LONGEST_PLAIN = 25
"""Characters of an account that TLJH leaves as it is."""


def unix_account(name: str) -> str:
    """The Unix account of a hub user: `jupyter-NAME`, cut and marked with a hash when that is long.

    As TLJH 2 does it, to stay below Linux' 32 characters (tljh/normalize.py).
    """
    account = f"jupyter-{name}"
    if len(account) <= LONGEST_PLAIN:
        return account
    mark = hashlib.sha256(account.encode()).hexdigest()[:5]
    return f"{account[: LONGEST_PLAIN + 1]}-{mark}"


LONGEST_GROUP = 25
"""Characters of a group's folder: with `course-` before them, they are what Linux takes for a Unix group."""


def group_folder(group: str) -> str:
    """The name of a group's folder, and of its Unix group `course-FOLDER`: the group's own, cut and marked
    with a hash when that is long."""
    if len(group) <= LONGEST_GROUP:
        return group
    mark = hashlib.sha256(group.encode()).hexdigest()[:5]
    return f"{group[: LONGEST_GROUP - 6]}-{mark}"
