"""A server that cannot be reached, as its account sees it: gone, off, on; switched on where that is meant."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from wanted import DROPLET, TOKEN

from coursehub.health import account as of_account
from coursehub.health import by_account, checking
from coursehub.health.account import Account, Droplet, Unknown, account_of
from coursehub.health.checking import Means
from coursehub.health.model import Finding, Limits, Verdict, hub_from
from coursehub.health.report import as_json
from hub_servers import closed_port, hub, raw
from sandbox.cloud import Fault

TAG = "coursehub-2ca8077c"
QUICK = Limits(whole=20, connect=1, answer=1, spacing=0, tries=2)
LATER = of_account.OFF_ON_PURPOSE + 60


@pytest.fixture
def trusted(account, monkeypatch):
    """The account's server, as whoever has its certificate sees it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(account.ca))
    monkeypatch.setattr("coursehub.health.account.POLL", 0.05)
    return account


@pytest.fixture
def ours(trusted):
    return Account(trusted.url, TAG, TOKEN)


@pytest.fixture
def droplet(trusted, client) -> int:
    return client.droplets.create({**DROPLET, "tags": [TAG]})["droplet"]["id"]


def switch_off(client, number: int) -> None:
    client.droplet_actions.post(number, {"type": "power_off"})


def long_ago(server) -> None:
    """As if all that was done had been done long ago."""
    for action in server.state.actions.values():
        moment = datetime.fromtimestamp(time.time() - LATER, UTC)
        action["completed_at"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def writes(server) -> list[str]:
    return [
        entry.path for entry in server.requests if entry.method == "POST" and entry.path.endswith("actions")
    ]


def test_what_the_account_says(trusted, ours, client, droplet):
    assert of_account.find(ours) == Droplet("active", droplet)
    switch_off(client, droplet)
    assert of_account.find(ours) == Droplet("just off", droplet)
    long_ago(trusted)
    assert of_account.find(ours) == Droplet("off", droplet)
    client.droplets.destroy(droplet)
    assert of_account.find(ours) == Droplet("gone")


def test_only_the_courses_own_droplet_counts(ours, client, droplet):
    client.droplets.create({**DROPLET, "name": "other", "tags": ["coursehub-ffffffff"]})
    client.droplets.destroy(droplet)
    assert of_account.find(ours) == Droplet("gone")


def test_an_action_under_way():
    assert of_account.off_since({"status": "in-progress", "completed_at": None}, time.time()) == "busy"
    assert of_account.off_since({}, time.time()) == "off"


FAULTS = [Fault("refuse", status=401), Fault("refuse", status=403), Fault("refuse", status=500)]
FAULTS += [Fault("close"), Fault("garbage"), Fault("limit"), Fault("delay", seconds=3)]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.kind} {fault.status}")
def test_an_account_that_does_not_say(trusted, ours, droplet, monkeypatch, fault):
    monkeypatch.setattr("coursehub.health.account.PATIENCE", 1.0)
    trusted.faults.append(fault)
    began = time.monotonic()
    with pytest.raises(Unknown) as unknown:
        of_account.find(ours)
    assert time.monotonic() - began < 3 and TOKEN not in str(unknown.value) and len(str(unknown.value)) > 10


@pytest.mark.parametrize("location", ["https://elsewhere.example/v2/droplets", "/v2/account"])
def test_no_redirection_is_followed(trusted, ours, location):
    """Nor is a server trusted without a certificate."""
    with pytest.raises(Unknown, match="does not answer"), raw(lambda line: line.close()) as port:
        of_account.find(Account(f"https://127.0.0.1:{port}", TAG, TOKEN))
    with hub({"/v2/droplets?per_page=20&tag_name=x": (302, location)}) as (port, pages):
        with pytest.raises(Unknown, match="302"):
            of_account.find(Account(f"http://127.0.0.1:{port}", "x", TOKEN))
        assert list(pages) == ["/v2/droplets?per_page=20&tag_name=x"]


SERVER = {"api": "https://api.digitalocean.com/", "tag": TAG}


def test_whose_account():
    found = account_of({"DIGITALOCEAN_TOKEN": f" {TOKEN}\n"}, SERVER)
    assert found == Account("https://api.digitalocean.com", TAG, TOKEN) and TOKEN not in repr(found)
    for environ, server in (
        ({}, SERVER),
        ({"DIGITALOCEAN_TOKEN": f"{TOKEN}\nX-Other: y"}, SERVER),
        ({"DIGITALOCEAN_TOKEN": TOKEN}, {}),
        ({"DIGITALOCEAN_TOKEN": TOKEN}, SERVER | {"api": "http://api.digitalocean.com"}),
        ({"DIGITALOCEAN_TOKEN": TOKEN}, SERVER | {"api": "https://["}),
    ):
        assert account_of(environ, server) is None


