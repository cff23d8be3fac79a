"""The API for issues, their comments, labels and pull requests."""

from __future__ import annotations

import re
from typing import Any

from sandbox.github.errors import ApiError, Unknown, invalid, not_found, too_long
from sandbox.github.records import Comment, Issue, Label, now
from sandbox.github.routing import Answer, Call, Route, page
from sandbox.github.views import comment_view, issue_view, label_view, pull_view

LONGEST_TITLE, LONGEST_BODY, LONGEST_DESCRIPTION = 256, 65536, 100
MOST_ASSIGNEES = 10
REASONS = ("completed", "not_planned", "duplicate", "reopened")
PAGES = frozenset({"per_page", "page"})
BY = {"created": lambda issue: issue.number, "updated": lambda issue: (issue.updated, issue.number)}


def list_issues(call: Call) -> Answer:
    _check_issues(call)
    wanted = {name for name in call.query.get("labels", "").split(",") if name}
    found = [
        issue
        for issue in _sorted(call)
        if wanted <= set(issue.labels) and call.query.get("creator") in (None, issue.author)
    ]
    return page(call, "/issues", [issue_view(call.repository, issue) for issue in found])


def get_issue(call: Call) -> Answer:
    return Answer(200, issue_view(call.repository, _issue(call)))


def create_issue(call: Call) -> Answer:
    _check_issues(call)
    values = _checked(call.body)
    labels = tuple(values.get("labels", []))
    assignees = _assignees(call, values)
    issue = call.repository.open_issue(values["title"], values.get("body"), labels=labels, author=call.author)
    issue.assignees = assignees
    return Answer(201, issue_view(call.repository, issue), {"Location": f"{call.repository.url}/issues"})


def update_issue(call: Call) -> Answer:
    issue, values = _issue(call), _checked(call.body)
    if "title" in values:
        issue.title = values["title"]
    if "body" in values:
        issue.body = values["body"]
    if "labels" in values:
        issue.labels = call.repository.known_labels(values["labels"])
    if "assignees" in values:
        issue.assignees = _assignees(call, values)
    if state := values.get("state"):
        _set_state(issue, state, values.get("state_reason"))
    issue.updated = now()
    return Answer(200, issue_view(call.repository, issue))


def add_assignees(call: Call) -> Answer:
    """Assign more people. Who cannot be assigned is passed over without a word, as on GitHub."""
    issue = _issue(call)
    wanted = [*issue.assignees, *(name for name in call.body["assignees"] if _writer(call, name))]
    issue.assignees = list(dict.fromkeys(wanted))[:MOST_ASSIGNEES]
    issue.updated = now()
    return Answer(201, issue_view(call.repository, issue))


def list_comments(call: Call) -> Answer:
    issue = _issue(call)
    shown = [comment_view(call.repository, each) for each in call.repository.comments_of(issue.number)]
    return page(call, f"/issues/{issue.number}/comments", shown)


def get_comment(call: Call) -> Answer:
    return Answer(200, comment_view(call.repository, _comment(call)))


def create_comment(call: Call) -> Answer:
    issue = _issue(call)
    comment = call.repository.add_comment(issue.number, _comment_body(call), call.author)
    shown = comment_view(call.repository, comment)
    return Answer(201, shown, {"Location": shown["url"]})


def update_comment(call: Call) -> Answer:
    comment = _comment(call)
    comment.body, comment.updated = _comment_body(call), now()
    return Answer(200, comment_view(call.repository, comment))


def delete_comment(call: Call) -> Answer:
    del call.repository.comments[_comment(call).id]
    return Answer(204)


def list_labels(call: Call) -> Answer:
    return page(
        call, "/labels", [label_view(call.repository, each) for each in call.repository.labels.values()]
    )


def get_label(call: Call) -> Answer:
    label = call.repository.label(call.arguments["name"])
    if label is None:
        raise not_found()
    return Answer(200, label_view(call.repository, label))


