"""When the canary is due, and what it means for the state of the hub."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from coursehub.health import report
from coursehub.health.canary_judgement import is_due, is_to_be_verified, judged
from coursehub.health.model import DEGRADED, DOWN, UP, Finding, Verdict

NOW = 1_800_000_000.0
GOOD = {"at": NOW - 3600, "ok": True, "seconds": 6.2, "words": ""}
STEPS = [{"name": "sign in", "seconds": 0.4}]
URL = "https://hub.school.edu"


def flown(ok, words="", *, stops=False) -> dict:
    return {"at": NOW, "ok": ok, "seconds": 6.2, "words": words, "steps": STEPS, "stops": stops}


def when(seconds: float) -> str:
    return datetime.fromtimestamp(NOW + seconds, UTC).isoformat(timespec="seconds")


@pytest.mark.parametrize(
    ("last", "deployed", "due"),
    [
        (None, None, True),
        ("nonsense", None, True),
        ({}, None, True),
        (GOOD, None, False),
        (GOOD, when(-7200), False),
        (GOOD, when(-60), True),
        (GOOD, "nonsense", False),
        (GOOD | {"at": NOW - 24 * 3600}, None, True),
        (GOOD | {"at": NOW + 60}, None, True),
        (GOOD | {"at": True}, None, True),
        (GOOD | {"at": "yesterday"}, None, True),
        (GOOD | {"ok": False}, None, True),
        (GOOD | {"ok": None}, None, True),
    ],
)
def test_when_it_is_due(last, deployed, due):
    """Once a day, after each deploy, and as long as it does not get through."""
    assert is_due(last, deployed, NOW) is due


def verdict(state=UP, *findings) -> Verdict:
    return Verdict(state, URL, f"The hub is {state}", "do this", findings, 0.1)


def test_one_that_got_through():
    done = judged(verdict(), flown(True), None)
    assert (done.state, done.title) == (UP, "The hub is up")
    assert done.findings[-1].level == "good" and "6 s" in done.findings[-1].seen
    told = json.loads(report.as_json(done))["canary"]
    assert told == {"at": NOW, "ok": True, "seconds": 6.2, "words": "", "steps": STEPS}


def test_one_that_did_not_makes_the_hub_degraded():
    done = judged(verdict(), flown(False, "cell: the kernel died"), GOOD)
    assert done.state == DEGRADED
    assert done.title == "The hub is degraded: students cannot work: cell: the kernel died"
    assert "environment" in done.fix and done.findings[-1].level == "warning"


def test_where_no_server_starts_the_hub_is_down():
    done = judged(verdict(), flown(False, "start: no server starts", stops=True), GOOD)
    assert done.state == DOWN and done.title.startswith("The hub is down: students cannot work: start")
    assert done.findings[-1].bad
    done = judged(verdict(DEGRADED), flown(False, "start: no server starts", stops=True), GOOD)
    assert done.state == DOWN, "which is worse than degraded"


def test_what_is_wrong_already_comes_first():
    done = judged(verdict(DEGRADED), flown(False, "open: status 500"), None)
    assert (done.state, done.title) == (DEGRADED, "The hub is degraded") and len(done.findings) == 1
    assert judged(verdict(DEGRADED), flown(True), None).state == DEGRADED


def test_one_that_was_not_tried_leaves_what_the_last_said():
    done = judged(verdict(), flown(None, "a deploy is under way"), GOOD)
    assert done.state == UP and done.findings[-1].seen == "not tried: a deploy is under way"
    assert json.loads(report.as_json(done))["canary"] is None
    last = GOOD | {"ok": False, "words": "open: status 500\n::error::"}
    done = judged(verdict(), flown(None, "a deploy is under way"), last)
    assert done.state == DEGRADED and "at the last try: open: status 500 : :error: :" in done.title


def test_a_certificate_that_is_not_trusted_is_told_elsewhere():
    words = "browsers do not trust the certificate: expired"
    assert not is_to_be_verified(verdict(UP, Finding("certificate", "failure", words)))
    assert not is_to_be_verified(verdict(UP, Finding("certificate", "warning", f"{words} (2 of 3 tries)")))
    late = Finding("certificate", "warning", "by X, for 2 more days, and is not renewed")
    assert is_to_be_verified(verdict(UP, late)) and is_to_be_verified(verdict())
