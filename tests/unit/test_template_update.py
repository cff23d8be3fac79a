"""How a course takes the template's improvements: real repositories, copied as "Use this template" does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from coursehub.template_changes import COURSE, File, changes

SCRIPTS = Path(__file__).parents[2] / "scripts"
START = {
    "course.yml": "name: My course\n",
    "content/start.md": "sample\n",
    "README.md": "The template\n",
    "pyproject.toml": "",
    "scripts/deploy.py": "version 1\n",
    "scripts/old.py": "old\n",
    "Documentation/Github.md": "one\ntwo\n",
    "Documentation/Links.md": "links\n",
    ".github/workflows/deploy.yml": "on: push\n",
}


class Repo:
    """A clone of one's own, with what tests ask of it."""

    def __init__(self, root):
        self.root = root
        root.mkdir(exist_ok=True)
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("config", "user.name", "Ada")
        self.git("config", "user.email", "ada@school.example")

    def git(self, *arguments):
        done = subprocess.run(["git", *arguments], cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, files, message="Change"):
        for path, text in files.items():
            place = self.root / path
            if text is None:
                place.unlink()
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def read(self, path):
        return (self.root / path).read_text() if (self.root / path).exists() else None

    def state(self):
        """What must not change when nothing is done."""
        files = {
            str(p): p.read_bytes() for p in self.root.rglob("*") if p.is_file() and ".git" not in p.parts
        }
        return self.git("rev-parse", "HEAD"), self.git("status", "--porcelain"), files


