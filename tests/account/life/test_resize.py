"""scripts/resize.py and scripts/timetable.py: another size, now or by the clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from provisioned import SECRET, changed, new_course, struck
from script_runs import BUSY, act, act_apart, deployed, until_it_ends
from script_runs import work as script_work

from coursehub.lifecycle import resize, timetable
from coursehub.model import Check
from coursehub.names import names_from
from coursehub.problems import Failure, InvalidInput
from coursehub.targets.droplet import CloudDroplet
from coursehub.timetable import timetable_from
from sandbox.cloud.faults import WRITE, Fault

NAMES = names_from(SECRET)
SMALL, LARGE = "s-1vcpu-2gb", "s-4vcpu-8gb"
TEXT = f"""
droplet:
  size: {SMALL}
  region: fra1
storage: {{size: 10G}}
"""
BERLIN = ZoneInfo("Europe/Berlin")
BEFORE, DURING, NEARLY_OVER = (
    datetime(2026, 3, 2, *clock, tzinfo=BERLIN) for clock in ((7, 0), (9, 59), (11, 51))
)
AFTER, LATE = (datetime(2026, 3, 2, *clock, tzinfo=BERLIN) for clock in ((12, 20), (13, 5)))
WORKING, RESTING = {"running": 3, "quiet": 120.0}, {"running": 3, "quiet": 1500.0}


@pytest.fixture(autouse=True)
def hub(monkeypatch):
    """A hub that answers from outside."""
    answers = [Check("hub", True, "JupyterHub 5"), Check("log-in page", True, "200")]
    monkeypatch.setattr(resize, "settled_url", lambda url, patience: url)
    monkeypatch.setattr(resize, "probe", lambda url, *, test_service, patience: answers)
    return answers


@pytest.fixture
def course(server, tmp_path):
    return deployed(tmp_path / "course", server, TEXT)


@pytest.fixture
def weekly(course):
    """With a larger size on Mondays from 9 to 12."""
    hours = timetable_from("Europe/Berlin", [f"monday 09:00-12:00 {LARGE}"])
    return changed_timetable(course, hours)


def changed_timetable(course, hours):
    return replace(course, settings=replace(course.settings, timetable=hours))


def the_droplet(client):
    (droplet,) = client.droplets.list()["droplets"]
    return droplet


def size_now(client) -> str:
    droplet = the_droplet(client)
    assert droplet["status"] == "active"
    return droplet["size_slug"]


def test_another_size(course, client, droplet):
    told = act(course, resize, LARGE)
    assert size_now(client) == LARGE and the_droplet(client)["disk"] == 50, "the disk must stay as it was"
    assert told.verdict == "resized" and "the hub was away for" in told.title
    assert "$48.00 a month, $12.00 before" in told.notes[0]
    assert f"write size: {LARGE} under droplet: (course.yml:4)" in told.notes[1]
    assert droplet.asked == ["lock", "close", "close"], "locked first, and reached again afterwards"
    assert [step.operation for step in course.plan("downtime")] == ["droplet.resize"]


def test_the_size_of_course_yml(course, client):
    act(course, resize, LARGE)
    assert act(course, resize).verdict == "resized" and size_now(client) == SMALL
    told = act(course, resize)
    assert told.verdict == "unchanged" and told.notes == ()


def test_a_course_yml_without_a_size(server, client, tmp_path):
    told = act(deployed(tmp_path / "bare", server, "storage: {size: 10G}\n"), resize, LARGE)
    assert f"add droplet: {{size: {LARGE}}} to course.yml" in told.notes[1]


def test_the_disk_too(course, client):
    told = act(course, resize, LARGE, "--disk")
    assert the_droplet(client)["disk"] == 160
    assert "for good" in told.notes[1]
    with pytest.raises(InvalidInput, match="cannot shrink"):
        act(course, resize)
    again = act(course, resize, LARGE, "--disk")
    assert again.verdict == "unchanged" and "stays so" in again.notes[0]


WRONG = {"unknown": ("s-3vcpu-5gb", "is no size"), "smaller disk": ("s-1vcpu-1gb", "cannot shrink")}


@pytest.mark.parametrize(("size", "words"), WRONG.values(), ids=WRONG)
def test_a_size_that_cannot_be_had(course, server, size, words):
    server.requests.clear()
    with pytest.raises(InvalidInput) as caught:
        act(course, resize, size)
    (problem,) = caught.value.problems
    assert words in problem.message and "a month" in problem.fix
    assert (problem.file, problem.key, problem.found) == ("the command line", "SIZE", size)
    assert {request.method for request in server.requests} == {"GET"}


def test_a_deploy_that_is_under_way_is_waited_for(course, client, droplet, monkeypatch, capsys):
    monkeypatch.setattr("coursehub.rollback.time.sleep", lambda _: None)
    droplet.answers["lock"] = [BUSY, None]
    act(course, resize, LARGE)
    assert "Waiting for ada" in capsys.readouterr().err and size_now(client) == LARGE


def test_a_deploy_that_does_not_end(course, client, droplet, monkeypatch):
    monkeypatch.setattr("coursehub.lifecycle.command.LOCK_PATIENCE", 0)
    monkeypatch.setattr("coursehub.rollback.time.sleep", lambda _: None)
    droplet.answers["lock"] = BUSY
    with pytest.raises(Failure, match="a deploy holds the droplet: ada"):
        act(course, resize, LARGE)
    assert size_now(client) == SMALL


def test_a_droplet_that_never_comes_back(course, client, monkeypatch):
    def refuse(target):
        raise Failure("no answer", "see its console")

    monkeypatch.setattr(CloudDroplet, "open", refuse)
    with pytest.raises(Failure, match="no answer"):
        act(course, resize, LARGE)
    assert size_now(client) == LARGE


def test_a_hub_that_does_not_answer(course, hub):
    hub[0] = Check("hub", False, "refused")
    with pytest.raises(Failure, match="the hub does not answer: hub: refused"):
        act(course, resize, LARGE)


def test_a_resize_that_fails_leaves_the_hub_on(course, server, client):
    server.cloud.backend.failing["resize"] = 1
    with pytest.raises(Failure, match="Resize the droplet"):
        act(course, resize, LARGE)
    assert size_now(client) == SMALL


def test_a_droplet_that_does_not_shut_down_has_its_power_cut(course, server, client, monkeypatch):
    monkeypatch.setattr("coursehub.cloud.running.ORDERLY", 0.1)
    server.behaviour.ignores_shutdown = True
    act(course, resize, LARGE)
    assert size_now(client) == LARGE


def test_a_droplet_that_is_off_is_switched_on(course, client):
    client.droplet_actions.post(the_droplet(client)["id"], body={"type": "power_off"})
    told = act(course, resize)
    assert "is on again" in told.title and size_now(client) == SMALL


@pytest.mark.parametrize(("kind", "skip"), [("crash_after", 0), ("crash_before", 0)])
def test_killed_at_every_write(course, server, client, kind, skip):
    fault = lambda kill: Fault(kind, method=WRITE, skip=skip, call=kill)  # noqa: E731
    if kind == "crash_before":
        # Each write but the last was done in the run before: nothing is done, ever.
        assert struck(server, fault, lambda: act_apart(course, resize, LARGE)) == -9
        act(course, resize, LARGE)
    else:
        assert until_it_ends(server, fault, lambda: act_apart(course, resize, LARGE)) == 3
    assert size_now(client) == LARGE


@pytest.mark.parametrize("values", [{"kind": "lose"}, {"kind": "fail", "status": 500}])
def test_every_write_is_spoilt(course, server, client, values):
    server.faults += [Fault(**values, method=WRITE, skip=skip) for skip in range(0, 20, 2)]
    act(course, resize, LARGE)
    assert size_now(client) == LARGE


def test_the_account_without_a_droplet(server, tmp_path):
    with pytest.raises(Failure, match="no droplet"):
        act(new_course(tmp_path / "empty", server, TEXT), resize, LARGE)


# The timetable


def test_without_a_timetable_nobody_is_asked(course):
    assert timetable.unneeded(course.settings).verdict == "unchanged"


def test_with_one_somebody_is(weekly):
    assert timetable.unneeded(weekly.settings) is None


def test_nothing_to_do_is_three_questions(weekly, server, droplet):
    server.requests.clear()
    assert act(weekly, timetable, now=BEFORE).verdict == "unchanged"
    assert [request.method for request in server.requests] == ["GET"] * 3 and droplet.asked == []


def test_during_the_hours_also_when_late(weekly, client):
    assert act(weekly, timetable, now=DURING).verdict == "resized"
    assert size_now(client) == LARGE
    assert act(weekly, timetable, now=DURING + timedelta(minutes=15)).verdict == "unchanged"


def test_not_for_the_last_ten_minutes(weekly, client, droplet):
    told = act(weekly, timetable, now=NEARLY_OVER)
    assert told.verdict == "put off" and size_now(client) == SMALL and droplet.asked == []


def test_a_droplet_that_was_left_off_is_switched_on_in_the_last_minutes(weekly, client):
    client.droplet_actions.post(the_droplet(client)["id"], body={"type": "power_off"})
    act(weekly, timetable, now=NEARLY_OVER)
    assert size_now(client) == SMALL


def test_an_exam_that_runs_over_is_not_cut(weekly, client, droplet):
    act(weekly, timetable, now=DURING)
    droplet.answers["activity.look"] = WORKING
    told = act(weekly, timetable, now=AFTER)
    assert told.verdict == "put off" and "20 minutes after the hours' end; for 40 more" in told.title
    assert size_now(client) == LARGE
    act(weekly, timetable, now=LATE)
    assert size_now(client) == SMALL, "an hour is enough"


@pytest.mark.parametrize("answer", [RESTING, {"running": 0, "quiet": None}, Failure("no such operation")])
def test_after_the_hours(weekly, client, droplet, answer):
    act(weekly, timetable, now=DURING)
    droplet.answers["activity.look"] = answer
    assert act(weekly, timetable, now=AFTER).verdict == "resized"
    assert size_now(client) == SMALL


def test_patience_can_be_none(weekly, client, droplet):
    act(weekly, timetable, now=DURING)
    droplet.answers["activity.look"] = WORKING
    assert act(weekly, timetable, "--patience", "0", now=AFTER).verdict == "resized"


def test_a_droplet_that_cannot_be_asked(weekly, client, monkeypatch, capsys):
    act(weekly, timetable, now=DURING)
    opened = CloudDroplet.open
    calls = iter([Failure("no answer"), Failure("no answer")])

    def refuse(target):
        if failure := next(calls, None):
            raise failure
        return opened(target)

    monkeypatch.setattr(CloudDroplet, "open", refuse)
    assert act(weekly, timetable, now=AFTER).verdict == "resized"
    assert "cannot be asked whether students are at work (no answer)" in capsys.readouterr().err


def test_a_size_of_the_timetable_that_cannot_be_had(course, client):
    wrong = changed_timetable(course, timetable_from("UTC", ["monday 09:00-12:00 s-3vcpu-5gb"]))
    with pytest.raises(InvalidInput) as caught:
        act(wrong, timetable, now=DURING.replace(hour=11))
    assert caught.value.problems[0].key == "timetable.hours"


def test_an_archived_course_is_left_alone(weekly, client):
    client.tags.create(body={"name": NAMES.archived})
    with pytest.raises(Failure, match="being archived"):
        act(weekly, timetable, now=DURING)


def test_a_larger_usual_size(course, client):
    larger = changed(course, "droplet", size=LARGE)
    later = changed_timetable(larger, timetable_from("UTC", [f"sunday 09:00-12:00 {SMALL}"]))
    assert act(later, timetable, now=DURING).verdict == "resized" and size_now(client) == LARGE


# Before the hours, and between them

HUGE = "s-8vcpu-16gb"


@pytest.fixture
def crowded(course):
    """Two classes in a row, the second of which needs less; a break; and a third, with another in a row."""
    lines = [f"09:00-11:00 {HUGE}", f"11:00-13:00 {LARGE}", f"13:30-15:00 {LARGE}", f"15:00-16:00 {HUGE}"]
    return changed_timetable(course, timetable_from("Europe/Berlin", [f"monday {line}" for line in lines]))


def at(clock: str) -> datetime:
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, 3, 2, hour, minute, tzinfo=BERLIN)


def test_before_the_hours(weekly, client):
    assert act(weekly, timetable, now=at("07:44")).verdict == "unchanged"
    told = act(weekly, timetable, now=at("07:45"))
    assert told.verdict == "resized" and size_now(client) == LARGE
    assert told.notes[0] == "This is the size for what comes within 75 minutes"
    assert not any("course.yml has" in note for note in told.notes), "nobody would take it back"
    again = act(weekly, timetable, now=at("08:30"))
    assert again.title == f"The droplet has the size for what comes within 75 minutes: {LARGE}"
    assert act(weekly, timetable, now=at("09:05")).title == f"The droplet has the size for now: {LARGE}"


def test_a_deploy_before_the_hours_leaves_the_size(weekly):
    work = script_work(weekly, timetable, now=at("08:20"))
    assert work.wanted.size == LARGE


def test_no_shrinking_in_a_break(crowded, client, droplet):
    act(crowded, timetable, now=at("12:00"))
    assert size_now(client) == LARGE
    droplet.asked.clear()
    for clock in ("12:55", "13:05", "13:29", "13:40"):
        assert act(crowded, timetable, now=at(clock)).verdict == "unchanged"
    assert droplet.asked == []


def test_a_smaller_class_in_a_row_is_not_interrupted(crowded, client, droplet):
    act(crowded, timetable, now=at("08:30"))
    droplet.answers["activity.look"] = WORKING
    for clock, left in (("11:05", 115), ("12:30", 30)):
        told = act(crowded, timetable, now=at(clock))
        assert told.verdict == "put off" and f"the hours last {left} minutes more" in told.title
    assert size_now(client) == HUGE
    droplet.answers["activity.look"] = RESTING
    act(crowded, timetable, now=at("12:35"))
    assert size_now(client) == LARGE


def test_the_end_of_hours_before_smaller_ones(crowded, client, droplet):
    """At 13:05 the hours of the second class are over, and those of the third begin soon."""
    act(crowded, timetable, now=at("08:30"))
    droplet.answers["activity.look"] = WORKING
    told = act(crowded, timetable, now=at("13:05"))
    assert told.verdict == "put off" and "5 minutes after the hours' end" in told.title
    droplet.answers["activity.look"] = RESTING
    act(crowded, timetable, now=at("13:06"))
    assert size_now(client) == LARGE


def test_a_larger_class_in_a_row_is_prepared_in_the_one_before(crowded, client):
    act(crowded, timetable, now=at("13:00"))
    act(crowded, timetable, now=at("14:15"))
    assert size_now(client) == HUGE


def test_the_last_minutes_are_not_too_late_for_what_comes_then(crowded, client):
    told = act(crowded, timetable, now=at("14:55"))
    assert told.verdict == "resized" and size_now(client) == HUGE


def test_the_last_minutes_grow_only_as_far_as_what_comes_needs(crowded, client):
    assert act(crowded, timetable, now=at("10:55")).verdict == "resized"
    assert size_now(client) == LARGE


def test_no_shrinking_in_the_last_minutes(crowded, client, droplet):
    act(crowded, timetable, now=at("08:30"))
    told = act(crowded, timetable, now=at("12:55"))
    assert told.verdict == "put off" and "fewer than 10 minutes" in told.title
    assert size_now(client) == HUGE and "activity.look" not in droplet.asked


def test_hours_of_less_begin_as_ever(course, client):
    larger = changed(course, "droplet", size=LARGE)
    night = changed_timetable(larger, timetable_from("Europe/Berlin", [f"monday 22:00-24:00 {SMALL}"]))
    act(night, timetable, now=at("12:00"))
    assert size_now(client) == LARGE
    assert act(night, timetable, now=at("21:50")).verdict == "unchanged"
    act(night, timetable, now=at("22:05"))
    assert size_now(client) == SMALL
    act(night, timetable, now=at("23:20"))
    assert size_now(client) == LARGE
