"""What a course's things are called in its DigitalOcean account.

The names hold the course's identity, which comes from its secret: a course that is renamed keeps its server,
and two courses in one account never meet.
"""

from __future__ import annotations

import base64
from collections.abc import Collection
from dataclasses import dataclass

from coursehub.derivation import identity

DEVICE = "/dev/disk/by-id/scsi-0DO_Volume_{name}"
"""Where a droplet finds a volume (https://docs.digitalocean.com/products/volumes/how-to/mount/)."""

FINAL, PREPARED = "host-key", "next-host-key"
ED25519 = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"
"""How an Ed25519 public key begins on the wire; its 32 bytes follow (RFC 8709, section 4)."""


@dataclass(frozen=True)
class Names:
    """`tag` is on all that belongs to the course; SSH key and firewall bear the same name."""

    tag: str

    @property
    def volume(self) -> str:
        return f"{self.tag}-home"

    @property
    def creating(self) -> str:
        """The tag that is there from before a droplet is asked for until it has been seen."""
        return f"{self.tag}:creating"

    @property
    def archived(self) -> str:
        """The tag that is there while the course is archived."""
        return f"{self.tag}:archived"

    def address_tag(self, address: str) -> str:
        """The volume's tag that remembers the course's reserved IPv4 address."""
        return f"{self.tag}:address:{address.replace('.', '-')}"

    def host_key_tag(self, public: str, *, final: bool) -> str:
        """The droplet's tag that records a host key; `public` is "ssh-ed25519 base64". Not `final` is one
        that the droplet may not show yet."""
        return f"{self.tag}:{FINAL if final else PREPARED}:{raw_key(public).hex()}"

    def host_keys(self, tags: Collection[str], *, final: bool) -> tuple[str, ...]:
        """The host keys that these tags record, as "ssh-ed25519 base64"."""
        start = f"{self.tag}:{FINAL if final else PREPARED}:"
        return tuple(key_line(tag.removeprefix(start)) for tag in sorted(tags) if tag.startswith(start))

    @property
    def device(self) -> str:
        """The volume's device on the droplet."""
        return DEVICE.format(name=self.volume)


def names_from(seed: str) -> Names:
    """The names for what the course's keys are derived from (`Secrets.seed`)."""
    return Names(f"coursehub-{identity(seed)}")


def raw_key(public: str) -> bytes:
    """The 32 bytes of an Ed25519 public key, "ssh-ed25519 base64". Raises ValueError for anything else."""
    blob = base64.b64decode(public.split()[1])
    if not blob.startswith(ED25519) or len(blob) != len(ED25519) + 32:
        raise ValueError("not an Ed25519 public key")
    return blob.removeprefix(ED25519)


def key_line(digits: str) -> str:
    """The public key of which `digits` are the 32 bytes in hexadecimal."""
    return "ssh-ed25519 " + base64.b64encode(ED25519 + bytes.fromhex(digits)).decode()
