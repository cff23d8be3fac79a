"""The diagnosis is the cause, not what follows from it."""

import pytest

from coursehub.doctor.model import Finding, Section
from coursehub.doctor.ranking import diagnosis

KEYS = ("given", "account", "outside", "inside", "intent")
DOWN = ("outside", "hub", "failure", "no answer")
CLOSED = ("outside", "connection", "failure", "refused")
HUB = ("inside", "hub", "failure", "the hub does not answer")
NO_SSH = ("inside", "SSH", "failure", "timed out")
UP = ("outside", "hub", "good", "JupyterHub 5")
WELL = [UP, ("inside", "hub", "good", "JupyterHub 5")]


def diagnosed(*found):
    parts = {key: [] for key in KEYS}
    for key, name, level, seen in found:
        parts[key].append(
            Finding(name, level, seen, f"mend {name}" if level in ("failure", "warning") else "")
        )
    return diagnosis([Section(key, key, tuple(found)) for key, found in parts.items()])


def test_nothing_is_wrong():
    found = diagnosed(*WELL)
    assert found.state == "well" and found.title.startswith("Nothing is wrong") and not found.fix


def test_without_any_secret_there_is_no_server_yet():
    assert diagnosed(("given", "secrets", "unseen", "none is set")).state == "none"
    assert diagnosed(("given", "secrets", "unseen", "none is set"), DOWN).state == "wrong"


def test_what_could_not_be_seen_is_not_well():
    found = diagnosed(UP, ("inside", "SSH", "unseen", "not looked at"))
    assert found.state == "unknown" and "not looked at" in found.title


CASES = {
    "disk": (
        ("inside", "disk", "failure", "0.0 GB free"),
        HUB,
        DOWN,
        ("inside", "last deploy", "warning", "x"),
    ),
    "disk of /home": (("inside", "disk of /home", "failure", "full"), HUB),
    "configuration": (("inside", "configuration", "failure", "mine.py"), HUB, DOWN),
    "memory": (("inside", "memory", "failure", "pressure"), HUB, ("inside", "killed", "warning", "x")),
    "droplet": (
        ("account", "droplet", "failure", "it is off"),
        CLOSED,
        ("given", "course.yml", "failure", "x"),
    ),
    "volume": (("account", "volume", "failure", "detached"), ("inside", "volume", "failure", "x"), HUB),
    "firewall": (("account", "firewall", "failure", "changed"), CLOSED, NO_SSH),
    "DNS record": (
        ("account", "DNS record", "failure", "elsewhere"),
        ("outside", "name", "failure", "x"),
        DOWN,
    ),
    "hub": (HUB, DOWN, ("inside", "services", "warning", "failed: x")),
    "certificate": (
        ("inside", "certificate", "failure", "expired"),
        ("outside", "log-in page", "failure", "x"),
    ),
    "last deploy": (("inside", "last deploy", "warning", "failed"), *WELL),
}


@pytest.mark.parametrize("name", CASES)
def test_the_cause_comes_first_in_whatever_order_it_was_found(name):
    for found in (CASES[name], CASES[name][::-1]):
        told = diagnosed(*found)
        assert told.title == f"The {name}: {CASES[name][0][3]}" and told.fix == f"mend {name}"
        assert told.state == "wrong"


def test_a_failure_comes_before_a_warning():
    told = diagnosed(("inside", "disk", "warning", "2 GB free"), HUB)
    assert told.title.startswith("The hub:") and told.others == 1


def test_no_ssh_with_a_hub_that_works_is_sshd():
    told = diagnosed(UP, NO_SSH)
    assert (
        told.title.startswith("SSH: the hub works")
        and "timed out" in told.title
        and "restart ssh" in told.fix
    )


def test_nothing_that_answers_is_a_machine_that_is_off_or_frozen():
    told = diagnosed(CLOSED, NO_SSH, ("intent", "a deploy", "failure", "cannot be planned"))
    assert told.title.startswith("The server: nothing on it answers") and "off and on" in told.fix


def test_another_host_key_is_not_taken_for_a_machine_that_is_off():
    told = diagnosed(CLOSED, ("inside", "SSH", "failure", "it is not the pinned one"))
    assert "nothing on it answers" not in told.title


def test_a_mistake_in_the_files_is_told_where_all_else_is_well():
    assert diagnosed(*WELL, ("given", "course.yml:3", "failure", "no such key")).title == (
        "A mistake in course.yml:3: no such key"
    )
