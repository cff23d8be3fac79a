"""The plans of each part: pure functions of what is wanted and what was seen."""

import json
from types import SimpleNamespace

import pytest

from coursehub.parts import PARTS, configuration, content, hub, packages, swap, users
from coursehub.problems import Failure, InvalidInput
from coursehub.roster.people import Roster
from coursehub.settings import Https
from coursehub.sizes import GIB

MACHINE = {
    "root": True,
    "address": "198.51.100.7",
    "release": "ubuntu-24.04",
    "system": "Ubuntu 24.04",
    "architecture": "x86_64",
    "memory": 4 * GIB,
    "glibc": "2.39",
    "kernel": "6.8.0",
}


def settings(root, **changes):
    values = {
        "name": "A course",
        "admins": ("teacher",),
        "users": ("ada",),
        "sign_in": "first-use",
        "interface": "lab",
        "https": Https(None, None, staging=False, address_certificate=False),
        "limits": SimpleNamespace(memory="1G", cpu=2.0, processes=1000),
        "idle": SimpleNamespace(stop_after_minutes=60, check_every_minutes=5),
        "swap": "auto",
        "hub": SimpleNamespace(tljh_version="2.0.0"),
        "mirrors": SimpleNamespace(tljh_bootstrap="https://x/{version}.py", conda={}, pypi=None, acme=None),
        "root": root,
        "roster": Roster(),
    }
    return SimpleNamespace(**values | changes)


@pytest.mark.parametrize(
    ("memory", "wanted", "expected"),
    [
        (1 * GIB, None, GIB),
        (2 * GIB - (60 << 20), None, 2 * GIB - (60 << 20)),
        (4 * GIB - (60 << 20), None, 0),
        (16 * GIB, None, 0),
        (16 * GIB, 3 * GIB, 3 * GIB),
        (1 * GIB, 0, 0),
    ],
)
def test_swap_follows_memory(memory, wanted, expected):
    assert swap.wanted_bytes(swap.Want(wanted), memory) == expected
    seen = {"bytes": 0, "active": False, "permanent": False, "possible": True}
    assert bool(swap.plan(swap.Want(wanted), seen, {"memory": memory})) == bool(expected)


@pytest.mark.parametrize(
    "seen",
    [
        {"bytes": GIB - 4096, "active": True, "permanent": True, "possible": True},
        {"bytes": 2 * GIB, "active": False, "permanent": False, "possible": True},
        {"bytes": 0, "active": False, "permanent": False, "possible": False},
    ],
    ids=["ours is there", "somebody else's is there", "a container cannot"],
)
def test_swap_is_left_alone(seen):
    assert swap.plan(swap.Want(None), seen, {"memory": GIB}) == []


def test_swap_that_a_reboot_would_lose_is_made_permanent():
    seen = {"bytes": GIB, "active": True, "permanent": False, "possible": True}
    assert len(swap.plan(swap.Want(None), seen, {"memory": GIB})) == 1


def test_packages_are_installed_together_and_only_when_missing():
    want = packages.Want(("git", "nano", "tree"))
    assert packages.plan(want, {"missing": []}, MACHINE) == []
    (step,) = packages.plan(want, {"missing": ["nano", "tree"]}, MACHINE)
    assert step.parameters == {"names": ["nano", "tree"]}
    assert step.details == ("+ nano", "+ tree")


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        ({"root": False}, "does not log in as root"),
        ({"release": "fedora-41", "system": "Fedora 41"}, "does not support the server's system, Fedora 41"),
        ({"architecture": "aarch64"}, "aarch64"),
        ({"memory": 512 << 20}, "512 MiB of memory"),
    ],
)
def test_a_server_that_cannot_hold_a_hub_is_refused_before_anything_changes(tmp_path, machine, words):
    want = hub.want(settings(tmp_path), None)
    with pytest.raises(Failure, match=words) as caught:
        hub.prepare(want, {}, {**MACHINE, **machine}, None)
    assert caught.value.fix


def test_the_hub_is_installed_behind_a_closed_door(tmp_path):
    want = hub.want(settings(tmp_path), None)
    (step,) = hub.plan(want, {"version": None}, MACHINE)
    first = json.loads(step.parameters["config"].removeprefix(configuration.HEADER))
    assert first["http"]["address"] == "127.0.0.1"
    assert first["users"]["allowed"] == ["ada", "teacher"]
    assert step.parameters["bootstrap_url"] == "https://x/2.0.0.py"
    assert hub.plan(want, {"version": "2.0.0"}, MACHINE) == []
    assert hub.plan(want, {"version": "1.0.0"}, MACHINE)[0].title == "Upgrade TLJH from 1.0.0 to 2.0.0"


def seen_as(want, **changes):
    files = {path: file.get("text", file.get("digest")) for path, file in want.files.items()}
    unencrypted = {"refusal": None, "served": None, "resolved": [], "addresses": []}
    return {"files": files, "applied": want.digest, "problem": None, **unencrypted} | changes


def test_the_configuration_names_who_may_log_in_even_when_nobody_is_named(tmp_path):
    config = configuration.config_yaml(settings(tmp_path, users=()))
    assert config["users"]["allowed"] == ["teacher"]


