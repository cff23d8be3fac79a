"""A GitHub repository: git's part, what GitHub remembers beside it, and what a person does to it."""

from __future__ import annotations

import secrets
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.github.plumbing import FILE, NOTHING, Entry, Git, GitError, Signature
from sandbox.github.pulls import follow, source_of
from sandbox.github.records import (
    LABELS,
    LEVELS,
    PERMISSIONS,
    Comment,
    Dispatch,
    Issue,
    Label,
    Pull,
    account,
    now,
    number_for,
)


def _new_labels() -> dict[str, Label]:
    return {name: Label(name, color, text) for name, color, text in LABELS}


@dataclass
class Repository:
    """A repository; `git` is its bare git repository, `owner_kind` User or Organization. `api_url` is where
    its API answers, and `server_url` where git is answered: `Api` sets both. Hold `lock` to change it while
    requests come in."""

    git: Path
    full_name: str = "school/course"
    default_branch: str = "main"
    private: bool = False
    is_template: bool = False
    fork: bool = False
    has_issues: bool = True
    owner_kind: str = "Organization"
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    variables: dict[str, str] = field(default_factory=dict)
    api_url: str = "https://api.github.com"
    server_url: str = "https://github.com"
    issues: dict[int, Issue] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    labels: dict[str, Label] = field(default_factory=_new_labels)
    dispatched: list[Dispatch] = field(default_factory=list)
    created: str = field(default_factory=now)
    lock: Any = field(default_factory=threading.RLock, repr=False, compare=False)
    _tokens: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    _last_id: int = field(default=1_000_000, repr=False)

    @classmethod
    def create(cls, folder: Path, **options: Any) -> Repository:
        """A new, empty repository in FOLDER, which git makes."""
        made = cls(git=folder, **options)
        command = ["git", "init", "--quiet", "--bare", "--initial-branch", made.default_branch, str(folder)]
        subprocess.run(command, check=True, capture_output=True)
        return made

    @property
    def objects(self) -> Git:
        """The bare repository, for plumbing."""
        return Git(self.git)

    @property
    def owner(self) -> str:
        return self.full_name.split("/")[0]

    @property
    def url(self) -> str:
        """Where the API answers for this repository."""
        return f"{self.api_url}/repos/{self.full_name}"

    def payload(self) -> dict[str, Any]:
        """The `repository` of a webhook's payload."""
        owner, name = self.full_name.split("/")
        page = f"https://github.com/{self.full_name}"
        return {
            "id": number_for(self.full_name),
            "node_id": f"R_{number_for(self.full_name)}",
            "name": name,
            "full_name": self.full_name,
            "private": self.private,
            "visibility": "private" if self.private else "public",
            "owner": account(owner, self.owner_kind),
            "html_url": page,
            "url": self.url,
            "clone_url": f"{page}.git",
            "git_url": f"git://github.com/{self.full_name}.git",
            "ssh_url": f"git@github.com:{self.full_name}.git",
            "description": None,
            "homepage": None,
            "topics": [],
            "fork": self.fork,
            "is_template": self.is_template,
            "default_branch": self.default_branch,
            "has_issues": self.has_issues,
            "has_projects": True,
            "has_wiki": not self.private,
            "has_pages": False,
            "has_discussions": False,
            "archived": False,
            "disabled": False,
            "allow_forking": True,
            "language": None,
            "license": None,
            "size": 0,
            "open_issues_count": sum(issue.state == "open" for issue in self.issues.values()),
            "created_at": self.created,
            "updated_at": self.created,
            "pushed_at": self.created,
        }

    def token(self, permissions: Mapping[str, str]) -> str:
        """A new token of a job, which may do just this: {"issues": "write", "contents": "read"}.

        As on GitHub, a job may look at the repository itself ("metadata") unless told otherwise.
        Raises ValueError for a permission or a level that does not exist.
        """
        wanted = {name.replace("_", "-"): level for name, level in permissions.items()}
        if unknown := set(wanted) - PERMISSIONS:
            raise ValueError(f"GitHub knows no permission {', '.join(sorted(unknown))}")
        if unknown := set(wanted.values()) - set(LEVELS):
            raise ValueError(f"a permission is one of {', '.join(LEVELS)}, not {', '.join(sorted(unknown))}")
        token = f"ghs_{secrets.token_hex(18)}"
        self._tokens[token] = {"metadata": "read", **wanted}
        return token

    def revoke(self, token: str) -> None:
        """End a token, as GitHub does at the end of a job."""
        self._tokens.pop(token, None)

    def permissions(self, token: str) -> dict[str, str] | None:
        """What a token may do; None if it is not one."""
        return self._tokens.get(token)

    def new_id(self) -> int:
        """A number that nothing here has yet."""
        self._last_id += 1
        return self._last_id

    def head(self, branch: str | None = None) -> str | None:
        """The commit that a branch (or a ref, in full) points to; None if there is no such branch."""
        return self.objects.resolve(full_ref(branch or self.default_branch))

    def commit(
        self,
        changes: Mapping[str, str | bytes | None],
        message: str,
        branch: str | None = None,
        author: str = "ada",
    ) -> str:
        """Put a commit on a branch, new ones starting from the default branch; its SHA.

        None deletes a path, which must be there; a file keeps its mode. BRANCH may be a full ref, "refs/…".
        """
        parent = self.head(branch) or self.head()
        tree = self.objects.tree(parent, [self._entry(parent, *change) for change in changes.items()])
        return self._committed(tree, message, branch, author)

    def push_tree(self, folder: Path, message: str, branch: str | None = None, author: str = "ada") -> str:
        """Put a commit on a branch whose tree is FOLDER's, without what git ignores there; its SHA."""
        return self._committed(self.objects.tree_of(folder, _excludes(folder)), message, branch, author)

    def open_issue(
        self, title: str, body: str | None = None, *, labels: tuple[str, ...] = (), author: str = "ada"
    ) -> Issue:
        """A new issue. Labels that do not exist come to be, as on GitHub."""
        with self.lock:
            number = max(self.issues, default=0) + 1
            issue = Issue(number, self.new_id(), title, body, author, self.known_labels(labels))
            self.issues[number] = issue
            return issue

    def open_pull(
        self,
        title: str,
        head: str,
        *,
        base: str | None = None,
        fork: str | None = None,
        body: str | None = None,
        author: str = "ada",
    ) -> Issue:
        """A new pull request, of a branch of this repository; or of FORK, "student/course", whose branch is
        then a ref `refs/forks/student/course/BRANCH` here. See `pulls` for its refs."""
        source = source_of(head, fork)
        if self.head(source) is None:
            raise ValueError(f"there is no {source}; commit to it first")
        with self.lock:
            issue = self.open_issue(title, body, author=author)
            issue.pull = Pull(head, base or self.default_branch, fork or self.full_name)
            follow(self.objects, issue, self.full_name)
            return issue

    def add_comment(self, number: int, body: str, author: str = "ada") -> Comment:
        """A new comment on an issue or a pull request, which must be there."""
        with self.lock:
            issue = self.issues[number]
            comment = Comment(self.new_id(), number, body, author)
            self.comments[comment.id] = comment
            issue.updated = comment.created
            return comment

    def comments_of(self, number: int) -> list[Comment]:
        """The comments of an issue, oldest first."""
        return [comment for comment in self.comments.values() if comment.issue == number]

    def known_labels(self, names: tuple[str, ...] | list[str]) -> list[str]:
        """The labels of these names, as they are written; new ones are made."""
        found: dict[str, None] = {}
        for name in names:
            label = self.label(name) or self.labels.setdefault(name, Label(name))
            found[label.name] = None
        return list(found)

    def label(self, name: str) -> Label | None:
        """The label of a name, in upper or lower case."""
        return next((label for key, label in self.labels.items() if key.lower() == name.lower()), None)

    def _entry(self, parent: str | None, path: str, content: str | bytes | None) -> Entry:
        found = self.objects.entries(parent, path=path) if parent else []
        if content is None:
            if not found:
                raise ValueError(f"there is no {path} to delete")
            return Entry(path)
        content = content.encode() if isinstance(content, str) else content
        return Entry(path, found[0][0].mode if found else FILE, self.objects.blob(content))

    def _committed(self, tree: str, message: str, branch: str | None, author: str) -> str:
        ref = full_ref(branch or self.default_branch)
        old = self.objects.resolve(ref)
        parent = old or self.head()
        signature = Signature(author, f"{author}@school.example")
        sha = self.objects.commit(tree, [parent] if parent else [], f"{message}\n", signature, signature)
        self.objects.move(ref, sha, old or NOTHING)
        for issue in self.issues.values():
            follow(self.objects, issue, self.full_name)
        return sha


def full_ref(branch: str) -> str:
    """A branch as a ref; a ref as it is."""
    return branch if branch.startswith("refs/") else f"refs/heads/{branch}"


def _excludes(folder: Path) -> Path | None:
    """What else the person who works in FOLDER leaves out, if it is a clone."""
    try:
        told = Git(folder / ".git").text("-C", str(folder), "rev-parse", "--git-path", "info/exclude")
    except GitError:
        return None
    return folder / told
