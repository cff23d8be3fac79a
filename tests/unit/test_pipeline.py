"""The pipeline around what a hub stands on: what is planned, what waits for a word, what stops."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from course_folder import make_course
from coursehub import pipeline
from coursehub.job_summary import summary
from coursehub.model import Silent, Step
from coursehub.problems import Failure
from coursehub.report import as_json
from coursehub.secrets import Secrets
from coursehub.settings import load

MAKE = Step("account", "Make the droplet", "droplet.create", {}, monthly=24.0)
RESIZE = Step("account", "Resize the droplet", "droplet.resize", {}, ("a minute",), needs="downtime")


@dataclass
class Account:
    """Does the steps of the ground; fails at the operation `fails`, and forgets to do `forgets`."""

    steps: list[Step]
    fails: str = ""
    forgets: str = ""
    done: list[str] = field(default_factory=list)
    address: str | None = None
    round_trips: int = 0

    @property
    def ground(self):
        return self

    @property
    def whereabouts(self):
        return {"address": self.address, "port": 22, "host_key": None}

    @property
    def url(self):
        return f"http://{self.address}"

    def prepare(self, report):
        return [step for step in self.steps if step.operation not in self.done]

    def call(self, operation, parameters, **_):
        if operation == self.fails:
            raise Failure("no", "try again")
        if operation != self.forgets:
            self.done.append(operation)

    def open(self):
        raise AssertionError("there is nothing to connect to")


@pytest.fixture
def deploy(tmp_path, monkeypatch):
    course = load(make_course(tmp_path / "course"))

    def run(account, **options):
        monkeypatch.setattr(pipeline, "choose", lambda *_: account)
        return pipeline.deploy(course, Secrets(), Silent(), **options)

    return run


def test_a_plan_without_a_server_shows_what_will_be_made(deploy):
    account = Account([MAKE])
    outcome = deploy(account, apply=False)
    assert (outcome.verdict, outcome.planned, outcome.url, outcome.link) == ("planned", (MAKE,), None, None)
    assert account.done == []
    assert "$24.00 a month more" in summary(outcome) and '"monthly": 24.0' in as_json(outcome)


def test_what_costs_downtime_waits_for_a_word(deploy):
    account = Account([RESIZE])
    outcome = deploy(account)
    assert (outcome.planned, outcome.held, account.done) == ((), (RESIZE,), [])
    assert "**Held back:** Resize the droplet" in summary(outcome) and "--allow downtime" in summary(outcome)
    outcome = deploy(account, words=frozenset({"downtime"}))
    assert outcome.held == () and account.done == ["droplet.resize"]


def test_another_word_does_not_do(deploy):
    assert deploy(Account([RESIZE]), words=frozenset({"rebuild"})).held == (RESIZE,)


def test_a_step_that_fails_stops_the_rest(deploy):
    account = Account(
        [MAKE, Step("account", "Attach the volume", "volume.attach", {})], fails="droplet.create"
    )
    outcome = deploy(account)
    assert outcome.verdict == "failed" and outcome.error.message == "Make the droplet: no"
    assert account.done == [] and [result.error for result in outcome.steps] == ["no"]


def test_what_was_done_without_effect_is_seen(deploy):
    outcome = deploy(Account([MAKE], forgets="droplet.create"))
    assert "still not as it should be: Make the droplet" in outcome.error.message
