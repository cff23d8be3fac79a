"""Storage and isolation, the pure pieces: plans as values, what is on a volume, whose number is whose."""

import subprocess
from types import SimpleNamespace

import pytest

from coursehub.accounts import unix_account
from coursehub.droplet import homes, isolation, mount_home, moving, volume
from coursehub.droplet import storage as on_droplet
from coursehub.parts import isolation as isolation_part
from coursehub.parts import storage
from coursehub.problems import Failure
from coursehub.roster.people import Roster
from coursehub.secrets import Secrets
from coursehub.sizes import GIB

DEVICE = "/dev/disk/by-id/scsi-0DO_Volume_coursehub-1a2b3c4d-home"
FINE = {"open": [], "missing": [], "conflicts": [], "private_by_default": True}
OURS = {"state": "ours", "found": "", "uuid": "u", "bytes": 20 * GIB, "file_system_bytes": 20 * GIB}
TOKEN = "dop_v1_0123456789abcdef"
SECRET = "seven maids with seven mops swept it for half a year"


def seen(**changes):
    nothing = {"homes": [], "state": False}
    return {
        "homes": FINE, "hub": True, "volume": OURS, "settled": True, "disk": nothing, "refusal": None
    } | changes  # fmt: skip


def planned(device=DEVICE, **changes):
    return storage.plan(storage.Want(device), seen(**changes), {})


@pytest.mark.parametrize(
    ("secrets", "gigabytes", "wanted"),
    [
        ({"digitalocean_token": TOKEN, "course_secret": SECRET}, 20, True),
        ({"digitalocean_token": TOKEN, "course_secret": SECRET}, None, False),
        ({"digitalocean_token": TOKEN, "course_secret": SECRET, "host": "hub.school.edu"}, 20, False),
        ({"host": "hub.school.edu", "ssh_private_key": "…"}, 20, False),
    ],
)
def test_a_volume_is_wanted_for_a_droplet_of_our_own(secrets, gigabytes, wanted):
    settings = SimpleNamespace(storage=SimpleNamespace(gigabytes=gigabytes), roster=Roster())
    device = storage.want(settings, Secrets(**secrets)).device
    assert (device or "").startswith("/dev/disk/by-id/scsi-0DO_Volume_coursehub-") == wanted


def test_nothing_to_do_is_no_step():
    assert planned() == []
    assert planned(None) == []


@pytest.mark.parametrize("state", ["absent", "empty", "half made", "ours"])
def test_a_volume_is_mounted_without_a_word_where_nothing_is_on_the_disk(state):
    (step,) = planned(settled=False, volume={"state": state})
    assert (step.operation, step.parameters) == ("storage.mount", {"device": DEVICE})
    assert step.title == storage.TITLES[state]
    assert step.needs == ""


@pytest.mark.parametrize(("hub", "needs"), [(True, "downtime"), (False, "")])
def test_moving_files_from_the_disk_needs_a_word_where_there_is_a_hub(hub, needs):
    disk = {"homes": [f"jupyter-s{number}" for number in range(8)], "state": True}
    (step,) = planned(settled=False, volume={"state": "empty"}, disk=disk, hub=hub)
    assert step.title == "Move the students' files to the volume"
    assert step.needs == needs
    assert step.details[5:7] == ("… and 3 more", "> the hub's state")


def test_a_volume_that_grew_is_followed_by_its_file_system():
    (step,) = planned(volume={**OURS, "bytes": 21 * GIB})
    assert (step.operation, step.title) == (
        "storage.grow",
        "Let the students' files use all 21 GB of the volume",
    )
    assert planned(volume={**OURS, "bytes": 20 * GIB + (64 << 20)}) == []


@pytest.mark.parametrize("device", [DEVICE, None])
def test_homes_are_settled_with_and_without_a_volume(device):
    wrong = {**FINE, "missing": [["jupyter-ada", 1001, 1001]], "open": ["jupyter-bob"]}
    (step,) = planned(device, homes={**wrong, "private_by_default": False})
    assert step.operation == "storage.settle_homes"
    assert step.details == (
        "+ account jupyter-ada (1001)",
        "~ /home/jupyter-bob: for nobody else",
        "~ new homes: for nobody else",
    )
    want = storage.Want(device, names=False)
    (step,) = storage.plan(want, seen(homes={**wrong, "private_by_default": True}), {})
    assert step.details == ("+ accounts for 1 person", "~ homes of 1 person: for nobody else")


