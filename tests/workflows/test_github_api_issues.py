"""Issues, comments, labels and pull requests, as GitHub's REST API has them."""

import re

import pytest

TOO_LONG = "body is too long (maximum is 65536 characters)"


@pytest.fixture
def writer(client):
    return client(issues="write")


def test_an_issue_is_opened_changed_and_closed_by_the_bot(writer, repository):
    made = writer("POST", "/issues", {"title": "Set up", "body": "☐ ☑", "labels": ["setup"]})
    assert made.status == 201
    assert made.json["user"] == made.json["user"] | {"login": "github-actions[bot]", "type": "Bot"}
    assert made.json["number"] == 1 and made.json["body"] == "☐ ☑"
    assert [label["name"] for label in made.json["labels"]] == ["setup"]
    closed = writer("PATCH", "/issues/1", {"state": "closed", "labels": []}).json
    assert (closed["state"], closed["state_reason"], closed["labels"]) == ("closed", "completed", [])
    assert closed["closed_at"] and closed["title"] == "Set up"
    again = writer("PATCH", "/issues/1", {"state": "open", "body": None}).json
    assert (again["state"], again["state_reason"], again["closed_at"], again["body"]) == (
        "open",
        "reopened",
        None,
        None,
    )
    assert writer("GET", "/issues/1").json == again
    assert "setup" in repository.labels


def test_lists_know_state_labels_and_pages(writer, repository):
    for number in range(1, 6):
        repository.open_issue(f"Issue {number}", labels=("hub", "down") if number % 2 else ("hub",))
    writer("PATCH", "/issues/3", {"state": "closed"})
    numbers = lambda path: [issue["number"] for issue in writer("GET", path).json]  # noqa: E731
    assert numbers("/issues") == [5, 4, 2, 1]
    assert numbers("/issues?state=all&labels=hub,down&direction=asc") == [1, 3, 5]
    assert numbers("/issues?state=closed") == [3]
    first = writer("GET", "/issues?per_page=3&labels=hub")
    assert len(first.json) == 3
    by_name = {name: link for link, name in re.findall(r'<([^>]+)>; rel="(\w+)"', first.headers["Link"])}
    assert set(by_name) == {"next", "last"}
    root, writer.root = writer.root, ""
    last = writer("GET", by_name["next"])
    assert [issue["number"] for issue in last.json] == [1]
    assert 'rel="prev"' in last.headers["Link"] and 'rel="next"' not in last.headers["Link"]
    writer.root = root
    assert writer("GET", "/issues?per_page=100").headers["Link"] is None


def test_pull_requests_are_issues_too(client, repository):
    reader = client(issues="read", pull_requests="read")
    repository.commit({"course.yml": "name: Mine\n"}, "Name it", branch="name")
    repository.open_issue("An issue")
    pull = repository.open_pull("Name it", "name")
    listed = reader("GET", "/issues").json
    assert [("pull_request" in each, each["number"]) for each in listed] == [(True, 2), (False, 1)]
    shown = reader("GET", f"/pulls/{pull.number}").json
    assert shown["head"] == shown["head"] | {"ref": "name", "sha": repository.head("name")}
    assert shown["base"]["repo"]["full_name"] == shown["head"]["repo"]["full_name"] == "school/course"
    merge = repository.objects
    assert merge.text("rev-parse", "refs/pull/2/merge^1") == repository.head()
    assert merge.read("blob", "refs/pull/2/merge:course.yml") == b"name: Mine\n"
    assert [each["number"] for each in reader("GET", "/pulls?head=school:name&base=main").json] == [2]
    assert reader("GET", "/pulls?head=school:other").json == []
    assert reader("GET", "/pulls/1").status == 404


def test_a_pull_request_follows_its_branch_and_names_its_fork(client, repository):
    with pytest.raises(ValueError, match="commit to it first"):
        repository.open_pull("Fix", "fix", fork="student/course")
    repository.commit({"a": "1"}, "One", branch="refs/forks/student/course/fix", author="student")
    repository.open_pull("Fix", "fix", fork="student/course")
    second = repository.commit({"a": "2"}, "Two", branch="refs/forks/student/course/fix", author="student")
    head = client()("GET", "/pulls/1").json["head"]
    assert head["sha"] == second == repository.head("refs/pull/1/head")
    assert head["repo"]["full_name"] == "student/course" and head["repo"]["fork"]
    repository.commit({"a": "3"}, "A conflict")
    assert client()("GET", "/pulls/1").json["merge_commit_sha"] is None


