"""What reaches a droplet: the cloud firewall, reserved addresses, and the way to the metadata server.

All of it is on this computer, outside of the machines, as at DigitalOcean: a droplet cannot change its cloud
firewall, and does not have its reserved address itself, which is translated into its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from coursehub.problems import Failure
from sandbox import addresses, network, state
from sandbox.chains import Chain, put
from sandbox.cloud.backend import Rule
from sandbox.commands import run
from sandbox.droplets import records

METADATA = "169.254.169.254"
METADATA_PORT = 8169
# The kernel's switches for packets that stay on a bridge, between two machines; there once it has the module.
BRIDGED = Path("/proc/sys/net/bridge")


@dataclass(frozen=True)
class Traffic:
    """All that the chains depend on: rules by machine's address, machine's address by reserved address."""

    firewalls: Mapping[str, tuple[Rule, ...]]
    reserved: Mapping[str, str]


def observe() -> Traffic:
    """What is to be, as it is written down."""
    present = records.by_address()
    own = {droplet.id: address for address, droplet in present.items()}
    firewalls = {
        address: droplet.inbound for address, droplet in present.items() if droplet.inbound is not None
    }
    reserved = {address: own[number] for address, number in addresses.reserved().items() if number in own}
    return Traffic(firewalls, reserved)


def apply() -> network.Network:
    """Let the kernel have what is written down; returns the sandbox's network. Raises Failure."""
    with state.lock(state.machines() / ".traffic.lock", timeout=60, what="changing the cloud's traffic"):
        host, traffic = network.ensure(), observe()
        if traffic.firewalls:
            _see_bridged_packets(host.bridge)
        put(chains(host, traffic))
        _have_addresses(host.bridge, set(traffic.reserved))
    return host


def chains(host: network.Network, traffic: Traffic) -> list[Chain]:
    """The whole of what iptables is to have."""
    metadata = (
        *("-s", str(host.subnet), "-d", METADATA, "-p", "tcp", "--dport", "80"),
        *("-j", "DNAT", "--to-destination", f"{host.gateway}:{METADATA_PORT}"),
    )
    leading = [
        ("-d", address, "-j", "DNAT", "--to-destination", target)
        for address, target in traffic.reserved.items()
    ]
    return [
        # After the translation of addresses, and on the way of every packet to a machine: from this computer,
        # through it, and on the bridge.
        Chain(
            "mangle",
            "firewall",
            (("POSTROUTING", "-o", host.bridge),),
            tuple(_firewall_rules(traffic.firewalls)),
        ),
        Chain("nat", "to", (("PREROUTING", "-i", host.bridge), ("OUTPUT",)), (metadata, *leading)),
        # So that the answer comes back this way, and is translated back.
        Chain(
            "nat",
            "from",
            (("POSTROUTING", "-o", host.bridge),),
            (("-m", "conntrack", "--ctstate", "DNAT", "-j", "MASQUERADE"),),
        ),
    ]


def _have_addresses(bridge: str, wanted: set[str]) -> None:
    """Let this computer answer machines that ask, on the bridge, who has the reserved addresses; but for none
    that leads nowhere, or it would lead to this computer itself."""
    present = set(network.extra_addresses())
    for address in present - wanted:
        run(["ip", "address", "delete", f"{address}/32", "dev", bridge])
    for address in wanted - present:
        run(["ip", "address", "add", f"{address}/32", "dev", bridge])


def _firewall_rules(firewalls: Mapping[str, tuple[Rule, ...]]) -> list[tuple[str, ...]]:
    rules = [(*network.ANSWERS, "-j", "RETURN")]
    for address, inbound in firewalls.items():
        rules += [("-d", address, *_matching(rule), "-j", "RETURN") for rule in inbound]
        rules.append(("-d", address, "-j", "DROP"))
    return rules


def _matching(rule: Rule) -> tuple[str, ...]:
    """iptables's words for a rule; in the API the ports "0" are all of them, and ICMP has no others."""
    if rule.protocol == "icmp" or rule.ports in ("0", "all"):
        return ("-p", rule.protocol)
    return ("-p", rule.protocol, "--dport", rule.ports.replace("-", ":"))


def _see_bridged_packets(bridge: str) -> None:
    """Have the firewall look at packets between machines too. Raises Failure if the kernel cannot."""
    if not BRIDGED.exists():
        run(["modprobe", "br_netfilter"], check=False)
    if not BRIDGED.exists():
        raise Failure(
            "a cloud firewall needs the kernel's module br_netfilter", fix="run `modprobe br_netfilter`"
        )
    run(["ip", "link", "set", bridge, "type", "bridge", "nf_call_iptables", "1"])
