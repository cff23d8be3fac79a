"""scripts/release.py: when it looks at all, what it does then, and what it leaves to a deploy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from course_folder import NOTEBOOK, make_course
from coursehub import releasing
from coursehub.model import Silent
from coursehub.parts import content
from coursehub.problems import Failure
from coursehub.secrets import Secrets
from coursehub.settings import load

COURSE = "content: {release: [{path: solutions, from: 2026-10-05 18:00, until: 2026-12-20}]}\n"
BEGIN = datetime(2026, 10, 5, 18, tzinfo=UTC)
END = datetime(2026, 12, 21, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SOUND = {"trusted": True, "damage": None, "unfinished": False}


class Hub:
    """A target and its session in one: a droplet with a content repository, for one question at a time."""

    def __init__(self, files=None, damage=None, there=True, fails=False):
        self.files, self.damage, self.there, self.fails = files, damage, there, fails
        self.asked: list[str] = []
        self.address = "192.0.2.1"

    def exists(self):
        return self.there

    def open(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def call(self, operation, parameters, **_):
        self.asked.append(operation)
        if operation == "look":
            assert list(parameters["questions"]) == ["content"]
            tree = None if self.files is None else content.tree_id(self.files)
            present = {file.path: [file.mode, file.blob] for file in self.files or ()}
            seen = {"tree": tree, **SOUND, "damage": self.damage, "files": present}
            return {"busy": None, "machine": {}, "parts": {"content": seen}}
        if operation == "content.publish":
            if self.fails:
                raise Failure("the droplet's disk is full", "make room")
            entries = parameters["files"]
            self.files = tuple(content.File(path, mode, blob, 0) for path, mode, blob, _ in entries)
        return None


@pytest.fixture
def course(tmp_path):
    root = make_course(tmp_path / "course", COURSE)
    (root / "content" / "solutions").mkdir()
    (root / "content" / "solutions" / "week1.ipynb").write_text(NOTEBOOK)
    return load(root)


@pytest.fixture
def release(course, monkeypatch):
    def run(hub, now):
        monkeypatch.setattr(releasing, "choose", lambda *_: hub)
        return releasing.release(course, now, Silent())

    return run


def deployed(course, now):
    return content.want(course, Secrets(), now=now).files


@pytest.mark.parametrize(
    ("now", "asks"),
    [
        (BEGIN - MINUTE, False),
        (BEGIN, True),
        (BEGIN + timedelta(hours=25), True),
        (BEGIN + timedelta(hours=26), False),
        (END - MINUTE, False),
        (END, True),
    ],
)
def test_it_connects_only_after_a_date(course, release, now, asks):
    hub = Hub(deployed(course, BEGIN - MINUTE))
    told = release(hub, now)
    assert bool(hub.asked) is asks
    assert told.title if asks else "in the last 26 hours" in told.title


def test_without_dates_nobody_is_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(releasing, "choose", lambda *_: pytest.fail("a server was looked for"))
    told = releasing.release(load(make_course(tmp_path / "plain")), BEGIN, Silent())
    assert told.verdict == "unchanged" and "no release dates" in told.title


def test_it_comes_once_and_goes_once(course, release):
    hub = Hub(deployed(course, BEGIN - MINUTE))
    told = release(hub, BEGIN)
    assert told.verdict == "released" and told.values["changes"][0].startswith("+ solutions/week1.ipynb")
    assert hub.asked == ["look", "content.publish", "look", "audit.record"]
    assert release(hub, BEGIN + MINUTE).verdict == "unchanged"
    told = release(hub, END)
    assert told.verdict == "released" and told.values["changes"][0].startswith("- solutions/week1.ipynb")
    assert [file.path for file in hub.files] == ["StartHere.ipynb"]


def test_what_cannot_be_told_is_left_to_a_deploy(course, release):
    assert "no droplet" in release(Hub(there=False), BEGIN).title
    assert "no content" in release(Hub(files=None), BEGIN).title
    with pytest.raises(Failure, match="damaged"):
        release(Hub(files=None, damage="its branch main is lost"), BEGIN)


def test_a_failure_is_told_and_left_in_the_log(course, release):
    hub = Hub(deployed(course, BEGIN - MINUTE), fails=True)
    told = release(hub, BEGIN)
    assert "disk is full" in told.error.message and hub.asked[-1] == "audit.record"
