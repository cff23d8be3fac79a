"""The plan on a pull request: one comment, whoever else writes there."""

import json

import pytest
from small_github import BOT, NAME, PERSON, small_github

from coursehub.github import comment
from coursehub.problems import Failure


@pytest.fixture
def github():
    with small_github() as server:
        yield server


def show(github, text, **environ):
    return comment.act({**github.environ, "COMMENT": text, "PULL_REQUEST": "3", **environ})


def bodies(github):
    return [one["body"] for one in github.comments.get("3", [])]


def test_one_comment_shows_the_newest_plan(github):
    show(github, "### Plan: 1 step\n")
    show(github, "### Plan: 2 steps\n")
    assert bodies(github) == [f"{comment.MARKER}\n### Plan: 2 steps"]
    assert [method for method, _ in github.written()] == ["POST", "PATCH"]


def test_the_same_plan_is_not_written_again(github):
    show(github, "### Plan\n- one")
    github.comments["3"][0]["body"] = github.comments["3"][0]["body"].replace("\n", "\r\n")
    show(github, "### Plan\n- one\n")
    assert len(github.written()) == 1


def test_what_others_wrote_is_left_alone(github):
    theirs = [
        {"id": 1, "user": PERSON, "body": f"{comment.MARKER}\ncopied"},
        {"id": 2, "user": BOT, "body": f"> {comment.MARKER}\nquoted"},
        {"id": 3, "user": None, "body": None},
    ]
    github.comments["3"] = [dict(one) for one in theirs]
    show(github, "### Plan")
    assert github.comments["3"][:3] == theirs and len(bodies(github)) == 4


def test_nothing_to_show(github):
    assert show(github, " \n").headline == ""
    assert github.asked == []


def test_a_comment_that_was_deleted_at_the_same_moment_is_written_anew(github):
    there = {"id": 7, "user": BOT, "body": f"{comment.MARKER}\nold"}
    github.answers = [(200, [there], {}), (404, {"message": "Not Found"}, {})]
    show(github, "new")
    assert bodies(github) == [f"{comment.MARKER}\nnew"]


@pytest.mark.parametrize("number", ["", "0", "3/../../x", "three"])
def test_what_is_no_number_is_refused(github, number):
    with pytest.raises(Failure, match="not the number of a pull request"):
        show(github, "### Plan", PULL_REQUEST=number)


@pytest.mark.parametrize(
    ("head", "written"),
    [({"full_name": NAME}, True), ({"full_name": "eve/python-course"}, False), (None, False)],
)
def test_from_a_fork_nothing_may_be_written(github, tmp_path, head, written):
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"head": {"repo": head}}}))
    said = show(github, "### Plan", GITHUB_EVENT_PATH=str(event))
    assert bool(bodies(github)) == written
    assert ("comes from a fork" in said.headline) == said.noticed == (not written)


def test_by_hand_there_is_no_event_of_a_pull_request(github, tmp_path):
    event = tmp_path / "event.json"
    event.write_text('{"inputs": null}')
    show(github, "### Plan", GITHUB_EVENT_PATH=str(event))
    assert bodies(github)