def test_comments(writer, repository):
    repository.open_issue("Down")
    made = writer("POST", "/issues/1/comments", {"body": "since 8:00"}).json
    other = repository.add_comment(1, "I see it too", author="grace")
    changed = writer("PATCH", f"/issues/comments/{made['id']}", {"body": "since 7:00"})
    assert (changed.status, changed.json["body"]) == (200, "since 7:00")
    listed = writer("GET", "/issues/1/comments").json
    assert [each["user"]["login"] for each in listed] == ["github-actions[bot]", "grace"]
    assert writer("GET", "/issues/1").json["comments"] == 2
    assert writer("DELETE", f"/issues/comments/{other.id}").status == 204
    assert writer("GET", f"/issues/comments/{other.id}").status == 404
    assert writer("POST", "/issues/9/comments", {"body": "?"}).status == 404


def test_labels(writer):
    assert writer("POST", "/labels", {"name": "setup", "color": "0E8A16"}).status == 201
    refused = writer("POST", "/labels", {"name": "Setup"})
    assert refused.status == 422
    assert refused.json["errors"] == [{"resource": "Label", "code": "already_exists", "field": "name"}]
    assert writer("GET", "/labels/SETUP").json["color"] == "0e8a16"
    assert writer("GET", "/labels/good%20first%20issue").status == 200
    assert writer("GET", "/labels/none").status == 404
    assert writer("POST", "/labels", {"name": "x", "color": "#0e8a16"}).json["errors"][0]["field"] == "color"


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("POST", "/issues", {}, '"title" wasn\'t supplied'),
        ("POST", "/issues", {"title": 3}, "properties/title"),
        ("POST", "/issues", {"title": " "}, "missing_field"),
        ("POST", "/issues", {"title": "x" * 257}, "title is too long (maximum is 256 characters)"),
        ("POST", "/issues", {"title": "x", "body": "é" * 65537}, TOO_LONG),
        ("PATCH", "/issues/1", {"state": "done"}, "state"),
        ("POST", "/issues/1/comments", {"body": "x" * 65537}, TOO_LONG),
        ("POST", "/issues/1/comments", {"body": ""}, "Body cannot be blank"),
        ("POST", "/issues/1/comments", {}, '"body" wasn\'t supplied'),
    ],
)  # fmt: skip
def test_what_is_not_valid_is_refused(writer, repository, method, path, body, told):
    repository.open_issue("First")
    answer = writer(method, path, body)
    assert answer.status == 422 and answer.json["status"] == "422"
    assert answer.json["documentation_url"].startswith("https://docs.github.com/rest/issues/")
    assert told in answer.content.decode().replace('\\"', '"')
    assert len(repository.issues) == 1 and not repository.comments


def test_the_longest_body_is_taken(writer):
    assert writer("POST", "/issues", {"title": "x", "body": "é" * 65536}).status == 201


def test_disabled_issues_are_gone_and_pull_requests_stay(client, repository):
    token = client(issues="write")
    repository.open_issue("Old")
    repository.commit({"a": "b"}, "Change", branch="change")
    repository.open_pull("Change", "change")
    repository.has_issues = False
    for method, path, body in (
        ("GET", "/issues", None),
        ("POST", "/issues", {"title": "x"}),
        ("GET", "/issues/1", None),
        ("POST", "/issues/1/comments", {"body": "x"}),
    ):
        answer = token(method, path, body)
        assert (answer.status, answer.json["message"]) == (
            410,
            "Issues has been disabled in this repository.",
        )
    assert token("POST", "/issues/2/comments", {"body": "x"}).status == 201
    assert token("GET", "").json["has_issues"] is False


def test_people_are_assigned_who_may_write(writer, repository):
    made = writer("POST", "/issues", {"title": "Down", "assignees": ["ADA"]})
    assert made.status == 201
    assert [each["login"] for each in made.json["assignees"]] == ["ADA"]
    refused = writer("POST", "/issues", {"title": "Down", "assignees": ["ada", "stranger"]})
    assert refused.status == 422 and list(repository.issues) == [1]
    assert refused.json["errors"] == [
        {"value": "stranger", "resource": "Issue", "field": "assignees", "code": "invalid"}
    ]
    repository.writers.add("grace")
    added = writer("POST", "/issues/1/assignees", {"assignees": ["stranger", "grace", "ADA"]})
    assert added.status == 201, "who cannot be assigned is passed over"
    assert [each["login"] for each in added.json["assignees"]] == ["ADA", "grace"]
    assert writer("PATCH", "/issues/1", {"assignees": []}).json["assignee"] is None
    assert writer("POST", "/issues/9/assignees", {"assignees": ["ada"]}).status == 404
    assert writer("POST", "/issues/1/assignees", {}).status == 422
