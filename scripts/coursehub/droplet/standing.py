"""What somebody may on the hub, changed while it runs: let in, shut out, made an admin, or gone.

First it is noted (by_hand), so that it holds should the hub start anew; then the running hub is told. Cut off
in between, the same again ends it. No message names the person, for it may be read by anybody.
"""

from __future__ import annotations

import grp

from coursehub.droplet import by_hand, hub_api, people
from coursehub.droplet.system import run

ADMINS = "jupyterhub-admins"
"""TLJH's group of those who may use sudo: it puts an admin into it when their server starts."""


def settle(person, account, entries, stop=False, method=None, password=None):
    """From now on this person is so (`person` as hub_api.settle has it), and `entries` are noted. With a
    `password`, they get it before they have any rights; with `stop`, their server ends. Raises
    OperationFailed."""
    by_hand.change(person["name"], entries)
    if password is not None:
        people.reset_password(method, person["name"], password)
    hub_api.settle([person])
    if not person["admin"]:
        take_sudo(account)
    if stop:
        hub_api.stop_server(person["name"])


def remove(name, account, method, blocked):
    """Delete the hub's account and the password; the files stay. A block of this name stays noted. Raises
    OperationFailed."""
    by_hand.change(name, {"added": None, "admins": None})
    nothing = {"named": False, "admin": False, "assistant": False, "groups": []}
    hub_api.settle([{"name": name, "allowed": not blocked, **nothing}])
    hub_api.delete_user(name)
    take_sudo(account)
    # The hub forgets the password with the account, if it is the way to sign in that has one now.
    if method in people.FORGETTING:
        people.reset_password(method, name)


def take_sudo(account):
    """Take the account out of the group of those who may use sudo; what runs already must be stopped."""
    try:
        members = grp.getgrnam(ADMINS).gr_mem
    except KeyError:
        return
    if account in members:
        run(["gpasswd", "--delete", account, ADMINS], timeout=60)
