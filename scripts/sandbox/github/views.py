"""How GitHub's API shows what is remembered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sandbox.github.plumbing import Git
from sandbox.github.pulls import follow
from sandbox.github.records import BOT, Comment, Issue, Label, WorkflowRun, account, number_for
from sandbox.github.repository import Repository


def label_view(repository: Repository, label: Label) -> dict[str, Any]:
    identity = number_for(f"{repository.full_name}/{label.name}")
    return {
        "id": identity,
        "node_id": f"LA_{identity}",
        "url": f"{repository.url}/labels/{label.name.replace(' ', '%20')}",
        "name": label.name,
        "color": label.color,
        "default": False,
        "description": label.description,
    }


def issue_view(repository: Repository, issue: Issue) -> dict[str, Any]:
    """An issue, or a pull request as the API for issues shows it."""
    page = f"https://github.com/{repository.full_name}/{'pull' if issue.pull else 'issues'}/{issue.number}"
    url = f"{repository.url}/issues/{issue.number}"
    shown = {
        "id": issue.id,
        "node_id": f"I_{issue.id}",
        "number": issue.number,
        "title": issue.title,
        "body": issue.body,
        "user": account(issue.author),
        "labels": _labels(repository, issue),
        "state": issue.state,
        "state_reason": issue.state_reason,
        "assignee": account(issue.assignees[0]) if issue.assignees else None,
        "assignees": [account(name) for name in issue.assignees],
        "milestone": None,
        "locked": False,
        "active_lock_reason": None,
        "comments": len(repository.comments_of(issue.number)),
        "created_at": issue.created,
        "updated_at": issue.updated,
        "closed_at": issue.closed,
        "author_association": _association(issue.author),
        "html_url": page,
        "url": url,
        "repository_url": repository.url,
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "labels_url": f"{url}/labels{{/name}}",
        "timeline_url": f"{url}/timeline",
    }
    if issue.pull:
        shown["pull_request"] = {
            "url": f"{repository.url}/pulls/{issue.number}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": issue.closed if issue.pull.merged else None,
        }
    return shown


def comment_view(repository: Repository, comment: Comment) -> dict[str, Any]:
    issue = repository.issues[comment.issue]
    kind = "pull" if issue.pull else "issues"
    url = f"{repository.url}/issues"
    return {
        "id": comment.id,
        "node_id": f"IC_{comment.id}",
        "body": comment.body,
        "user": account(comment.author),
        "author_association": _association(comment.author),
        "created_at": comment.created,
        "updated_at": comment.updated,
        "url": f"{url}/comments/{comment.id}",
        "issue_url": f"{url}/{comment.issue}",
        "html_url": f"https://github.com/{repository.full_name}/{kind}/{comment.issue}"
        f"#issuecomment-{comment.id}",
    }


def pull_view(repository: Repository, issue: Issue) -> dict[str, Any]:
    """A pull request: the `pull_request` of a webhook's payload, and what the API for pull requests shows."""
    pull = issue.pull
    assert pull, f"{issue.number} is no pull request"  # noqa: S101
    follow(repository.objects, issue, repository.full_name)
    page = f"https://github.com/{repository.full_name}/pull/{issue.number}"
    head = repository.head(f"refs/pull/{issue.number}/head")
    base = repository.head(pull.base)
    source = repository.payload()
    if pull.repository != repository.full_name:
        owner, name = pull.repository.split("/")
        changed = {"full_name": pull.repository, "name": name, "owner": account(owner), "fork": True}
        identity = {"id": number_for(pull.repository), "html_url": f"https://github.com/{pull.repository}"}
        source = {**source, **changed, **identity, "url": f"{repository.api_url}/repos/{pull.repository}"}
    return {
        "id": issue.id,
        "node_id": f"PR_{issue.id}",
        "number": issue.number,
        "title": issue.title,
        "body": issue.body,
        "user": account(issue.author),
        "state": issue.state,
        "draft": pull.draft,
        "locked": False,
        "merged": pull.merged,
        "merged_at": issue.closed if pull.merged else None,
        "merge_commit_sha": repository.head(f"refs/pull/{issue.number}/merge"),
        "labels": _labels(repository, issue),
        "assignees": [],
        "requested_reviewers": [],
        "milestone": None,
        "created_at": issue.created,
        "updated_at": issue.updated,
        "closed_at": issue.closed,
        "author_association": _association(issue.author),
        "head": _side(pull.head, head, source),
        "base": _side(pull.base, base, repository.payload()),
        "html_url": page,
        "diff_url": f"{page}.diff",
        "url": f"{repository.url}/pulls/{issue.number}",
        "issue_url": f"{repository.url}/issues/{issue.number}",
        "comments_url": f"{repository.url}/issues/{issue.number}/comments",
    }


