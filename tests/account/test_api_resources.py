"""Every family of the API, over the real client: what it makes, shows, changes and deletes."""

import pytest
from wanted import DROPLET, FIREWALL, INBOUND, VOLUME, new_droplet, new_public_key, status_of

from sandbox.cloud.backend import Rule


def test_account_and_balance(client):
    assert client.account.get()["account"]["status"] == "active"
    assert client.balance.get()["month_to_date_usage"] == "0.00"


def test_ssh_key_is_found_by_id_and_by_fingerprint(account, client):
    public = new_public_key()
    key = client.ssh_keys.create({"name": "deploy", "public_key": public})["ssh_key"]
    assert client.ssh_keys.get(key["id"])["ssh_key"] == key
    assert client.ssh_keys.get(key["fingerprint"])["ssh_key"]["public_key"] == public
    assert client.ssh_keys.list()["ssh_keys"] == [key]
    client.ssh_keys.delete(key["fingerprint"])
    assert status_of(account, client.ssh_keys.get, key["id"]) == 404


def test_same_key_twice_is_refused(account, client):
    body = {"name": "deploy", "public_key": new_public_key()}
    client.ssh_keys.create(body)
    assert status_of(account, client.ssh_keys.create, {**body, "name": "other"}) == 422
    assert status_of(account, client.ssh_keys.create, {**body, "public_key": "no key"}) == 422


def test_sizes_have_prices_and_regions(client):
    sizes = {entry["slug"]: entry for entry in client.sizes.list(per_page=200)["sizes"]}
    assert sizes["s-2vcpu-4gb"]["price_monthly"] == 24
    assert sizes["s-1vcpu-1gb"]["memory"] == 1024
    regions = {entry["slug"]: entry for entry in client.regions.list(per_page=200)["regions"]}
    assert not regions["nyc2"]["available"] and "s-2vcpu-4gb" in regions["fra1"]["sizes"]
    assert "syd1" not in sizes["m-2vcpu-16gb"]["regions"]


def test_lists_come_in_pages(client):
    first = client.sizes.list()
    assert len(first["sizes"]) == 20 and "next" in first["links"]["pages"]
    second = client.sizes.list(page=2)
    assert len(first["sizes"]) + len(second["sizes"]) == first["meta"]["total"]
    assert "next" not in second["links"]["pages"]


def test_images(client):
    slugs = {entry["slug"] for entry in client.images.list(type="distribution")["images"]}
    assert {"ubuntu-24-04-x64", "ubuntu-22-04-x64", "debian-12-x64"} <= slugs
    assert client.images.list(private=True)["images"] == []


def test_droplet_is_booted_as_it_was_asked_for(account, client):
    key = client.ssh_keys.create({"name": "deploy", "public_key": new_public_key()})["ssh_key"]
    volume = client.volumes.create(VOLUME)["volume"]
    asked = {"ssh_keys": [key["fingerprint"]], "volumes": [volume["id"]], "user_data": "#cloud-config\n"}
    created = client.droplets.create({**DROPLET, **asked, "tags": ["course"], "monitoring": True})
    assert created["droplet"]["status"] == "new" and created["droplet"]["networks"]["v4"] == []
    assert client.actions.get(created["links"]["actions"][0]["id"])["action"]["status"] == "completed"
    droplet = client.droplets.get(created["droplet"]["id"])["droplet"]
    assert droplet["status"] == "active" and "monitoring" in droplet["features"]
    made = account.cloud.backend.droplets[droplet["id"]]
    assert [entry["type"] for entry in droplet["networks"]["v4"]] == ["private", "public"]
    assert made.address == droplet["networks"]["v4"][1]["ip_address"]
    assert made.specification.public_keys == (key["public_key"],)
    assert made.specification.memory == 2 << 30 and made.specification.disk == 50 << 30
    assert made.volumes == {volume["id"]: "home"}
    assert client.volumes.get(volume["id"])["volume"]["droplet_ids"] == [droplet["id"]]
    assert account.state.droplet_at(made.address)["user_data"] == "#cloud-config\n"