def create_label(call: Call) -> Answer:
    name, color = call.body["name"], call.body.get("color", "ededed")
    description = call.body.get("description")
    if not name.strip():
        raise invalid("Label", "name", "missing_field")
    if call.repository.label(name):
        raise invalid("Label", "name", "already_exists")
    if not re.fullmatch(r"[0-9a-fA-F]{6}", color):
        raise invalid("Label", "color", "invalid")
    if len(description or "") > LONGEST_DESCRIPTION:
        raise too_long("Label", "description", LONGEST_DESCRIPTION)
    label = call.repository.labels[name] = Label(name, color.lower(), description)
    return Answer(201, label_view(call.repository, label))


def list_pulls(call: Call) -> Answer:
    shown = []
    for issue in _sorted(call):
        if issue.pull is None or call.query.get("base") not in (None, issue.pull.base):
            continue
        view = pull_view(call.repository, issue)
        if call.query.get("head") in (None, view["head"]["label"]):
            shown.append(view)
    return page(call, "/pulls", shown)


def get_pull(call: Call) -> Answer:
    issue = call.repository.issues.get(call.number())
    if issue is None or issue.pull is None:
        raise not_found()
    return Answer(200, pull_view(call.repository, issue))


def _sorted(call: Call) -> list[Issue]:
    """The issues in the state that is asked for, newest first unless asked otherwise."""
    state = call.query.get("state", "open")
    if state not in ("open", "closed", "all"):
        raise ApiError(422, "Validation Failed", [{"resource": "Issue", "code": "invalid", "field": "state"}])
    if (by := call.query.get("sort", "created")) not in BY:
        raise Unknown(f"the order {by}")
    found = [issue for issue in call.repository.issues.values() if state in ("all", issue.state)]
    return sorted(found, key=BY[by], reverse=call.query.get("direction", "desc") == "desc")


def _check_issues(call: Call) -> None:
    if not call.repository.has_issues:
        raise ApiError(410, "Issues has been disabled in this repository.")


def _issue(call: Call) -> Issue:
    issue = call.repository.issues.get(call.number())
    if issue is None or not issue.pull:
        _check_issues(call)
    if issue is None:
        raise not_found()
    return issue


def _comment(call: Call) -> Comment:
    comment = call.repository.comments.get(call.number())
    if comment is None:
        raise not_found()
    if not call.repository.issues[comment.issue].pull:
        _check_issues(call)
    return comment


def _checked(values: Any) -> dict[str, Any]:
    """What an issue is to become. Raises ApiError."""
    if "title" in values and not values["title"].strip():
        raise invalid("Issue", "title", "missing_field")
    for field, most in (("title", LONGEST_TITLE), ("body", LONGEST_BODY)):
        if len(values.get(field) or "") > most:
            raise too_long("Issue", field, most)
    if values.get("state") not in (None, "open", "closed"):
        raise invalid("Issue", "state", "invalid")
    if values.get("state_reason") not in (None, *REASONS):
        raise invalid("Issue", "state_reason", "invalid")
    labels = [label.get("name") if isinstance(label, dict) else label for label in values.get("labels", [])]
    if not all(isinstance(label, str) and label.strip() for label in labels):
        raise invalid("Label", "name", "missing_field")
    return {**values, "labels": labels} if "labels" in values else dict(values)


def _assignees(call: Call, values: Any) -> list[str]:
    """Who is to be assigned to a new or changed issue. Raises ApiError if somebody cannot be."""
    names = values.get("assignees", [])
    for name in names:
        if not _writer(call, name):
            error = {"value": name, "resource": "Issue", "field": "assignees", "code": "invalid"}
            raise ApiError(422, "Validation Failed", [error])
    return names[:MOST_ASSIGNEES]


def _writer(call: Call, name: str) -> bool:
    return name.lower() in {writer.lower() for writer in call.repository.writers}


