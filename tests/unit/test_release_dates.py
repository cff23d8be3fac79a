"""What is released when: clocks, summer time, boundaries; and what a plan makes of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from course_folder import NOTEBOOK, make_course
from coursehub.model import Silent
from coursehub.parts import content
from coursehub.release_dates import (
    Releases,
    idle_patterns,
    is_released,
    release_from,
    released,
    remark,
    waiting,
)
from coursehub.secrets import Secrets
from coursehub.settings import load

SOUND = {"trusted": True, "damage": None, "unfinished": False}


def releases(*entries: tuple[str, str | None, str | None], timezone: str = "Europe/Berlin") -> Releases:
    given = [{"path": path, "from": start, "until": end} for path, start, end in entries]
    return Releases(tuple(release_from(entry, timezone) for entry in given), timezone)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# From, until, a moment in UTC, whether the path is there
MOMENTS = {
    "winter, a minute before": ("2026-12-05 18:00", None, "2026-12-05T16:59", False),
    "winter, on the minute": ("2026-12-05 18:00", None, "2026-12-05T17:00", True),
    "summer, a minute before": ("2026-07-05 18:00", None, "2026-07-05T15:59", False),
    "summer, on the minute": ("2026-07-05 18:00", None, "2026-07-05T16:00", True),
    "a day begins at its midnight": ("2026-10-05", None, "2026-10-04T22:00", True),
    "and not before": ("2026-10-05", None, "2026-10-04T21:59", False),
    "the last day belongs to it": (None, "2026-12-20", "2026-12-20T22:59", True),
    "up to its midnight": (None, "2026-12-20", "2026-12-20T23:00", False),
    "until a time": (None, "2026-12-20 12:00", "2026-12-20T11:00", False),
    "until just before a time": (None, "2026-12-20 12:00", "2026-12-20T10:59", True),
    "one day that has 25 hours": ("2026-10-25", "2026-10-25", "2026-10-25T22:59", True),
    "and no more": ("2026-10-25", "2026-10-25", "2026-10-25T23:00", False),
    "a time that summer time leaves out": ("2026-03-29 02:30", None, "2026-03-29T01:29", False),
    "comes an hour later": ("2026-03-29 02:30", None, "2026-03-29T01:30", True),
    "of a time that comes twice": ("2026-10-25 02:30", None, "2026-10-25T00:29", False),
    "the first counts": ("2026-10-25 02:30", None, "2026-10-25T00:30", True),
    "written with a T": ("2026-07-05T18:00", None, "2026-07-05T16:00", True),
}


@pytest.mark.parametrize(("start", "end", "now", "there"), MOMENTS.values(), ids=MOMENTS)
def test_moments(start, end, now, there):
    assert is_released("a", releases(("a", start, end)), at(now)) is there


def test_a_date_is_the_time_zones_own():
    now = at("2026-10-05T00:30")
    for timezone, there in (("America/New_York", False), ("UTC", True), ("Pacific/Auckland", True)):
        assert is_released("a", releases(("a", "2026-10-05", None), timezone=timezone), now) is there


def test_patterns_mean_files_and_folders_and_all_entries_must_agree():
    paths = ["StartHere.ipynb", "solutions/week1.ipynb", "solutions/week2.ipynb", "week-1/Solution.ipynb"]
    dates = releases(
        ("solutions", "2026-10-05", None),
        ("solutions/week2.ipynb", "2026-11-05", None),
        ("**/Solution.ipynb", None, "2026-09-01"),
        ("solutoins", "2026-10-05", None),
    )
    assert released(paths, dates, at("2026-10-20T00:00")) == ["StartHere.ipynb", "solutions/week1.ipynb"]
    assert waiting(paths, dates, at("2026-10-01T00:00")) == {
        at("2026-10-04T22:00"): ["solutions/week1.ipynb"],
        at("2026-11-04T23:00"): ["solutions/week2.ipynb"],
    }
    assert idle_patterns(paths, dates) == ["solutoins"]


def test_what_never_comes_does_not_wait():
    dates = releases(("a", "2026-10-05", None), ("a", None, "2026-09-01"))
    assert waiting(["a"], dates, at("2026-08-01T00:00")) == {}


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ("2026-10-01T00:00", "waits until 2026-10-05 18:00 (Europe/Berlin)"),
        ("2026-10-06T00:00", "released since 2026-10-05 18:00 (Europe/Berlin)"),
        ("2026-12-24T00:00", "withdrawn since 2026-12-21 00:00 (Europe/Berlin)"),
    ],
)
def test_remarks(now, said):
    dates = releases(("a", "2026-10-05 18:00", "2026-12-20"))
    assert remark("a", dates, at(now)) == said
    assert remark("b", dates, at(now)) == ""


COURSE = """\
timetable: {timezone: Europe/Berlin}
content:
  release:
    - {path: solutions/week1.ipynb, from: 2026-10-05 18:00, until: 2026-12-20}
    - {path: solutoins, from: 2026-10-05}
