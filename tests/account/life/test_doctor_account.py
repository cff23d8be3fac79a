"""What the doctor says of the account: what is missing, off, or leads elsewhere; and an API that refuses."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from provisioned import SECRET
from script_runs import deployed
from test_provisioning import FULL
from test_scripts import run  # noqa: F401 (a fixture)

from coursehub.cloud.observe import observe
from coursehub.cloud.plan import plan
from coursehub.cloud.wanted import wanted_from
from coursehub.doctor import account


@pytest.fixture
def course(server, tmp_path):
    return deployed(tmp_path / "course", server, FULL)


def levels(course):
    wanted = wanted_from(course.settings, course.secrets, datetime.now(UTC))
    seen = observe(course.target().account, wanted)
    return {one.name: one.level for one in account.findings(wanted, seen, plan(wanted, seen))}


def settled(server):
    server.behaviour.polls = server.behaviour.lag = 0


def droplet_of(client):
    (found,) = client.droplets.list()["droplets"]
    return found


def test_all_is_well(course):
    found = levels(course)
    assert set(found.values()) == {"good"} and {"droplet", "volume", "firewall"} <= found.keys()


def test_a_droplet_that_is_off(course, server, client):
    settled(server)
    client.droplet_actions.post(droplet_of(client)["id"], body={"type": "power_off"})
    assert levels(course)["droplet"] == "failure"


def test_a_volume_that_was_detached(course, server, client):
    settled(server)
    volume, droplet = client.volumes.list()["volumes"][0], droplet_of(client)
    client.volume_actions.post_by_id(volume["id"], body={"type": "detach", "droplet_id": droplet["id"]})
    assert levels(course)["volume"] == "failure"


def test_a_firewall_that_is_gone_and_a_record_that_leads_elsewhere(course, server, client):
    settled(server)
    client.firewalls.delete(client.firewalls.list()["firewalls"][0]["id"])
    for record in client.domains.list_records("school.edu")["domain_records"]:
        if record["type"] == "A":
            client.domains.update_record(
                "school.edu", record["id"], body={"type": "A", "data": "203.0.113.99"}
            )
    found = levels(course)
    assert found["firewall"] == "warning"
    assert found.get("DNS record", "failure") == "failure"


def test_no_droplet_at_all(course, server, client):
    settled(server)
    client.droplets.destroy(droplet_of(client)["id"])
    assert levels(course)["droplet"] == "failure"


def test_a_token_that_is_refused_is_a_finding_and_the_look_goes_on(run, server):  # noqa: F811
    refused = {"DIGITALOCEAN_TOKEN": "dop_v1_" + "0" * 64, "COURSE_SECRET": SECRET}
    code, value, summary = run("doctor.py", "--no-bundle", **refused)
    (found,) = [one for part in value["sections"] if part["key"] == "account" for one in part["findings"]]
    assert code == 1 and found["level"] == "failure" and "does not accept" in found["seen"]
    assert [one["key"] for one in value["sections"]] == ["given", "account", "outside", "inside", "intent"]
    assert "0000" not in summary
