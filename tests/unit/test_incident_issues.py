"""One issue for each incident, on a GitHub that answers, refuses, hangs up, and is asked again."""

import re

import pytest
from incident_course import DOWN, Course

from coursehub.status import incident_text as words
from coursehub.status.model import Check, Finding, Incident
from sandbox.github.api import Api
from sandbox.github.repository import Repository


@pytest.fixture
def api(tmp_path):
    with Api(Repository.create(tmp_path / "course.git")) as started:
        yield started
    assert not started.unexpected


@pytest.fixture
def course(api):
    return Course(api.repository, {"issues": "write"})


def test_an_incident_has_one_issue_from_its_beginning_to_its_end(course):
    findings = (Finding("DNS", "good", "hub.school.edu leads to 203.0.113.7"),)
    findings += (Finding("hub", "failure", "no answer within 10 s", "it was killed", "restart it"),)
    course.check("up")
    assert course.issues == []
    course.check("down", findings=findings, done=("restarted the hub",))
    (issue,) = course.issues
    assert issue.title == "The hub is down: nobody answers (the droplet is off)"
    assert issue.labels == ["coursehub-incident"]
    assert course.github.label("coursehub-incident").color == "b60205"
    for part in (
        *("no student can log in", "**Cause:** the droplet is off", "**What to do:** run Deploy"),
        *("2027-01-15 09:30 (Europe/Berlin)", "- restarted the hub", "/school/course/actions/runs/77"),
        "| ✗ | hub | no answer within 10 s | it was killed | restart it |",
    ):
        assert part in issue.body
    assert course.incidents[0].issue == 1
    course.check("down", findings=findings)
    course.check("unknown")
    assert course.comments() == []
    course.check("down", cause="the disk is full")
    course.check("down", cause="the droplet is off", done=("restarted the proxy",))
    course.check("up")
    first, second, last = course.comments()
    assert "**Cause:** the disk is full" in first and "no student" not in first
    assert "- restarted the proxy" in second and "Cause" not in second, "a cause is told once"
    assert "It is over, after 1 h 15 min." in last and "restarted the hub" in last
    assert (issue.state, issue.state_reason) == ("closed", "completed")
    course.check("up")
    assert len(course.comments()) == 3 and course.incidents[0].ended
    assert course.troubles == ()


def test_the_next_incident_has_an_issue_of_its_own(course):
    for state in ("down", "up", "down"):
        course.check(state)
    assert [issue.state for issue in course.issues] == ["closed", "open"]
    assert [one.issue for one in course.incidents] == [2, 1]


def test_it_gets_worse_in_the_same_issue(course):
    for state in ("degraded", "degraded"):
        course.check(state, title="The hub is degraded: slow")
    assert "needs attention" in course.issues[0].body
    course.check("down")
    assert course.issues[0].title.startswith("The hub is down")
    (comment,) = course.comments()
    assert "no student can log in" in comment
    course.check("degraded")
    assert "students can work" in course.comments()[1]
    assert len(course.issues) == 1


def test_maintenance_is_not_talked_about(course):
    course.check("maintenance")
    assert course.issues == []
    course.check("down")
    course.check("maintenance", done=("restarted",))
    assert course.comments() == [] and course.issues[0].state == "open"
    course.check("up")
    assert course.issues[0].state == "closed"


def test_archiving_closes_it_and_says_so(course):
    course.check("down")
    course.check("none", title="The course is archived, so there is no hub to look at")
    assert course.issues[0].state == "closed" and "the course was archived" in course.comments()[0]


def test_healed_before_anybody_looked_has_no_issue(course):
    course.check("up", done=("restarted the hub",))
    assert course.issues == [] and course.incidents[0].done == ("restarted the hub",)


