"""When an incident begins, gets worse, and ends."""

import pytest

from coursehub.status.deciding import ENDED, HEALED, OPENED, WORSE, decide
from coursehub.status.model import Check, Incident


def check(state, at=1000.0, **details):
    return Check(at, state, **details)


def run(*checks):
    """The decisions of checks, one after the other, as the record gives them on."""
    incidents, last, since, decisions = (), "", None, []
    for one in checks:
        decision = decide(incidents, one, last, since)
        incidents = decision.incidents
        if one.state != "unknown":
            last, since = one.state, since if one.state == last else one.at
        decisions.append(decision)
    return decisions


def test_down_is_believed_at_once_and_ends_with_up():
    opened, same, ended, after = run(
        check("down", title="The hub is down: nobody answers", cause="the droplet is off"),
        check("down", 1900, cause="the droplet is off"),
        check("up", 2800),
        check("up", 3700),
    )
    assert opened.event == OPENED
    began = Incident(1000.0, "down", "The hub is down: nobody answers", cause="the droplet is off")
    assert opened.incidents == (began,)
    assert (same.event, same.incidents) == ("", (began,))
    assert ended.event == ENDED and ended.current.ended == 2800
    assert after.event == "" and after.incidents == ended.incidents


def test_degraded_is_believed_when_it_is_so_twice_in_a_row():
    once, up, again, twice = run(
        check("degraded"), check("up", 2000), check("degraded", 3000), check("degraded", 4000)
    )
    assert once.incidents == up.incidents == again.incidents == ()
    assert twice.event == OPENED and twice.current.began == 3000


def test_unknown_between_two_does_not_matter():
    *_, twice = run(check("degraded"), check("unknown", 2000), check("degraded", 3000))
    assert twice.event == OPENED


@pytest.mark.parametrize("state", ["up", "unknown", "maintenance", "none"])
def test_nothing_begins(state):
    assert decide((), check(state), "down").incidents == ()


@pytest.mark.parametrize("state", ["unknown", "maintenance"])
def test_what_is_not_seen_ends_nothing_but_what_was_done_is_kept(state):
    _, unseen, down = run(check("down"), check(state, 2000, done=("restarted the hub",)), check("down", 3000))
    assert unseen.event == "" and unseen.current.ended is None
    assert down.event == "" and down.current.done == ("restarted the hub",)


def test_it_gets_worse_once_and_better_without_a_word():
    _, opened, worse, better, again, ended = run(
        check("degraded", title="slow"),
        check("degraded", 2000, title="slow"),
        check("down", 3000, title="gone"),
        check("degraded", 4000, title="slow"),
        check("down", 5000, title="gone"),
        check("up", 6000),
    )
    assert [one.event for one in (opened, worse, better, again, ended)] == [OPENED, WORSE, "", "", ENDED]
    assert (ended.current.state, ended.current.title, ended.current.began) == ("down", "gone", 1000)


def test_the_cause_follows_what_is_found_but_not_each_number():
    _, same, other, none = run(
        check("down", cause="no answer within 9.8 s"),
        check("down", 2000, cause="No answer within 10 s"),
        check("down", 3000, cause="the disk is full"),
        check("down", 4000, cause=""),
    )
    assert same.current.cause == "no answer within 9.8 s"
    assert other.current.cause == none.current.cause == "the disk is full"


@pytest.mark.parametrize(
    ("title", "why"),
    [
        ("The course is archived, so there is no hub to look at", "the course was archived"),
        ("The course is destroyed, so there is no hub to look at", "the course was destroyed"),
        ("Nothing was deployed yet", "there is no hub any more"),
    ],
)
def test_without_a_hub_the_incident_ends_and_says_why(title, why):
    _, ended = run(check("down"), check("none", 2000, title=title))
    assert ended.event == ENDED and ended.current.ended == 2000 and ended.current.done[-1] == why


def test_what_was_done_is_collected_once():
    acts = ("restarted the hub (in 6 s)",)
    _, second, third = run(
        check("down", done=acts),
        check("down", 2000, done=(*acts, "restarted the proxy")),
        check("up", 3000, done=("restarted the proxy", "restarted the proxy")),
    )
    assert second.current.done == (*acts, "restarted the proxy")
    assert third.current.done.count("restarted the proxy") == 2


def test_what_was_healed_before_anybody_looked_is_written_down_once():
    first, second, third = run(
        check("up", done=("restarted the hub",), cause="the hub was killed"),
        check("up", 1900, done=("restarted the hub",)),
        check("up", 1000 + 7200, done=("restarted the hub",)),
    )
    assert first.event == HEALED
    healed = first.current
    assert (healed.began, healed.ended, healed.cause) == (1000, 1000, "the hub was killed")
    assert healed.done == ("restarted the hub",) and healed.issue is None
    assert second.event == "" and len(second.incidents) == 1
    assert third.event == HEALED and len(third.incidents) == 2


def test_what_was_healed_is_written_down_though_something_else_is_odd():
    """And what is odd is an incident when it lasts."""
    first, second = run(
        check("degraded", done=("restarted the hub",)), check("degraded", 1900, done=("restarted the hub",))
    )
    assert first.event == HEALED and second.event == OPENED and len(second.incidents) == 2


def test_acts_of_an_incident_that_has_just_ended_make_no_other():
    *_, after = run(
        check("down"), check("up", 1900, done=("restarted",)), check("up", 2800, done=("restarted",))
    )
    assert after.event == "" and len(after.incidents) == 1


def test_of_several_open_ones_the_newest_goes_on():
    old, new = Incident(10.0, "down", "a"), Incident(20.0, "down", "b")
    decision = decide((old, new), check("down"))
    assert [(one.title, one.ended) for one in decision.incidents] == [("b", None), ("a", 20.0)]
