"""Who may do what, as GitHub says it, and what the API does wrong on request."""

import http.client
from urllib.error import URLError

import pytest
from github_client import Client

from sandbox.github.api import Api

WAYS = [
    ("GET", "", None, "metadata", "read"),
    ("GET", "/issues", None, "issues", "read"),
    ("GET", "/issues/1/comments", None, "issues", "read"),
    ("GET", "/pulls", None, "pull-requests", "read"),
    ("GET", "/contents/README.md", None, "contents", "read"),
    ("GET", "/git/ref/heads/main", None, "contents", "read"),
    ("GET", "/actions/workflows", None, "actions", "read"),
    ("POST", "/issues", {"title": "x"}, "issues", "write"),
    ("PATCH", "/issues/1", {"title": "x"}, "issues", "write"),
    ("POST", "/issues/1/comments", {"body": "x"}, "issues", "write"),
    ("POST", "/issues/2/comments", {"body": "x"}, "pull-requests", "write"),
    ("POST", "/issues/2/comments", {"body": "x"}, "issues", "write"),
    ("POST", "/labels", {"name": "x"}, "issues", "write"),
    ("POST", "/git/blobs", {"content": "x"}, "contents", "write"),
    ("POST", "/actions/workflows/x.yml/dispatches", {"ref": "main"}, "actions", "write"),
]


@pytest.fixture
def filled(repository):
    repository.commit({".github/workflows/x.yml": "on: workflow_dispatch\n"}, "Workflow")
    repository.open_issue("An issue")
    repository.commit({"a": "b"}, "Change", branch="change")
    repository.open_pull("A pull request", "change")
    return repository


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
@pytest.mark.parametrize(("method", "path", "body", "right", "level"), WAYS)
def test_each_way_needs_its_right(client, api, filled, private, method, path, body, right, level):
    filled.private = private
    ask = lambda **rights: client(**rights)(method, path, body)  # noqa: E731
    assert ask(**{right: level}).status < 300
    assert api.requests[-1].permissions == {"metadata": "read", right: level}
    if right == "metadata":
        return
    if level == "write":
        refused = ask(**{right: "read", "statuses": "write"})
    else:
        refused = ask(statuses="write")
        if not private:
            assert refused.status == 200
            return
    assert refused.status == 403
    assert refused.json["message"] == "Resource not accessible by integration"
    assert "documentation_url" in refused.json


def test_a_pull_requests_right_does_not_reach_issues(client, filled):
    token = client(pull_requests="write")
    assert token("POST", "/issues/1/comments", {"body": "x"}).status == 403
    assert token("PATCH", "/issues/2", {"title": "x"}).status == 200


def test_a_private_repository_is_not_there_for_who_has_no_right(client, api, filled):
    filled.private = True
    for way in ("/issues", "/contents/README.md"):
        assert client()("GET", way).status == 404
        assert Client(filled.url)("GET", way).status == 404
    assert client()("POST", "/issues", {"title": "x"}).status == 404
    assert client()("GET").status == 200  # a job may always look at its repository itself
    assert client(metadata="none")("GET").status == 404


def test_other_repositories_are_not_there(client, repository):
    other = client(contents="write")
    other.root = other.root.replace("school", "other")
    assert other("GET", "/contents").status == 404


def test_without_a_token_and_with_a_bad_one(api, client, filled):
    assert Client(filled.url)("GET", "/issues").status == 200
    assert Client(filled.url)("POST", "/issues", {"title": "x"}).status == 401
    bad = Client(filled.url, "ghs_wrong")("GET", "/issues")
    assert (bad.status, bad.json["message"]) == (401, "Bad credentials")
    ended = client(issues="write")
    filled.revoke(ended.token)
    assert ended("GET", "/issues").status == 401


def test_who_does_not_say_who_asks_is_refused(client):
    silent = client()
    silent.agent = ""
    assert (silent("GET").status, b"User-Agent" in silent("GET").content) == (403, True)


def test_a_body_that_is_no_json(client):
    answer = client(issues="write")("POST", "/issues", b"{")
    assert (answer.status, answer.json["message"]) == (400, "Problems parsing JSON")


def test_a_permission_that_does_not_exist_is_a_mistake(repository):
    with pytest.raises(ValueError, match="isues"):
        repository.token({"isues": "write"})
    with pytest.raises(ValueError, match="all"):
        repository.token({"issues": "all"})


def test_tokens_and_secrets_are_not_shown(repository):
    repository.secrets["KEY"] = "very secret"
    token = repository.token({})
    assert "very secret" not in repr(repository) and token not in repr(repository)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/milestones", None),
        ("PUT", "/contents/x", {"message": "x", "content": ""}),
        ("GET", "/issues?assignee=ada", None),
        ("POST", "/issues", {"title": "x", "milestone": 1}),
    ],
)
def test_what_is_not_known_fails_loudly(repository, method, path, body):
    with Api(repository) as api:
        client = Client(repository.url, repository.token({"issues": "write", "contents": "write"}))
        assert client(method, path, body).status == 501
    assert len(api.unexpected) == 1 and method in api.unexpected[0]


@pytest.mark.parametrize("status", [500, 502, 429])
def test_a_status_is_answered_so_many_times(client, api, repository, status):
    writer = client(issues="write")
    api.fail("POST", "*/issues", status, times=2)
    seen = [writer("POST", "/issues", {"title": "x"}) for _ in range(3)]
    assert [each.status for each in seen] == [status, status, 201]
    assert len(repository.issues) == 1
    assert (status == 429) == ("Retry-After" in seen[0].headers)
    assert [each.done for each in api.requests] == [False, False, True]


def test_the_secondary_limit(client, api):
    api.fail("*", "*", "secondary")
    answer = client()("GET")
    assert answer.status == 403 and answer.headers["Retry-After"]
    assert "secondary rate limit" in answer.json["message"]
    assert client()("GET").status == 200


@pytest.mark.parametrize(("kind", "made"), [("close", 0), ("lost", 1)])
def test_a_connection_is_closed_before_or_after_the_work(client, api, repository, kind, made):
    api.fail("POST", "*/issues", kind)
    with pytest.raises((http.client.HTTPException, URLError, ConnectionError)):
        client(issues="write")("POST", "/issues", {"title": "x"})
    assert len(repository.issues) == made
    assert api.requests[-1].status is None and api.requests[-1].done is bool(made)


def test_an_error_after_the_work_and_garbage(client, api, repository):
    api.fail("POST", "*", 502, done=True)
    api.fail("POST", "*", "garbage")
    writer = client(issues="write")
    assert writer("POST", "/issues", {"title": "x"}).status == 502
    garbage = writer("POST", "/issues", {"title": "y"})
    assert garbage.status == 200 and garbage.content.startswith(b"<!DOCTYPE")
    assert len(repository.issues) == 2


def test_no_answer_at_all(client, api):
    api.fail("GET", "*", "hang")
    waiting = client()
    waiting.patience = 0.2
    with pytest.raises((TimeoutError, URLError)):
        waiting("GET")


def test_what_was_asked_is_remembered(client, api):
    client(issues="write")("POST", "/issues", {"title": "x"})
    (one,) = api.requests
    assert (one.method, one.path, one.body, one.status) == (
        "POST",
        "/repos/school/course/issues",
        {"title": "x"},
        201,
    )
