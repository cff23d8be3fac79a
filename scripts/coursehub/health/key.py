"""The key that deploys, made anew where nothing is installed: the one that was given, or the course's own.

What `coursehub.derivation` does with a library is done here by the computer's own OpenSSL (which knows the
public half of an Ed25519 key) and by hand (OpenSSH's file: PROTOCOL.key of its sources).
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Mapping

from ..openssh import MAGIC, WrongSecret, private_key_from, wrapped
from ..stretching import DEPLOY_KEY, composed, derived

PATIENCE = 10.0
PKCS8 = bytes.fromhex("302e020100300506032b657004220420")
"""What comes before the 32 secret bytes of an Ed25519 key in its PKCS #8 form (RFC 8410)."""
LENGTH = 32
KIND = b"ssh-ed25519"
BLOCK = 8


def key_of(environ: Mapping[str, str]) -> str | None:
    """The text of the private key's file, for `ssh`; None when there is no key. Raises WrongSecret, which
    shows nothing of what was read."""
    if given := environ.get("SSH_PRIVATE_KEY", "").strip():
        return private_key_from(given)
    if secret := composed(environ.get("COURSE_SECRET", "")):
        return private_key(derived(secret, DEPLOY_KEY))
    return None


def private_key(seed: bytes) -> str:
    """An Ed25519 key, by its 32 secret bytes, as OpenSSH keeps it in a file."""
    public = public_half(seed)
    shown = text(KIND) + text(public)
    # Two equal numbers tell OpenSSH that it deciphered a locked file well; this one is not locked.
    check = public[:4] * 2
    secret = check + shown + text(seed + public) + text(b"")
    secret += bytes(range(1, 1 + -len(secret) % BLOCK))
    head = text(b"none") + text(b"none") + text(b"") + struct.pack(">I", 1)
    return wrapped("OPENSSH ", MAGIC + head + text(shown) + text(secret))


def public_half(seed: bytes) -> bytes:
    """The 32 public bytes of an Ed25519 key. The secret ones go by standard input. Raises WrongSecret."""
    command = ["openssl", "pkey", "-inform", "DER", "-pubout", "-outform", "DER"]
    try:
        done = subprocess.run(command, input=PKCS8 + seed, capture_output=True, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        made = b""
    else:
        made = done.stdout if done.returncode == 0 else b""
    if len(made) < LENGTH:
        raise WrongSecret("cannot be made a key of: there is no OpenSSL here", "install openssl")
    return made[-LENGTH:]


def text(data: bytes) -> bytes:
    """A string of SSH's wire format (RFC 4251, section 5)."""
    return struct.pack(">I", len(data)) + data
