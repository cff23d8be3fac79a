"""The server as something that is started, killed and started again, and told what to do from outside."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from azure.core.exceptions import AzureError
from wanted import DROPLET, FIREWALL, VOLUME, new_droplet, status_of

from sandbox.cloud import PaperBackend, Server

SCRIPTS = Path(__file__).parents[2] / "scripts"
TOKEN = "dop_v1_of_a_process"


def test_state_survives_a_restart(make_account, connect, tmp_path):
    backend = PaperBackend()
    first = make_account(backend=backend, directory=tmp_path)
    client = connect(first)
    volume = client.volumes.create(VOLUME)["volume"]
    droplet = new_droplet(client, volumes=[volume["id"]], tags=["course"], user_data="#cloud-config\n")
    client.firewalls.create({**FIREWALL, "tags": ["course"]})
    second = make_account(backend=backend, directory=tmp_path)
    client = connect(second)
    assert client.droplets.get(droplet["id"])["droplet"] == droplet
    assert client.firewalls.list()["firewalls"][0]["tags"] == ["course"]
    assert second.ca.read_bytes() == first.ca.read_bytes()
    assert new_droplet(client)["id"] > droplet["id"]


def test_work_that_was_begun_is_taken_up_again(make_account, connect, tmp_path):
    release = threading.Event()

    class Stuck(PaperBackend):
        def create(self, droplet):
            address = super().create(droplet)
            release.wait(30)
            return address

    backend = Stuck()
    client = connect(make_account(backend=backend, directory=tmp_path, background=True))
    droplet = client.droplets.create(DROPLET)["droplet"]
    assert client.droplets.get(droplet["id"])["droplet"]["status"] == "new"
    again = PaperBackend(droplets=backend.droplets)
    client = connect(make_account(backend=again, directory=tmp_path))
    assert client.droplets.get(droplet["id"])["droplet"]["status"] == "active"
    assert again.calls == ["destroy", "create"]
    release.set()


def test_client_notices_that_the_server_is_gone(account, client):
    """A connection that it keeps open does not lead to the former one."""
    client.account.get()
    account.__exit__(None, None, None)
    with pytest.raises(AzureError):
        client.account.get()


def test_state_is_for_its_owner_only(account, client):
    new_droplet(client)
    files = list(account.cloud.store.file.parent.iterdir())
    assert {file.name for file in files} == {"ca.pem", "cloud.json", "server.pem"}
    assert [file.name for file in files if file.name != "ca.pem" and file.stat().st_mode & 0o077] == []


def test_certificate_is_for_other_names_too(make_account, tmp_path):
    plain = make_account(directory=tmp_path)
    before = plain.ca.read_bytes()
    named = make_account(directory=tmp_path, hosts=["api.sandbox.test"])
    assert named.ca.read_bytes() != before
    assert make_account(directory=tmp_path).ca.read_bytes() == named.ca.read_bytes()
    requests.get(f"{named.url}/v2/account", verify=str(named.ca), timeout=5)
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{named.url}/v2/account", timeout=5)


def control(account: Server, method: str, command: str, token: str, body=None):
    """What the control endpoint answers."""
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{account.url}/control/{command}"
    return requests.request(method, url, json=body, headers=headers, verify=str(account.ca), timeout=5)


def test_control(account, client):
    token = account.token
    fault = {"kind": "refuse", "method": "GET", "status": 503}
    assert control(account, "POST", "faults", token, [fault, fault]).json() == {"faults": 2}
    assert status_of(account, client.account.get) == 503
    control(account, "DELETE", "faults", token)
    assert status_of(account, client.account.get) == 200
    assert [entry["status"] for entry in control(account, "GET", "requests", token).json()] == [503, 200]
    assert control(account, "PUT", "behaviour", token, {"lag": 3}).json()["lag"] == 3
    assert account.behaviour.lag == 3


@pytest.mark.parametrize(
    ("method", "command", "body"),
    [
        ("POST", "faults", [{"kind": "explode"}]),
        ("POST", "faults", [{"call": "x"}]),
        ("PUT", "behaviour", {"x": 1}),
    ],
)
def test_control_says_what_it_does_not_know(account, method, command, body):
    assert control(account, method, command, account.token, body).status_code == 400


def test_control_is_not_for_other_tokens(account):
    account.state.tokens["student"] = None
    assert control(account, "DELETE", "faults", "student").status_code == 401


@contextmanager
def process(directory: Path):
    """`python -m sandbox.cloud`, as long as it takes."""
    command = [sys.executable, "-m", "sandbox.cloud", "--directory", str(directory)]
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS), "DIGITALOCEAN_TOKEN": TOKEN}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as running:
        try:
            yield SimpleNamespace(url=running.stdout.readline().strip(), ca=directory / "ca.pem")
        finally:
            running.send_signal(signal.SIGKILL)


def test_process_is_killed_and_started_again(connect, tmp_path):
    with process(tmp_path) as server:
        key = connect(server, token=TOKEN).tags.create({"name": "course"})["tag"]
    with process(tmp_path) as server:
        assert connect(server, token=TOKEN).tags.list()["tags"] == [key]


def test_what_is_no_json(account):
    headers = {"Authorization": f"Bearer {account.token}"}
    answer = requests.post(
        f"{account.url}/v2/droplets", data="{", headers=headers, verify=str(account.ca), timeout=5
    )
    assert answer.status_code == 400