def test_what_could_cost_files_stops_before_a_plan():
    with pytest.raises(Failure, match="precious") as caught:
        storage.prepare(storage.Want(DEVICE), seen(refusal=["precious things", "keep them"]), {}, None)
    assert caught.value.fix == "keep them"


@pytest.mark.parametrize(
    ("code", "tags", "blank", "expected"),
    [
        (2, {}, True, ("empty", "nothing")),
        (2, {}, False, ("foreign", "data of an unknown kind")),
        (0, {"TYPE": "ext4", "LABEL": "coursehub-home"}, False, ("ours", None)),
        (0, {"TYPE": "ext4", "LABEL": "coursehub-new"}, False, ("half made", None)),
        (0, {"TYPE": "ext4", "LABEL": "data"}, False, ("foreign", "ext4 with the label data")),
        (0, {"TYPE": "xfs", "LABEL": "coursehub-home"}, True, ("foreign", None)),
        (0, {"TYPE": "crypto_LUKS"}, True, ("foreign", "crypto_LUKS with no label")),
        (0, {"PTTYPE": "gpt"}, True, ("foreign", "a partition table (gpt)")),
        (8, {}, True, ("foreign", "something that blkid cannot tell (exit code 8)")),
        (4, {}, True, ("foreign", None)),
    ],
)
def test_only_nothing_is_taken_for_empty(code, tags, blank, expected):
    state, found = volume.judge(code, tags, lambda: blank)
    assert state == expected[0]
    assert expected[1] in (None, found)


def test_both_ends_of_a_blank_volume_are_zeros(tmp_path):
    file = tmp_path / "volume"
    for place in (None, 0, volume.BEGINNING - 1, (16 << 20) - 1):
        with file.open("wb") as opened:
            opened.truncate(16 << 20)
            if place is not None:
                opened.seek(place)
                opened.write(b"x")
        assert volume.is_blank(file) == (place is None)


def test_the_droplets_own_volume_is_known_by_its_uuid():
    record = {"uuid": "mine"}
    message, fix = on_droplet.refusal(DEVICE, {**OURS, "uuid": "other"}, record)
    assert "mine" in message and "other" in message and "volume.json" in fix
    assert on_droplet.refusal(DEVICE, {"state": "empty", "uuid": None, "found": ""}, record)
    assert on_droplet.refusal(DEVICE, {"state": "absent", "uuid": None, "found": ""}, record) is None
    with pytest.raises(mount_home.Trouble, match="another volume"):
        mount_home.require_uuid({"UUID": "other"}, DEVICE, "mine")
    mount_home.require_uuid({"UUID": "mine"}, DEVICE, "mine")


@pytest.mark.parametrize("size", [64 << 20, 3 << 30])
def test_the_size_of_a_file_system_is_read_from_its_superblock(tmp_path, size):
    file = tmp_path / "volume"
    with file.open("wb") as opened:
        opened.truncate(size)
    subprocess.run(["mkfs.ext4", "-q", "-F", file], check=True)
    assert mount_home.device_bytes(file) == mount_home.file_system_bytes(file) == size
    assert not mount_home.has_grown(file)
    with file.open("r+b") as opened:
        opened.truncate(size + (1 << 30))
    assert mount_home.has_grown(file)


def test_what_the_disk_has_is_students_homes_and_a_state(tmp_path):
    assert moving.on_disk(tmp_path) == {"homes": [], "state": False}
    for path in ("home/jupyter-ada", "home/debian", "home/lost+found", "opt/tljh/state"):
        (tmp_path / path).mkdir(parents=True)
    assert moving.on_disk(tmp_path) == {"homes": ["jupyter-ada"], "state": False}
    (tmp_path / "opt/tljh/state/jupyterhub.sqlite").touch()
    assert moving.on_disk(tmp_path) == {"homes": ["jupyter-ada"], "state": True}


def test_accounts_are_told_from_homes():
    there = [("jupyter-ada", 0o700, 1001, 1003), ("jupyter-bob", 0o700, 1002, 1004)]
    accounts, groups = {"root": 0, "jupyter-bob": 1002}, {"jupyter-bob": 1004, "jupyter-ada": 1003}
    assert homes.compare(there, accounts, groups) == ([["jupyter-ada", 1001, 1003]], [])


