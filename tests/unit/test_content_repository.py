"""The published repository after a power cut: found out, made anew, and students who have a copy can go on.

Real git throughout. What nbgitpuller does in a student's copy is in `pull`.
"""

import io
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from test_program import Pipe

from coursehub.droplet import content as droplet
from coursehub.droplet.system import OperationFailed
from coursehub.parts import content

FIRST = {"Start.ipynb": b"one\n", "data/a.csv": b"1,2\n" * 1000}
SECOND = {**FIRST, "Start.ipynb": b"one\ntwo\n", "new.txt": os.urandom(5000)}
THIRD = {**SECOND, "Start.ipynb": b"one\ntwo\nthree\n"}


class Hub:
    """A droplet's repository, and a course that is published to it as a deploy does."""

    def __init__(self, folder):
        self.folder, self.repository = folder, folder / "srv" / "content.git"

    def look(self, files):
        """The wish for these files, and what the droplet answers to it."""
        root = self.folder / "content"
        subprocess.run(["rm", "-rf", root], check=True)
        for path, data in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
        found = tuple(content.read(root, name) for name in sorted(files))
        want = content.Want(root, found, content.tree_id(found))
        return want, droplet.look(str(self.repository), content.BRANCH, want.tree)

    def plan(self, files):
        return content.plan(*self.look(files), {})

    def publish(self, files):
        """Publish the files and return the step; afterwards there must be nothing left to do."""
        (step,) = self.plan(files)
        parameters = {**step.parameters, "repository": str(self.repository)}
        droplet.publish(**parameters, payload=Payload(step))
        assert self.plan(files) == []
        git(self.repository, "fsck", "--strict")
        return step

    @property
    def commits(self):
        return git(self.repository, "log", "--format=%s", "main").splitlines()

    def object(self, name):
        """The file of an object, which must be on its own."""
        number = git(self.repository, "rev-parse", name).strip()
        return self.repository / "objects" / number[:2] / number[2:]

    def loosen(self):
        """Store each object in a file of its own, as git does with few."""
        packs = list(self.repository.glob("objects/pack/*.pack"))
        for pack in packs:
            pack.with_suffix(".idx").unlink(missing_ok=True)
            pack.rename(self.folder / pack.name)
            git(self.repository, "unpack-objects", "-q", input=(self.folder / pack.name).read_bytes())


class Payload:
    """The bytes of a step, as the droplet's program hands them on."""

    def __init__(self, step):
        self.file = io.BytesIO(b"".join(part.read_bytes() for part in step.payload))

    def read(self, size):
        yield self.file.read(size)


def git(repository, *words, input=None):
    command = ["git", "-c", "safe.directory=*", f"--git-dir={repository}", *words]
    done = subprocess.run(command, capture_output=True, input=input)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


class Copy:
    """A student's copy, made and brought up to date as nbgitpuller does it."""

    def __init__(self, hub, folder):
        self.folder = folder
        self.run("git", "clone", "-q", "--depth", "1", "--branch", "main", f"file://{hub.repository}", folder)

    def run(self, *command):
        where = self.folder if self.folder.exists() else self.folder.parent
        subprocess.run(command, check=True, cwd=where, capture_output=True)

    def pull(self):
        who = ("-c", "user.email=n@n", "-c", "user.name=n")
        self.run("git", "fetch")
        self.run("git", "reset", "--mixed")
        self.run("git", *who, "commit", "-am", "mine", "--allow-empty")
        self.run("git", *who, "merge", "-Xours", "origin/main")

    def read(self, name):
        return (self.folder / name).read_bytes()


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(tmp_path / "gitconfig"))
    return Hub(tmp_path)


@pytest.fixture
def early(hub, tmp_path):
    """Who came when the first version was out, and has written something; then came the second version."""
    hub.publish(FIRST)
    copy = Copy(hub, tmp_path / "early")
    (copy.folder / "data/a.csv").write_bytes(b"my own\n")
    hub.publish(SECOND)
    return copy


def only_head(hub):
    for path in sorted(hub.repository.rglob("*"), reverse=True):
        if path.name != "HEAD":
            path.rmdir() if path.is_dir() else path.unlink()


def gone(hub, name):
    (hub.repository / name).unlink()


def emptied(hub, name):
    """What ext4 leaves of a file that was renamed before its bytes were written."""
    (hub.repository / name).write_bytes(b"")


def zeros(hub, name):
    (hub.repository / name).write_bytes(b"\0" * 41)


def no_object(hub, name):
    hub.loosen()
    path = hub.object(name)
    path.chmod(0o644)
    path.write_bytes(b"")


def cut_object(hub, name):
    hub.loosen()
    path = hub.object(name)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-20])


def cut_pack(hub, suffix):
    pack = max(hub.repository.glob(f"objects/pack/*{suffix}"), key=lambda pack: pack.stat().st_mtime_ns)
    pack.chmod(0o644)
    pack.write_bytes(pack.read_bytes()[:30])


