"""The issue "Setup checklist": what it ticks, what it leaves alone, when it is silent."""

import json
import subprocess

import pytest
from small_github import BOT, NAME, PERSON, small_github

from coursehub.github import checklist
from coursehub.github.checklist_body import END, ITEMS, START, Known, missing, read, states, written

HOME = f"https://github.com/{NAME}"
ALL = ("DIGITALOCEAN_TOKEN", "COURSE_SECRET", "HUB_ADMIN_PASSWORD")
READY = {"settings": True, "deploy": True, "https": True, "student": True}
UNKNOWN = dict.fromkeys(READY)


def known(secrets=(), url=None, **items):
    return Known(HOME, secrets, UNKNOWN | items, url)


def body_of(now, former=""):
    return written(now, states(now, read(former)), former)


@pytest.mark.parametrize(
    ("secrets", "rows"),
    [
        ((), [("DIGITALOCEAN_TOKEN",), ("COURSE_SECRET", "SSH_PRIVATE_KEY"), ("HUB_ADMIN_PASSWORD",)]),
        (ALL, []),
        (("DROPLET_HOST", *ALL), [("DROPLET_HOST_KEY",)]),
        (("DROPLET_HOST", "DROPLET_HOST_KEY", "SSH_PRIVATE_KEY"), [("HUB_ADMIN_PASSWORD",)]),
    ],
)
def test_which_secrets_are_missing(secrets, rows):
    assert missing(secrets) == rows


def test_a_fresh_copy_shows_what_to_do_and_where():
    text = body_of(known(settings=False))
    assert read(text) == dict.fromkeys(ITEMS, False)
    for link in (
        "/settings/secrets/actions",
        "/actions/workflows/deploy.yml",
        "/blob/HEAD/Documentation/Github.md",
        "/blob/HEAD/Documentation/Https.md",
    ):
        assert HOME + link in text
    assert "there are none; add `DIGITALOCEAN_TOKEN` (a token" in text


def test_secrets_are_named_and_ticked_when_none_is_missing():
    text = body_of(known(ALL))
    assert read(text)["secrets"] and "there are `DIGITALOCEAN_TOKEN`, `COURSE_SECRET`" in text
    text = body_of(known(ALL[:1]), text)
    assert not read(text)["secrets"] and "add `COURSE_SECRET`" in text


def test_what_a_run_cannot_know_stays_as_it_was():
    before = body_of(known(ALL, url="https://hub.school.edu", **READY))
    after = body_of(Known(HOME, None, UNKNOWN), before)
    assert after == before and all(read(after).values())


def test_the_first_of_a_thing_stays_and_the_rest_follows_what_is_there():
    before = body_of(known(ALL, **READY))
    now = known((), settings=False, deploy=None, https=False, student=False)
    assert states(now, read(before)) == {
        "secrets": False,
        "settings": False,
        "deploy": True,
        "https": False,
        "student": True,
    }


def test_what_a_person_writes_around_it_stays():
    text = body_of(known())
    edited = f"Our notes\r\n\r\n{text.rstrip()}\r\n- [ ] ask the IT department\r\n".replace("\r\n", "\n")
    edited = edited.replace("\n", "\r\n")
    after = body_of(known(ALL), edited)
    assert after.startswith("Our notes\n\n" + START) and after.endswith(
        END + "\n- [ ] ask the IT department\n"
    )
    assert after.count(START) == 1 and read(after)["secrets"]
    assert body_of(known(ALL), after) == after


def test_a_box_ticked_by_hand_counts_where_the_run_does_not_know():
    text = body_of(known()).replace("- [ ] **First student**", "* [X] **First student**")
    assert read(text)["student"] and states(known(), read(text))["student"]


def test_marks_that_a_person_removed():
    text = body_of(known())
    after = body_of(known(ALL), text.replace(END, "").rstrip() + "\nmine\n")
    assert read(after) == {**dict.fromkeys(ITEMS, False), "secrets": True}
    assert after.endswith("\nmine\n") and after.count("**Secrets**") == 1
    assert body_of(known(ALL), after) == after
    assert body_of(known(), "all rewritten").startswith(f"all rewritten\n\n{START}")


@pytest.mark.parametrize(
    ("result", "items"),
    [
        ({}, (None, None, None)),
        ({"verdict": "failed", "url": "https://h", "students": None}, (None, None, None)),
        ({"verdict": "converged", "url": "http://h", "students": 0}, (True, False, False)),
        ({"verdict": "converged", "url": "https://h", "students": 2}, (True, True, True)),
    ],
)
def test_what_a_deploys_result_tells(tmp_path, result, items):
    environ = {"RESULT": json.dumps(result), "GIVEN": '["COURSE_SECRET"]'}
    now = checklist.what_is_known(environ, HOME, tmp_path)
    assert now.secrets == ["COURSE_SECRET"]
    assert tuple(now.items[name] for name in ("deploy", "https", "student")) == items


