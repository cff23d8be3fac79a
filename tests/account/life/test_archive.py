"""scripts/archive.py: put away, with nothing lost and nothing of others touched; and back."""

from __future__ import annotations

import pytest
from provisioned import SECRET, changed, new_course
from script_runs import (
    BUSY,
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

from coursehub import pipeline
from coursehub.lifecycle import archive
from coursehub.names import names_from
from coursehub.problems import Failure, InvalidInput
from coursehub.targets.droplet import CloudDroplet
from sandbox.cloud.faults import WRITE, Fault

NAMES = names_from(SECRET)
CONFIRMED = ("--confirm", NAME)
DISK_ONLY = "droplet: {size: s-1vcpu-2gb, region: fra1}\nstorage: {size: none}\n"
LEAST_WRITES = 7
MOST_WRITES = 30


@pytest.fixture
def course(server, tmp_path):
    """Deployed, with all that a course can have."""
    return deployed(tmp_path / "course", server, FULL)


@pytest.fixture
def on_disk(server, tmp_path):
    """Deployed without a volume."""
    return deployed(tmp_path / "course", server, DISK_ONLY)


def put_away(server, client) -> None:
    """Nothing of the course is left but one snapshot, and what is free."""
    assert client.droplets.list(tag_name=NAMES.tag)["droplets"] == []
    assert client.volumes.list(name=NAMES.volume)["volumes"] == []
    assert client.reserved_ips.list()["reserved_ips"] == []
    assert client.domains.list_records("school.edu", type="A")["domain_records"] == []
    (snapshot,) = archives(client)
    assert NAMES.archived in snapshot["tags"] and snapshot["resource_type"] == "volume"
    tags = {tag["name"] for tag in client.tags.list()["tags"]}
    assert tags == {NAMES.tag, NAMES.archived}


def test_what_is_kept_and_what_goes(course, server, client):
    told = act(course, archive, *CONFIRMED)
    put_away(server, client)
    assert told.verdict == "archived" and told.values["monthly"] == pytest.approx(20 * 1.073 * 0.06, rel=0.1)
    assert archives(client)[0]["name"].startswith(f"{NAMES.tag}-archive-20")
    assert len(client.firewalls.list()["firewalls"]) == 1
    with pytest.raises(Failure, match="archived") as caught:
        course.plan()
    assert "--restore" in caught.value.fix


def test_again_is_as_good(course, server, client):
    act(course, archive, *CONFIRMED)
    server.requests.clear()
    told = act(course, archive)
    assert told.title == "The course is archived already"
    assert {request.method for request in server.requests} == {"GET"}


def test_nothing_of_others_is_touched(course, server, client):
    before = books(server)
    add_what_is_not_the_courses(server, client)
    others = {kind: entries.keys() - before[kind].keys() for kind, entries in books(server).items()}
    there = books(server)
    act(course, archive, *CONFIRMED)
    after = books(server)
    for kind, keys in others.items():
        assert keys, kind
        for key in keys:
            assert after[kind][key] == there[kind][key]


@pytest.mark.parametrize("words", [(), ("--confirm", "my course"), ("--confirm", "")])
def test_without_the_courses_name_nothing_is_done(course, server, words, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    server.requests.clear()
    with pytest.raises(InvalidInput) as caught:
        act(course, archive, *words)
    assert f"--confirm '{NAME}'" in caught.value.problems[0].fix
    assert {request.method for request in server.requests} == {"GET"}


def test_the_name_is_asked_for_at_a_terminal(course, client, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin.readline", lambda: NAME + "\n", raising=False)
    assert act(course, archive).verdict == "archived"


def test_a_deploy_that_is_under_way_is_waited_for(course, droplet, monkeypatch):
    monkeypatch.setattr("coursehub.rollback.time.sleep", lambda _: None)
    droplet.answers["lock"] = [BUSY, BUSY, None]
    act(course, archive, *CONFIRMED)
    assert droplet.asked == ["lock", "lock", "lock", "close"]


def test_a_droplet_that_cannot_be_reached_is_archived_all_the_same(
    course, server, client, monkeypatch, capsys
):
    def refuse(target):
        raise Failure("no answer")

    monkeypatch.setattr(CloudDroplet, "open", refuse)
    act(course, archive, *CONFIRMED)
    put_away(server, client)
    assert "cannot be asked" in capsys.readouterr().err


def test_the_volume_and_the_address_can_stay(course, client):
    address = client.reserved_ips.list()["reserved_ips"][0]["ip"]
    told = act(course, archive, "--keep-volume", "--keep-address", *CONFIRMED)
    (volume,) = client.volumes.list()["volumes"]
    assert volume["name"] == NAMES.volume and archives(client) == []
    assert [ip["ip"] for ip in client.reserved_ips.list()["reserved_ips"]] == [address]
    assert len(client.domains.list_records("school.edu", type="A")["domain_records"]) == 1
    assert told.values["monthly"] == 7.0
    brought_back(course, client)
    assert client.reserved_ips.list()["reserved_ips"][0]["ip"] == address


def test_a_kept_address_is_found_again_without_a_volume(course, client):
    address = client.reserved_ips.list()["reserved_ips"][0]["ip"]
    act(course, archive, "--keep-address", *CONFIRMED)
    assert act(course, archive, "--keep-address").title == "The course is archived already"
    brought_back(course, client)
    (found,) = client.reserved_ips.list()["reserved_ips"]
    assert found["ip"] == address and found["droplet"]


def brought_back(course, client) -> None:
    """As --restore does, without the hub: the mark goes, and a deploy makes what is missing."""
    client.tags.delete(NAMES.archived)
    course.deploy()


def test_the_way_back(course, client, monkeypatch):
    act(course, archive, *CONFIRMED)
    (snapshot,) = archives(client)
    done = []
    monkeypatch.setattr(pipeline, "deploy", lambda *words: done.append(course.deploy()))
    act(course, archive, "--restore")
    (create,) = [step for step in done[0] if step.operation == "volume.create"]
    assert create.parameters["snapshot"] == snapshot["id"]
    (volume,) = client.volumes.list()["volumes"]
    assert volume["size_gigabytes"] == 20 and len(volume["droplet_ids"]) == 1
    assert archives(client)[0]["tags"] == [NAMES.tag], "no later archive takes it for its own"


def test_a_second_term_has_a_second_snapshot(course, client):
    act(course, archive, *CONFIRMED)
    brought_back(course, client)
    act(course, archive, *CONFIRMED)
    names = [one["name"] for one in archives(client)]
    assert len(names) == 2 and NAMES.archived in archives(client)[1]["tags"]


def test_without_a_volume_the_droplets_disk_is_kept(on_disk, client):
    act(on_disk, archive, *CONFIRMED)
    (snapshot,) = archives(client)
    assert snapshot["resource_type"] == "droplet" and NAMES.archived in snapshot["tags"]
    assert client.droplets.list()["droplets"] == []
    brought_back(on_disk, client)
    (droplet,) = client.droplets.list()["droplets"]
    assert str(droplet["image"]["id"]) == snapshot["id"]


def test_a_volume_that_the_files_are_not_on_yet(on_disk, client):
    """course.yml has a volume now, but was not deployed since: both are looked at as they are."""
    edited = changed(on_disk, "storage", size="20G")
    act(edited, archive, *CONFIRMED)
    assert [one["resource_type"] for one in archives(client)] == ["droplet"]


def test_nothing_to_archive(server, tmp_path):
    with pytest.raises(Failure, match="nothing to archive"):
        act(new_course(tmp_path / "empty", server, FULL), archive, *CONFIRMED)


def test_an_archive_in_another_region_is_a_mistake(course, client):
    act(course, archive, *CONFIRMED)
    client.tags.delete(NAMES.archived)
    with pytest.raises(InvalidInput, match="fra1"):
        changed(course, "droplet", region="ams3").plan()


@pytest.mark.parametrize("kind", ["volume", "disk"])
def test_a_snapshot_that_fails_brings_the_hub_back(kind, request, server, client, monkeypatch):
    course = request.getfixturevalue("course" if kind == "volume" else "on_disk")
    if kind == "volume":
        server.faults.append(Fault("refuse", method="POST", path="*/snapshots", status=422))
    else:
        server.cloud.backend.failing["snapshot"] = 1
    with pytest.raises(Failure) as caught:
        act(course, archive, *CONFIRMED)
    assert "The hub is on again" in caught.value.fix
    (droplet,) = client.droplets.list()["droplets"]
    assert droplet["status"] == "active"
    assert course.plan() == []


def test_an_empty_snapshot_is_not_trusted(course, server, client, monkeypatch):
    monkeypatch.setattr(server.cloud.backend, "snapshot_volume", lambda volume, snapshot: 0)
    with pytest.raises(Failure, match="not as it should be"):
        act(course, archive, *CONFIRMED)
    assert len(client.volumes.list()["volumes"]) == 1
    assert client.droplets.list()["droplets"][0]["status"] == "active"


def test_a_token_that_may_not_delete(course, server, client):
    with server.lock:
        server.state.tokens["dop_v1_may_not_delete"] = [
            *scopes_of("A deploy"),
            "block_storage_snapshot:create",
        ]
    careful = new_course(course.settings.root.parent / "same", server, FULL, token="dop_v1_may_not_delete")
    with pytest.raises(Failure, match="lacks the scope droplet:delete") as caught:
        act(careful, archive, *CONFIRMED)
    assert "for this run alone" in caught.value.fix and "on again" in caught.value.fix
    assert client.droplets.list()["droplets"][0]["status"] == "active"
    careful.deploy()
    assert len(client.domains.list_records("school.edu", type="A")["domain_records"]) == 1


def test_a_droplet_that_somebody_switched_on_again_is_copied_again(course, server, client):
    """A run died after its snapshot; then students worked."""
    server.faults.append(Fault("refuse", method="DELETE", path="*/droplets/*", status=500, times=9))
    server.faults.append(
        Fault("refuse", method="POST", path="*/droplets/*/actions", status=500, times=9, skip=1)
    )
    with pytest.raises(Failure):
        act(course, archive, *CONFIRMED)
    server.faults.clear()
    (droplet,) = client.droplets.list()["droplets"]
    client.droplet_actions.post(droplet["id"], body={"type": "power_on"})
    act(course, archive, *CONFIRMED)
    assert len(archives(client)) == 2 and client.volumes.list()["volumes"] == []


def test_killed_at_every_write(course, server, client):
    def nothing_is_lost() -> None:
        copied = [one for one in archives(client) if NAMES.archived in one["tags"]]
        assert client.volumes.list()["volumes"] or copied

    fault = lambda kill: Fault("crash_after", method=WRITE, call=kill)  # noqa: E731
    start = lambda: act_apart(course, archive, *CONFIRMED)  # noqa: E731
    assert until_it_ends(server, fault, start, nothing_is_lost) >= LEAST_WRITES
    put_away(server, client)


def test_killed_at_every_write_without_a_volume(on_disk, server, client):
    fault = lambda kill: Fault("crash_after", method=WRITE, call=kill)  # noqa: E731
    assert until_it_ends(server, fault, lambda: act_apart(on_disk, archive, *CONFIRMED)) >= 4
    assert len(archives(client)) == 1 and client.droplets.list()["droplets"] == []


SPOILT = [(0, {"kind": "lose"}), (1, {"kind": "fail", "status": 500}), (0, {"kind": "refuse", "status": 503})]


@pytest.mark.parametrize(("first", "values"), SPOILT)
def test_every_second_write_is_spoilt(course, server, client, first, values):
    server.faults += [Fault(**values, method=WRITE, skip=skip) for skip in range(first, MOST_WRITES, 2)]
    failures = []
    while len(failures) < LEAST_WRITES:
        try:
            act(course, archive, *CONFIRMED)
            break
        except Failure as failure:
            assert failure.fix
            failures.append(failure)
    server.faults.clear()
    act(course, archive, *CONFIRMED)
    assert client.droplets.list(tag_name=NAMES.tag)["droplets"] == []
    assert client.volumes.list(name=NAMES.volume)["volumes"] == []
    assert client.reserved_ips.list()["reserved_ips"] == []
    assert any(NAMES.archived in one["tags"] for one in archives(client))