@pytest.fixture(autouse=True)
def settings(monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def template(tmp_path):
    made = Repo(tmp_path / "template")
    made.commit({"scripts/deploy.py": "version 0\n"}, "First")
    named = f'[tool.coursehub]\ntemplate = "{made.root}"\n'
    made.commit({**START, "pyproject.toml": named}, "Start")
    return made


@pytest.fixture
def course(template, tmp_path):
    """A copy of the template in one commit, with the course's own files on top."""
    made = Repo(tmp_path / "course")
    shutil.copytree(template.root, made.root, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git"))
    made.commit({}, "Initial commit")
    made.commit({"course.yml": "name: Moons\n", "content/start.md": "mine\n", "README.md": "Moons\n"})
    made.commit({"scripts/mine.py": "my own\n"})
    return made


def update(course, *arguments):
    """Run it, with nothing but the standard library."""
    command = [sys.executable, "-I", "-S", "-c", "import sys; sys.path.insert(0, sys.argv.pop(1));"]
    command[-1] += " from coursehub.template_update import run; sys.exit(run('x'))"
    return subprocess.run(
        [*command, str(SCRIPTS), *arguments], cwd=course.root, capture_output=True, text=True
    )


def test_a_copy_takes_the_program_and_keeps_the_course(template, course):
    template.commit(
        {
            "scripts/deploy.py": "version 2\n",
            "scripts/old.py": None,
            "scripts/new.py": "new\n",
            "course.yml": "name: The template's\nnew_key: 1\n",
            "content/start.md": None,
            "README.md": "The template, improved\n",
            "Documentation/Links.md": "others\n",
        }
    )
    (template.root / "scripts/new.py").chmod(0o755)
    new = template.commit({})
    before = course.git("rev-parse", "HEAD")
    assert update(course, "--check").returncode == 3
    assert course.git("rev-parse", "HEAD") == before
    done = update(course)
    assert done.returncode == 0, done.stderr
    assert "git push" in done.stdout and "pull request" in done.stdout
    assert "scripts/old.py (removed)" in done.stdout and "scripts/new.py" in done.stdout
    assert course.git("rev-list", f"{before}..HEAD").count("\n") == 0
    assert course.git("log", "-1", "--format=%(trailers:key=Template-Commit,valueonly)") == new
    assert course.git("status", "--porcelain") == ""
    assert course.read("scripts/deploy.py") == "version 2\n"
    assert course.read("scripts/old.py") is None
    assert os.access(course.root / "scripts/new.py", os.X_OK)
    assert course.read("scripts/mine.py") == "my own\n"
    assert course.read("course.yml") == "name: Moons\n"
    assert course.read("content/start.md") == "mine\n" and course.read("README.md") == "Moons\n"
    assert course.read("Documentation/Links.md") == "links\n"


def test_nothing_is_done_when_there_is_nothing_to_do(template, course):
    before = course.state()
    for arguments in ((), ("--check",)):
        done = update(course, *arguments)
        assert (done.returncode, "Up to date" in done.stdout) == (0, True)
    template.commit({"scripts/deploy.py": "version 2\n"})
    assert update(course).returncode == 0
    after = course.state()
    assert update(course).returncode == 0 and course.state() == after != before


def test_the_newest_version_is_taken_and_another_on_request(template, course):
    for version in ("v1.9.0", "v1.10.0", "v2.0.0-rc1"):
        template.commit({"scripts/deploy.py": f"{version}\n"})
        template.git("tag", "-a", "-m", version, version)
    template.commit({"scripts/deploy.py": "tomorrow's\n"})
    assert update(course, "--to", "v1.9.0").returncode == 0
    assert course.read("scripts/deploy.py") == "v1.9.0\n"
    assert update(course).returncode == 0
    assert course.read("scripts/deploy.py") == "v1.10.0\n"
    assert update(course, "--to", "main").returncode == 0
    assert course.read("scripts/deploy.py") == "tomorrow's\n"
    assert "Up to date" in update(course).stdout  # what is newer than the newest version stays
    refused = update(course, "--to", "v3.0.0")
    assert refused.returncode == 1 and "no tag or branch v3.0.0" in refused.stderr


def test_a_copy_made_after_the_newest_version_is_not_set_back(template, tmp_path):
    template.git("tag", "v1.0.0")
    template.commit({"scripts/deploy.py": "after it\n"})
    late = Repo(tmp_path / "late")
    shutil.copytree(template.root, late.root, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git"))
    late.commit({}, "Initial commit")
    assert "Up to date" in update(late).stdout
    assert late.read("scripts/deploy.py") == "after it\n"


def test_a_change_of_the_course_stops_the_same_file_only(template, course):
    course.commit({"scripts/deploy.py": "my version\n", "Documentation/Github.md": "mine\n"})
    template.commit({"scripts/deploy.py": "version 2\n", "scripts/new.py": "new\n"})
    before = course.state()
    done = update(course)
    assert done.returncode == 1 and course.state() == before
    assert "scripts/deploy.py" in done.stderr and "--replace" in done.stderr
    assert "Github.md" not in done.stderr
    assert update(course, "--check").returncode == 3
    done = update(course, "--replace")
    assert done.returncode == 0 and course.read("scripts/deploy.py") == "version 2\n"
    assert course.read("Documentation/Github.md") == "mine\n"
    assert "scripts/deploy.py" in course.git("log", "-1", "--format=%B")


def test_a_kept_change_is_still_known_at_the_next_update(template, course):
    course.commit({"Documentation/Github.md": "mine\n"})
    template.commit({"scripts/deploy.py": "version 2\n"})
    assert update(course).returncode == 0
    template.commit({"scripts/deploy.py": "version 3\n"})
    done = update(course)
    assert "Documentation/Github.md" in done.stdout
    assert course.read("Documentation/Github.md") == "mine\n"
    assert course.read("scripts/deploy.py") == "version 3\n"
    template.commit({"Documentation/Github.md": "one\nthree\n"})
    assert "Github.md" in update(course).stderr
    assert course.read("Documentation/Github.md") == "mine\n"


def test_the_template_s_own_change_made_by_hand_is_no_conflict(template, course):
    template.commit({"scripts/deploy.py": "version 2\n", "scripts/old.py": None})
    course.commit({"scripts/deploy.py": "version 2\n", "scripts/old.py": None})
    template.commit({"scripts/deploy.py": "version 3\n"})
    done = update(course)
    assert done.returncode == 0 and course.read("scripts/deploy.py") == "version 3\n", done.stderr


def test_going_back_to_what_the_template_had_earlier_is_a_change(template, course):
    course.commit({"scripts/deploy.py": "version 0\n"})
    template.commit({"scripts/deploy.py": "version 2\n"})
    assert "scripts/deploy.py" in update(course).stderr


def test_a_deleted_file_stays_deleted_until_the_template_changes_it(template, course):
    course.commit({"scripts/old.py": None})
    template.commit({"scripts/deploy.py": "version 2\n"})
    assert update(course).returncode == 0 and course.read("scripts/old.py") is None
    template.commit({"scripts/old.py": "older\n"})
    assert "scripts/old.py" in update(course).stderr
    assert update(course, "--replace").returncode == 0 and course.read("scripts/old.py") == "older\n"


def test_an_update_that_was_reverted_can_be_taken_again(template, course):
    template.commit({"scripts/deploy.py": "version 2\n"})
    assert update(course).returncode == 0
    course.git("revert", "--no-edit", "HEAD")
    template.commit({"scripts/new.py": "new\n"})
    done = update(course)
    assert done.returncode == 0, done.stderr
    assert course.read("scripts/deploy.py") == "version 2\n"


def test_a_fork_has_a_common_history(template, tmp_path):
    subprocess.run(["git", "clone", "--quiet", template.root, tmp_path / "fork"], check=True)
    fork = Repo(tmp_path / "fork")
    fork.commit({"course.yml": "name: Fork\n"})
    template.commit({"scripts/deploy.py": "version 2\n"})
    assert update(fork).returncode == 0
    assert (fork.read("scripts/deploy.py"), fork.read("course.yml")) == ("version 2\n", "name: Fork\n")


def test_uncommitted_changes_are_named_and_stay(template, course):
    template.commit({"scripts/deploy.py": "version 2\n"})
    (course.root / "course.yml").write_text("name: Unsaved\n")
    (course.root / "new file.md").write_text("staged")
    course.git("add", "new file.md")
    before = course.state()
    done = update(course)
    assert done.returncode == 1 and course.state() == before
    assert "course.yml" in done.stderr and "new file.md" in done.stderr and "git stash" in done.stderr


@pytest.mark.parametrize("ignored", [False, True])
def test_files_that_git_does_not_know_are_not_overwritten(template, course, ignored):
    template.commit({"scripts/new.py": "the template's\n", "scripts/kit/x.py": "x\n"})
    for path in ("scripts/new.py", "scripts/kit"):
        (course.root / path).write_text("my notes\n")
    if ignored:
        (course.root / ".git/info/exclude").write_text("scripts/new.py\nscripts/kit\n")
    before = course.state()
    done = update(course, "--replace")
    assert done.returncode == 1 and course.state() == before
    assert "scripts/new.py" in done.stderr and "scripts/kit/x.py" in done.stderr
    (course.root / "elsewhere.txt").write_text("harmless")
    for path in ("scripts/new.py", "scripts/kit"):
        (course.root / path).unlink()
    assert update(course).returncode == 0 and course.read("elsewhere.txt") == "harmless"


def test_a_file_of_the_course_where_the_template_wants_a_folder(template, course):
    course.commit({"tools": "my list of tools\n"})
    template.commit({"tools/one.py": "1\n", "scripts/old.py": None})
    template.commit({"scripts/old.py/now.py": "a folder\n"})
    before = course.state()
    done = update(course, "--replace")
    assert done.returncode == 1 and "  tools\n" in done.stderr and course.state() == before
    course.commit({"tools": None})
    assert update(course).returncode == 0
    assert course.read("scripts/old.py/now.py") == "a folder\n"


def test_where_there_is_nothing_to_update(course, tmp_path):
    (tmp_path / "plain").mkdir()
    elsewhere = type("Elsewhere", (), {"root": tmp_path / "plain"})
    plain = update(elsewhere)
    assert plain.returncode == 1 and "not in a git repository" in plain.stderr
    before = course.state()
    gone = update(course, "--from", str(tmp_path / "gone"))
    assert gone.returncode == 1 and "cannot be read" in gone.stderr and "--from" in gone.stderr
    course.git("switch", "--quiet", "--detach")
    assert "No branch is checked out" in update(course).stderr
    course.git("switch", "--quiet", "main")
    course.git("config", "--unset", "user.email")
    course.git("config", "user.useConfigOnly", "true")
    assert "git config user.email" in update(course).stderr
    assert course.state() == before


def test_a_clone_without_its_history_is_refused(template, course, tmp_path):
    url = f"file://{course.root}"
    subprocess.run(["git", "clone", "--quiet", "--depth=1", url, tmp_path / "shallow"], check=True)
    refused = update(Repo(tmp_path / "shallow"), "--check")
    assert refused.returncode == 1 and "--unshallow" in refused.stderr


def test_a_template_that_is_not_named(course):
    course.commit({"pyproject.toml": "[project]\n"})
    refused = update(course)
    assert refused.returncode == 1 and "tool.coursehub.template" in refused.stderr


def test_a_template_whose_history_was_rewritten(template, course, tmp_path):
    template.commit({"scripts/deploy.py": "version 2\n"})
    assert update(course).returncode == 0
    other = Repo(tmp_path / "other")
    other.commit({"scripts/deploy.py": "version 3\n"})
    fresh = tmp_path / "fresh"
    subprocess.run(["git", "clone", "--quiet", f"file://{course.root}", fresh], check=True)
    fresh = Repo(fresh)
    refused = update(fresh, "--from", str(other.root))
    assert refused.returncode == 1 and "no longer at" in refused.stderr
    assert update(fresh, "--from", str(other.root), "--replace").returncode == 0
    assert fresh.read("scripts/deploy.py") == "version 3\n"
    assert fresh.read("scripts/mine.py") == "my own\n"


def test_a_fresh_clone_knows_the_last_update(template, course, tmp_path):
    course.commit({"Documentation/Github.md": "mine\n"})
    template.commit({"scripts/deploy.py": "version 2\n"})
    assert update(course).returncode == 0
    template.commit({"scripts/deploy.py": "version 3\n"})
    subprocess.run(["git", "clone", "--quiet", f"file://{course.root}", tmp_path / "fresh"], check=True)
    fresh = Repo(tmp_path / "fresh")
    done = update(fresh)
    assert done.returncode == 0, done.stderr
    assert (fresh.read("scripts/deploy.py"), fresh.read("Documentation/Github.md")) == (
        "version 3\n",
        "mine\n",
    )


@pytest.mark.parametrize("end", ["exit 1", "kill -TERM $PPID", "kill -KILL $PPID"])
def test_an_interrupted_check_out_leaves_nothing_half_done(template, course, end):
    """What interrupts is a filter for one of the files."""
    template.commit({f"scripts/{name}.py": "new\n" for name in "abcdefgh"} | {"scripts/deploy.py": "2\n"})
    course.git("config", "filter.broken.smudge", end)
    course.git("config", "filter.broken.clean", "cat")
    course.git("config", "filter.broken.required", "true")
    attributes = course.root / ".git/info/attributes"
    attributes.write_text("scripts/e.py filter=broken\n")
    before = course.state()
    done = update(course)
    assert done.returncode == 1
    if "KILL" in end:  # git leaves its lock then, and is told to be in use
        assert "git reset --hard" in done.stderr and "index.lock" in done.stderr
        (course.root / ".git/index.lock").unlink()
        course.git("reset", "--hard")
    else:
        assert "nothing has changed" in done.stderr
    assert course.state() == before
    attributes.unlink()
    assert update(course).returncode == 0 and course.read("scripts/e.py") == "new\n"


def test_the_course_s_paths_are_never_touched():
    old, new = File("100644", "1" * 40), File("100644", "2" * 40)
    paths = [f"{own}x/y" if own.endswith("/") else own for own in COURSE]
    found = changes(dict.fromkeys(paths, old), dict.fromkeys(paths, old), dict.fromkeys(paths, new))
    assert not found and not found.conflicts
    beside = ("content.py", "scripts/README.md", "course.yml.example")
    found = changes(dict.fromkeys(beside, old), dict.fromkeys(beside, old), dict.fromkeys(beside, new))
    assert set(found.write) == set(beside)
