"""scripts/destroy.py: what was named goes, once its name was typed; all else stays."""

from __future__ import annotations

import pytest
from provisioned import SECRET, new_course, struck
from script_runs import (
    NAME,
    act,
    act_apart,
    add_what_is_not_the_courses,
    archives,
    books,
    deployed,
    scopes_of,
    until_it_ends,
)
from test_provisioning import FULL

from coursehub.derivation import DEPLOY_KEY, key_pair
from coursehub.lifecycle import archive, destroy
from coursehub.names import names_from
from coursehub.problems import Failure, InvalidInput
from sandbox.cloud.faults import WRITE, Fault

NAMES = names_from(SECRET)
CONFIRMED = ("--confirm", NAME)
EVERYTHING = ("--volume", "--snapshots", *CONFIRMED)
LEAST_WRITES = 7
MOST_WRITES = 40


@pytest.fixture
def course(server, tmp_path):
    return deployed(tmp_path / "course", server, FULL)


def nothing_is_left(client) -> None:
    assert client.droplets.list()["droplets"] == []
    assert client.volumes.list()["volumes"] == []
    assert client.reserved_ips.list()["reserved_ips"] == []
    assert client.firewalls.list()["firewalls"] == []
    assert client.ssh_keys.list()["ssh_keys"] == []
    assert client.tags.list()["tags"] == []
    assert client.domains.list_records("school.edu", type="A")["domain_records"] == []


def test_the_volume_stays_unless_told(course, client, capsys):
    told = act(course, destroy, *CONFIRMED)
    (volume,) = client.volumes.list()["volumes"]
    assert volume["name"] == NAMES.volume and volume["tags"] == [NAMES.tag]
    assert client.droplets.list()["droplets"] == [] and client.ssh_keys.list()["ssh_keys"] == []
    assert told.values["monthly"] == 2.0 and "DIGITALOCEAN_TOKEN" in told.notes[-1]
    shown = capsys.readouterr().err
    assert "What will stay, and be billed" in shown and "$2.00" in shown


def test_all_of_it(course, client, capsys):
    told = act(course, destroy, *EVERYTHING)
    nothing_is_left(client)
    assert told.values["monthly"] == 0
    assert "ALL FILES OF ALL STUDENTS ARE LOST; THERE IS NO COPY" in capsys.readouterr().err


def test_a_copy_is_told_of_and_stays(course, client, capsys):
    (volume,) = client.volumes.list()["volumes"]
    client.volume_snapshots.create(volume["id"], body={"name": f"{NAMES.tag}-archive-2026-02-02", "tags": []})
    told = act(course, destroy, "--volume", *CONFIRMED)
    assert "ALL FILES OF ALL STUDENTS ARE LOST; the snapshot of 20" in capsys.readouterr().err
    assert len(archives(client)) == 1 and client.volumes.list()["volumes"] == []
    assert told.values["monthly"] == pytest.approx(20 * 0.06, rel=0.1)


def test_after_an_archive(course, client):
    act(course, archive, *CONFIRMED)
    act(course, destroy, "--snapshots", *CONFIRMED)
    nothing_is_left(client)


def test_nothing_of_others_is_touched(course, server, client):
    before = books(server)
    add_what_is_not_the_courses(server, client)
    there = books(server)
    act(course, destroy, *EVERYTHING)
    after = books(server)
    for kind, entries in there.items():
        others = entries.keys() - before[kind].keys()
        assert others and after[kind].keys() - {"school.edu"} == others, kind
        assert all(after[kind][key] == entries[key] for key in others)


def test_a_record_that_leads_elsewhere_and_a_key_that_a_person_added_stay(course, client):
    (record,) = client.domains.list_records("school.edu", type="A")["domain_records"]
    body = {"type": "A", "name": "hub", "data": "203.0.113.99"}
    client.domains.update_record("school.edu", record["id"], body=body)
    (key,) = client.ssh_keys.list()["ssh_keys"]
    client.ssh_keys.update(key["id"], body={"name": "laptop"})
    act(course, destroy, *EVERYTHING)
    assert len(client.domains.list_records("school.edu", type="A")["domain_records"]) == 1
    assert [one["name"] for one in client.ssh_keys.list()["ssh_keys"]] == ["laptop"]
    assert key["public_key"].split()[1] == key_pair(SECRET, DEPLOY_KEY).public.split()[1]


