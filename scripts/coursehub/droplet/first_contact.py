"""First contact with a server that knows a password only: let the deploy key in, then no password any more.

Between the two, the workflow sees in a connection of its own that the key works.
"""

from __future__ import annotations

from pathlib import Path

from coursehub.droplet import sshd
from coursehub.droplet.system import read_text, write_atomically

AUTHORIZED_KEYS = Path("/root/.ssh/authorized_keys")
FILE = "00-coursehub-passwords.conf"
NO_PASSWORDS = {"passwordauthentication": ["no"], "kbdinteractiveauthentication": ["no"]}
TEXT = """\
# Written by coursehub: whoever deploys logs in with a key. To take passwords again, remove this file
# and run: systemctl reload ssh
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
"""


def authorize(public):
    """Let the owner of a key log in as root: `public` is "type base64". Once is enough."""
    AUTHORIZED_KEYS.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    AUTHORIZED_KEYS.parent.chmod(0o700)
    write_atomically(AUTHORIZED_KEYS, with_key(read_text(AUTHORIZED_KEYS) or "", public), 0o600)


def with_key(text, public):
    """The text of an authorized_keys file with a key in it. A line that restricts the key does not count."""
    words = public.split()[:2]
    if any(line.split()[:2] == words for line in text.splitlines()):
        return text
    end = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{end}{' '.join(words)} coursehub\n"


def refuse_passwords():
    """Turn password log-in off, for everybody and for good. Connections that are open stay open."""
    sshd.configure(FILE, TEXT, NO_PASSWORDS)
    sshd.reload()
