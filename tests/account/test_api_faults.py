"""What the API does wrong on request, as the real client sees it, and what is done all the same."""

import subprocess
import time

import pytest
from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError, ServiceResponseError
from wanted import DROPLET, status_of

from sandbox.cloud import Fault

ON_CREATION = {"method": "POST", "path": "/v2/droplets"}


@pytest.mark.parametrize(
    ("kind", "error", "droplets"),
    [
        ("refuse", HttpResponseError, 0),
        ("fail", HttpResponseError, 1),
        ("limit", HttpResponseError, 0),
        ("close", (ServiceRequestError, ServiceResponseError), 0),
        ("lose", (ServiceRequestError, ServiceResponseError), 1),
        ("crash_before", (ServiceRequestError, ServiceResponseError), 0),
        ("crash_after", (ServiceRequestError, ServiceResponseError), 1),
    ],
)
def test_fault_on_a_creation(account, client, kind, error, droplets):
    account.faults.append(Fault(kind, **ON_CREATION))
    with pytest.raises(error):
        client.droplets.create(DROPLET)
    assert len(account.state.droplets) == droplets
    assert account.requests[-1].done == bool(droplets) and account.requests[-1].fault == kind
    assert status_of(account, client.droplets.create, DROPLET) == 202


def test_client_that_repeats_makes_a_second_droplet(account, connect):
    """Why creations must not be repeated blindly: the first one was done."""
    account.faults.append(Fault("fail", **ON_CREATION))
    connect(account, retry_total=1, retry_backoff_factor=0).droplets.create(DROPLET)
    assert [entry.status for entry in account.requests] == [500, 202]
    assert len(account.state.droplets) == 2


def test_limit_says_when_to_come_back(account, connect):
    account.faults.append(Fault("limit", path="/v2/account", retry_after=0.3))
    begun = time.monotonic()
    connect(account, retry_total=1).account.get()
    assert 0.3 <= time.monotonic() - begun < 3
    assert [entry.status for entry in account.requests] == [429, 200]


def test_delay(account, connect):
    account.faults.append(Fault("delay", seconds=0.5, times=2))
    with pytest.raises(AzureError):
        connect(account, read_timeout=0.1).account.get()
    connect(account).account.get()


def test_garbage(account, client):
    account.faults.append(Fault("garbage", **ON_CREATION))
    with pytest.raises(AzureError):
        client.droplets.create(DROPLET)
    assert len(account.state.droplets) == 1


def test_status_is_what_was_wished(account, client):
    account.faults.append(Fault("refuse", status=503))
    assert status_of(account, client.account.get) == 503


def test_fault_waits_for_its_turn(account, client):
    account.faults.append(Fault("refuse", method="WRITE", skip=1, times=2))
    tag = client.tags.create
    seen = [status_of(account, tag, {"name": f"tag{number}"}) for number in range(4)]
    assert status_of(account, client.account.get) == 200
    assert seen == [201, 500, 500, 201]


def test_crash_kills_a_process(account, client):
    with subprocess.Popen(["sleep", "60"]) as process:
        account.faults.append(Fault("crash_after", process=process.pid, **ON_CREATION))
        with pytest.raises(AzureError):
            client.droplets.create(DROPLET)
        assert process.wait(5) == -9
    assert len(account.state.droplets) == 1


def test_crash_calls(account, client):
    called = []
    account.faults.append(Fault("crash_before", call=lambda: called.append(len(account.state.droplets))))
    with pytest.raises(AzureError):
        client.droplets.create(DROPLET)
    assert called == [0]


def test_unknown_fault():
    with pytest.raises(ValueError, match="crash_after"):
        Fault("explode")


def test_log_leaves_secrets_out(account, client):
    client.droplets.create({**DROPLET, "user_data": "the secret"})
    assert account.requests[-1].body["name"] == "hub"
    assert "the secret" not in repr(account.requests) + repr(account.state)
