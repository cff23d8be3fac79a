"""Files, refs, trees and commits through the API, seen by git itself; workflows that are asked for."""

import base64
import subprocess

import pytest

DISPATCHED = """
name: Roll back
on:
  workflow_dispatch:
    inputs:
      to: {required: true, type: string}
      kind: {type: choice, options: [fast, slow], default: fast}
"""


def git(repository, *arguments):
    done = subprocess.run(
        ["git", "-C", repository.git, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def writer(client):
    return client(contents="write")


def test_files_and_folders(writer, repository):
    odd = bytes(range(256))
    repository.commit({"content/data/a b.bin": odd, "content/start.md": "hé"}, "Content")
    shown = writer("GET", "/contents/content/data/a%20b.bin").json
    assert base64.b64decode(shown["content"]) == odd and "\n" in shown["content"].strip()
    assert (shown["type"], shown["size"], shown["encoding"]) == ("file", 256, "base64")
    assert [(each["type"], each["path"]) for each in writer("GET", "/contents/content").json] == [
        ("dir", "content/data"),
        ("file", "content/start.md"),
    ]
    assert {each["name"] for each in writer("GET", "/contents").json} == {"README.md", "content"}
    raw = writer("GET", "/contents/content/start.md", accept="application/vnd.github.raw+json")
    assert raw.content.decode() == "hé"


def test_files_of_a_ref(writer, repository):
    first = repository.head()
    repository.commit({"README.md": "new\n"}, "Change", branch="next")
    read = lambda ref: base64.b64decode(writer("GET", f"/contents/README.md?ref={ref}").json["content"])  # noqa: E731
    assert read("next") == b"new\n" and read(first) == read("main") == b"# A course\n"
    missing = writer("GET", "/contents/README.md?ref=gone")
    assert (missing.status, missing.json["message"]) == (404, "No commit found for the ref gone")
    assert writer("GET", "/contents/gone.md").json["message"] == "Not Found"


def test_a_large_file_comes_without_content_unless_raw(writer, repository):
    repository.commit({"large": b"x" * (2**20 + 1)}, "Large")
    shown = writer("GET", "/contents/large").json
    assert (shown["content"], shown["encoding"]) == ("", "none")
    assert len(writer("GET", "/contents/large", accept="application/vnd.github.raw").content) == 2**20 + 1


def test_a_branch_of_its_own_is_made_and_moved(writer, repository):
    tree = writer(
        "POST",
        "/git/trees",
        {"tree": [{"path": "badges/hub.svg", "mode": "100644", "type": "blob", "content": "<svg>é</svg>"}]},
    )
    assert tree.status == 201
    commit = writer("POST", "/git/commits", {"message": "Status", "tree": tree.json["sha"], "parents": []})
    assert commit.status == 201 and commit.json["parents"] == []
    sha = commit.json["sha"]
    made = writer("POST", "/git/refs", {"ref": "refs/heads/status", "sha": sha})
    assert made.status == 201 and made.json["object"]["sha"] == sha
    assert git(repository, "show", "status:badges/hub.svg") == "<svg>é</svg>"
    assert git(repository, "log", "--format=%an %s", "status") == "github-actions[bot] Status"
    again = writer("POST", "/git/refs", {"ref": "refs/heads/status", "sha": sha})
    assert (again.status, again.json["message"]) == (422, "Reference already exists")
    other = writer("POST", "/git/commits", {"message": "Status 2", "tree": tree.json["sha"]}).json["sha"]
    refused = writer("PATCH", "/git/refs/heads/status", {"sha": other})
    assert (refused.status, refused.json["message"]) == (422, "Update is not a fast forward")
    assert git(repository, "rev-parse", "status") == sha
    assert writer("PATCH", "/git/refs/heads/status", {"sha": other, "force": True}).status == 200
    assert git(repository, "rev-list", "--count", "status") == "1"
    assert writer("GET", "/git/ref/heads/status").json["object"]["sha"] == other
    assert writer("DELETE", "/git/refs/heads/status").status == 204
    assert writer("GET", "/git/ref/heads/status").status == 404
    assert git(repository, "fsck", "--strict", "--no-dangling") == ""


def test_a_tree_on_top_of_another(writer, repository):
    repository.commit({"a/one": "1", "a/two": "2", "b": "3"}, "Files")
    base = writer("GET", f"/git/commits/{repository.head()}").json["tree"]["sha"]
    blob = writer(
        "POST", "/git/blobs", {"content": base64.b64encode(b"\0\xff").decode(), "encoding": "base64"}
    )
    assert base64.b64decode(writer("GET", f"/git/blobs/{blob.json['sha']}").json["content"]) == b"\0\xff"
    entry = {"mode": "100755", "type": "blob"}
    changes = [
        {**entry, "path": "a/one", "sha": None},
        {**entry, "path": "c", "sha": blob.json["sha"]},
        {**entry, "path": "b/now/folder", "content": "4"},
    ]
    tree = writer("POST", "/git/trees", {"base_tree": base, "tree": changes}).json["sha"]
    listed = git(repository, "ls-tree", "-r", "--format=%(objectmode) %(path)", tree).splitlines()
    assert listed == ["100644 README.md", "100644 a/two", "100755 b/now/folder", "100755 c"]
    deep = writer("GET", f"/git/trees/{tree}?recursive=1").json
    assert {each["path"] for each in deep["tree"]} >= {"a", "a/two", "c"} and deep["truncated"] is False


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/git/refs", {"ref": "main", "sha": "0" * 40}, "not a valid ref"),
        ("/git/refs", {"ref": "refs/heads/x", "sha": "1" * 40}, "Object does not exist"),
        ("/git/trees", {"tree": []}, "Invalid tree info"),
        ("/git/trees", {"tree": [{"path": "../x", "mode": "100644", "content": ""}]}, "malformed path"),
        ("/git/trees", {"tree": [{"path": "x", "mode": "1", "content": ""}]}, "tree.mode"),
        ("/git/trees", {"tree": [{"path": "x", "mode": "100644"}]}, "tree.sha or tree.content"),
        ("/git/commits", {"message": "x", "tree": "1" * 40}, "Tree SHA does not exist"),
        ("/git/commits", {"message": "x"}, '"tree" wasn\'t supplied'),
        ("/git/blobs", {"content": "é", "encoding": "latin"}, "encoding"),
    ],
)
def test_what_git_cannot_take_is_refused(writer, path, body, told):
    answer = writer("POST", path, body)
    assert answer.status == 422 and told in answer.content.decode().replace('\\"', '"')