"""
BEFORE, AFTER, LATE = at("2026-10-05T15:59"), at("2026-10-05T16:00"), at("2026-12-20T23:00")


@pytest.fixture
def course(tmp_path):
    root = make_course(tmp_path / "course", COURSE)
    (root / "content" / "solutions").mkdir()
    (root / "content" / "solutions" / "week1.ipynb").write_text(NOTEBOOK.replace("{}", '{"x": 1}'))
    return load(root)


def wanted(course, now, **options):
    return content.want(course, Secrets(), now=now, **options)


def seen(want):
    """What a droplet says that has what was wanted then, and is asked about something else."""
    return {"tree": want.tree, **SOUND, "files": {file.path: [file.mode, file.blob] for file in want.files}}


def paths(want):
    return [file.path for file in want.files]


def test_before_its_date_nothing_of_it_is_sent(course):
    want = wanted(course, BEFORE)
    (step,) = content.plan(want, {"tree": None, **SOUND}, {})
    assert paths(want) == ["StartHere.ipynb"]
    assert "week1" not in str(step.parameters) and len(step.payload) == 1
    assert content.notes(want) == [
        "solutions/week1.ipynb: waits until 2026-10-05 18:00 (Europe/Berlin)",
    ]
    assert content.warnings(want) == ["content.release: solutoins matches nothing in content/"]


def test_large_files_are_told(course):
    with (course.root / "content/wave.bin").open("wb") as file:
        file.truncate(30 << 20)
    warnings = content.warnings(wanted(course, BEFORE))
    assert len(warnings) == 2
    assert warnings[1].startswith("content/wave.bin has 30 MB, and every student gets a copy")
    assert "What to do" in warnings[1]


def test_on_its_date_it_comes_and_goes(course):
    before, after, late = (wanted(course, now) for now in (BEFORE, AFTER, LATE))
    (step,) = content.plan(after, seen(before), {})
    assert step.details == ("+ solutions/week1.ipynb (released since 2026-10-05 18:00 (Europe/Berlin))",)
    assert content.notes(after) == []
    (step,) = content.plan(late, seen(after), {})
    assert step.details == ("- solutions/week1.ipynb (withdrawn since 2026-12-21 00:00 (Europe/Berlin))",)
    assert late.tree == before.tree


def test_a_link_waits_for_the_file_that_it_is_a_copy_of(course):
    (course.root / "content" / "Answers.ipynb").symlink_to("solutions/week1.ipynb")
    assert paths(wanted(course, BEFORE)) == ["StartHere.ipynb"]
    before = seen(wanted(course, BEFORE))
    after = content.prepare(wanted(course, AFTER, only_dated=True), before, {}, Silent())
    assert paths(after) == ["Answers.ipynb", "StartHere.ipynb", "solutions/week1.ipynb"]
    late = content.prepare(wanted(course, LATE, only_dated=True), seen(after), {}, Silent())
    assert paths(late) == ["StartHere.ipynb"]


def test_by_date_alone_nothing_else_changes(course):
    """A change that no deploy has brought yet, for its notebooks failed, say, waits for one."""
    before = wanted(course, BEFORE)
    folder = course.root / "content"
    (folder / "StartHere.ipynb").write_text(NOTEBOOK + "\n")
    (folder / "New.ipynb").write_text(NOTEBOOK)
    want = content.prepare(wanted(course, AFTER, only_dated=True), seen(before), {}, Silent())
    (step,) = content.plan(want, seen(before), {})
    assert step.details == ("+ solutions/week1.ipynb (released since 2026-10-05 18:00 (Europe/Berlin))",)
    assert step.payload == (folder / "solutions" / "week1.ipynb",)
    assert content.plan(want, {"tree": want.tree, **SOUND}, {}) == []

    late = content.prepare(wanted(course, LATE, only_dated=True), seen(want), {}, Silent())
    (step,) = content.plan(late, seen(want), {})
    assert step.details[0].startswith("- solutions/week1.ipynb (withdrawn") and late.tree == before.tree


def test_what_is_released_already_keeps_its_version(course):
    """Until a deploy brings the new one."""
    after = wanted(course, AFTER)
    (course.root / "content" / "solutions" / "week1.ipynb").write_text(NOTEBOOK)
    want = content.prepare(wanted(course, AFTER, only_dated=True), seen(after), {}, Silent())
    assert content.plan(want, seen(after), {}) == []