def test_droplets_by_tag_or_by_name_and_names_repeat(account, client):
    first, second = new_droplet(client, tags=["course"]), new_droplet(client)
    assert [entry["id"] for entry in client.droplets.list(tag_name="course")["droplets"]] == [first["id"]]
    named = client.droplets.list(name="hub")["droplets"]
    assert [entry["id"] for entry in named] == [first["id"], second["id"]]
    assert status_of(account, client.droplets.list, name="hub", tag_name="course") == 400


def test_several_droplets_at_once(client):
    common = {name: value for name, value in DROPLET.items() if name != "name"}
    assert len(client.droplets.create({**common, "names": ["a", "b"]})["droplets"]) == 2


def test_droplet_leaves_address_volume_and_snapshots_behind(account, client):
    droplet, volume = new_droplet(client), client.volumes.create(VOLUME)["volume"]
    client.volume_actions.post_by_id(volume["id"], {"type": "attach", "droplet_id": droplet["id"]})
    client.droplet_actions.post(droplet["id"], {"type": "snapshot", "name": "end of term"})
    address = client.reserved_ips.create({"droplet_id": droplet["id"]})["reserved_ip"]["ip"]
    left = client.droplets.list_associated_resources(droplet["id"])
    assert [entry["id"] for entry in left["volumes"]] == [volume["id"]]
    assert [entry["id"] for entry in left["reserved_ips"]] == [address]
    assert len(left["snapshots"]) == 1
    client.droplets.destroy(droplet["id"])
    assert status_of(account, client.droplets.get, droplet["id"]) == 404
    assert client.reserved_ips.get(address)["reserved_ip"]["droplet"] is None
    assert client.volumes.get(volume["id"])["volume"]["droplet_ids"] == []
    assert len(client.snapshots.list()["snapshots"]) == 1
    assert account.cloud.backend.reserved == {address: None}
    assert account.state.reserved_ips[address]["droplet_id"] is None
    second = new_droplet(client)
    client.reserved_ips_actions.post(address, {"type": "assign", "droplet_id": second["id"]})
    assert account.cloud.backend.reserved == {address: second["id"]}


def test_destroy_by_tag(client):
    new_droplet(client, tags=["course"])
    other = new_droplet(client)
    client.droplets.destroy_by_tag(tag_name="course")
    assert [entry["id"] for entry in client.droplets.list()["droplets"]] == [other["id"]]


def test_tags(account, client):
    client.tags.create({"name": "course"})
    client.tags.create({"name": "course"})
    droplet, volume = new_droplet(client), client.volumes.create(VOLUME)["volume"]
    resources = [
        {"resource_id": str(droplet["id"]), "resource_type": "droplet"},
        {"resource_id": volume["id"], "resource_type": "volume"},
    ]
    client.tags.assign_resources("course", {"resources": resources})
    assert client.tags.get("course")["tag"]["resources"]["count"] == 2
    client.tags.unassign_resources("course", {"resources": resources[:1]})
    assert client.droplets.get(droplet["id"])["droplet"]["tags"] == []
    client.tags.delete("course")
    assert client.tags.list()["tags"] == [] and client.volumes.list()["volumes"][0]["tags"] == []
    assert status_of(account, client.tags.get, "course") == 404


def test_volume_by_name_and_region(account, client):
    volume = client.volumes.create({**VOLUME, "tags": ["course"]})["volume"]
    assert client.volumes.list(name="home", region="fra1")["volumes"][0]["id"] == volume["id"]
    assert client.volumes.list(name="home", region="ams3")["volumes"] == []
    assert status_of(account, client.volumes.create, VOLUME) == 409
    client.volumes.create({**VOLUME, "region": "ams3"})
    client.volumes.delete_by_name(name="home", region="fra1")
    assert [entry["region"]["slug"] for entry in client.volumes.list()["volumes"]] == ["ams3"]


