"""The hub's own interface (REST API), asked as the service `coursehub`: what is done while the hub runs.

`settle` is ours (hub_service.py, which is part of the hub's configuration), the others are JupyterHub's.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

from coursehub.droplet.hub import HUB_API
from coursehub.droplet.system import OperationFailed, read_text

TOKEN_FILE = Path("/opt/tljh/state/coursehub-token")
"""Made by the hub when it starts (hub_service.py); only root reads it."""
PATIENCE = 60.0
AGAIN = "run this again; if that does not help, deploy, which restarts the hub when it is not as it should be"
NOT_YET = "deploy once: the hub does not know yet what this needs of it"


class Refusal(OperationFailed):
    """The hub's answer was not what was hoped for: its status, as HTTP has it."""

    def __init__(self, status, message):
        super().__init__(message, NOT_YET if status in (401, 403, 404) else AGAIN)
        self.status = status


def request(verb, path, body=None, timeout=PATIENCE):
    """What the hub answers, (status, value); `path` such as "users/ada", quoted. Raises OperationFailed, and
    of its kind Refusal for an answer from 400 on. No message has the path, which may name somebody."""
    token = (read_text(TOKEN_FILE) or "").strip()
    if not token:
        raise OperationFailed("the hub was configured before this could be done", NOT_YET)
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
    asked = urllib.request.Request(HUB_API + path, data, headers, method=verb)  # noqa: S310 the hub's own
    try:
        with urllib.request.urlopen(asked, timeout=timeout) as answer:  # noqa: S310
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        error.close()
        raise Refusal(error.code, f"the hub answered {error.code} to {verb}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise OperationFailed(f"the hub does not answer: {error}", AGAIN) from error


def settle(people):
    """From now on each of them is so: {"name", "allowed", "named", "admin", "assistant", "groups"}; of who is
    not allowed, the name and that suffice. Accounts that the hub does not have are made. Whoever is shut out
    keeps nothing but the account, the password and the files; their server: `stop_server`. 500 people are
    one request, of a fifth of a second."""
    request("POST", "coursehub/people", {"people": people})


def user(name):
    """What the hub knows of an account, as JupyterHub's API says it; None where there is no such account."""
    try:
        return request("GET", f"users/{quote(name, safe='')}")[1]
    except Refusal as refusal:
        # Of the whole interface, ours is missing where it is too old; of a user, it is the user.
        if refusal.status == 404:
            return None
        raise


def stop_server(name, seconds=PATIENCE):
    """Stop somebody's server and wait until it has ended; one that just starts is waited for. A person
    without one is fine. Raises OperationFailed."""

    def stop():
        try:
            request("DELETE", f"users/{quote(name, safe='')}/server")
        except Refusal as refusal:
            if refusal.status not in (400, 404):
                raise

    until(lambda: running(name), stop, seconds, "the server does not stop")


def delete_user(name, seconds=PATIENCE):
    """Delete an account of the hub, and with it what the hub's way to sign in keeps of it: the password. The
    server is stopped before. An account that is not there is fine. Raises OperationFailed."""

    def delete():
        try:
            request("DELETE", f"users/{quote(name, safe='')}")
        except Refusal as refusal:
            if refusal.status not in (400, 404):
                raise

    stop_server(name, seconds)
    until(lambda: user(name) is not None, delete, seconds, "the hub does not delete the account")


def running(name):
    """Whether somebody has a server, or one that comes or goes."""
    found = user(name)
    return bool(found and (found.get("server") or found.get("pending") or found.get("servers")))


def until(condition, act, seconds, problem):
    """Do `act` as long as `condition` holds. Raises OperationFailed after so many seconds."""
    deadline = time.monotonic() + seconds
    while condition():
        if time.monotonic() > deadline:
            raise OperationFailed(problem, AGAIN)
        act()
        time.sleep(0.2)