@pytest.mark.parametrize("words", [(), ("--confirm", "Another course")])
def test_a_wrong_name(course, server, words, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    server.requests.clear()
    with pytest.raises(InvalidInput):
        act(course, destroy, *words)
    assert {request.method for request in server.requests} == {"GET"}


def test_when_half_is_gone_already(course, client):
    client.droplets.destroy(client.droplets.list()["droplets"][0]["id"])
    client.droplets.list()
    client.firewalls.delete(client.firewalls.list()["firewalls"][0]["id"])
    act(course, destroy, *EVERYTHING)
    (record,) = client.domains.list_records("school.edu", type="A")["domain_records"] or [None]
    assert record is None, "it led to the reserved address, which was known still"
    nothing_is_left(client)


def test_nothing_to_destroy(server, tmp_path):
    told = act(new_course(tmp_path / "empty", server, FULL), destroy)
    assert told.title == "There is nothing to destroy"


def test_a_droplet_that_is_in_no_list_yet_is_not_left_behind(server, client, tmp_path):
    """A deploy died right after it asked for one."""
    course = new_course(tmp_path / "course", server, FULL)
    fault = lambda kill: Fault("crash_after", method="POST", path="/v2/droplets", call=kill)  # noqa: E731
    server.behaviour.lag = 3
    assert struck(server, fault, course.start_apart) == -9
    act(course, destroy, *EVERYTHING)
    nothing_is_left(client)


def test_a_token_that_may_not_delete(course, server, client, tmp_path):
    with server.lock:
        reading = [scope for scope in scopes_of("A deploy") if scope.endswith(":read")]
        server.state.tokens["dop_v1_only_looks_at_all"] = reading
    careful = new_course(tmp_path / "same", server, FULL, token="dop_v1_only_looks_at_all")
    with pytest.raises(Failure, match="lacks the scope domain:delete") as caught:
        act(careful, destroy, *EVERYTHING)
    assert "for this run alone" in caught.value.fix
    assert len(client.droplets.list()["droplets"]) == 1


def test_killed_before_every_second_write(course, server, client):
    fault = lambda kill: Fault("crash_before", method=WRITE, skip=1, call=kill)  # noqa: E731
    start = lambda: act_apart(course, destroy, *EVERYTHING)  # noqa: E731
    assert until_it_ends(server, fault, start) >= LEAST_WRITES
    nothing_is_left(client)


SPOILT = [(1, {"kind": "lose"}), (0, {"kind": "refuse", "status": 503})]


@pytest.mark.parametrize(("first", "values"), SPOILT)
def test_every_second_write_is_spoilt(course, server, client, first, values):
    server.faults += [Fault(**values, method=WRITE, skip=skip) for skip in range(first, MOST_WRITES, 2)]
    failures = []
    while len(failures) < LEAST_WRITES:
        try:
            act(course, destroy, *EVERYTHING)
            break
        except Failure as failure:
            assert failure.fix
            failures.append(failure)
    server.faults.clear()
    nothing_is_left(client)


def test_an_address_that_a_person_gave_to_another_droplet_stays(course, server, client):
    add_what_is_not_the_courses(server, client)
    (other,) = [one for one in client.droplets.list()["droplets"] if one["name"] == "other"]
    (ip,) = [one for one in client.reserved_ips.list()["reserved_ips"] if one["droplet"]]
    for body in ({"type": "unassign"}, {"type": "assign", "droplet_id": other["id"]}):
        client.reserved_ips_actions.post(ip["ip"], body=body)
    act(course, destroy, *EVERYTHING)
    assert ip["ip"] in [one["ip"] for one in client.reserved_ips.list()["reserved_ips"]]