# A whole check


@pytest.fixture
def dark(monkeypatch):
    """A hub that takes no connections, while the network works; its address."""
    monkeypatch.setattr("coursehub.health.looking.network_works", lambda *_: True)
    return hub_from(f"http://127.0.0.1:{closed_port()}", "a test")


def test_gone(ours, dark):
    found = checking.check(dark, QUICK, (), Means(account=ours, power_on=True))
    assert found.state == "down" and found.cause == "the droplet does not exist any more"
    assert found.title.startswith(f"The hub is down: {found.cause}; connection: ")
    assert TOKEN not in as_json(found)


def test_off_is_told_and_left_alone(trusted, ours, client, droplet, dark):
    switch_off(client, droplet)
    long_ago(trusted)
    trusted.requests.clear()
    found = checking.check(dark, QUICK, (), Means(account=ours))
    assert found.cause == "the droplet is switched off" and "health.power_on" in found.fix
    assert writes(trusted) == [] and found.healed == ()


def test_off_a_moment_ago_is_left_to_who_did_it(trusted, ours, client, droplet, dark):
    switch_off(client, droplet)
    trusted.requests.clear()
    found = checking.check(dark, QUICK, (), Means(account=ours, power_on=True))
    assert "within the last minutes" in found.cause and writes(trusted) == []


def test_on_and_not_reached_is_never_power_cycled(trusted, ours, droplet, dark):
    trusted.requests.clear()
    found = checking.check(dark, QUICK, (), Means(account=ours, power_on=True))
    assert "frozen or its network is cut" in found.cause and "Power cycle" in found.fix
    assert writes(trusted) == [] and of_account.find(ours).state == "active"


def test_switched_on(trusted, ours, client, droplet, dark, monkeypatch):
    """The hub is back a moment after the droplet is on."""
    switch_off(client, droplet)
    long_ago(trusted)
    monkeypatch.setattr("coursehub.health.looking.network_works", lambda *_: True)
    there = hub(at=dark.port)
    switch = of_account.switch_on

    def switch_on_and_boot(where, number, answers):
        assert not answers()
        there.__enter__()
        return switch(where, number, answers)

    monkeypatch.setattr(of_account, "switch_on", switch_on_and_boot)
    found = checking.check(dark, QUICK, (), Means(account=ours, power_on=True))
    there.__exit__(None, None, None)
    assert (found.state, found.was, found.healed) == ("up", "down", ("switched the droplet on",))
    assert "the droplet is switched off" in found.title and of_account.find(ours).state == "active"


def test_switched_on_in_vain(trusted, ours, client, droplet, dark, monkeypatch):
    switch_off(client, droplet)
    long_ago(trusted)
    monkeypatch.setattr("coursehub.health.account.STARTING", 0.3)
    found = checking.check(dark, QUICK, (), Means(account=ours, power_on=True))
    assert found.state == "down" and "did not answer in time" in found.title
    assert of_account.find(ours).state == "active"


def test_an_account_that_does_not_say_hides_nothing(trusted, ours, dark):
    trusted.faults.append(Fault("refuse", status=401))
    found = checking.check(dark, QUICK, (), Means(account=ours, power_on=True))
    assert found.state == "down" and found.findings[-1].level == "unseen"
    assert "does not accept the token" in found.findings[-1].seen


def test_a_hub_that_is_reached_is_none_of_the_accounts_business(trusted, ours):
    trusted.requests.clear()
    with hub({}) as (port, _):
        address = hub_from(f"http://127.0.0.1:{port}", "a test")
        found = checking.check(address, QUICK, (), Means(account=ours, power_on=True))
    assert found.state == "down" and not trusted.requests


def test_a_guess_gives_way_to_what_the_account_knows():
    bad = Finding("connection", "failure", "timed out")
    guessed = Verdict(
        "down", "http://x", "The hub is down: the server is off; connection: timed out", "", (bad,)
    )
    found = by_account.judged(replace(guessed, cause="the server is off"), Droplet("gone"))
    assert found.title == "The hub is down: the droplet does not exist any more; connection: timed out"
    assert json.loads(as_json(found))["findings"][0]["why"] == "the droplet does not exist any more"