def test_volume_grows_and_is_moved(account, client):
    droplet, volume = new_droplet(client), client.volumes.create(VOLUME)["volume"]
    by_name = {"type": "attach", "volume_name": "home", "droplet_id": droplet["id"], "region": "fra1"}
    client.volume_actions.post(by_name)
    assert status_of(account, client.volumes.delete, volume["id"]) == 409
    act = client.volume_actions.post_by_id
    act(volume["id"], {"type": "resize", "size_gigabytes": 20})
    assert account.cloud.backend.volumes[volume["id"]] == 20
    assert status_of(account, act, volume["id"], {"type": "resize", "size_gigabytes": 15}) == 422
    again = {"type": "attach", "droplet_id": droplet["id"]}
    assert status_of(account, act, volume["id"], again) == 422
    act(volume["id"], {"type": "detach", "droplet_id": droplet["id"]})
    assert client.droplets.get(droplet["id"])["droplet"]["volume_ids"] == []
    types = [entry["type"] for entry in client.volume_actions.list(volume["id"])["actions"]]
    assert types == ["detach_volume", "resize_volume", "attach_volume"]
    client.volumes.delete(volume["id"])


def test_volume_from_a_snapshot(account, client):
    volume = client.volumes.create(VOLUME)["volume"]
    snapshot = client.volume_snapshots.create(volume["id"], {"name": "week 1"})["snapshot"]
    assert client.volume_snapshots.list(volume["id"])["snapshots"] == [snapshot]
    assert client.snapshots.list(resource_type="droplet")["snapshots"] == []
    body = {"name": "copy", "region": "fra1", "size_gigabytes": 10, "snapshot_id": snapshot["id"]}
    client.volumes.create(body)
    assert status_of(account, client.volumes.create, {**body, "name": "small", "size_gigabytes": 5}) == 422
    client.volume_snapshots.delete_by_id(snapshot["id"])
    assert account.cloud.backend.snapshots == set()


def test_firewall_holds_for_its_tag(account, client):
    droplet, backend = new_droplet(client, tags=["course"]), account.cloud.backend
    firewall = client.firewalls.create({**FIREWALL, "tags": ["course"]})["firewall"]
    rules = (Rule("icmp", "0"), Rule("tcp", "22"), Rule("tcp", "80"))
    assert backend.droplets[droplet["id"]].inbound == rules
    assert client.droplets.list_firewalls(droplet["id"])["firewalls"][0]["id"] == firewall["id"]
    later = new_droplet(client, tags=["course"])
    assert backend.droplets[later["id"]].inbound == rules
    changed = {**FIREWALL, "tags": ["course"], "inbound_rules": INBOUND[:1]}
    client.firewalls.update(firewall["id"], changed)
    assert backend.droplets[droplet["id"]].inbound == (Rule("tcp", "22"),)
    client.firewalls.delete(firewall["id"])
    assert backend.droplets[droplet["id"]].inbound is None


def test_tag_brings_a_droplet_under_a_firewall(account, client):
    client.tags.create({"name": "course"})
    client.firewalls.create({**FIREWALL, "tags": ["course"]})
    droplet, made = new_droplet(client), account.cloud.backend.droplets
    resources = {"resources": [{"resource_id": str(droplet["id"]), "resource_type": "droplet"}]}
    for change, closed in [
        (client.tags.assign_resources, True),
        (client.tags.unassign_resources, False),
        (client.tags.assign_resources, True),
    ]:
        change("course", resources)
        assert (made[droplet["id"]].inbound is not None) == closed
    client.tags.delete("course")
    assert made[droplet["id"]].inbound is None


def test_firewall_mistakes(account, client):
    assert status_of(account, client.firewalls.create, {**FIREWALL, "tags": ["unknown"]}) == 422
    client.firewalls.create(FIREWALL)
    assert status_of(account, client.firewalls.create, FIREWALL) == 409
    without_ports = {"protocol": "icmp", "sources": {"addresses": ["0.0.0.0/0"]}}
    body = {**FIREWALL, "name": "ping", "inbound_rules": [without_ports]}
    assert status_of(account, client.firewalls.create, body) == 422


def test_put_leaves_out_what_the_body_leaves_out(client):
    client.tags.create({"name": "course"})
    firewall = client.firewalls.create({**FIREWALL, "tags": ["course"]})["firewall"]
    assert client.firewalls.update(firewall["id"], FIREWALL)["firewall"]["tags"] == []


