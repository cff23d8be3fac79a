"""What makes a system disk a droplet's: the seed from which cloud-init sets it up when it first boots.

cloud-init is Debian's own, and does what it does on a droplet: host keys, authorized keys, user_data. It
reads the seed in the machine, for it looks for DigitalOcean's metadata only on DigitalOcean's hardware.
"""

from __future__ import annotations

import json
from pathlib import Path

from sandbox import identity, image
from sandbox.droplets.records import Droplet

SEED = "var/lib/cloud/seed/nocloud"
# As on a droplet root logs in. Of the rest, what a container has not (partitions, a boot loader) or has
# already (network, sources for apt, locale) is left alone. JSON is YAML.
SETTINGS = {
    "datasource_list": ["NoCloud"],
    "disable_root": False,
    "users": [],
    "network": {"config": "disabled"},
    "apt_preserve_sources_list": True,
    "locale": False,
    "growpart": {"mode": "off"},
    "resize_rootfs": False,
    "grub_dpkg": {"enabled": False},
}


def prepare(writable: Path, root: Path, droplet: Droplet, environment: dict[str, str]) -> None:
    """Give the system disk, mounted at `root`, what this droplet's cloud-init is to find, unless it has it.

    A mark beside the overlay says for which droplet that was done: a disk made of another droplet's snapshot
    is set up anew, as a new instance.
    """
    mark = writable / "set-up-for"
    if mark.exists() and mark.read_text() == str(droplet.id):
        return
    identity.give_name(root, droplet.name, environment)
    (root / image.CLOUD_INIT_OFF).unlink(missing_ok=True)
    (root / "etc/cloud/cloud.cfg.d/90-sandbox.cfg").write_text(json.dumps(SETTINGS, indent=2))
    seed = root / SEED
    seed.mkdir(parents=True, exist_ok=True)
    seed.chmod(0o700)
    about = {
        "instance-id": str(droplet.id),
        "local-hostname": droplet.name,
        "public-keys": list(droplet.public_keys),
    }
    (seed / "meta-data").write_text(json.dumps(about))
    (seed / "user-data").touch(0o600)
    (seed / "user-data").write_text(droplet.user_data)
    mark.write_text(str(droplet.id))
