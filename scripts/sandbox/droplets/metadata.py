"""The metadata server: what a droplet can ask about itself at http://169.254.169.254/, and nobody else.

Paths are DigitalOcean's: https://docs.digitalocean.com/reference/api/metadata/. It knows a droplet by the
address from which it is asked, and looks up what is written down anew each time.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import sys
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sandbox import addresses, network, services
from sandbox.droplets import records, traffic

SERVICE = "metadata"
Tree = Mapping[str, "Tree | str"]


def ensure(host: network.Network) -> None:
    """Start it unless it runs. Raises Failure."""
    where = ["--gateway", str(host.gateway), "--subnet", str(host.subnet)]
    services.ensure(SERVICE, [sys.executable, "-m", "sandbox.droplets.metadata", *where])


def tree(droplet: records.Droplet, address: str, host: network.Network, reserved: str | None) -> Tree:
    """What is below /metadata/v1/: a folder is a mapping, a file its text."""
    public = {"address": address, "netmask": str(host.subnet.netmask), "gateway": str(host.gateway)}
    lead = {"active": "true", "ip_address": reserved} if reserved else {"active": "false"}
    return {
        "id": str(droplet.id),
        "hostname": droplet.name,
        "user-data": droplet.user_data,
        "vendor-data": "",
        "public-keys": "\n".join(droplet.public_keys),
        "interfaces": {"public": {"0": {"ipv4": public, "type": "public"}}},
        "reserved_ip": {"ipv4": lead},
        "dns": {"nameservers": str(host.gateway)},
    }


def document(droplet: records.Droplet, address: str, host: network.Network, reserved: str | None) -> dict:
    """The same in one document, /metadata/v1.json, whose keys differ somewhat."""
    public = {"ip_address": address, "netmask": str(host.subnet.netmask), "gateway": str(host.gateway)}
    lead = {"active": True, "ip_address": reserved} if reserved else {"active": False}
    return {
        "droplet_id": droplet.id,
        "hostname": droplet.name,
        "user_data": droplet.user_data,
        "vendor_data": "",
        "public_keys": list(droplet.public_keys),
        "interfaces": {"public": [{"ipv4": public, "type": "public"}]},
        "reserved_ip": {"ipv4": lead},
        "dns": {"nameservers": [str(host.gateway)]},
    }


def answer(path: str, source: str, host: network.Network) -> str | None:
    """The text at `path` for who asks from `source`; None where there is nothing for him."""
    droplet = records.by_address().get(source)
    if droplet is None:
        return None
    reserved = next((own for own, number in addresses.reserved().items() if number == droplet.id), None)
    if path == "/metadata/v1.json":
        return json.dumps(document(droplet, source, host, reserved))
    if not path.startswith("/metadata/v1/"):
        return None
    place: Tree | str | None = tree(droplet, source, host, reserved)
    for name in filter(None, path.removeprefix("/metadata/v1/").split("/")):
        place = place.get(name) if isinstance(place, Mapping) else None
    if isinstance(place, Mapping):
        return "\n".join(f"{name}/" if isinstance(place[name], Mapping) else name for name in place)
    return place


def serve(host: network.Network) -> None:
    """Answer until the process is ended."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            text = answer(self.path, self.client_address[0], host)
            body = (text if text is not None else "not found").encode()
            self.send_response(200 if text is not None else 404)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: each look would be a line for ever."""

    ThreadingHTTPServer((str(host.gateway), traffic.METADATA_PORT), Handler).serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--gateway", type=ipaddress.IPv4Address, required=True)
    parser.add_argument("--subnet", type=ipaddress.IPv4Network, required=True)
    given = parser.parse_args()
    serve(network.Network("", given.gateway, given.subnet))
