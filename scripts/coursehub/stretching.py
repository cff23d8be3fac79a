"""The course's one secret, stretched and divided into keys: standard library only, for where nothing is
installed. `derivation` makes key pairs of them.

The secret is stretched once with scrypt, which makes guessing it expensive (RFC 7914), and divided with
HKDF (RFC 5869), so that no key tells anything about another.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from functools import cache

STRETCHED = {"n": 2**15, "r": 8, "p": 1, "maxmem": 2**26, "dklen": 32}
"""About 0.1 s and 32 MiB for each guess."""
SALT = b"coursehub 1"
DEPLOY_KEY, FIRST_HOST_KEY, IDENTITY = "deploy key", "first host key", "identity"
"""The purposes. Changing one of these words would lock every course out of its server."""


def composed(text: str) -> str:
    """In Unicode's composed form, so that the same sentence typed elsewhere gives the same keys."""
    return unicodedata.normalize("NFC", text.strip())


def derived(secret: str, purpose: str) -> bytes:
    """32 bytes for one purpose, from the course's secret: HKDF-Expand, of which they are the first block."""
    return hmac.digest(stretched(secret), purpose.encode() + b"\x01", "sha256")


@cache
def stretched(secret: str) -> bytes:
    return hashlib.scrypt(secret.encode("utf-8", "surrogateescape"), salt=SALT, **STRETCHED)
