"""Actions on droplets: what they do, what refuses them, and how they take their time."""

import time

import pytest
from wanted import DROPLET, new_droplet, status_of

from sandbox.cloud import PaperBackend
from sandbox.cloud.actions import wait


def act(client, droplet, kind, **options):
    """Run an action to its end; the droplet after it."""
    action = client.droplet_actions.post(droplet["id"], {"type": kind, **options})["action"]
    assert client.droplet_actions.get(droplet["id"], action["id"])["action"]["status"] == "completed"
    return client.droplets.get(droplet["id"])["droplet"]


def test_power(account, client):
    droplet = new_droplet(client)
    backend = account.cloud.backend.droplets[droplet["id"]]
    assert act(client, droplet, "shutdown")["status"] == "off" and not backend.running
    assert act(client, droplet, "power_on")["status"] == "active" and backend.running
    assert act(client, droplet, "reboot")["status"] == "active"
    assert act(client, droplet, "power_off")["status"] == "off"
    assert act(client, droplet, "power_cycle")["status"] == "active"


@pytest.mark.parametrize(
    ("kind", "first"), [("power_on", None), ("shutdown", "power_off"), ("reboot", "shutdown")]
)
def test_power_that_makes_no_sense(account, client, kind, first):
    droplet = new_droplet(client)
    if first:
        act(client, droplet, first)
    assert status_of(account, client.droplet_actions.post, droplet["id"], {"type": kind}) == 422


def test_shutdown_that_is_not_heeded(make_account, connect):
    account = make_account(ignores_shutdown=True)
    client = connect(account)
    droplet = new_droplet(client)
    assert act(client, droplet, "shutdown")["status"] == "active"
    assert act(client, droplet, "power_off")["status"] == "off"


def test_resize_of_memory_can_be_taken_back(account, client):
    droplet = act(client, new_droplet(client), "power_off")
    larger = act(client, droplet, "resize", size="s-2vcpu-4gb", disk=False)
    assert (larger["memory"], larger["disk"], larger["size_slug"]) == (4096, 50, "s-2vcpu-4gb")
    assert act(client, droplet, "resize", size="s-1vcpu-2gb", disk=False)["memory"] == 2048


def test_resize_of_the_disk_cannot(account, client):
    droplet = act(client, new_droplet(client), "power_off")
    assert act(client, droplet, "resize", size="s-2vcpu-4gb", disk=True)["disk"] == 80
    back = {"type": "resize", "size": "s-1vcpu-2gb", "disk": False}
    assert status_of(account, client.droplet_actions.post, droplet["id"], back) == 422


@pytest.mark.parametrize("size", ["s-2vcpu-4gb", "s-9vcpu-1gb", "m-2vcpu-16gb"])
def test_resize_is_refused_while_on_and_to_what_is_not_there(account, client, size):
    droplet = new_droplet(client, region="syd1")
    body = {"type": "resize", "size": size, "disk": False}
    assert status_of(account, client.droplet_actions.post, droplet["id"], body) == 422


def test_snapshot_becomes_an_image_to_rebuild_and_create_from(account, client):
    droplet = new_droplet(client)
    snapshots = act(client, droplet, "snapshot", name="end of term")["snapshot_ids"]
    image = client.images.list(private=True)["images"][0]
    assert [image["id"]] == snapshots and image["name"] == "end of term"
    assert client.droplets.list_snapshots(droplet["id"])["snapshots"][0]["id"] == image["id"]
    assert client.snapshots.get(str(image["id"]))["snapshot"]["resource_id"] == str(droplet["id"])
    assert act(client, droplet, "rebuild", image=image["id"])["image"]["id"] == image["id"]
    second = new_droplet(client, image=image["id"])
    made = account.cloud.backend.droplets[second["id"]].specification
    assert made.image == str(image["id"])
    smaller = {**DROPLET, "image": image["id"], "size": "s-1vcpu-1gb"}
    assert status_of(account, client.droplets.create, smaller) == 422
    client.snapshots.delete(str(image["id"]))
    assert client.droplets.get(droplet["id"])["droplet"]["snapshot_ids"] == []


def test_backups_on_and_off(account, client):
    droplet = new_droplet(client)
    change = {
        "type": "change_backup_policy",
        "backup_policy": {"plan": "weekly", "weekday": "SUN", "hour": 8},
    }
    assert status_of(account, client.droplet_actions.post, droplet["id"], change) == 422
    act(client, droplet, "enable_backups")
    assert client.droplets.get_backup_policy(droplet["id"])["policy"]["backup_policy"]["plan"] == "daily"
    act(client, droplet, change["type"], backup_policy=change["backup_policy"])
    assert client.droplets.get_backup_policy(droplet["id"])["policy"]["backup_policy"]["plan"] == "weekly"
    act(client, droplet, "disable_backups")
    assert not client.droplets.get_backup_policy(droplet["id"])["policy"]["backup_enabled"]


