"""From the first host key to the droplet's own: cut off anywhere, the next run trusts what it finds."""

from __future__ import annotations

import pytest
from provisioned import SECRET, changed, new_course
from test_provisioning import SMALL

from coursehub.derivation import FIRST_HOST_KEY, key_pair
from coursehub.model import Silent
from coursehub.names import names_from
from coursehub.problems import Failure
from sandbox.cloud.faults import WRITE, Fault

NAMES = names_from(SECRET)
FIRST = key_pair(SECRET, FIRST_HOST_KEY).public
OWN, STRANGER = (key_pair(SECRET, purpose).public for purpose in ("a key of its own", "somebody else"))


class Droplet:
    """Its sshd: which key it shows, and the one that was made beside. Stands for the session as well.
    `dies` after so many calls."""

    def __init__(self):
        self.host_key = FIRST
        self.dies = None

    def call(self, operation, parameters):
        if self.dies == 0:
            raise Failure("the connection was lost", "again")
        self.dies = None if self.dies is None else self.dies - 1
        if operation == "host_key.prepare":
            return {"public": OWN}
        assert (operation, parameters) == ("host_key.activate", {"public": OWN})
        self.host_key = OWN
        return None


@pytest.fixture
def course(account, tmp_path, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(account.ca))
    made = new_course(tmp_path / "course", account, SMALL)
    made.deploy()
    return made


def run(course, droplet, *words):
    """Connect and secure, as a deploy does. Raises Failure."""
    target = course.target(*words)
    target.prepare(Silent())
    if droplet.host_key not in target.login().host_keys:
        raise Failure("another host key", "")
    target.secure(droplet, Silent())


def recorded(account):
    (droplet,) = account.state.droplets.values()
    return {final: NAMES.host_keys(droplet["tags"], final=final) for final in (True, False)}


def test_only_the_first_key_is_trusted_and_then_only_the_own_one(course, account):
    droplet = Droplet()
    run(course, droplet)
    assert droplet.host_key == OWN and recorded(account) == {True: (OWN,), False: ()}
    target = course.target()
    target.prepare(Silent())
    assert target.login().host_keys == (OWN,)
    account.requests.clear()
    run(course, droplet)
    assert {entry.method for entry in account.requests} == {"GET"}


@pytest.mark.parametrize("calls", [0, 1])
def test_the_connection_is_lost_in_between(course, account, calls):
    droplet = Droplet()
    droplet.dies = calls
    with pytest.raises(Failure, match="lost"):
        run(course, droplet)
    droplet.dies = None
    run(course, droplet)
    assert recorded(account) == {True: (OWN,), False: ()}


@pytest.mark.parametrize("number", range(5))
def test_the_account_fails_in_between(course, account, number):
    droplet = Droplet()
    account.faults.append(Fault("refuse", status=401, method=WRITE, skip=number))
    with pytest.raises(Failure):
        run(course, droplet)
    run(course, droplet)
    assert droplet.host_key == OWN and recorded(account) == {True: (OWN,), False: ()}


@pytest.mark.parametrize("key", [STRANGER, FIRST])
def test_another_key_is_refused(course, key):
    droplet = Droplet()
    run(course, droplet)
    droplet.host_key = key
    with pytest.raises(Failure, match="another host key"):
        run(course, droplet)


def test_the_first_key_is_trusted_again_when_a_person_says_so(course, account):
    """After a rebuild in the control panel; a plan with the word changes nothing."""
    droplet = Droplet()
    run(course, droplet)
    droplet.host_key = FIRST
    account.requests.clear()
    target = course.target("host-key")
    target.prepare(Silent())
    assert set(target.login().host_keys) == {OWN, FIRST}
    assert {entry.method for entry in account.requests} == {"GET"}
    run(course, droplet, "host-key")
    assert recorded(account) == {True: (OWN,), False: ()}
    droplet.host_key = STRANGER
    with pytest.raises(Failure, match="another host key"):
        run(course, droplet, "host-key")


def test_a_rebuilt_droplet_shows_its_first_key_and_gets_another(course, account):
    droplet = Droplet()
    run(course, droplet)
    changed(course, "droplet", image="debian-12-x64").deploy("rebuild")
    droplet.host_key = FIRST
    run(course, droplet)
    assert droplet.host_key == OWN and recorded(account) == {True: (OWN,), False: ()}
