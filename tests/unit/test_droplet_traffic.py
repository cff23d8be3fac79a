"""What iptables is told of cloud firewalls and reserved addresses, and what a droplet is told of itself."""

from ipaddress import IPv4Address, IPv4Network

from sandbox.cloud.backend import Rule
from sandbox.droplets.metadata import document, tree
from sandbox.droplets.records import Droplet
from sandbox.droplets.traffic import Traffic, chains
from sandbox.network import Network

HOST = Network("br", IPv4Address("10.213.0.1"), IPv4Network("10.213.0.0/24"))


def rules(traffic: Traffic, chain: str) -> list[str]:
    (found,) = [each for each in chains(HOST, traffic) if each.name == chain]
    return [" ".join(rule) for rule in found.rules]


def test_a_firewall_lets_in_what_it_names_and_drops_the_rest():
    inbound = (Rule("tcp", "22"), Rule("udp", "8000-9000"), Rule("tcp", "0"), Rule("icmp", "0"))
    assert rules(Traffic({"10.213.0.2": inbound}, {}), "firewall")[1:] == [
        "-d 10.213.0.2 -p tcp --dport 22 -j RETURN",
        "-d 10.213.0.2 -p udp --dport 8000:9000 -j RETURN",
        "-d 10.213.0.2 -p tcp -j RETURN",
        "-d 10.213.0.2 -p icmp -j RETURN",
        "-d 10.213.0.2 -j DROP",
    ]


def test_a_firewall_without_rules_lets_in_answers_only():
    assert rules(Traffic({"10.213.0.2": ()}, {}), "firewall") == [
        "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",
        "-d 10.213.0.2 -j DROP",
    ]


def test_a_reserved_address_leads_to_its_machine():
    leading = rules(Traffic({}, {"10.213.0.254": "10.213.0.2"}), "to")
    assert leading[1:] == ["-d 10.213.0.254 -j DNAT --to-destination 10.213.0.2"]


def test_metadata_names_the_reserved_address_once_there_is_one():
    droplet = Droplet(7, "hub", ("ssh-ed25519 AAAA",), "#cloud-config")
    assert tree(droplet, "10.213.0.2", HOST, None)["reserved_ip"] == {"ipv4": {"active": "false"}}
    told = document(droplet, "10.213.0.2", HOST, "10.213.0.254")
    assert told["reserved_ip"] == {"ipv4": {"active": True, "ip_address": "10.213.0.254"}}
    assert told["interfaces"]["public"][0]["ipv4"]["ip_address"] == "10.213.0.2"
    assert "#cloud-config" not in repr(droplet)
