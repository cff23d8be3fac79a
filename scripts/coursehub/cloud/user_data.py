"""What a droplet is told for its first boot, which cloud-init does.

Every process on the droplet could read it at the metadata address, so it closes that address to all but root,
and the one secret in it, the first host key, is replaced by the first deploy (see droplet/host_key.py).
https://cloudinit.readthedocs.io/en/latest/reference/modules.html
"""

from __future__ import annotations

import json

from ..derivation import KeyPair

LARGEST = 64 * 1024
"""Bytes that DigitalOcean takes."""
CLOSE = (
    "ip -4 rule show pref 1692 | grep -q 169.254.169.254 || "
    "ip -4 rule add pref 1692 to 169.254.169.254 uidrange 1-4294967294 prohibit"
)
"""As the part `isolation` keeps it; from the first boot on."""


def user_data(host_key: KeyPair) -> str:
    """The cloud-config: JSON, which is YAML."""
    config = {
        "disable_root": False,
        "ssh_pwauth": False,
        "ssh_deletekeys": True,
        "ssh_keys": {"ed25519_private": host_key.private, "ed25519_public": host_key.public},
        "bootcmd": [["sh", "-c", CLOSE]],
    }
    return "#cloud-config\n" + json.dumps(config, indent=1) + "\n"
