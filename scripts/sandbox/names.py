"""A name server for machines and tests: names of its own below .test, the host's name servers for the rest.

A machine asks it because its resolv.conf says so (`direct`); a program on the host asks it when it runs with
a resolv.conf of its own, in a mount namespace of its own (`asking`). Neither notices.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sandbox import network, services
from sandbox.commands import PATH, wait_until
from sandbox.droplets import names
from sandbox.machine import Machine

TOP = "test"
"""No name below it exists in the world (RFC 6761)."""
PATIENCE = 10.0
# In the namespace: the file at $1 in the place of the system's, then the program.
WITH_RESOLVER = 'mount --bind "$1" "$(readlink -f /etc/resolv.conf)" && shift && exec "$@"'


def asking(resolver: Path, command: Sequence[str]) -> list[str]:
    """`command` (of the host, as root) so that it resolves names as the file `resolver` says."""
    isolated = ["unshare", "--mount", "--propagation", "private", "sh", "-c", WITH_RESOLVER, "sh"]
    return [*isolated, str(resolver), *map(str, command)]


@dataclass
class NameServer:
    """dnsmasq on the bridge's address, in a `with` statement; `directory` holds its files."""

    directory: Path
    records: dict[str, list[str]] = field(default_factory=dict)

    def __enter__(self) -> NameServer:
        self.address = str(network.ensure().gateway)
        # The droplets' one is at the same place; it comes back with the next droplet.
        services.stop(names.SERVICE)
        self.directory.mkdir(parents=True, exist_ok=True)
        self._write()
        (self.directory / "resolv.conf").write_text(f"nameserver {self.address}\n")
        command = [
            *("dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--pid-file="),
            *("--conf-file=/dev/null", "--bind-interfaces", "--except-interface=lo", "--user=root"),
            *(f"--listen-address={self.address}", f"--local=/{TOP}/", f"--addn-hosts={self._hosts}"),
            *(f"--server={server}" for server in network.nameservers()),
        ]
        with (self.directory / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env={"PATH": PATH})
        wait_until(self._answers, PATIENCE, f"the name server at {self.address}")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)

    def set(self, name: str, *addresses: str) -> None:
        """Have `name` lead to these addresses from now on; without any, it does not exist."""
        self.records[name] = list(addresses)
        self._write()
        self._process.send_signal(signal.SIGHUP)
        expected = " ".join(sorted(addresses))
        wait_until(lambda: self.look_up(name) == expected, PATIENCE, f"the new record of {name}")

    def direct(self, machine: Machine) -> None:
        """Have a machine that runs ask this server."""
        machine.run(["tee", "/etc/resolv.conf"], input=f"nameserver {self.address}\n".encode())

    def asking(self, command: Sequence[str]) -> list[str]:
        """`command` (of the host, as root) so that it asks this server."""
        return asking(self.directory / "resolv.conf", command)

    def look_up(self, name: str) -> str:
        """The addresses of `name` as this server says, in order, with spaces between."""
        done = subprocess.run(
            self.asking(["getent", "ahosts", name]), capture_output=True, text=True, timeout=PATIENCE
        )
        return " ".join(sorted({line.split()[0] for line in done.stdout.splitlines()}))

    @property
    def _hosts(self) -> Path:
        return self.directory / "hosts"

    def _write(self) -> None:
        lines = [f"{address} {name}\n" for name, found in self.records.items() for address in found]
        self._hosts.write_text("".join(lines) + f"{self.address} name-server.{TOP}\n")

    def _answers(self) -> bool:
        return self.look_up(f"name-server.{TOP}") == self.address
