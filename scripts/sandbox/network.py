"""The sandbox's network: a bridge with a subnet of its own, which reaches outside through the host.

Nothing is remembered: the bridge says its subnet, and its alias what IP forwarding was before us.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import shlex
from dataclasses import dataclass
from pathlib import Path

from coursehub.problems import Failure
from sandbox import chains, state
from sandbox.commands import run, text

# The first of these that overlaps no route of the host is the sandbox's.
SUBNETS = [ipaddress.IPv4Network(f"10.213.{third}.0/24") for third in range(256)]
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
WAS_OFF, WAS_ON = "coursehub: ip_forward was 0", "coursehub: ip_forward was 1"
DEFAULT_MTU = 1500
ANSWERS = ("-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED")
# Where resolvers on the loopback interface (systemd-resolved, NetworkManager) keep the real servers.
RESOLVER_FILES = (
    "/etc/resolv.conf",
    "/run/systemd/resolve/resolv.conf",
    "/run/NetworkManager/no-stub-resolv.conf",
)


@dataclass(frozen=True)
class Network:
    """The bridge, the host's own address on it, and the subnet."""

    bridge: str
    gateway: ipaddress.IPv4Address
    subnet: ipaddress.IPv4Network

    @property
    def addresses(self) -> list[str]:
        """What machines may have, in order."""
        return [str(address) for address in self.subnet.hosts() if address != self.gateway]


def find() -> Network | None:
    """The sandbox's network as it is now; None if there is none, or only half of one."""
    for link in _ip("address", "show"):
        if link["ifname"] != state.identity():
            continue
        for address in link["addr_info"]:
            # Not a reserved address of the sandbox's cloud, which has no subnet.
            if address["family"] == "inet" and address["prefixlen"] < 32:
                interface = ipaddress.IPv4Interface(f"{address['local']}/{address['prefixlen']}")
                return Network(link["ifname"], interface.ip, interface.network)
    return None


def ensure() -> Network:
    """Bring the network up, or make what is there of it whole; returns it."""
    with state.lock(state.HOST_LOCK, timeout=60, what="changing the sandbox's network"):
        network = find() or _create_bridge()
        run(["ip", "link", "set", network.bridge, "mtu", str(mtu()), "up"])
        if not _is_forwarding():
            FORWARDING.write_text("1")
        _ensure_rules(network)
        return network


def remove() -> None:
    """Remove the bridge and the firewall rules; turn IP forwarding off again if the sandbox turned it on."""
    with state.lock(state.HOST_LOCK, timeout=60, what="changing the sandbox's network"):
        chains.remove_all()
        for table, rule in _our_rules():
            run(["iptables", "-w", "-t", table, "-D", *rule])
        bridges = _sandbox_bridges()
        alias = bridges.pop(state.identity(), None)
        if alias is None:
            return
        run(["ip", "link", "delete", state.identity()])
        if alias != WAS_OFF:
            return
        if bridges:
            # Another sandbox still needs it: it inherits the duty of turning it off.
            run(["ip", "link", "set", next(iter(bridges)), "alias", WAS_OFF])
        else:
            FORWARDING.write_text("0")


def extra_addresses() -> list[str]:
    """The addresses that the bridge has besides its own: reserved ones of the sandbox's cloud."""
    return [
        address["local"]
        for link in _ip("-4", "address", "show", "dev", state.identity())
        for address in link["addr_info"]
        if address["prefixlen"] == 32
    ]


def forget_neighbour(address: str) -> None:
    """Forget which hardware address `address` had: a new machine may have the address of a former one."""
    run(["ip", "neighbour", "flush", "to", address, "dev", state.identity()])


def mtu() -> int:
    """The largest packet, in bytes, that the host's default route takes; 1500 without one."""
    for route in _ip("-4", "route", "show", "default"):
        if "dev" in route:  # one that is spread over several has none
            return int(Path("/sys/class/net", route["dev"], "mtu").read_text())
    return DEFAULT_MTU


def nameservers() -> list[str]:
    """The host's name servers, those that a machine can reach. Raises Failure if there are none."""
    for file in map(Path, RESOLVER_FILES):
        lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
        servers = [fields[1] for fields in lines if len(fields) > 1 and fields[0] == "nameserver"]
        reachable = [server for server in servers if _is_reachable(server)]
        if reachable:
            return reachable
    raise Failure(
        f"no name server outside this computer found in {', '.join(RESOLVER_FILES)}",
        fix="add a line such as `nameserver 9.9.9.9` to /etc/resolv.conf",
    )


