"""A repository over git's own protocol, by `git http-backend`, with GitHub's rules on who may push.

https://git-scm.com/docs/git-http-backend
"""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Mapping
from urllib.parse import urlencode

from sandbox.github.exchange import Request
from sandbox.github.repository import Repository
from sandbox.github.routing import Answer

PATIENCE = 60
PUSH = "git-receive-pack"


def is_for_git(repository: Repository, path: str) -> bool:
    """Whether somebody asks for the repository itself, and not for what the API knows of it."""
    return path.lower().startswith(f"/{repository.full_name}.git/".lower())


def answer(repository: Repository, request: Request) -> Answer:
    """What GitHub's git server would answer."""
    service = request.path.rpartition("/")[2]
    is_push = PUSH in (service, request.query.get("service"))
    permissions = permissions_of(repository, request.headers.get("authorization"))
    held = (permissions or {}).get("contents", "none")
    if not (held == "write" or (not is_push and (held == "read" or not repository.private))):
        if permissions is None:
            return Answer(401, b"Authentication required", {"WWW-Authenticate": 'Basic realm="GitHub"'})
        who = "Write access to repository not granted." if is_push else "Repository not found."
        return Answer(403 if is_push else 404, f"remote: {who}\n".encode(), {"Content-Type": "text/plain"})
    return through_backend(repository, request, is_push)


def permissions_of(repository: Repository, given: str | None) -> Mapping[str, str] | None:
    """What the token may do that came as a password."""
    scheme, _, value = (given or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        _, _, token = base64.b64decode(value).decode().partition(":")
    except ValueError:
        return None
    return repository.permissions(token)


def through_backend(repository: Repository, request: Request, is_push: bool) -> Answer:
    rest = request.path[len(f"/{repository.full_name}.git") :]
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": str(repository.git.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{repository.git.name}{rest}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": urlencode(request.query),
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(request.content)),
        "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
        "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
        # The one who runs the tests may not own the folder.
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        **({"REMOTE_USER": "x-access-token"} if is_push else {}),
    }
    done = subprocess.run(
        ["git", "http-backend"],
        env=environment,
        input=request.content,
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
    status = int(headers.pop("Status", "200 OK").split()[0])
    return Answer(status, body, headers)
