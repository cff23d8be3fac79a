"""Whether the canary flies in a check, and what it comes to then."""

from __future__ import annotations

import time

import pytest
from test_canary_way import Orders, fake

from certificate_maker import Maker
from coursehub.health import flight
from coursehub.health.model import DEGRADED, DOWN, UP, Finding, Hub, Verdict
from coursehub.problems import Failure
from hub_servers import closed_port, tls_context

ON_GITHUB = {"GITHUB_TOKEN": "a token"}
NO_KEY = "there is no key"
A_MOMENT_AGO = {"at": time.time() - 60, "ok": True, "seconds": 5, "words": ""}
FAILED = A_MOMENT_AGO | {"ok": False, "words": "cell: the kernel died"}


def at(hub: Hub, *findings: Finding, state: str = UP) -> Verdict:
    return Verdict(state, hub.url, f"The hub is {state}", findings=findings)


def check(verdict: Verdict, mode: str, orders=None, environ=ON_GITHUB, deployed=None, last=None) -> Verdict:
    order = Orders() if orders is None else orders
    return flight.with_canary(verdict, mode, order, environ, deployed or {}, lambda _: last)


def refuse(environ):
    raise Failure("GitHub does not answer")


def test_once_a_day_and_after_a_deploy():
    with fake() as (there, hub):
        assert check(at(hub), "auto", last=A_MOMENT_AGO) == at(hub) and there.asked == []
        done = check(at(hub), "auto")
        assert done.state == UP and done.facts["canary"]["ok"] is True
        deployed = {"deployed": "2100-01-01T00:00:00+00:00"}
        assert check(at(hub), "auto", deployed=deployed, last=A_MOMENT_AGO).facts["canary"]["ok"] is True
        assert check(at(hub), "always", last=A_MOMENT_AGO).facts["canary"]["ok"] is True


def test_it_flies_again_until_it_gets_through():
    with fake(lab=True) as (there, hub):
        done = check(at(hub), "auto", last=FAILED)
        assert done.state == DEGRADED and flight.failed(done)
        there.wrong.clear()
        done = check(at(hub), "auto", last=FAILED)
        assert done.state == UP and not flight.failed(done)


@pytest.mark.parametrize("mode", ["auto", "always"])
@pytest.mark.parametrize("state", [DOWN, "unknown", "none"])
def test_it_stays_where_nobody_can_log_in(mode, state):
    with fake() as (there, hub):
        assert check(at(hub, state=state), mode) == at(hub, state=state) and there.asked == []


def test_by_itself_it_stays_where_nobody_knows_of_the_last():
    with fake() as (there, hub):
        assert check(at(hub), "auto", environ={}) == at(hub)
        assert flight.with_canary(at(hub), "auto", Orders(), ON_GITHUB, {}, refuse) == at(hub)
        assert check(at(hub), "never") == at(hub) and there.asked == []
        assert check(at(hub), "always", environ={}).facts["canary"]["ok"] is True
        assert flight.with_canary(at(hub), "always", Orders(), ON_GITHUB, {}, refuse).facts["canary"]["ok"]


def test_without_a_key_nothing_is_said_unless_it_was_asked_for():
    with fake() as (there, hub):
        assert check(at(hub), "auto", NO_KEY) == at(hub)
        done = check(at(hub), "always", NO_KEY)
    assert done.state == UP and done.findings[-1].seen == f"not tried: {NO_KEY}" and there.asked == []
    done = flight.alone(hub, NO_KEY)
    assert done.title == f"Whether a student can work was not tried: {NO_KEY}" and not flight.failed(done)


def test_alone():
    with fake() as (_, hub):
        done = flight.alone(hub, Orders())
        assert done.title == "A student can work on the hub" and done.facts["canary"]["ok"] is True
    with fake(spawn=True) as (_, hub):
        done = flight.alone(hub, Orders())
    assert done.state == DOWN and flight.failed(done) and "Spawn failed" in done.title


def test_a_certificate_that_is_not_trusted_does_not_keep_it(tmp_path):
    """That is the certificate's own finding; what is shown there is good for this one try alone."""
    with fake(tls=tls_context(tmp_path, *Maker().issue("127.0.0.1"))) as (_, hub):
        done = flight.alone(hub, Orders())
        assert done.facts["canary"]["ok"] is True, done
        words = "browsers do not trust the certificate: self-signed"
        done = check(at(hub, Finding("certificate", "warning", words), state=DEGRADED), "always")
        assert done.facts["canary"]["ok"] is True, done
        done = check(at(hub), "always")
        assert "CERTIFICATE_VERIFY_FAILED" in done.title, "nothing is shown to whoever it may be"


def test_what_cannot_be_seen_is_told_by_the_canary():
    hub = Hub("https", "127.0.0.1", closed_port())
    done = flight.alone(hub, Orders())
    assert flight.failed(done) and "sign in" in done.title


@pytest.mark.parametrize("text", [None, "", "[]", "{", '"x"'])
def test_a_record_that_is_none(monkeypatch, text):
    from coursehub.github import branch

    monkeypatch.setattr(branch, "read", lambda repository, path: text)
    environ = {"GITHUB_TOKEN": "x", "GITHUB_REPOSITORY": "a/b", "GITHUB_API_URL": "http://127.0.0.1:1"}
    assert flight.last_flight(environ) is None
    monkeypatch.setattr(branch, "read", lambda repository, path: '{"ok": true}')
    assert flight.last_flight(environ) == {"ok": True}