def _is_reachable(server: str) -> bool:
    try:
        return not ipaddress.IPv4Address(server).is_loopback
    except ipaddress.AddressValueError:  # version 6, which machines do not have
        return False


def _create_bridge() -> Network:
    bridge = state.identity()
    if bridge in _sandbox_bridges():  # its creation was interrupted before it had an address
        run(["ip", "link", "delete", bridge])
    subnet = _free_subnet()
    network = Network(bridge, subnet[1], subnet)
    # A hardware address of its own; else it takes a port's, which changes, and machines lose their gateway.
    digest = hashlib.sha256(bridge.encode()).hexdigest()
    hardware = ":".join(["02", *(digest[start : start + 2] for start in range(0, 10, 2))])
    run(["ip", "link", "add", "name", bridge, "address", hardware, "type", "bridge"])
    run(["ip", "link", "set", bridge, "alias", WAS_ON if _is_forwarding() else WAS_OFF])
    run(["ip", "address", "add", f"{network.gateway}/{subnet.prefixlen}", "dev", bridge])
    return network


def _free_subnet() -> ipaddress.IPv4Network:
    routes = [
        route["dst"] for route in _ip("-4", "route", "show", "table", "all") if route["dst"] != "default"
    ]
    # Routes as wide as half the internet are a VPN's way to say default.
    taken = [network for network in map(ipaddress.IPv4Network, routes) if network.prefixlen >= 8]
    taken += [ipaddress.IPv4Network(server) for server in nameservers()]
    for subnet in SUBNETS:
        if not any(subnet.overlaps(other) for other in taken):
            return subnet
    raise Failure("all subnets from 10.213.0.0/24 to 10.213.255.0/24 are in use on this computer")


def _sandbox_bridges() -> dict[str, str]:
    """The bridges of this and other sandboxes, and their aliases ("" if creation was cut short)."""
    return {
        link["ifname"]: link.get("ifalias", "")
        for link in _ip("link", "show", "type", "bridge")
        if link["ifname"] == state.identity() or link.get("ifalias") in (WAS_OFF, WAS_ON)
    }


def _rules(network: Network) -> list[tuple[str, list[str]]]:
    """Table and rule, in the order in which they must apply."""
    bridge, subnet = network.bridge, str(network.subnet)
    return [
        ("nat", ["POSTROUTING", "-s", subnet, "!", "-d", subnet, "-j", "MASQUERADE"]),
        # Before the host's own rules, which may refuse everything (Docker's do).
        ("filter", ["INPUT", "-i", bridge, "-j", "ACCEPT"]),
        ("filter", ["FORWARD", "-i", bridge, "-j", "ACCEPT"]),
        ("filter", ["FORWARD", "-o", bridge, *ANSWERS, "-j", "ACCEPT"]),
        # Machines have well-known weaknesses on purpose: nobody outside may open a connection to them.
        ("filter", ["FORWARD", "-o", bridge, "-j", "REJECT"]),
    ]


def _ensure_rules(network: Network) -> None:
    """Put the rules in, in order. If any is missing, all are put in anew."""
    wanted, present = _rules(network), _our_rules()
    if len(present) == len(wanted):
        return
    for table, rule in present:
        run(["iptables", "-w", "-t", table, "-D", *rule])
    for table, (chain, *rule) in reversed(wanted):
        comment = ["-m", "comment", "--comment", network.bridge]
        run(["iptables", "-w", "-t", table, "-I", chain, "1", *comment, *rule])


def _our_rules() -> list[tuple[str, list[str]]]:
    """The firewall's rules that bear the sandbox's name in their comment."""
    found = []
    for table in ("nat", "filter"):
        for line in text(["iptables", "-w", "-t", table, "-S"]).splitlines():
            action, *rule = shlex.split(line)
            if (
                action == "-A"
                and "--comment" in rule
                and rule[rule.index("--comment") + 1] == state.identity()
            ):
                found.append((table, rule))
    return found


def _is_forwarding() -> bool:
    return FORWARDING.read_text().strip() == "1"


def _ip(*arguments: str) -> list[dict]:
    # Of what it left out, some versions print empty objects; of nothing, nothing at all.
    return [entry for entry in json.loads(text(["ip", "-json", *arguments]) or "[]") if entry]
