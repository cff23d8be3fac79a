"""A deploy that is hit at every write, in every way: a rerun converges, with one of everything, and nothing
left over. Only waits are shortened; the code that runs is a deploy's, the exchanges are the real client's."""

from __future__ import annotations

import pytest
from provisioned import SECRET, changed, new_course, struck
from test_provisioning import FULL

from coursehub.cloud import waiting
from coursehub.cloud.api import Account
from coursehub.names import names_from
from coursehub.problems import Failure
from sandbox.cloud.faults import WRITE, Fault

NAMES = names_from(SECRET)
LEAST_WRITES = 10
MOST_WRITES = 40
"""Of a first deploy, with repetitions."""


@pytest.fixture
def prepared(make_account, connect, tmp_path, monkeypatch):
    """(course, server, client) with a domain in the account. New things are missing from lists for a while,
    droplets are active before they have an address, and actions take some looks to end."""
    monkeypatch.setattr(waiting, "EVERY", 0.01)
    monkeypatch.setattr(waiting, "VISIBLE", 0.7)
    monkeypatch.setattr(Account, "pause", 0.01)
    server = make_account(lag=2, address_delay=2, polls=2, requests_per_hour=None)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.ca))
    client = connect(server)
    client.domains.create(body={"name": "school.edu"})
    return new_course(tmp_path / "course", server, FULL), server, client


def one_of_everything(server, client) -> None:
    """What a careless rerun would have made twice, and what it would have left over."""
    server.faults.clear()
    (droplet,) = client.droplets.list()["droplets"]
    (volume,) = client.volumes.list()["volumes"]
    (address,) = client.reserved_ips.list()["reserved_ips"]
    assert len(client.firewalls.list()["firewalls"]) == 1
    assert len(client.ssh_keys.list()["ssh_keys"]) == 1
    assert len(client.domains.list_records("school.edu", type="A")["domain_records"]) == 1
    names = [project["name"] for project in client.projects.list()["projects"]]
    assert names.count("Teaching") == 1
    assert volume["droplet_ids"] == [droplet["id"]] and address["droplet"]["id"] == droplet["id"]
    tags = {tag["name"] for tag in client.tags.list()["tags"]}
    assert tags == {NAMES.tag, NAMES.address_tag(address["ip"])}


@pytest.mark.parametrize(("kind", "skip"), [("crash_after", 0), ("crash_before", 1)])
def test_killed_at_every_write(prepared, kind, skip):
    """Each run dies after one more write than the one before, or before the one that follows."""
    course, server, client = prepared
    deaths = 0
    fault = lambda kill: Fault(kind, method=WRITE, skip=skip, call=kill)  # noqa: E731
    while code := struck(server, fault, course.start_apart):
        assert code == -9, "it died of something else"
        deaths += 1
    assert deaths >= LEAST_WRITES
    one_of_everything(server, client)


SPOILT = {
    "the answer is lost": {"kind": "lose"},
    "500 after the work was done": {"kind": "fail", "status": 500},
    "503 and nothing done": {"kind": "refuse", "status": 503},
    "a page of HTML": {"kind": "garbage"},
    "the connection is closed": {"kind": "close"},
    "429 with Retry-After": {"kind": "limit", "retry_after": 0.02},
}


@pytest.mark.parametrize("values", SPOILT.values(), ids=SPOILT)
@pytest.mark.parametrize("first", [0, 1])
def test_every_second_write_is_spoilt(prepared, first, values):
    """From the first or from the second on, so that each is hit once, repetitions left in peace."""
    course, server, client = prepared
    server.faults += [Fault(**values, method=WRITE, skip=skip) for skip in range(first, MOST_WRITES, 2)]
    failures = []
    while len(failures) < LEAST_WRITES:
        try:
            course.deploy()
            break
        except Failure as failure:
            assert failure.fix
            failures.append(failure)
    one_of_everything(server, client)


@pytest.mark.parametrize("values", SPOILT.values(), ids=SPOILT)
def test_looks_are_repeated(prepared, values):
    """Nothing is lost by asking again."""
    course, server, client = prepared
    server.faults += [Fault(**values, method="GET", skip=skip) for skip in range(0, 200, 5)]
    course.deploy()
    one_of_everything(server, client)


def test_an_api_that_is_down(prepared):
    course, server, _ = prepared
    server.faults.append(Fault("refuse", status=503, times=999))
    with pytest.raises(Failure, match="does not answer as it should") as caught:
        course.plan()
    assert "status.digitalocean.com" in caught.value.fix


def test_another_action_runs_on_the_droplet(prepared):
    """ "Pending event": a snapshot that somebody began in the control panel."""
    course, server, client = prepared
    course.deploy()
    (droplet,) = client.droplets.list()["droplets"]
    server.behaviour.polls = 30
    client.droplet_actions.post(droplet["id"], body={"type": "snapshot", "name": "by hand"})
    changed(course, "droplet", backups="none").deploy()
    assert "backups" not in client.droplets.list()["droplets"][0]["features"]
