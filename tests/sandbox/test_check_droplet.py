"""A droplet that is off, or gone, as the health check finds it: a real machine behind the API in a box, with
something that answers as a hub does."""

import json
import time
from datetime import UTC, datetime

import pytest
import requests

from coursehub.health.checking import check, means_of
from coursehub.health.model import Limits, hub_from
from deployments import make_key
from sandbox.cloud import Server
from sandbox.cloud.machines import Machines
from sandbox.commands import wait_until
from sandbox.droplets.records import machine_of

pytestmark = pytest.mark.sandbox
TOKEN, TAG = "dop_v1_of_the_health_checks_tests", "coursehub-2ca8077c"
HUB = """\
from http.server import BaseHTTPRequestHandler, HTTPServer
class Hub(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"version": "5"}' if "api" in self.path else b"<form action='login'></form>")
HTTPServer(("", 80), Hub).serve_forever()
"""
UNIT = "[Service]\nExecStart=/usr/bin/python3 /root/hub.py\n[Install]\nWantedBy=multi-user.target\n"
QUICK = Limits(connect=3, spacing=0, tries=2)


@pytest.fixture(scope="module")
def server(sandbox, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cloud")
    with Server(backend=Machines(), directory=folder, token=TOKEN) as running:
        yield running
        for number in list(running.state.droplets):
            call(running, "DELETE", f"droplets/{number}")


def call(server, method: str, path: str, body: dict | None = None) -> dict:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    url = f"{server.url}/v2/{path}"
    answer = requests.request(method, url, json=body, headers=headers, verify=str(server.ca), timeout=60)
    assert answer.ok, answer.text
    return answer.json() if answer.content else {}


@pytest.fixture(scope="module")
def droplet(server) -> dict:
    files = [{"path": "/root/hub.py", "content": HUB}]
    files += [{"path": "/etc/systemd/system/hub.service", "content": UNIT}]
    data = {"write_files": files, "runcmd": ["systemctl enable --now hub"]}
    about = {"name": "hub", "size": "s-1vcpu-1gb", "image": "debian-12-x64", "region": "fra1", "tags": [TAG]}
    about["user_data"] = "#cloud-config\n" + json.dumps(data)
    number = call(server, "POST", "droplets", about)["droplet"]["id"]
    shown = lambda: call(server, "GET", f"droplets/{number}")["droplet"]  # noqa: E731
    wait_until(lambda: shown()["status"] == "active", 120, "the droplet is on")
    return {"id": number, "address": machine_of(number).address, "shown": shown}


@pytest.fixture
def look(server, droplet, monkeypatch, tmp_path):
    """A check, by what a deploy has recorded."""
    monkeypatch.setenv("SSL_CERT_FILE", str(server.ca))
    private, public = make_key(tmp_path)
    place = {"address": droplet["address"], "port": 22, "host_key": " ".join(public.split()[:2])}
    environ = {"DIGITALOCEAN_TOKEN": TOKEN, "SSH_PRIVATE_KEY": private}
    hub = hub_from(f"http://{droplet['address']}", "a test")
    monkeypatch.setattr("coursehub.health.looking.network_works", lambda *_: True)

    def looking(power_on: bool):
        record = {"server": place | {"api": server.url, "tag": TAG}, "health": {"power_on": power_on}}
        return check(hub, QUICK, (), means_of(environ, record))

    return looking


def switch_off_long_ago(server, droplet) -> None:
    call(server, "POST", f"droplets/{droplet['id']}/actions", {"type": "power_off"})
    wait_until(lambda: droplet["shown"]()["status"] == "off", 60, "the droplet is off")
    moment = datetime.fromtimestamp(time.time() - 3600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for action in server.state.actions.values():
        action["completed_at"] = moment


def test_a_droplet_that_is_off_is_switched_on(server, droplet, look):
    wait_until(lambda: look(False).state != "down", 120, "the hub answers")
    switch_off_long_ago(server, droplet)
    told = look(False)
    assert told.cause == "the droplet is switched off" and droplet["shown"]()["status"] == "off", told
    began = time.monotonic()
    found = look(True)
    assert found.was == "down" and found.state in ("up", "degraded"), found
    assert found.healed == ("switched the droplet on",) and "the droplet is switched off" in found.title
    assert time.monotonic() - began < 120 and droplet["shown"]()["status"] == "active"


def test_a_droplet_that_is_gone(server, droplet, look):
    call(server, "DELETE", f"droplets/{droplet['id']}")
    wait_until(lambda: not server.state.droplets, 60, "the droplet is gone")
    found = look(True)
    assert found.state == "down" and found.cause == "the droplet does not exist any more"