def test_who_closes_it_hears_no_more_unless_it_gets_worse(course):
    course.check("degraded", title="slow")
    course.check("degraded", title="slow")
    issue = course.issues[0]
    issue.state = "closed"
    for _ in range(3):
        course.check("degraded", title="slow", cause="a new cause", done=("restarted",))
    assert (issue.state, course.comments(), len(course.issues)) == ("closed", [], 1)
    course.check("down")
    assert issue.state == "open" and len(course.comments()) == 1
    issue.state, issue.state_reason = "closed", "not_planned"
    course.check("down")
    assert issue.state == "closed" and len(course.comments()) == 1
    course.check("up")
    assert "It is over" in course.comments()[1] and issue.state_reason == "not_planned"


def test_people_are_assigned_and_one_whom_github_refuses_stops_nothing(course):
    course.health["assignees"] = ["ada"]
    course.check("down")
    assert course.issues[0].assignees == ["ada"] and course.troubles == ()
    course.check("up")
    course.health["assignees"] = ["stranger", "Ada"]
    course.check("down")
    assert course.issues[1].assignees == ["Ada"] and len(course.issues) == 2
    assert len(course.troubles) == 1 and "stranger" in course.troubles[0] and "ada" not in course.troubles[0]


def test_issues_that_are_switched_off_are_said_once(course):
    course.github.has_issues = False
    course.check("up")
    assert course.troubles == ()
    course.check("down")
    assert len(course.troubles) == 1 and "switched off" in course.troubles[0]
    course.check("down")
    assert course.troubles == () and course.incidents[0].ended is None
    course.check("up")
    assert course.incidents[0].ended and course.troubles == ()


def test_without_the_right_to_write_issues_it_is_said_and_the_incident_is_kept(api):
    course = Course(api.repository, {"contents": "read"})
    course.check("down")
    assert course.incidents[0].state == "down" and "issues: write" in course.troubles[0]


@pytest.mark.parametrize("kind", ["close", "lost", "garbage", 500, "secondary"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", "*/issues"), ("POST", "*/issues"), ("GET", "*/comments"), ("POST", "*/comments")),
        *(("PATCH", "*"), ("*", "*/labels*"), ("*", "*")),
    ],
)
def test_github_fails_in_the_middle_and_the_next_run_catches_up(course, api, kind, method, path):
    story = [("down", "a"), ("down", "b"), ("up", ""), ("down", "c"), ("up", ""), ("up", "")]
    for state, cause in story:
        # Each request of the kind fails once, in each check: what is written then must not be doubled.
        # Reading is tried four times.
        api.fail(method, path, kind, 1 if method in ("POST", "PATCH") else 4)
        course.check(state, cause=cause)
    api.faults.clear()
    course.check("up")
    assert course.troubles == ()
    assert all(issue.state == "closed" for issue in course.issues)
    assert len(course.issues) <= 2
    for issue in course.issues:
        comments = [re.sub(r"runs/\d+", "", text) for text in course.comments(issue.number)]
        assert len(comments) == len(set(comments))
        assert sum("It is over" in text for text in comments) == 1
    assert len(course.incidents) == 2 and all(one.ended for one in course.incidents)


def test_a_run_that_could_not_write_down_what_it_did_is_caught_up_with(course):
    course.check("down", keep=False)
    course.check("down", keep=False)
    assert len(course.issues) == 1 and course.incidents == ()
    course.check("down")
    (incident,) = course.incidents
    assert (incident.began, incident.issue, incident.title) == (course.now - 1800, 1, DOWN["title"])
    course.check("up", keep=False)
    course.check("up")
    assert course.issues[0].state == "closed" and len(course.comments()) == 1
    assert course.incidents[0].ended


def test_what_was_told_before_the_record_was_lost_is_not_told_again(course):
    course.check("down", keep=False, done=("restarted the hub", "restarted the proxy"))
    course.check("down", done=("restarted the hub",))
    assert course.comments() == []
    course.check("down", done=("restarted the hub", "restarted the hub"))
    course.check("down", done=("took back a configuration",))
    course.check("down", done=("restarted the proxy",))
    first, second = course.comments()
    assert first.count("restarted the hub") == 1 and "took back" in second and "restarted" not in second


