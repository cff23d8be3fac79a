"""The droplet's program, run for real in a process of its own, spoken to as `coursehub.ssh` speaks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from coursehub import ssh
from coursehub.parts import content


class Pipe:
    """A conversation with the program over pipes, with git's system configuration kept apart."""

    def __init__(self, folder, python=sys.executable):
        environment = {**os.environ, "GIT_CONFIG_SYSTEM": str(folder / "gitconfig")}
        self.process = subprocess.Popen(
            [python, "-c", ssh.BOOT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        self.process.stdin.write(ssh.program())

    def send(self, operation, parameters, payload=b""):
        request = {"operation": operation, "parameters": parameters, "payload": len(payload)}
        self.process.stdin.write(json.dumps(request).encode() + b"\n" + payload)
        self.process.stdin.flush()

    def call(self, operation, parameters, payload=b""):
        self.send(operation, parameters, payload)
        while True:
            answer = json.loads(self.process.stdout.readline())
            if "progress" not in answer and "alive" not in answer:
                return answer

    def close(self):
        self.process.stdin.close()
        return self.process.wait(10)


@pytest.fixture
def pipe(tmp_path):
    pipe = Pipe(tmp_path)
    yield pipe
    pipe.close()


def course(tmp_path, files):
    root = tmp_path / "course"
    for path, data in files.items():
        place = root / "content" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    names = sorted(files)
    found = tuple(content.read(root / "content", name) for name in names)
    return content.Want(root / "content", found, content.tree_id(found))


def publish(pipe, want, repository):
    """Do what a deploy does for content; return the step, or None when there is nothing to do."""
    question = {**content.question(want), "repository": repository}
    seen = pipe.call("look", {"questions": {"content": question}})["result"]["parts"]["content"]
    steps = content.plan(want, seen, {})
    if not steps:
        return None
    parameters = {**steps[0].parameters, "repository": repository}
    payload = b"".join(part.read_bytes() for part in steps[0].payload)
    assert pipe.call("content.publish", parameters, payload) == {"result": None, "for": "content.publish"}
    return steps[0]


def git(repository, *words):
    command = ["git", "-c", "safe.directory=*", f"--git-dir={repository}", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_content_arrives_whole_and_only_what_changed_is_sent(pipe, tmp_path):
    repository = str(tmp_path / "content.git")
    odd = 'a "quoted" näme\\ with space.txt'
    files = {
        "Start.ipynb": b"{}",
        "data/a.csv": os.urandom(3 << 20),
        odd: b"x\n",
        "data.txt": b"",
        "z/y/x": b"1",
    }
    want = course(tmp_path, files)
    assert publish(pipe, want, repository).title == "Publish the content"
    assert git(repository, "rev-parse", "main^{tree}").strip() == want.tree
    assert publish(pipe, want, repository) is None

    files["Start.ipynb"] = b'{"cells": []}'
    del files["z/y/x"]
    (tmp_path / "course/content/z/y/x").unlink()
    changed = course(tmp_path, files)
    step = publish(pipe, changed, repository)
    assert step.details == ("~ Start.ipynb", "- z/y/x")
    assert [part.name for part in step.payload] == ["Start.ipynb"]
    assert git(repository, "log", "--format=%s", "main").splitlines()[1:] == ["Publish the content"]
    assert publish(pipe, changed, repository) is None


def test_content_that_changes_on_the_way_is_not_published(pipe, tmp_path):
    repository = str(tmp_path / "content.git")
    want = course(tmp_path, {"a.txt": b"right"})
    question = {**content.question(want), "repository": repository}
    seen = pipe.call("look", {"questions": {"content": question}})["result"]["parts"]["content"]
    (step,) = content.plan(want, seen, {})
    answer = pipe.call("content.publish", {**step.parameters, "repository": repository}, b"wrong")
    assert "did not arrive as it was sent" in answer["failure"]["message"]
    assert (
        pipe.call("look", {"questions": {"content": question}})["result"]["parts"]["content"]["tree"] is None
    )


def test_a_failed_request_leaves_the_conversation_in_step(pipe):
    answer = pipe.call("content.publish", {"no": "such parameter"}, b"left over" * 1000)
    assert "TypeError" in answer["bug"]
    assert pipe.call("ping", {}) == {"result": None, "for": "ping"}


def test_it_ends_with_its_input(tmp_path):
    assert Pipe(tmp_path).close() == 0


def test_it_says_which_look_failed(pipe, tmp_path):
    questions = {"configuration": {"paths": [str(tmp_path)]}}
    assert (
        "could not look at the droplet's configuration"
        in pipe.call("look", {"questions": questions})["failure"]["message"]
    )


def test_it_runs_on_the_system_python(tmp_path):
    """The droplet's own Python is older than ours may be; Debian's is at hand where these tests run."""
    pipe = Pipe(tmp_path, str(next(filter(Path.exists, [Path("/usr/bin/python3"), Path(sys.executable)]))))
    answer = pipe.call("look", {"questions": {"packages": {"names": []}, "swap": {"file": "/swapfile"}}})
    assert answer["result"]["machine"]["memory"] > 0
    assert pipe.close() == 0


def test_the_tree_id_is_gits(tmp_path):
    want = course(tmp_path, {"a": b"1", "a.b": b"2", "a-b/c": b"3", "B/x": b"4", "b": b"5", "a0": b"6"})
    work = tmp_path / "course/content"
    subprocess.run(["git", "init", "-q", work], check=True)
    subprocess.run(["git", "add", "-A"], check=True, cwd=work)
    made = subprocess.run(["git", "write-tree"], check=True, cwd=work, capture_output=True, text=True)
    assert made.stdout.strip() == want.tree
