"""What a health check thinks of what it saw."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coursehub import tls
from coursehub.health import judgement
from coursehub.health.judgement import CERTIFICATE, HUB, LOGIN, PLAIN, TIME, confirmed, findings, verdict
from coursehub.health.look import ahead_by
from coursehub.health.model import (
    FAILURE,
    GOOD,
    WARNING,
    Answer,
    Certificate,
    Finding,
    Hub,
    Limits,
    Round,
    Trouble,
    hub_from,
)
from coursehub.health.words import LONGEST, plain_text
from coursehub.problems import InvalidInput

SECURE = hub_from("https://hub.school.edu/", "a test")
NOW = 1_800_000_000.0
DAY = 86400.0


def certificate(left: float, life: float = 90.0) -> Certificate:
    end = NOW + left * DAY
    return Certificate(None, "Let's Encrypt R11", end - life * DAY, end)


def seen(**changes) -> Round:
    """A look at a hub with which all is well, but for the changes."""
    made = {
        "name": ("203.0.113.5",),
        "connection": True,
        "certificate": certificate(60),
        "plain": Answer(301, "https://hub.school.edu/hub/login", "", 0.1),
        "api": Answer(200, "", '{"version": "5.2.1"}', 0.1),
        "login": Answer(200, "", "<form>", 0.2),
    }
    return Round(**(made | changes))


DARK = Round(name=("203.0.113.5",), connection=Trouble("timed out"))


def judged(*rounds: Round, network: bool = True, **limits):
    return verdict(SECURE, rounds, None, Limits(**limits), network, NOW)


def level(finding_of: str, **changes) -> str:
    (found,) = [one for one in findings(SECURE, seen(**changes), NOW) if one.name == finding_of]
    return found.level


def test_all_is_well():
    result = judged(seen(), seen(), seen())
    assert (result.state, result.title, result.fix) == ("up", "The hub is up", "")
    assert {one.level for one in result.findings} == {GOOD} and len(result.findings) == 7
    assert result.seconds == 0.2


CERTIFICATES = {
    "plenty": (certificate(10.5), GOOD),
    "soon over": (certificate(9.5), WARNING),
    "for six days, not yet due": (certificate(1.5, 6.6), GOOD),
    "for six days, overdue": (certificate(0.5, 6.6), WARNING),
    "expired": (Certificate("certificate has expired"), FAILURE),
    "of traefik's own": (Certificate("self-signed certificate", placeholder=True), FAILURE),
    "of a test service": (Certificate("unable to get local issuer", test_service=True), FAILURE),
    "no handshake": (Trouble("timed out"), FAILURE),
}


@pytest.mark.parametrize(("shown", "expected"), CERTIFICATES.values(), ids=CERTIFICATES)
def test_certificates(shown, expected):
    assert level(CERTIFICATE, certificate=shown) == expected


def test_a_deploy_judges_certificates_alike():
    for name in ("LEAST_DAYS", "SHORT_DAYS", "LEAST_PART"):
        assert getattr(judgement, name) == getattr(tls, name)


ANSWERS = {
    "traefik without a hub": (HUB, "api", Answer(404, "", "404 page not found", 0), FAILURE),
    "another program's JSON": (HUB, "api", Answer(200, "", '{"status": "ok"}', 0), FAILURE),
    "a list": (HUB, "api", Answer(200, "", "[1]", 0), FAILURE),
    "an error with a version": (HUB, "api", Answer(500, "", '{"version": "5"}', 0), FAILURE),
    "JSON without end": (HUB, "api", Answer(200, "", "[" * 100_000, 0), FAILURE),
    "no answer": (HUB, "api", Trouble("no answer within 10 s"), FAILURE),
    "a page without a form": (LOGIN, "login", Answer(200, "", "hello", 0), FAILURE),
    "an error with a form": (LOGIN, "login", Answer(503, "", "<form>", 0), FAILURE),
    "http that shows the page": (PLAIN, "plain", Answer(200, "", "<form>", 0), WARNING),
    "http that leads to http": (PLAIN, "plain", Answer(302, "http://hub.school.edu/x", "", 0), WARNING),
    "http that leads nowhere": (PLAIN, "plain", Answer(302, "https://[", "", 0), WARNING),
    "http that is closed": (PLAIN, "plain", Trouble("refused"), WARNING),
}


@pytest.mark.parametrize(("name", "piece", "answer", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_answers(name, piece, answer, expected):
    assert level(name, **{piece: answer}) == expected


def test_a_warning_is_degraded():
    result = judged(*[seen(certificate=certificate(3))] * 3)
    assert result.state == "degraded" and result.title.startswith("The hub is degraded: certificate: ")
    assert result.fix


def test_slow():
    slow, fast = (seen(login=Answer(200, "", "<form>", seconds)) for seconds in (6.0, 0.1))
    assert judged(slow, fast, fast).state == "up"
    result = judged(slow, fast, slow)
    assert result.state == "degraded" and result.seconds == 6.0
    assert [one.level for one in result.findings if one.name == TIME] == [WARNING]


def test_one_bad_try_does_not_count():
    bad = seen(api=Answer(503, "", "", 0))
    result = judged(bad, seen(), seen())
    assert result.state == "up"
    assert any("but in 1 of 3 tries" in one.seen and "503" in one.seen for one in result.findings)


def test_more_often_bad_than_good():
    bad = seen(api=Answer(503, "", "", 0))
    result = judged(bad, seen(), bad)
    assert result.state == "degraded" and "2 of 3 tries" in result.title


def test_always_bad():
    bad = seen(api=Answer(503, "", "", 0))
    result = judged(bad, bad, bad)
    assert result.state == "down" and "(3 of 3 tries)" in result.title and result.fix


def test_another_thing_is_bad_each_time():
    bad = [DARK, seen(api=Answer(503, "", "", 0)), seen(login=Answer(500, "", "", 0))]
    assert judged(*bad, network=False).state == "down"


def test_a_hub_that_nobody_can_see():
    assert judged(DARK, DARK, network=True).state == "down"
    result = judged(DARK, DARK, network=False)
    assert result.state == "unknown" and "unknown" in result.title
    nameless = Round(name=Trouble("no such name"))
    assert judged(nameless, network=False).state == "unknown"
    assert judged(nameless, network=True).state == "down"


def test_what_was_reached_is_down_even_without_other_servers():
    assert judged(seen(api=Trouble("no answer")), network=False).state == "down"


def test_an_address_to_which_the_runner_has_no_way():
    apart = Round(name=("2001:db8::1",), connection=Trouble("Network is unreachable", own=True))
    assert judged(apart, apart, network=True).state == "unknown"


def test_no_look_was_finished():
    begun = Round(name=("203.0.113.5",), connection=True)
    result = verdict(SECURE, [], begun, Limits(whole=50), True, NOW)
    assert result.state == "down" and "nothing was known after 50 s" in result.title
    nothing = verdict(SECURE, [], Round(), Limits(whole=50), False, NOW)
    assert nothing.state == "unknown"


def test_nothing_found_is_never_up():
    assert judgement.state_of([], reached=True, network=True) == "unknown"
    assert confirmed([]) == []


def test_a_servers_words_are_one_short_line():
    evil = "a\r\n::error::x\x1b[31m ##[command] " + "y" * 500
    words = plain_text(evil)
    assert words.isprintable() and len(words) <= LONGEST
    assert "::" not in words and "##[" not in words


ADDRESSES = {
    "https://hub.school.edu": Hub("https", "hub.school.edu", 443, 80),
    "https://hub.school.edu:443/hub/": Hub("https", "hub.school.edu", 443, 80),
    " http://203.0.113.5/ ": Hub("http", "203.0.113.5", 80, 80),
    "http://[2001:db8::1]:8000": Hub("http", "2001:db8::1", 8000, None),
}


@pytest.mark.parametrize(("text", "hub"), ADDRESSES.items())
def test_addresses(text, hub):
    assert hub_from(text, "a test") == hub
    assert hub_from(hub.url, "a test") == hub


@pytest.mark.parametrize(
    "text",
    ["hub.school.edu", "ftp://x", "https://", "http://x:99999", "https://[x", "https://me:p@x", "http://a b"],
)
def test_what_is_no_address(text):
    with pytest.raises(InvalidInput, match="not the web address"):
        hub_from(text, "--url")


def test_findings_of_nothing():
    assert findings(SECURE, Round(), NOW) == []
    assert Finding("x", "unseen", "").bad and not Finding("x", WARNING, "").bad


@pytest.mark.parametrize(
    ("ahead", "words"),
    [(None, None), (0.4, None), (-100.0, None), (7200.0, "2 hours ahead"), (-86400.0 * 3, "3 days behind")],
)
def test_a_clock_that_is_wrong(ahead, words):
    answer = Answer(200, "", '{"version": "5.2.1"}', 0.1, ahead)
    told = [one for one in findings(SECURE, seen(api=answer), NOW) if one.name == judgement.CLOCK]
    assert [one.seen for one in told] == ([f"the server's clock is {words}"] if words else [])
    assert judged(seen(api=answer)).state == ("degraded" if words else "up")


def test_the_servers_time_is_read_from_its_answer():
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    assert ahead_by(date, 1445412480.0) == 0 and ahead_by(date, 1445412480.0 + 60) == -60
    assert [ahead_by(text, NOW) for text in (None, "", "yesterday", "Wed, 99 Oct 99999 07:28:00 GMT")] == [
        None
    ] * 4


def test_a_name_that_leads_to_another_server_is_the_cause_of_the_rest():
    hub = replace(SECURE, server="198.51.100.7")
    stranger = seen(api=Answer(200, "", "<html>Another place</html>", 0.1))
    result = verdict(hub, [stranger], None, Limits(), True, NOW)
    assert result.state == "down" and "the hub's server is 198.51.100.7" in result.title
    assert verdict(hub, [seen()], None, Limits(), True, NOW).state == "up", "a proxy of the school's"
    own = replace(SECURE, server="203.0.113.5")
    assert "leads to" not in verdict(own, [stranger], None, Limits(), True, NOW).title