@pytest.mark.parametrize(
    ("accounts", "groups", "words"),
    [
        ({"eve": 1001}, {}, "/home/jupyter-ada belongs to user 1001, which is eve"),
        (
            {"jupyter-ada": 1009},
            {},
            "/home/jupyter-ada belongs to user 1001, but jupyter-ada is user 1009",
        ),
        ({}, {"staff": 1003}, "/home/jupyter-ada belongs to group 1003, which is staff"),
        (
            {},
            {"jupyter-ada": 1009},
            "/home/jupyter-ada belongs to group 1003, but the group jupyter-ada is 1009",
        ),
    ],
)
def test_a_number_that_is_taken_is_a_conflict_that_names_both(accounts, groups, words):
    missing, conflicts = homes.compare([("jupyter-ada", 0o700, 1001, 1003)], accounts, groups)
    assert (missing, conflicts) == ([], [words])


def test_two_homes_of_one_number_are_a_conflict():
    there = [("jupyter-ada", 0o700, 1001, 1003), ("jupyter-bob", 0o700, 1001, 1004)]
    assert homes.compare(there, {}, {})[1] == ["/home/jupyter-bob belongs to user 1001, which is jupyter-ada"]


def test_only_a_home_itself_is_closed_to_others(tmp_path):
    home = tmp_path / "jupyter-ada"
    home.mkdir(mode=0o755)
    (home / "shared").touch(0o644)
    homes.close(home)
    assert home.stat().st_mode & 0o777 == 0o700
    assert (home / "shared").stat().st_mode & 0o777 == 0o644
    (tmp_path / "jupyter-eve").symlink_to(home)
    with pytest.raises(OSError):
        homes.close(tmp_path / "jupyter-eve")


@pytest.mark.parametrize(
    "text", ["", "UMASK 022\n", "#HOME_MODE 0700\n", "HOME_MODE 0750\nUMASK 022\n", "HOME_MODE\t0700\n"]
)
def test_new_homes_become_private(text):
    assert homes.private_by_default(text) == (text == "HOME_MODE\t0700\n")
    changed = homes.with_private_homes(text)
    assert homes.private_by_default(changed)
    assert homes.with_private_homes(changed) == changed
    assert [line for line in text.splitlines() if line.startswith(("U", "#"))] == [
        line for line in changed.splitlines() if line.startswith(("U", "#"))
    ]


def test_accounts_in_the_words_of_systemd():
    assert homes.sysusers([["jupyter-ada", 1001, 1003]]) == (
        "g jupyter-ada 1003\nu jupyter-ada 1001:1003 - /home/jupyter-ada /bin/bash\n"
    )


@pytest.mark.parametrize(
    ("changes", "details"),
    [
        ({}, ()),
        ({"closed": False}, ("~ the droplet's metadata: for root alone",)),
        ({"lasting": False}, ("~ the droplet's metadata: for root alone",)),
        ({"agent": True}, ()),
        ({"agent": False}, ("~ DigitalOcean's monitoring agent: let through",)),
        ({"open": ["/opt/course/state"]}, ("~ /opt/course/state: for root alone",)),
    ],
)
def test_isolation_closes_what_is_open_now_or_after_a_reboot(changes, details):
    seen = {"closed": True, "lasting": True, "agent": None, "open": []} | changes
    steps = isolation_part.plan(isolation_part.Want(), seen, {})
    assert [step.details for step in steps] == ([details] if details else [])


def test_what_others_may_not_do_with_a_path(tmp_path):
    file = tmp_path / "secret"
    assert not isolation.is_open(file)
    file.touch(0o600)
    assert not isolation.is_open(file)
    file.chmod(0o604)
    assert isolation.is_open(file)


def test_students_who_have_come_are_counted_without_others():
    long = "a-student-with-a-very-long-name"
    there = {"names": ["jupyter-ada", "jupyter-teacher", "jupyter-gone", unix_account(long)]}
    assert storage.students({"homes": there}, ("ada", "grace", long)) == 2
    assert storage.students({"homes": {"names": []}}, ("ada",)) == 0


def test_a_look_names_the_homes(tmp_path, monkeypatch):
    monkeypatch.setattr(homes, "FIRST_NUMBER", 0)
    (tmp_path / "jupyter-ada").mkdir()
    (tmp_path / "ubuntu").mkdir()
    assert homes.look(tmp_path)["names"] == ["jupyter-ada"]