def run_view(repository: Repository, run: WorkflowRun, workflow: int, name: str) -> dict[str, Any]:
    """A run of the workflow of this number and this name."""
    url = f"{repository.url}/actions/runs/{run.id}"
    return {
        "id": run.id,
        "name": name,
        "node_id": f"WFR_{run.id}",
        "head_branch": run.branch,
        "head_sha": repository.head(run.branch),
        "path": run.workflow,
        "display_title": name,
        "run_number": run.number,
        "run_attempt": 1,
        "event": run.event,
        "status": run.status,
        "conclusion": run.conclusion,
        "workflow_id": workflow,
        "url": url,
        "html_url": f"https://github.com/{repository.full_name}/actions/runs/{run.id}",
        "created_at": run.created,
        "updated_at": run.updated,
        "run_started_at": run.created,
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "workflow_url": f"{repository.url}/actions/workflows/{workflow}",
    }


def job_view(repository: Repository, run: WorkflowRun) -> dict[str, Any]:
    """The one job of a run."""
    steps = [
        {
            "name": step.name,
            "status": step.status,
            "conclusion": step.conclusion,
            "number": number,
            "started_at": step.started,
            "completed_at": step.completed,
        }
        for number, step in enumerate(run.steps, 1)
    ]
    return {
        "id": run.id + 1_000_000_000,
        "run_id": run.id,
        "run_url": f"{repository.url}/actions/runs/{run.id}",
        "head_sha": repository.head(run.branch),
        "status": run.status,
        "conclusion": run.conclusion,
        "created_at": run.created,
        "started_at": run.created,
        "completed_at": run.updated if run.status == "completed" else None,
        "name": "job",
        "steps": steps,
    }


def commit_view(repository: Repository, sha: str) -> dict[str, Any]:
    """A commit, as the API for git's own objects shows it."""
    head, _, message = repository.objects.read("commit", sha).decode(errors="replace").partition("\n\n")
    lines = [line.split(" ", 1) for line in head.split("\n") if line and not line.startswith(" ")]
    fields = dict(lines)
    url = f"{repository.url}/git"
    parents = [value for key, value in lines if key == "parent"]
    return {
        "sha": sha,
        "node_id": f"C_{sha}",
        "url": f"{url}/commits/{sha}",
        "html_url": f"https://github.com/{repository.full_name}/commit/{sha}",
        "author": _person(fields["author"]),
        "committer": _person(fields["committer"]),
        "message": message,
        "tree": {"sha": fields["tree"], "url": f"{url}/trees/{fields['tree']}"},
        "parents": [{"sha": parent, "url": f"{url}/commits/{parent}"} for parent in parents],
        "verification": {"verified": False, "reason": "unsigned", "signature": None, "payload": None},
    }


def tree_view(repository: Repository, sha: str, *, deep: bool = False) -> dict[str, Any]:
    """A tree; DEEP shows the folders' content too."""
    git: Git = repository.objects
    url = f"{repository.url}/git"
    shown = []
    for entry, size in git.entries(sha, deep=deep):
        kind = {"040000": "tree", "160000": "commit"}.get(entry.mode, "blob")
        one = {"path": entry.path, "mode": entry.mode, "type": kind, "sha": entry.sha}
        measured = {"size": size} if kind == "blob" else {}
        shown.append({**one, **measured, "url": f"{url}/{kind}s/{entry.sha}"})
    return {"sha": sha, "url": f"{url}/trees/{sha}", "tree": shown, "truncated": False}


def _labels(repository: Repository, issue: Issue) -> list[dict[str, Any]]:
    return [label_view(repository, repository.labels[name]) for name in issue.labels]


def _association(login: str) -> str:
    return "NONE" if login == BOT else "MEMBER"


def _side(ref: str, sha: str | None, repository: dict[str, Any]) -> dict[str, Any]:
    owner = repository["owner"]
    return {
        "label": f"{owner['login']}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": owner,
        "repo": repository,
    }


def _person(line: str) -> dict[str, str]:
    who, when, _ = line.rsplit(" ", 2)
    name, _, email = who.rstrip(">").partition(" <")
    date = datetime.fromtimestamp(int(when), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"name": name, "email": email, "date": date}