def test_two_issues_that_two_runs_opened_become_one(course):
    course.check("down")
    body = course.issues[0].body
    course.github.open_issue("x", body, labels=("coursehub-incident",), author="github-actions[bot]")
    course.check("down")
    assert [issue.state for issue in course.issues] == ["open", "closed"]
    assert "kept in #1" in course.comments(2)[0]


def test_an_issue_of_a_person_is_nobodys_business(course):
    theirs = course.github.open_issue("Down?", "mine", labels=("coursehub-incident",), author="ada")
    course.check("down")
    course.check("up")
    assert theirs.state == "open" and theirs.body == "mine" and len(course.issues) == 2


def test_a_number_of_another_repositorys_record_leads_to_nobody_elses_issue(course):
    checklist = course.github.open_issue("Setup checklist", "…", author="github-actions[bot]")
    course.incidents = (Incident(course.now, "down", "x", issue=1),)
    course.check("down")
    assert course.incidents[0].issue == 2 and course.comments(1) == []
    course.incidents = (Incident(course.now, "down", "x", issue=1),)
    course.check("up")
    assert checklist.state == "open" and course.comments(1) == []


def test_who_reopens_it_after_the_end_may_talk_on(course):
    course.check("down")
    course.check("up")
    issue = course.issues[0]
    issue.state, issue.state_reason = "open", "reopened"
    course.check("up")
    assert issue.state == "open" and len(course.comments()) == 1
    course.check("down")
    assert len(course.issues) == 2 and len(course.comments()) == 1


def test_what_is_left_open_of_an_incident_of_old_is_closed(course):
    told = words.marker(words.Told(5.0, "down"))
    course.github.open_issue("x", told, labels=("coursehub-incident",), author="github-actions[bot]")
    course.incidents = (Incident(5.0, "down", "x", ended=65.0, issue=1),)
    course.check("up")
    assert course.issues[0].state == "closed" and "after 60 s" in course.comments()[0]


EVIL = "@ada #1 <img src=x> | `a` [x](http://evil) https://github.com/a/b/issues/1 GH-3 --> ::error::x\n# no"


def test_what_servers_say_stays_text(course):
    finding = Finding(EVIL, "failure", EVIL, EVIL, EVIL)
    course.check("down", title=EVIL, cause=EVIL, fix=EVIL, findings=(finding,), done=(EVIL,))
    course.check("down", cause="2" + EVIL, done=(EVIL, "b" + EVIL))
    course.check("up")
    for text in (course.issues[0].body, *course.comments()):
        shown = words.MARKER.sub("", text)
        shown = shown.replace("https://github.com/school/course/actions/runs/77", "")
        assert not re.search(r"@\w|(?<!\\)#\d|://|GH-\d|<img|(?<!\\)`|(?<!\\)\[x", shown)
        assert words.read(text), "what is kept for programs cannot be ended by what servers say"
        assert text.count("<!--") == 1 == text.count("-->")
    rows = [line for line in course.issues[0].body.splitlines() if line.startswith("| ✗")]
    assert len(rows) == 1 and len(re.findall(r"(?<!\\)\|", rows[0])) == 6
    assert "\n" not in course.issues[0].title and len(course.issues[0].title) <= 256


def test_very_long_words_fit():
    long = "ü" * 70_000
    findings = tuple(Finding(long, "failure", long, long, long) for _ in range(100))
    incident = Incident(1.0, "down", long, cause=long, done=(long,) * 50)
    text = words.body(incident, Check(1.0, "down", title=long, fix=long, findings=findings), "", "Nowhere/X")
    assert len(text) < 65_536 and words.read(text) and "(UTC)" in text
    assert len(words.title(incident)) <= 256
