"""What a deploy makes in the account, and changes later: every exchange is the real client's."""

from __future__ import annotations

import pytest
from provisioned import SECRET, changed, new_course

from coursehub.model import Silent
from coursehub.names import names_from
from coursehub.problems import Failure, InvalidInput
from sandbox.cloud import Server

NAMES = names_from(SECRET)
SMALL = "droplet: {size: s-1vcpu-2gb, region: fra1}\nstorage: {size: 10G}\n"
FULL = """
droplet: {size: s-2vcpu-4gb, region: fra1, reserved_ip: true, project: Teaching, backups: weekly}
storage: {size: 20G}
https: {email: a@school.edu, domain: hub.school.edu}
"""


@pytest.fixture
def server(account: Server, monkeypatch) -> Server:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(account.ca))
    return account


@pytest.fixture
def course(tmp_path, server):
    return new_course(tmp_path / "course", server, SMALL)


@pytest.fixture
def full(tmp_path, server, client):
    client.domains.create(body={"name": "school.edu"})
    return new_course(tmp_path / "course", server, FULL)


def test_the_first_deploy_makes_everything(full, client):
    steps = full.plan()
    assert [step.operation for step in steps] == [
        "key",
        "tag",
        "firewall",
        "volume.create",
        "droplet.create",
        "volume.attach",
        "address.reserve",
        "record.set",
        "project.put",
    ][: len(steps)] or steps
    assert sum(step.monthly or 0 for step in steps) == pytest.approx(24 * 1.2 + 2.0)
    full.deploy()
    (droplet,) = client.droplets.list()["droplets"]
    assert droplet["name"] == "hub.school.edu" and droplet["tags"] == [NAMES.tag]
    assert {"monitoring", "backups"} <= set(droplet["features"])
    (volume,) = client.volumes.list()["volumes"]
    assert volume["name"] == NAMES.volume and volume["droplet_ids"] == [droplet["id"]]
    (address,) = client.reserved_ips.list()["reserved_ips"]
    assert address["droplet"]["id"] == droplet["id"]
    assert NAMES.address_tag(address["ip"]) in volume["tags"]
    records = client.domains.list_records("school.edu", type="A")["domain_records"]
    assert [(record["name"], record["data"]) for record in records] == [("hub", address["ip"])]
    (firewall,) = client.firewalls.list()["firewalls"]
    assert {rule["ports"] for rule in firewall["inbound_rules"]} == {"22", "80", "443", "0"}
    project = next(one for one in client.projects.list()["projects"] if one["name"] == "Teaching")
    urns = {one["urn"] for one in client.projects.list_resources(project["id"])["resources"]}
    assert urns == {
        f"do:droplet:{droplet['id']}",
        f"do:volume:{volume['id']}",
        f"do:floatingip:{address['ip']}",
    }
    assert client.tags.get(NAMES.creating)["id"] == "not_found"


def test_a_second_deploy_does_nothing(full, server):
    full.deploy()
    server.requests.clear()
    assert full.plan() == []
    assert {entry.method for entry in server.requests} == {"GET"}


def test_a_course_that_is_renamed_keeps_its_droplet(course, client, tmp_path, server):
    course.deploy()
    renamed = new_course(tmp_path / "renamed", server, "name: Another\n" + SMALL)
    assert renamed.plan() == []


def test_the_user_data_is_no_part_of_the_plan(course):
    (create,) = [step for step in course.plan() if step.operation == "droplet.create"]
    assert "PRIVATE KEY" not in repr(create) and "PRIVATE KEY" in create.secrets["user_data"]


def test_a_larger_size_waits_for_a_word(course, client):
    course.deploy()
    larger = changed(course, "droplet", size="s-2vcpu-4gb")
    assert larger.plan() == []
    (step,) = larger.deploy("downtime")
    assert "s-1vcpu-2gb to s-2vcpu-4gb" in step.title and step.monthly == 12
    (droplet,) = client.droplets.list()["droplets"]
    assert droplet["size_slug"] == "s-2vcpu-4gb" and droplet["status"] == "active"
    assert droplet["disk"] == 50, "the disk must stay as it was"
    course.deploy("downtime")


def test_another_image_is_a_rebuild(course, client):
    course.deploy()
    other = changed(course, "droplet", image="debian-12-x64")
    assert other.titles("downtime") == []
    other.deploy("rebuild")
    (droplet,) = client.droplets.list()["droplets"]
    assert droplet["image"]["slug"] == "debian-12-x64"


def test_a_volume_grows_and_never_shrinks(course, client):
    course.deploy()
    grown = changed(course, "storage", size="30G")
    grown.deploy()
    assert client.volumes.list()["volumes"][0]["size_gigabytes"] == 30
    assert course.plan() == []


def test_backups_follow_the_settings(course, client):
    course.deploy()
    for plan in ("weekly", "daily", "none"):
        changed(course, "droplet", backups=plan).deploy()
        features = client.droplets.list()["droplets"][0]["features"]
        assert ("backups" in features) == (plan != "none")


