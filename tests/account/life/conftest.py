"""An account that lags a little, a client of it, and what the droplet says when it is asked."""

from __future__ import annotations

import pytest
from script_runs import Conversation

from coursehub.cloud import waiting
from coursehub.cloud.api import Account
from coursehub.targets.droplet import CloudDroplet


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """Only waits are shortened."""
    monkeypatch.setattr(waiting, "EVERY", 0.01)
    monkeypatch.setattr(waiting, "VISIBLE", 0.5)
    monkeypatch.setattr(Account, "pause", 0.01)


@pytest.fixture
def droplet(monkeypatch):
    """The conversation that is opened with the droplet: nobody holds the lock."""
    there = Conversation({})
    monkeypatch.setattr(CloudDroplet, "open", lambda target: there)
    return there


@pytest.fixture
def server(make_account, monkeypatch, connect, droplet):
    """New droplets are missing from a list, and actions take a look to end; there is a domain."""
    made = make_account(lag=1, polls=1, requests_per_hour=None)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(made.ca))
    connect(made).domains.create(body={"name": "school.edu"})
    return made


@pytest.fixture
def client(server, connect):
    return connect(server)
