"""A server that came with a password: the deploy key is let in, once, and the password serves no more.

The password goes to the pinned server only, and is used only where the key is refused. Planning looks how
far things are, so a run that was cut off is simply run again.
"""

from __future__ import annotations

import time
from dataclasses import replace

from ..model import Json, Step
from ..problems import Failure
from ..ssh import SshSession
from ..ssh_login import KeyRefused, Login, connect, takes_passwords

PATIENCE = 20.0
"""Seconds for sshd to have read its new configuration; it takes one or two tenths."""


def steps_for(login: Login, public: str) -> list[Step]:
    """What is left to do; `public` is the deploy key's public half. Changes nothing. Raises Failure."""
    let_in = Step(
        "access",
        "Let the deploy key in, by DROPLET_PASSWORD",
        "let_in",
        {"public": public},
        (f"+ /root/.ssh/authorized_keys: {public}",),
    )
    turn_off = Step(
        "access",
        "Turn password log-in off",
        "turn_passwords_off",
        {},
        ("for everybody on the server; then the secret DROPLET_PASSWORD can be deleted",),
    )
    try:
        connect(login).close()
    except KeyRefused:
        return [let_in, turn_off]
    return [turn_off] if takes_passwords(login) else []


class FirstContact:
    """The conversation that does these steps: see `coursehub.model.Session`. Nothing is kept open."""

    def __init__(self, login: Login, password: str):
        self.login, self.password = login, password
        self.operations = {"let_in": self.let_in, "turn_passwords_off": self.turn_passwords_off}
        self.round_trips = 0

    def call(self, operation, parameters, *, payload=(), timeout=0.0, progress=None) -> Json:
        """Do one operation. Each bounds its waits by itself. Raises Failure."""
        return self.operations[operation](**parameters)

    def close(self) -> None:
        """There is nothing to close."""

    def let_in(self, public: str) -> None:
        """Add the key over a session that the password opens; then see that the key opens one by itself."""
        with SshSession(replace(self.login, password=self.password)) as session:
            session.call("first_contact.authorize", {"public": public})
        try:
            connect(self.login).close()
        except KeyRefused as refused:
            raise Failure(
                f"{refused.message}, though it is among root's authorized keys now; passwords stay on",
                "see that AuthorizedKeysFile, PubkeyAuthentication and PermitRootLogin in the server's "
                "sshd_config let root in with a key",
            ) from refused

    def turn_passwords_off(self) -> None:
        """Over a session that the key opens, or not at all."""
        with SshSession(self.login) as session:
            session.call("first_contact.refuse_passwords", {})
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                if not takes_passwords(self.login):
                    return
                seen = "it offers password log-in still"
            except Failure as failure:  # sshd is not there for a moment while it starts anew
                seen = failure.message
            time.sleep(0.2)
        raise Failure(
            f"the server at {self.login} has not taken its new configuration after {PATIENCE:.0f} s ({seen})",
            "run the deploy again",
        )