def test_what_was_changed_by_hand_is_put_right(full, client):
    full.deploy()
    (droplet,) = client.droplets.list()["droplets"]
    (firewall,) = client.firewalls.list()["firewalls"]
    opened = {**firewall, "inbound_rules": [{**firewall["inbound_rules"][0], "ports": "8000"}]}
    body = {key: opened[key] for key in ("name", "tags", "inbound_rules", "outbound_rules")}
    client.firewalls.update(firewall["id"], body=body)
    client.domains.create_record("school.edu", body={"type": "A", "name": "hub", "data": "203.0.113.99"})
    client.droplet_actions.post(droplet["id"], body={"type": "power_off"})
    assert [step.operation for step in full.plan()] == ["firewall", "droplet.power_on", "record.set"]
    full.deploy()
    records = client.domains.list_records("school.edu", type="A")["domain_records"]
    assert len(records) == 1


def test_the_address_outlives_the_droplet(full, client):
    full.deploy()
    before = client.reserved_ips.list()["reserved_ips"][0]["ip"]
    client.droplets.destroy(client.droplets.list()["droplets"][0]["id"])
    full.deploy()
    (address,) = client.reserved_ips.list()["reserved_ips"]
    (droplet,) = client.droplets.list()["droplets"]
    assert address["ip"] == before and address["droplet"]["id"] == droplet["id"]
    (volume,) = client.volumes.list()["volumes"]
    assert volume["droplet_ids"] == [droplet["id"]]


def test_an_address_is_given_up_only_with_a_word(full, client):
    full.deploy()
    without = changed(full, "droplet", reserved_ip=False)
    assert "address.release" not in [step.operation for step in without.plan()]
    without.deploy("downtime")
    assert client.reserved_ips.list()["reserved_ips"] == []


def test_two_droplets_with_the_tag_are_an_error(course, client):
    course.deploy()
    more = {"name": "other", "size": "s-1vcpu-2gb", "image": "debian-12-x64", "region": "fra1"}
    client.droplets.create(body={**more, "tags": [NAMES.tag]})
    with pytest.raises(Failure, match="2 droplets bear the course's tag"):
        course.plan()


WRONG_SETTINGS = {
    "unknown size": ("droplet", {"size": "s-3vcpu-5gb"}, "droplet.size", "a month"),
    "a size that the region lacks": ("droplet", {"region": "nyc2"}, "droplet", "Choose"),
    "unknown region": ("droplet", {"region": "mars1"}, "droplet", "Choose"),
}


@pytest.mark.parametrize(("group", "values", "key", "words"), WRONG_SETTINGS.values(), ids=WRONG_SETTINGS)
def test_settings_that_the_account_cannot_fulfil(course, group, values, key, words):
    with pytest.raises(InvalidInput) as caught:
        changed(course, group, **values).plan()
    (problem, *_) = caught.value.problems
    assert problem.file == "course.yml" and problem.key.startswith(key) and words in problem.fix


def test_a_droplet_stays_in_its_region(course):
    course.deploy()
    with pytest.raises(InvalidInput, match="fra1"):
        changed(course, "droplet", region="ams3").plan()


def test_a_size_with_a_smaller_disk(course):
    course.deploy()
    with pytest.raises(InvalidInput, match="cannot shrink"):
        changed(course, "droplet", size="s-1vcpu-1gb").plan()


def test_a_locked_account(course, server):
    with server.lock:
        server.state.account["status"] = "locked"
        server.state.account["status_message"] = "unpaid since May"
    with pytest.raises(Failure) as caught:
        course.plan()
    assert "locked" in caught.value.message and "billing" in caught.value.fix
    assert "unpaid since May" in caught.value.detail


def test_a_token_that_is_wrong(tmp_path, server):
    with pytest.raises(Failure, match="does not accept DIGITALOCEAN_TOKEN"):
        new_course(tmp_path / "course", server, SMALL, token="dop_v1_wrong_wrong_wrong").plan()


def test_a_token_without_a_scope(tmp_path, server):
    with server.lock:
        server.state.tokens["dop_v1_only_reads_things"] = ["droplet:read", "account:read"]
    course = new_course(tmp_path / "course", server, SMALL, token="dop_v1_only_reads_things")
    with pytest.raises(Failure, match=r"lacks the scope [a-z_]+:read"):
        course.plan()


def test_the_quota_of_droplets(course, server):
    with server.lock:
        server.state.account["droplet_limit"] = 0
    with pytest.raises(Failure, match="limit"):
        course.deploy()


def test_an_address_for_tests_is_not_shown_as_the_real_one(course):
    target = course.target()
    target.prepare(Silent())
    assert target.address is None
    course.deploy()
    target.prepare(Silent())
    assert target.url == f"http://{target.address}"