def test_reserved_ip_is_moved(account, client):
    one, two = new_droplet(client), new_droplet(client)
    created = client.reserved_ips.create({"droplet_id": one["id"]})
    address = created["reserved_ip"]["ip"]
    assert created["links"]["actions"][0]["rel"] == "assign_ip"
    assert client.reserved_ips.get(address)["reserved_ip"]["droplet"]["id"] == one["id"]
    assert status_of(account, client.reserved_ips.create, {"droplet_id": one["id"]}) == 422
    client.reserved_ips_actions.post(address, {"type": "assign", "droplet_id": two["id"]})
    assert account.cloud.backend.reserved == {address: two["id"]}
    assert account.state.droplet_at(address)["id"] == two["id"]
    client.reserved_ips_actions.post(address, {"type": "unassign"})
    client.reserved_ips.delete(address)
    assert client.reserved_ips.list()["reserved_ips"] == [] and account.cloud.backend.reserved == {}


def test_reserved_ip_that_is_given_back_leads_nowhere(account, client):
    address = client.reserved_ips.create({"droplet_id": new_droplet(client)["id"]})["reserved_ip"]["ip"]
    client.reserved_ips.delete(address)
    assert account.cloud.backend.calls[-3:] == ["assign_address", "assign_address", "release_address"]


def test_reserved_ip_for_a_region(client):
    reserved = client.reserved_ips.create({"region": "ams3"})["reserved_ip"]
    assert reserved["droplet"] is None and reserved["region"]["slug"] == "ams3"


def test_domain_records(account, client):
    client.domains.create({"name": "example.org"})
    assert status_of(account, client.domains.create, {"name": "example.org"}) == 422
    body = {"type": "A", "name": "hub", "data": "203.0.113.9", "ttl": 300}
    record = client.domains.create_record("example.org", body)["domain_record"]
    client.domains.create_record("example.org", {**body, "data": "203.0.113.8"})
    listed = client.domains.list_records("example.org", type="A", name="hub.example.org")
    assert len(listed["domain_records"]) == 2
    assert account.cloud.backend.records == {"hub.example.org": "203.0.113.9"}
    changed = {"type": "A", "data": "203.0.113.7"}
    assert client.domains.patch_record("example.org", record["id"], changed)["domain_record"]["ttl"] == 300
    assert account.cloud.backend.records == {"hub.example.org": "203.0.113.7"}
    client.domains.delete_record("example.org", record["id"])
    assert status_of(account, client.domains.get_record, "example.org", record["id"]) == 404
    assert len(client.domains.list_records("example.org", type="NS")["domain_records"]) == 3
    wrong = {**body, "data": "here"}
    assert status_of(account, client.domains.create_record, "example.org", wrong) == 422


def test_projects(account, client):
    default = client.projects.get_default()["project"]
    droplet = new_droplet(client)
    address = client.reserved_ips.create({"droplet_id": droplet["id"]})["reserved_ip"]["ip"]
    urns = [f"do:droplet:{droplet['id']}", f"do:floatingip:{address}"]
    assert [entry["urn"] for entry in client.projects.list_resources(default["id"])["resources"]] == urns
    project = client.projects.create({"name": "Course", "purpose": "Class project"})["project"]
    client.projects.assign_resources(project["id"], {"resources": urns})
    assert client.projects.list_resources(default["id"])["resources"] == []
    assert client.reserved_ips.get(address)["reserved_ip"]["project_id"] == project["id"]
    assert status_of(account, client.projects.delete, project["id"]) == 412
    missing = {"resources": ["do:volume:none"]}
    assert status_of(account, client.projects.assign_resources, project["id"], missing) == 404
    assert status_of(account, client.projects.create, {"name": "Course", "purpose": "Other"}) == 409


@pytest.mark.parametrize("plan", ["weekly", "daily"])
def test_backup_policy(client, plan):
    policy = {"plan": plan, "hour": 4} | ({"weekday": "TUE"} if plan == "weekly" else {})
    droplet = new_droplet(client, backups=True, backup_policy=policy)
    shown = client.droplets.get_backup_policy(droplet["id"])["policy"]
    assert shown["backup_policy"]["plan"] == plan and droplet["next_backup_window"]["start"]
    assert "backups" in droplet["features"]


def test_backups_without_a_policy_are_daily(client):
    droplet = new_droplet(client, backups=True)
    assert client.droplets.get_backup_policy(droplet["id"])["policy"]["backup_policy"]["plan"] == "daily"
    assert client.droplets.list_backups(droplet["id"])["backups"] == []
    assert client.droplets.list_supported_backup_policies()["supported_policies"]
