"""Keys that nobody has to keep: derived from the course's one secret, a purpose each, always the same.

The secret is stretched once with scrypt, which makes guessing it expensive (RFC 7914), and divided with
HKDF (RFC 5869), so that no key tells anything about another.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cache

STRETCHED = {"n": 2**15, "r": 8, "p": 1, "maxmem": 2**26, "dklen": 32}
"""About 0.1 s and 32 MiB for each guess."""
SALT = b"coursehub 1"
DEPLOY_KEY, FIRST_HOST_KEY, IDENTITY = "deploy key", "first host key", "identity"
"""The purposes. Changing one of these words would lock every course out of its server."""


@dataclass(frozen=True)
class KeyPair:
    """An SSH key pair: `private` is an OpenSSH private key file, `public` is "type base64"."""

    private: str = field(repr=False)
    public: str


def derived(secret: str, purpose: str) -> bytes:
    """32 bytes for one purpose, from the course's secret."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

    return HKDFExpand(SHA256(), 32, purpose.encode()).derive(_stretched(secret))


@cache
def key_pair(secret: str, purpose: str) -> KeyPair:
    """The Ed25519 key pair for one purpose."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(derived(secret, purpose))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    return KeyPair(private.decode(), _public_line(key))


def key_pair_of(private: str) -> KeyPair:
    """The pair of a private key that was given: any that OpenSSH or OpenSSL wrote, without a passphrase.

    Raises ValueError when it cannot be read.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    read = serialization.load_pem_private_key
    if "BEGIN OPENSSH" in private:
        read = serialization.load_ssh_private_key
    try:
        return KeyPair(private, _public_line(read(private.encode(), None)))
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(str(error)) from error


def identity(secret: str) -> str:
    """Eight hexadecimal digits that name the course in the account: no rename of the course changes them,
    and they tell nothing about the secret that the deploy key's public half does not."""
    return derived(secret, IDENTITY).hex()[:8]


@cache
def _stretched(secret: str) -> bytes:
    return hashlib.scrypt(secret.encode("utf-8", "surrogateescape"), salt=SALT, **STRETCHED)


def _public_line(key) -> str:
    from cryptography.hazmat.primitives import serialization

    encoding, form = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    return key.public_key().public_bytes(encoding, form).decode()
