"""What the API refuses, and with which status: mistakes, missing rights, limits, payment."""

import pytest
from wanted import DROPLET, VOLUME, new_droplet, status_of

from sandbox.cloud.core import Behaviour, Request
from sandbox.cloud.errors import ApiError
from sandbox.cloud.limits import Limits
from sandbox.cloud.routing import ROUTES

SNAPSHOT = {"type": "snapshot", "name": "end"}


@pytest.mark.parametrize(
    "changes",
    [
        {"size": "s-9vcpu-1gb"},
        {"region": "xyz1"},
        {"region": "nyc2"},
        {"size": "m-2vcpu-16gb", "region": "syd1"},
        {"image": "ubuntu-4-10"},
        {"image": 1},
        {"name": "not a name"},
        {"name": ""},
        {"ssh_keys": ["00:11"]},
        {"tags": ["not a tag"]},
        {"user_data": "x" * 65537},
        {"backups": True, "backup_policy": {"plan": "hourly"}},
        {"backups": True, "backup_policy": {"plan": "weekly", "weekday": "MON", "hour": 3}},
    ],
    ids=lambda changes: ",".join(f"{name}={str(value)[:20]}" for name, value in changes.items()),
)
def test_droplet_that_cannot_be_had(account, client, changes):
    assert status_of(account, client.droplets.create, {**DROPLET, **changes}) == 422
    assert account.state.droplets == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"size_gigabytes": 0},
        {"size_gigabytes": 20_000},
        {"name": "Home"},
        {"region": "nyc2"},
        {"region": "x"},
    ],
    ids=str,
)
def test_volume_that_cannot_be_had(account, client, changes):
    assert status_of(account, client.volumes.create, {**VOLUME, **changes}) == 422


def test_volume_in_another_region(account, client):
    volume = client.volumes.create({**VOLUME, "region": "ams3"})["volume"]
    assert status_of(account, client.droplets.create, {**DROPLET, "volumes": [volume["id"]]}) == 422
    attach = {"type": "attach", "droplet_id": new_droplet(client)["id"]}
    assert status_of(account, client.volume_actions.post_by_id, volume["id"], attach) == 422


def test_volume_that_another_droplet_has(account, client):
    volume = client.volumes.create(VOLUME)["volume"]
    new_droplet(client, volumes=[volume["id"]])
    assert status_of(account, client.droplets.create, {**DROPLET, "volumes": [volume["id"]]}) == 422


def test_droplet_limit(account, client):
    account.state.account["droplet_limit"] = 1
    new_droplet(client)
    assert status_of(account, client.droplets.create, DROPLET) == 422
    assert status_of(account, client.reserved_ips.create, {"region": "fra1"}) == 202
    account.state.account["floating_ip_limit"] = 1
    assert status_of(account, client.reserved_ips.create, {"region": "fra1"}) == 422


@pytest.mark.parametrize(
    ("family", "call", "identifier"),
    [
        ("droplets", "get", 1),
        ("droplets", "destroy", 1),
        ("ssh_keys", "get", "00:11"),
        ("volumes", "get", "none"),
        ("firewalls", "get", "none"),
        ("firewalls", "delete", "none"),
        ("reserved_ips", "get", "203.0.113.200"),
        ("domains", "get", "example.org"),
        ("projects", "get", "none"),
        ("snapshots", "get", "none"),
        ("actions", "get", 1),
        ("tags", "get", "none"),
        ("images", "get", 1),
    ],
)
def test_what_is_not_there(account, client, family, call, identifier):
    assert status_of(account, getattr(getattr(client, family), call), identifier) == 404


def test_error_says_what_and_which_request(client):
    told = client.droplets.get(1)
    assert told["id"] == "not_found" and told["message"] and told["request_id"]


def test_wrong_token(account, connect):
    assert status_of(account, connect(account, token="wrong").account.get) == 401


def test_token_with_few_scopes(account, connect):
    account.state.tokens["narrow"] = ["droplet:read", "droplet:create"]
    client = connect(account, token="narrow")
    assert status_of(account, client.droplets.list) == 200
    assert status_of(account, client.droplets.create, DROPLET) == 202
    assert status_of(account, client.droplets.create, {**DROPLET, "tags": ["course"]}) == 403
    assert status_of(account, client.droplets.destroy, 1) == 403
    assert status_of(account, client.account.get) == 403


def test_some_actions_need_more(account, client, connect):
    droplet = new_droplet(client)
    account.state.tokens["narrow"] = ["droplet:update"]
    narrow = connect(account, token="narrow")
    assert status_of(account, narrow.droplet_actions.post, droplet["id"], SNAPSHOT) == 403
    assert status_of(account, narrow.droplet_actions.post, droplet["id"], {"type": "power_off"}) == 201
    resize = {"type": "resize", "size": "s-2vcpu-4gb"}
    assert status_of(account, narrow.droplet_actions.post, droplet["id"], resize) == 403


@pytest.mark.parametrize(
    ("status", "reading", "creating", "deleting"),
    [("active", 200, 202, 404), ("warning", 200, 402, 404), ("locked", 200, 403, 403)],
)
def test_payment_problem(account, client, status, reading, creating, deleting):
    account.state.account["status"] = status
    assert status_of(account, client.droplets.list) == reading
    assert status_of(account, client.droplets.create, DROPLET) == creating
    assert status_of(account, client.droplets.destroy, 1) == deleting


def test_keys_are_listed_ten_times_a_minute(account, client):
    assert [status_of(account, client.ssh_keys.list) for _ in range(11)] == [200] * 10 + [429]
    assert status_of(account, client.ssh_keys.get, "00:11") == 404


def test_requests_an_hour(make_account, connect):
    account = make_account(requests_per_hour=2)
    client = connect(account)
    seen = {}

    def remember(response):
        seen.update(response.http_response.headers)

    assert status_of(account, client.account.get, raw_response_hook=remember) == 200
    assert (seen["ratelimit-limit"], seen["ratelimit-remaining"]) == ("2", "1")
    assert [status_of(account, client.account.get) for _ in range(2)] == [200, 429]


def test_limit_ends_with_its_minute():
    present = [0.0]
    limits = Limits(Behaviour(key_lists_per_minute=1), clock=lambda: present[0])
    request = Request("GET", "/v2/account/keys")
    limits.count(request)
    with pytest.raises(ApiError) as refused:
        limits.count(request)
    assert refused.value.headers == {"Retry-After": "61"}
    present[0] = 61
    limits.count(request)


def test_scopes_are_those_of_the_specification(specification):
    for route in ROUTES:
        path = route.path.replace("{", "").replace("}", "")
        _, described = specification.operation(route.method, path)
        known = {scope for entry in described["security"] for scope in entry["bearer_auth"]}
        assert set(route.scope.split("|")) <= known, route
