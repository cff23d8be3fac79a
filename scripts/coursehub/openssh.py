"""Looks at OpenSSH's keys as text: whole, of the right half, without a passphrase. No cryptography.

Formats: RFC 4253, section 6.6 (public keys); OpenSSH's PROTOCOL.key (private keys); sshd(8) (known_hosts).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

HOST_KEY_TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
)
"""Those that an SSH client accepts today, the preferred first."""

MAGIC = b"openssh-key-v1\x00"
PRIVATE_KEY = re.compile(r"-----BEGIN ([A-Z ]*)PRIVATE KEY-----(.*?)-----END \1PRIVATE KEY-----", re.DOTALL)
MAKE_A_KEY = "Make a key pair with ssh-keygen -t ed25519 -N '' -f course-key"


class WrongSecret(ValueError):
    """A secret that cannot be right: `message` and `fix` never hold what was read."""

    def __init__(self, message: str, fix: str):
        self.message, self.fix = message, fix
        super().__init__(message)


def host_key_from(text: str) -> str:
    """A server's public key as "type base64", from such a line, one of known_hosts, or ssh-keyscan's output.

    Of several keys the preferred type counts (HOST_KEY_TYPES). Raises WrongSecret.
    """
    fix = "Set it to what this prints: ssh-keyscan -t ed25519 and the server's address."
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if any(words[0] == "@cert-authority" for words in lines):
        raise WrongSecret("is the key of a certificate authority, not of a server", fix)
    if re.match(r"\s*(SHA256:|MD5:|([0-9a-f]{2}:){15})", text):
        raise WrongSecret("is a fingerprint, but the whole key is needed", fix)
    if "PRIVATE KEY" in text:
        raise WrongSecret("is a private key, but the server's public key belongs here", fix)
    keys = {
        kind: words[index + 1]
        for words in lines
        for index, kind in enumerate(words[:-1])
        if kind in HOST_KEY_TYPES and index <= 1
    }
    for kind in HOST_KEY_TYPES:
        if kind in keys:
            return f"{kind} {_checked_blob(kind, keys[kind], fix)}"
    raise WrongSecret("is not a server's public key", fix)


def fingerprint(line: str) -> str:
    """What ssh-keygen -l and providers' consoles show for a public key that is given as "type base64"."""
    digest = hashlib.sha256(base64.b64decode(line.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def private_key_from(text: str) -> str:
    """A private key in the form that SSH clients read, with line ends and wrapping repaired.

    Raises WrongSecret: another kind of file, cut off, or locked with a passphrase.
    """
    text = text.replace("\\n", "\n").replace("\r\n", "\n").strip()
    if text.startswith(("ssh-", "ecdsa-", "-----BEGIN PUBLIC", "---- BEGIN SSH2 PUBLIC")):
        fix = "Set it to the other file of the pair, the one whose name does not end in .pub."
        raise WrongSecret("is the public half of a key pair", fix)
    if text.startswith("PuTTY-User-Key-File"):
        raise WrongSecret("is a key in PuTTY's format", "In PuTTYgen: Conversions, Export OpenSSH key.")
    match = PRIVATE_KEY.search(text)
    if not match:
        fix = "Set it to the whole file, from -----BEGIN to -----END, these lines included."
        raise WrongSecret("is not a whole private key", fix)
    kind, body = match[1].strip(), match[2]
    if kind == "ENCRYPTED" or "ENCRYPTED" in body:
        raise _locked()
    if kind not in ("OPENSSH", "RSA", "EC"):
        raise WrongSecret(
            "is a private key in another format than OpenSSH's", f"{MAKE_A_KEY} and use that one."
        )
    blob = _decoded(body)
    if blob is None or (kind == "OPENSSH" and not blob.startswith(MAGIC)):
        raise WrongSecret(
            "is a damaged private key", "Copy the whole file again, with an editor for plain text."
        )
    if kind == "OPENSSH":
        _check_private_blob(blob)
    return wrapped(match[1], blob)


def _locked() -> WrongSecret:
    fix = f"{MAKE_A_KEY}, or remove the passphrase of a copy: ssh-keygen -p -N '' -f and the file."
    return WrongSecret("is locked with a passphrase, which nobody can type in a workflow", fix)


def _check_private_blob(blob: bytes) -> None:
    """Cipher name, key derivation and its options, number of keys, public key, private part."""
    fields, rest = [], blob[len(MAGIC) :]
    try:
        for _ in range(3):
            item, rest = _string(rest)
            fields.append(item)
        if fields[0] != b"none":
            raise _locked()
        _, rest = _string(rest[4:])
        _string(rest)
    except EOFError:
        fix = "Copy the whole file again, from -----BEGIN to -----END."
        raise WrongSecret("is a private key that is cut off", fix) from None


def _checked_blob(kind: str, text: str, fix: str) -> str:
    blob = _decoded(text)
    try:
        name, rest = _string(blob or b"")
        while rest:
            _, rest = _string(rest)
    except EOFError:
        raise WrongSecret("is a public key that is damaged or cut off", fix) from None
    if name != kind.encode():
        raise WrongSecret(f"says {kind}, but holds a key of another type", fix)
    return text


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _string(data: bytes) -> tuple[bytes, bytes]:
    """The first string of SSH's wire format (four bytes of length, then that many), and what follows."""
    length = int.from_bytes(data[:4], "big")
    if len(data) < 4 or len(data) - 4 < length:
        raise EOFError
    return data[4 : 4 + length], data[4 + length :]


def wrapped(kind: str, blob: bytes) -> str:
    """The text of a key file: `kind` is empty, or ends in a space."""
    text = base64.b64encode(blob).decode()
    lines = [text[start : start + 70] for start in range(0, len(text), 70)]
    return "\n".join((f"-----BEGIN {kind}PRIVATE KEY-----", *lines, f"-----END {kind}PRIVATE KEY-----", ""))