def test_rename(client):
    assert act(client, new_droplet(client), "rename", name="other")["name"] == "other"


def test_action_that_is_not_known(account, client):
    droplet = new_droplet(client)
    assert status_of(account, client.droplet_actions.post, droplet["id"], {"type": "password_reset"}) == 422


def test_action_in_progress_keeps_others_waiting(make_account, connect):
    account = make_account(polls=2)
    client = connect(account)
    droplet = client.droplets.create(DROPLET)["droplet"]
    assert client.droplets.get(droplet["id"])["droplet"]["status"] == "new"
    assert (
        status_of(account, client.droplet_actions.post, droplet["id"], {"type": "rename", "name": "x"}) == 422
    )
    assert client.droplets.get(droplet["id"])["droplet"]["status"] == "active"
    action = client.droplet_actions.post(droplet["id"], {"type": "reboot"})["action"]
    seen = [client.actions.get(action["id"])["action"]["status"] for _ in range(3)]
    assert seen == ["in-progress", "in-progress", "completed"]


def test_action_of_a_machine_that_fails(account, client):
    droplet = new_droplet(client)
    account.cloud.backend.failing["reboot"] = 1
    action = client.droplet_actions.post(droplet["id"], {"type": "reboot"})["action"]
    assert client.actions.get(action["id"])["action"]["status"] == "errored"
    assert act(client, droplet, "reboot")["status"] == "active"


def test_droplet_that_never_booted_can_be_destroyed(account, client):
    account.cloud.backend.failing["create"] = 1
    created = client.droplets.create(DROPLET)
    assert client.actions.get(created["links"]["actions"][0]["id"])["action"]["status"] == "errored"
    assert client.droplets.get(created["droplet"]["id"])["droplet"]["status"] == "new"
    client.droplets.destroy(created["droplet"]["id"])
    assert client.droplets.list()["droplets"] == []


def test_droplet_is_seen_while_it_is_destroyed(make_account, connect):
    account = make_account(polls=1)
    client = connect(account)
    droplet = client.droplets.create(DROPLET)["droplet"]
    client.droplets.get(droplet["id"])
    client.droplets.get(droplet["id"])
    client.droplets.destroy(droplet["id"])
    assert client.droplets.get(droplet["id"])["droplet"]["status"] == "archive"
    assert status_of(account, client.droplets.get, droplet["id"]) == 404


def test_mistake_of_the_sandbox_ends_the_action(make_account, connect):
    class Wrong(PaperBackend):
        def create(self, droplet):
            return droplet.nothing

    account = make_account(backend=Wrong(), background=True)
    client = connect(account)
    action = client.droplets.create(DROPLET)["links"]["actions"][0]["id"]
    wait(account.cloud, 5)
    assert client.actions.get(action)["action"]["status"] == "errored"
    assert "nothing" in account.cloud.mistakes.pop()


def test_work_goes_on_after_the_answer(make_account, connect):
    """As with real machines, which take seconds to boot."""

    class Slow(PaperBackend):
        def create(self, droplet):
            time.sleep(0.2)
            return super().create(droplet)

    account = make_account(backend=Slow(), background=True)
    client = connect(account)
    begun = time.monotonic()
    droplet = client.droplets.create(DROPLET)["droplet"]
    assert client.droplets.get(droplet["id"])["droplet"]["status"] == "new"
    assert time.monotonic() - begun < 0.2
    while client.droplets.get(droplet["id"])["droplet"]["status"] == "new":
        assert time.monotonic() - begun < 5
        time.sleep(0.02)


def test_new_droplet_is_absent_from_lists_and_then_without_address(make_account, connect):
    account = make_account(lag=2, address_delay=1)
    client = connect(account)
    client.droplets.create({**DROPLET, "tags": ["course"]})
    for _ in range(2):
        assert client.droplets.list(tag_name="course") == {"droplets": [], "links": {}, "meta": {"total": 0}}
    first, second = (client.droplets.list(tag_name="course")["droplets"][0] for _ in range(2))
    assert first["status"] == "active"
    assert [entry["type"] for entry in first["networks"]["v4"]] == ["private"]
    assert [entry["type"] for entry in second["networks"]["v4"]] == ["private", "public"]