def _set_state(issue: Issue, state: str, reason: str | None) -> None:
    if state == "closed":
        issue.state_reason = None if issue.pull else (reason or issue.state_reason or "completed")
        issue.closed = issue.closed or now()
    elif issue.state == "closed":
        issue.state_reason, issue.closed = (None if issue.pull else "reopened"), None
    issue.state = state


def _comment_body(call: Call) -> str:
    body = call.body["body"]
    if not body.strip():
        raise invalid("IssueComment", "data", "unprocessable", "Body cannot be blank")
    if len(body) > LONGEST_BODY:
        raise too_long("IssueComment", "body", LONGEST_BODY)
    return body


def by_number(call: Call) -> tuple[str, ...]:
    """Who may change issues may also speak on pull requests; who may change those, only there."""
    issue = call.repository.issues.get(
        int(call.arguments["number"]) if call.arguments["number"].isdigit() else 0
    )
    return ("issues", "pull-requests") if issue and issue.pull else ("issues",)


def by_comment(call: Call) -> tuple[str, ...]:
    """The same, by the number of a comment."""
    text = call.arguments["number"]
    comment = call.repository.comments.get(int(text) if text.isdigit() else 0)
    pull = comment and call.repository.issues[comment.issue].pull
    return ("issues", "pull-requests") if pull else ("issues",)


ISSUES, EITHER, PULLS = ("issues",), ("issues", "pull-requests"), ("pull-requests",)
CHANGES = {"title": "string", "body": "string?", "labels": "array", "assignees": "array"}
LISTING = PAGES | {"state", "sort", "direction"}
PAGE = "issues/issues#"
COMMENT = "issues/comments#"
LABEL = "issues/labels#"
NUMBER = "/issues/{number}"
ONE = "/issues/comments/{number}"
ROUTES = (
    Route(
        "GET",
        "/issues",
        list_issues,
        ISSUES,
        f"{PAGE}list-repository-issues",
        asks=LISTING | {"labels", "creator"},
    ),
    Route("POST", "/issues", create_issue, ISSUES, f"{PAGE}create-an-issue", CHANGES | {"title": "string!"}),
    Route("GET", ONE, get_comment, by_comment, f"{COMMENT}get-an-issue-comment"),
    Route("PATCH", ONE, update_comment, by_comment, f"{COMMENT}update-an-issue-comment", {"body": "string!"}),
    Route("DELETE", ONE, delete_comment, by_comment, f"{COMMENT}delete-an-issue-comment"),
    Route("GET", NUMBER, get_issue, by_number, f"{PAGE}get-an-issue"),
    Route(
        "PATCH",
        NUMBER,
        update_issue,
        by_number,
        f"{PAGE}update-an-issue",
        CHANGES | {"state": "string", "state_reason": "string?"},
    ),
    Route(
        "POST",
        f"{NUMBER}/assignees",
        add_assignees,
        by_number,
        "issues/assignees#add-assignees-to-an-issue",
        {"assignees": "array!"},
    ),
    Route("GET", f"{NUMBER}/comments", list_comments, by_number, f"{COMMENT}list-issue-comments", asks=PAGES),
    Route(
        "POST",
        f"{NUMBER}/comments",
        create_comment,
        by_number,
        f"{COMMENT}create-an-issue-comment",
        {"body": "string!"},
    ),
    Route("GET", "/labels", list_labels, EITHER, f"{LABEL}list-labels-for-a-repository", asks=PAGES),
    Route("GET", "/labels/{name}", get_label, EITHER, f"{LABEL}get-a-label"),
    Route(
        "POST",
        "/labels",
        create_label,
        EITHER,
        f"{LABEL}create-a-label",
        {"name": "string!", "color": "string", "description": "string?"},
    ),
    Route(
        "GET", "/pulls", list_pulls, PULLS, "pulls/pulls#list-pull-requests", asks=LISTING | {"head", "base"}
    ),
    Route("GET", "/pulls/{number}", get_pull, PULLS, "pulls/pulls#get-a-pull-request"),
)
