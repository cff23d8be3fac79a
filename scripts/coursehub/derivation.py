"""Keys that nobody has to keep: derived from the course's one secret, a purpose each, always the same.

How the secret is stretched and divided: see `stretching`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from coursehub.stretching import DEPLOY_KEY, FIRST_HOST_KEY, IDENTITY, derived

__all__ = [
    "DEPLOY_KEY",
    "FIRST_HOST_KEY",
    "IDENTITY",
    "KeyPair",
    "derived",
    "identity",
    "key_pair",
    "key_pair_of",
]


@dataclass(frozen=True)
class KeyPair:
    """An SSH key pair: `private` is an OpenSSH private key file, `public` is "type base64"."""

    private: str = field(repr=False)
    public: str


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


def _public_line(key) -> str:
    from cryptography.hazmat.primitives import serialization

    encoding, form = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    return key.public_key().public_bytes(encoding, form).decode()
