"""What makes a machine itself: name, machine id, host key, who may log in, address."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox import network
from sandbox.commands import run

HOST_KEY = "etc/ssh/ssh_host_ed25519_key"
NETWORK = """[Match]
Name=host0

[Link]
MTUBytes={mtu}

[Network]
Address={address}/{prefix}
Gateway={gateway}
LinkLocalAddressing=no
IPv6AcceptRA=no
"""


def give(root: Path, name: str, authorized_keys: Sequence[str], environment: Mapping[str, str]) -> None:
    """Write into the new machine's `root` all that does not change from boot to boot."""
    give_name(root, name, environment)
    ssh = root / "root/.ssh"
    ssh.mkdir(mode=0o700, exist_ok=True)
    _write(ssh / "authorized_keys", "".join(f"{key.strip()}\n" for key in authorized_keys))
    for other in (HOST_KEY, f"{HOST_KEY}.pub"):  # of the machine that it is like
        (root / other).unlink(missing_ok=True)
    run(["chroot", str(root), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", f"/{HOST_KEY}"])


def give_name(root: Path, name: str, environment: Mapping[str, str]) -> None:
    """Write into the new machine's `root` what it is called and its variables, but no keys."""
    _write(root / "etc/hostname", f"{name}\n")
    _write(root / "etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {name}\n::1 localhost ip6-localhost\n")
    _write(root / "etc/machine-id", f"{uuid.uuid4().hex}\n")
    # For sessions (PAM reads the first), and for services.
    _write(root / "etc/environment", "".join(f"{key}={_quoted(environment[key])}\n" for key in environment))
    variables = " ".join(_quoted(f"{key}={environment[key]}") for key in environment)
    _write(root / "etc/systemd/system.conf.d/sandbox.conf", f"[Manager]\nDefaultEnvironment={variables}\n")


def connect(root: Path, address: str, host: network.Network, nameservers: Sequence[str]) -> None:
    """Write the network's settings, which depend on where the host is now."""
    settings = NETWORK.format(
        mtu=network.mtu(), address=address, prefix=host.subnet.prefixlen, gateway=host.gateway
    )
    # Sorts before 80-container-host0.network, which would ask for an address.
    _write(root / "etc/systemd/network/10-host.network", settings)
    servers = "".join(f"nameserver {server}\n" for server in nameservers)
    resolver = root / "etc/resolv.conf"
    resolver.unlink(missing_ok=True)  # perhaps a link that leads elsewhere
    _write(resolver, servers)


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _write(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