def test_no_token_of_a_job_changes_workflows(writer):
    entry = {"path": ".github/workflows/x.yml", "mode": "100644", "content": "on: push"}
    assert writer("POST", "/git/trees", {"tree": [entry]}).status == 403


def test_a_workflow_is_asked_for(client, api, repository):
    actor = client(actions="write")
    repository.commit(
        {".github/workflows/rollback.yml": DISPATCHED, ".github/workflows/push.yml": "on: [push]\n"},
        "Workflows",
    )
    listed = actor("GET", "/actions/workflows").json
    assert listed["total_count"] == 2
    assert {each["name"] for each in listed["workflows"]} == {"Roll back", ".github/workflows/push.yml"}
    path = "/actions/workflows/rollback.yml/dispatches"
    assert actor("POST", path, {"ref": "main", "inputs": {"to": "7"}}).status == 204
    (asked,) = api.dispatched
    assert asked.workflow == ".github/workflows/rollback.yml" and asked.ref == "refs/heads/main"
    assert asked.inputs == {"to": "7", "kind": "fast"}
    told = lambda body, path=path: actor("POST", path, body).json["message"]  # noqa: E731
    assert told({"ref": "gone"}) == "No ref found for: gone"
    assert told({"ref": "main"}) == "Required input 'to' not provided"
    assert told({"ref": "main", "inputs": {"to": "1", "x": "2"}}) == 'Unexpected inputs provided: ["x"]'
    assert "allowed values" in told({"ref": "main", "inputs": {"to": "1", "kind": "odd"}})
    assert "'workflow_dispatch' trigger" in told({"ref": "main"}, path.replace("rollback", "push"))
    assert actor("POST", path.replace("rollback", "gone"), {"ref": "main"}).status == 404
    assert len(api.dispatched) == 1