def test_the_configuration_is_applied_when_it_differs_was_interrupted_or_the_hub_is_down(tmp_path):
    want = configuration.want(settings(tmp_path), None)
    assert configuration.plan(want, seen_as(want), MACHINE) == []
    interrupted = configuration.plan(want, seen_as(want, applied=None), MACHINE)
    assert interrupted[0].title == "Restart the hub"
    down = configuration.plan(want, seen_as(want, problem="connection refused"), MACHINE)
    assert (down[0].parameters["reload"], down[0].details) == ("proxy", ("connection refused",))


def test_only_a_change_that_concerns_traefik_restarts_it(tmp_path):
    before = configuration.want(settings(tmp_path), None)
    seen = seen_as(before)
    idle = SimpleNamespace(stop_after_minutes=90, check_every_minutes=5)
    longer = configuration.want(settings(tmp_path, idle=idle), None)
    (step,) = configuration.plan(longer, seen, MACHINE)
    assert (step.parameters["reload"], step.details) == ("hub", ("~ config.yaml",))
    https = Https("a@b.org", "hub.b.org", staging=False, address_certificate=True)
    (step,) = configuration.plan(configuration.want(settings(tmp_path, https=https), None), seen, MACHINE)
    assert step.parameters["reload"] == "proxy"


def test_a_config_that_somebody_else_wrote_is_replaced(tmp_path):
    want = configuration.want(settings(tmp_path), None)
    seen = seen_as(want)
    seen["files"][configuration.CONFIG] = "users:\n  admin:\n  - intruder\n"
    assert configuration.plan(want, seen, MACHINE)[0].parameters["reload"] == "proxy"


def test_the_courses_own_snippet_is_checked_and_added(tmp_path):
    own = tmp_path / configuration.OWN
    own.write_text("c.JupyterHub.admin_access = (\n")
    with pytest.raises(InvalidInput) as caught:
        configuration.want(settings(tmp_path), None)
    assert (caught.value.problems[0].file, caught.value.problems[0].line) == (configuration.OWN, 1)
    own.write_text("c.JupyterHub.admin_access = True\n")
    text = configuration.want(settings(tmp_path), None).files[configuration.SNIPPET_FILE]["text"]
    assert "\nc.JupyterHub.admin_access = True\n" in text


@pytest.mark.parametrize(
    ("password", "seen", "expected"),
    [
        ("secret-one", "absent", "Set the first password of teacher"),
        ("secret-one", "locked", "Set the first password of teacher"),
        ("secret-one", "set", None),
        (None, "absent", "Lock the account of teacher"),
        (None, "locked", None),
        (None, "set", None),
    ],
)
def test_nobody_else_can_choose_an_administrators_password(password, seen, expected):
    want = users.Want("first-use", ("teacher",), password)
    steps = users.plan(want, {"admins": {"teacher": seen}}, MACHINE)
    assert [step.title for step in steps] == ([expected] if expected else [])
    assert "secret-one" not in repr(want) + repr(steps)


SOUND = {"trusted": True, "damage": None, "unfinished": False}


def file(path, blob="a" * 40):
    return content.File(path, "100644", blob, 1)


def test_content_lists_few_changes_and_counts_many(tmp_path):
    files = tuple(file(f"{number:02}.txt") for number in range(30))
    want = content.Want(tmp_path, files, content.tree_id(files))
    present = {"00.txt": ["100644", "b" * 40]}
    (step,) = content.plan(want, {"tree": "other", **SOUND, "files": present}, MACHINE)
    assert step.title == "Update the content (30 files changed)"
    assert step.details[0] == "~ 00.txt"
    assert step.details[-1] == "… and 18 more"


def test_content_whose_bytes_are_there_is_not_sent_again(tmp_path):
    renamed = (file("new.txt"),)
    want = content.Want(tmp_path, renamed, content.tree_id(renamed))
    present = {"old.txt": ["100644", "a" * 40]}
    (step,) = content.plan(want, {"tree": "other", **SOUND, "files": present}, MACHINE)
    assert step.payload == ()
    assert step.details == ("+ new.txt", "- old.txt")


@pytest.mark.parametrize(
    ("seen", "title", "sent"),
    [
        ({"tree": None}, "Publish the content", 1),
        ({"tree": None, "damage": "its branch is lost"}, "Publish the content anew", 1),
        ({"trusted": False}, "Finish publishing the content", 0),
        ({"unfinished": True}, "Finish publishing the content", 0),
        ({}, None, 0),
    ],
)
def test_content_is_published_where_it_is_not_or_not_wholly(tmp_path, seen, title, sent):
    files = (file("a.txt"),)
    want = content.Want(tmp_path, files, content.tree_id(files))
    steps = content.plan(want, {"tree": want.tree, **SOUND, **seen}, MACHINE)
    assert [step.title for step in steps] == ([title] if title else [])
    assert sum(len(step.payload) for step in steps) == sent


def test_every_part_has_the_same_shape():
    for part in PARTS:
        assert part.__doc__ and part.NAME
        for function in ("want", "question", "prepare", "plan"):
            assert callable(getattr(part, function)), f"{part.NAME}.{function}"