@pytest.mark.parametrize("given", ["", "no JSON", "{}"])
def test_without_the_gates_word_the_secrets_are_unknown(tmp_path, given):
    environ = {"RESULT": "no JSON", "GIVEN": given}
    now = checklist.what_is_known(environ, HOME, tmp_path)
    assert now.secrets is None and set(now.items.values()) == {None}


def test_settings_are_edited_once_they_have_a_second_commit(tmp_path):
    root = tmp_path / "course"
    root.mkdir()

    def git(*words):
        who = ["-c", "user.name=ada", "-c", "user.email=ada@school.edu"]
        subprocess.run(["git", "-C", root, *who, *words], check=True, capture_output=True)

    def commit(name, text):
        (root / name).write_text(text)
        git("add", ".")
        git("commit", "--quiet", "--message", text)

    assert checklist.settings_edited(root) is None
    git("init", "--quiet")
    commit("course.yml", "as it came")
    commit("README.md", "something else")
    assert checklist.settings_edited(root) is False
    commit("course.yml", "ours")
    assert checklist.settings_edited(root) is True
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=1", root.as_uri(), tmp_path / "shallow"],
        check=True,
        capture_output=True,
    )
    assert checklist.settings_edited(tmp_path / "shallow") is None


@pytest.fixture
def github():
    with small_github() as server:
        yield server


@pytest.fixture
def keep(github):
    def keep(now):
        checklist.keep(checklist.Repository.from_environment(github.environ), now)
        return github.issues

    return keep


def test_one_issue_is_made_and_then_edited(github, keep):
    keep(known())
    (issue,) = keep(known(ALL))
    assert (issue["title"], issue["labels"], issue["state"]) == (
        "Setup checklist",
        ["coursehub-setup"],
        "open",
    )
    assert read(issue["body"])["secrets"]
    assert [method for method, _ in github.written()] == ["POST", "PATCH"]


def test_nothing_is_written_when_nothing_is_new(github, keep):
    keep(known(ALL))
    github.issues[0]["body"] = github.issues[0]["body"].replace("\n", "\r\n")
    keep(known(ALL))
    assert len(github.written()) == 1


def test_it_closes_with_a_word_when_all_is_done_and_is_silent_from_then_on(github, keep):
    keep(known())
    (issue,) = keep(known(ALL, **READY))
    assert (issue["state"], issue["state_reason"]) == ("closed", "completed")
    assert all(read(issue["body"]).values())
    assert [comment["body"] for comment in github.comments["1"]] == [checklist.COMPLETE]
    before = len(github.written())
    keep(known(ALL, **READY))
    keep(known())
    assert len(github.written()) == before


def test_one_that_was_opened_again_stays_open(github, keep):
    keep(known())
    keep(known(ALL, **READY))
    github.issues[0] |= {"state": "open", "state_reason": "reopened"}
    assert keep(known(ALL, **READY))[0]["state"] == "open"


def test_one_that_a_person_closed_stays_closed(github, keep):
    keep(known())
    github.issues[0]["state"] = "closed"
    keep(known(ALL))
    assert len(github.issues) == 1 and len(github.written()) == 1


def test_one_that_was_deleted_is_made_again_unless_all_is_done(github, keep):
    keep(known())
    github.issues.clear()
    assert keep(known(ALL, **READY)) == []
    assert len(keep(known(ALL))) == 1


def test_of_two_the_older_is_kept(github, keep):
    keep(known())
    github.issues.append({**github.issues[0], "number": 2})
    keep(known(ALL))
    assert [issue["state"] for issue in github.issues] == ["open", "closed"]
    assert [comment["body"] for comment in github.comments["2"]] == [checklist.TWICE.format(number=1)]
    assert read(github.issues[0]["body"])["secrets"]
    before = len(github.written())
    keep(known(ALL))
    assert len(github.written()) == before


def test_two_runs_at_the_same_moment_leave_one(github, keep):
    usual = github.answer

    def another_first(method, path, query, value):
        if (method, path) == ("POST", "issues") and not github.issues:
            github.issues.append({**value, "number": 1, "state": "open", "user": BOT})
        return usual(method, path, query, value)

    github.answer = another_first
    keep(known())
    assert [issue["state"] for issue in github.issues] == ["open", "closed"]


def test_issues_of_others_are_left_alone(github, keep):
    theirs = [
        {
            "number": 1,
            "state": "open",
            "user": PERSON,
            "title": "Setup checklist",
            "labels": [],
            "body": START,
        },
        {"number": 2, "state": "open", "user": BOT, "title": "Bump", "labels": [], "body": None},
        {
            "number": 3,
            "state": "open",
            "user": BOT,
            "title": "Setup checklist",
            "labels": ["coursehub-setup"],
            "body": START,
            "pull_request": {},
        },
    ]
    github.issues += [dict(one) for one in theirs]
    keep(known(ALL))
    assert github.issues[:3] == theirs and len(github.issues) == 4


def test_one_without_its_label_is_found_all_the_same(github, keep):
    keep(known())
    github.issues[0]["labels"] = []
    (issue,) = keep(known(ALL))
    assert read(issue["body"])["secrets"]
