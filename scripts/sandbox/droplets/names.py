"""The name server of the sandbox: dnsmasq, which knows the records of the cloud's domains and asks this
computer's name servers for all other names. It keeps no answers, so that a change counts at once."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from os import kill
from pathlib import Path

from sandbox import network, services, state

SERVICE = "names"


def ensure(host: network.Network) -> None:
    """Start it unless it runs. Raises Failure."""
    for file in (_hosts(), _domains()):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    services.ensure(SERVICE, _command(host))


def set_records(records: Mapping[str, str]) -> None:
    """Let these be all records: full name to IPv4 address. Counts at once for a server that runs."""
    _write(_hosts(), "".join(f"{address} {name}\n" for name, address in records.items()))
    # Whatever else is asked of these names (IPv6, say) nobody outside is to answer.
    _write(_domains(), "".join(f"server=/{name}/\n" for name in records))
    for process in services.processes(SERVICE):
        kill(process, signal.SIGHUP)


def _command(host: network.Network) -> list[str]:
    return [
        "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--pid-file=",
        f"--listen-address={host.gateway}", "--bind-interfaces", "--no-hosts", "--cache-size=0",
        "--no-resolv", *(f"--server={server}" for server in network.nameservers()),
        f"--addn-hosts={_hosts()}", f"--servers-file={_domains()}",
    ]  # fmt: skip


def _hosts() -> Path:
    return state.cloud() / "records.hosts"


def _domains() -> Path:
    return state.cloud() / "records.domains"


def _write(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    whole = file.with_suffix(".new")
    whole.write_text(content)
    whole.rename(file)
