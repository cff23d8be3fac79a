"""The API for git's own objects, carried out on the bare repository."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from sandbox.github.errors import NOT_ACCESSIBLE, ApiError, Unknown, invalid, not_found
from sandbox.github.plumbing import EXECUTABLE, FILE, LINK, NOTHING, Entry, GitError, Signature
from sandbox.github.records import BOT, BOT_EMAIL
from sandbox.github.routing import Answer, Call, Route
from sandbox.github.views import commit_view, tree_view

SHA = re.compile(r"[0-9a-f]{40}")
WORKFLOWS = ".github/workflows/"


def get_ref(call: Call) -> Answer:
    ref = f"refs/{call.arguments['ref']}"
    sha = _target(call, ref)
    if sha is None:
        if not call.repository.objects.text("for-each-ref", "--count=1"):
            raise ApiError(409, "Git Repository is empty.")
        raise not_found()
    return Answer(200, _ref(call, ref, sha))


def create_ref(call: Call) -> Answer:
    ref, sha = call.body["ref"], call.body["sha"]
    if not ref.startswith("refs/") or ref.count("/") < 2 or not _possible(call, ref):
        raise ApiError(422, f"{ref} is not a valid ref name.")
    if _target(call, ref):
        raise ApiError(422, "Reference already exists")
    _point(call, ref, sha, NOTHING)
    return Answer(201, _ref(call, ref, sha), {"Location": f"{call.repository.url}/git/{ref}"})


def update_ref(call: Call) -> Answer:
    ref, sha = f"refs/{call.arguments['ref']}", call.body["sha"]
    old = _target(call, ref)
    if old is None:
        raise ApiError(422, "Reference does not exist")
    if not call.body.get("force") and not call.repository.objects.contains(sha, old):
        if call.repository.objects.kind(sha) is None:
            raise ApiError(422, "Object does not exist")
        raise ApiError(422, "Update is not a fast forward")
    _point(call, ref, sha, old)
    return Answer(200, _ref(call, ref, sha))


def delete_ref(call: Call) -> Answer:
    ref = f"refs/{call.arguments['ref']}"
    if _target(call, ref) is None:
        raise ApiError(422, "Reference does not exist")
    call.repository.objects.remove(ref)
    return Answer(204)


def create_blob(call: Call) -> Answer:
    encoding, content = call.body.get("encoding", "utf-8"), call.body["content"]
    if encoding not in ("utf-8", "base64"):
        raise invalid("Blob", "encoding", "invalid")
    try:
        data = base64.b64decode(content) if encoding == "base64" else content.encode()
    except binascii.Error:
        raise invalid("Blob", "content", "invalid", "content is not valid Base64") from None
    sha = call.repository.objects.blob(data)
    return Answer(201, {"sha": sha, "url": f"{call.repository.url}/git/blobs/{sha}"})


def get_blob(call: Call) -> Answer:
    sha = _existing(call, "blob")
    content = call.repository.objects.read("blob", sha)
    shown = {"sha": sha, "node_id": f"B_{sha}", "size": len(content)}
    url = f"{call.repository.url}/git/blobs/{sha}"
    return Answer(200, {**shown, "url": url, "content": lines_of_base64(content), "encoding": "base64"})


def create_tree(call: Call) -> Answer:
    git, base = call.repository.objects, call.body.get("base_tree")
    if base is not None and git.resolve(base, "tree") is None:
        raise ApiError(422, "base_tree is not a valid tree oid")
    entries = [_entry(call, value) for value in call.body["tree"]]
    if not entries:
        raise ApiError(422, "Invalid tree info")
    if base is not None:
        for entry in entries:
            if entry.sha is None and not git.entries(base, path=entry.path):
                raise ApiError(422, "GitRPC::BadObjectState")
    try:
        sha = git.tree(base, entries)
    except GitError as error:
        raise ApiError(422, f"tree.path contains a malformed path component: {error}") from None
    return Answer(201, tree_view(call.repository, sha))


def get_tree(call: Call) -> Answer:
    sha = call.repository.objects.resolve(call.arguments["sha"], "tree")
    if sha is None:
        raise not_found()
    return Answer(200, tree_view(call.repository, sha, deep="recursive" in call.query))


def create_commit(call: Call) -> Answer:
    git, body = call.repository.objects, call.body
    if git.kind(body["tree"]) != "tree":
        raise ApiError(422, "Tree SHA does not exist")
    for parent in body.get("parents", []):
        if not isinstance(parent, str) or not SHA.fullmatch(parent) or git.kind(parent) != "commit":
            raise ApiError(422, "Parent SHA does not exist or is not a commit object")
    author = _signature(body.get("author"))
    by = _signature(body.get("committer")) if "committer" in body else author
    sha = git.commit(body["tree"], body.get("parents", []), body["message"], author, by)
    return Answer(201, commit_view(call.repository, sha))


def get_commit(call: Call) -> Answer:
    return Answer(200, commit_view(call.repository, _existing(call, "commit")))


def _ref(call: Call, ref: str, sha: str) -> dict[str, Any]:
    kind = call.repository.objects.kind(sha)
    url = f"{call.repository.url}/git"
    target = {"type": kind, "sha": sha, "url": f"{url}/{kind}s/{sha}"}
    return {"ref": ref, "node_id": f"REF_{ref}", "url": f"{url}/{ref}", "object": target}


def _target(call: Call, ref: str) -> str | None:
    """What a ref points to, which is a tag object for some tags."""
    listed = call.repository.objects.text("for-each-ref", "--format=%(refname) %(objectname)", ref)
    return next((line.split()[1] for line in listed.splitlines() if line.split()[0] == ref), None)


def _possible(call: Call, ref: str) -> bool:
    try:
        call.repository.objects.text("check-ref-format", ref)
    except GitError:
        return False
    return True


def _point(call: Call, ref: str, sha: str, old: str) -> None:
    git = call.repository.objects
    kind = git.kind(sha) if SHA.fullmatch(sha) else None
    if kind is None:
        raise ApiError(422, "Object does not exist")
    if ref.startswith("refs/heads/") and kind != "commit":
        raise ApiError(422, "Reference cannot be updated")
    try:
        git.move(ref, sha, old)
    except GitError:
        raise ApiError(422, "Reference cannot be updated") from None


def _existing(call: Call, kind: str) -> str:
    sha = call.arguments["sha"]
    if not SHA.fullmatch(sha) or call.repository.objects.kind(sha) != kind:
        raise not_found()
    return sha


def _entry(call: Call, value: Any) -> Entry:
    """An entry of a tree to be made. Raises ApiError."""
    if not isinstance(value, dict) or not isinstance(value.get("path"), str) or not value["path"]:
        raise ApiError(422, "tree.path is missing")
    if value.get("mode") not in (FILE, EXECUTABLE, LINK):
        if value.get("mode") in ("040000", "160000"):
            raise Unknown(f"the mode {value['mode']}")
        raise ApiError(422, "tree.mode is not one of 100644, 100755, 040000, 160000, 120000")
    if value["path"].startswith(WORKFLOWS) and call.permissions is not None:
        raise ApiError(403, NOT_ACCESSIBLE)  # no job's token may change workflows
    if ("content" in value) == ("sha" in value):
        raise ApiError(422, "Must supply either tree.sha or tree.content")
    if "content" in value:
        sha = call.repository.objects.blob(str(value["content"]).encode())
    else:
        sha = value["sha"]
        if sha is not None and call.repository.objects.kind(str(sha)) != "blob":
            raise ApiError(422, f"tree.sha {sha} is not a valid blob")
    return Entry(value["path"], value["mode"], sha)


def _signature(given: Any) -> Signature:
    if given is None:
        return Signature(BOT, BOT_EMAIL)
    if set(given) - {"name", "email"}:
        raise Unknown("a commit's date")
    if not given.get("name") or not given.get("email"):
        raise ApiError(422, 'Invalid request.\n\n"email" and "name" are needed.')
    return Signature(given["name"], given["email"])


def lines_of_base64(content: bytes) -> str:
    """Base64 in lines of 60, as GitHub writes it."""
    text = base64.b64encode(content).decode()
    return "".join(f"{text[at : at + 60]}\n" for at in range(0, len(text), 60))


RIGHT = ("contents",)
COMMIT = {
    "message": "string!",
    "tree": "string!",
    "parents": "array",
    "author": "object",
    "committer": "object",
}
ROUTES = (
    Route("GET", "/git/ref/{ref*}", get_ref, RIGHT, "git/refs#get-a-reference"),
    Route(
        "POST",
        "/git/refs",
        create_ref,
        RIGHT,
        "git/refs#create-a-reference",
        {"ref": "string!", "sha": "string!"},
    ),
    Route(
        "PATCH",
        "/git/refs/{ref*}",
        update_ref,
        RIGHT,
        "git/refs#update-a-reference",
        {"sha": "string!", "force": "boolean"},
    ),
    Route("DELETE", "/git/refs/{ref*}", delete_ref, RIGHT, "git/refs#delete-a-reference"),
    Route(
        "POST",
        "/git/blobs",
        create_blob,
        RIGHT,
        "git/blobs#create-a-blob",
        {"content": "string!", "encoding": "string"},
    ),
    Route("GET", "/git/blobs/{sha}", get_blob, RIGHT, "git/blobs#get-a-blob"),
    Route(
        "POST",
        "/git/trees",
        create_tree,
        RIGHT,
        "git/trees#create-a-tree",
        {"tree": "array!", "base_tree": "string"},
    ),
    Route("GET", "/git/trees/{sha*}", get_tree, RIGHT, "git/trees#get-a-tree", asks=frozenset({"recursive"})),
    Route("POST", "/git/commits", create_commit, RIGHT, "git/commits#create-a-commit", COMMIT),
    Route("GET", "/git/commits/{sha}", get_commit, RIGHT, "git/commits#get-a-commit-object"),
)