# What is done to the repository, to which part of it, and how many of the two commits can be saved.
DAMAGES = {
    "only HEAD is there": (only_head, (), 0),
    "HEAD is empty": (emptied, ("HEAD",), 2),
    "HEAD is gone": (gone, ("HEAD",), 2),
    "the configuration is zeros": (zeros, ("config",), 2),
    "the branch is empty": (emptied, ("refs/heads/main",), 2),
    "the branch is zeros": (zeros, ("refs/heads/main",), 2),
    "the branch is gone": (gone, ("refs/heads/main",), 2),
    "the last commit is empty": (no_object, ("main",), 1),
    "a directory is empty": (no_object, ("main^{tree}",), 1),
    "a file is empty": (no_object, ("main:new.txt",), 1),
    "the last pack is cut": (cut_pack, (".pack",), 1),
    "the last pack's index is cut": (cut_pack, (".idx",), 1),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_repository_is_made_anew_with_what_can_be_saved(hub, early, tmp_path, name):
    damage, arguments, saved = DAMAGES[name]
    damage(hub, *arguments)
    step = hub.publish(THIRD)
    assert step.title == "Publish the content anew"
    assert "damaged" in step.details[0]
    assert len(step.payload) == len(THIRD)
    assert len(hub.commits) == saved + 1
    assert (tmp_path / "srv/content.git.damaged").exists()
    assert sorted(path.name for path in (tmp_path / "srv").iterdir()) == [
        "content.git",
        "content.git.damaged",
    ]
    assert Copy(hub, tmp_path / "late").read("Start.ipynb") == THIRD["Start.ipynb"]
    if saved:
        early.pull()
        assert early.read("Start.ipynb") == THIRD["Start.ipynb"]
        assert early.read("data/a.csv") == b"my own\n"


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damage_is_seen_although_nothing_else_has_to_be_done(hub, early, name):
    damage, arguments, _ = DAMAGES[name]
    damage(hub, *arguments)
    assert hub.publish(SECOND).title == "Publish the content anew"


def test_bytes_that_are_lost_within_a_file_are_found_after_an_interruption(hub, early):
    """Reading all of it would be too long for every deploy, and there is no reason to but this one."""
    (hub.repository / "coursehub-unfinished").touch()
    cut_object(hub, "main:data/a.csv")
    assert hub.publish(SECOND).title == "Publish the content anew"


def test_an_interruption_that_did_no_harm_is_only_noted(hub, early):
    (hub.repository / "coursehub-unfinished").touch()
    step = hub.publish(SECOND)
    assert (step.title, step.payload) == ("Finish publishing the content", ())
    assert len(hub.commits) == 2


@pytest.mark.parametrize(
    "left",
    ["refs/heads/main.lock", "packed-refs.lock", "refs/coursehub/incoming", "refs/coursehub/incoming.lock"],
)
def test_what_a_killed_git_leaves_does_not_stop_the_next(hub, early, left):
    (hub.repository / left).parent.mkdir(exist_ok=True)
    (hub.repository / left).write_bytes(b"")
    assert hub.publish(THIRD).title == "Update the content (1 file changed)"
    early.pull()


def test_a_lock_on_gits_own_configuration_is_no_hindrance(hub, tmp_path):
    (tmp_path / "gitconfig.lock").write_bytes(b"")
    hub.publish(FIRST)


def test_the_history_is_found_where_an_interrupted_repair_left_it(hub, early):
    hub.repository.rename(f"{hub.repository}.damaged")
    assert hub.publish(THIRD).title == "Publish the content"
    assert len(hub.commits) == 3
    early.pull()


def test_one_damaged_repository_is_kept_and_not_for_ever(hub, early, tmp_path):
    aside = tmp_path / "srv/content.git.damaged"
    for files in (THIRD, SECOND):
        emptied(hub, "HEAD")
        hub.publish(files)
    assert [path.name for path in aside.parent.iterdir() if path.name != "content.git"] == [aside.name]
    hub.publish(THIRD)
    assert aside.exists()
    long_ago = time.time() - 40 * 24 * 3600
    os.utime(aside, (long_ago, long_ago))
    hub.publish(SECOND)
    assert not aside.exists()


def test_a_repository_appears_whole_or_not_at_all(hub):
    (step,) = hub.plan(FIRST)
    broken = Payload(step)
    broken.file = io.BytesIO(b"x" * 10_000)
    with pytest.raises(OperationFailed, match="did not arrive as it was sent"):
        droplet.publish(**{**step.parameters, "repository": str(hub.repository)}, payload=broken)
    assert list(hub.repository.parent.iterdir()) == []


def test_killed_at_any_moment_the_next_deploy_goes_on(hub, tmp_path):
    """Sooner or later within a publication; wherever it is, nothing is doubled and nothing is lost."""
    published = 0
    for number in range(12):
        files = {**FIRST, "number.txt": b"%d" % (number // 2)}
        steps = hub.plan(files)
        if steps:
            pipe = Pipe(tmp_path)
            pipe.call("ping", {})
            parameters = {**steps[0].parameters, "repository": str(hub.repository)}
            payload = b"".join(part.read_bytes() for part in steps[0].payload)
            pipe.send("content.publish", parameters, payload)
            time.sleep(number * 0.006)
            pipe.process.send_signal(signal.SIGKILL)
            pipe.process.wait()
            pipe.process.stdin.close()
            if hub.plan(files):
                hub.publish(files)
        published = number // 2 + 1
        assert len(hub.commits) == published
    assert Path(f"{hub.repository}.new").exists() is False
