"""What students and courses do to a copy, and what must be so after the next click on the link.

Standard library only: these cases run here, with the pulling alone, and on a hub, in the course's own
environment and through the nbgitpuller that is there: `python pull_cases.py FOLDER LIBRARY`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

PRECIOUS = "written by the student"
AS = ("-c", "user.name=x", "-c", "user.email=x@x", "-c", "protocol.file.allow=always")


def notebook(*sources, outputs=(), **more):
    """A notebook with these cells; the code cells numbered in `outputs` were run."""
    cells = []
    for number, text in enumerate(sources):
        cell = {"cell_type": "code", "id": f"cell-{number}", "metadata": {}, "source": text}
        done = number in outputs
        result = {"output_type": "stream", "name": "stdout", "text": f"result {number}\n"}
        cell.update(execution_count=number if done else None, outputs=[result] if done else [])
        cells.append(cell)
    whole = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more}
    return json.dumps(whole, indent=1) + "\n"


ONE, TWO, THREE = "a = 1\nb = 2\nc = 3\nd = 4", "# Exercise\nx = ...", "print(a)"
FIRST = {
    "lab1.ipynb": notebook(ONE, TWO, THREE),
    "notes.txt": "first line\nsecond line\nthird line\n",
    "data/a.csv": "1,2\n",
    "data/b.csv": "3,4\n",
    "old.ipynb": notebook("old"),
    "été 1.txt": "sun\n",
    "picture.png": "\x00\x01 png",
}


class Scene:
    """A course's repository, and a student's copy of it in a home. `pull` is what a click does: it returns
    what was said."""

    def __init__(self, folder, pull):
        self.root, self.click = Path(folder).resolve(), pull
        self.bare, self.work = self.root / "srv/content.git", self.root / "work"
        self.home, self.copy = self.root / "home", self.root / "home/my-course"
        self.home.mkdir(parents=True)
        self.files, self.version = dict(FIRST), 0
        self.found_anew()
        self.publish({})
        self.pull()

    @property
    def url(self):
        return f"file://{self.bare}"

    def found_anew(self):
        """A repository without any history."""
        for place in (self.bare, self.work):
            shutil.rmtree(place, ignore_errors=True)
        git(self.root, "init", "-q", "--bare", "-b", "main", self.bare)
        git(self.root, "init", "-q", "-b", "main", self.work)

    def publish(self, files):
        """Commit what changed in the course; None removes a file."""
        self.version += 1
        self.files.update(files, **{"news.txt": f"version {self.version}\n"})
        for path in list(self.work.iterdir()):
            if path.name != ".git":
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        for name, text in self.files.items():
            if text is not None:
                place = self.work / name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(text.encode())
        git(self.work, "add", "-A", "-f")
        git(self.work, "commit", "-qm", f"version {self.version}")
        git(self.work, "push", "-q", "--force", self.bare, "HEAD:main")

    def pull(self, branch="main"):
        return self.click(str(self.copy), self.url, branch)

    def write(self, name, text):
        (self.copy / name).parent.mkdir(parents=True, exist_ok=True)
        (self.copy / name).write_bytes(text.encode())

    def read(self, name):
        return (self.copy / name).read_text()

    def cells(self, name):
        return ["".join(cell["source"]) for cell in json.loads(self.read(name))["cells"]]

    def git(self, *words, check=True):
        return git(self.copy, *words, check=check)

    def beside(self, what, where=None):
        """The files that were set aside under names with these words."""
        found = (where or self.copy).rglob(f"*({what}*)*")
        return sorted(path for path in found if not any(part.startswith(".git") for part in path.parts))

    def everything(self):
        """Every file of the student's, but for git's own: {path: bytes}."""
        found = {}
        for folder, folders, names in os.walk(self.home):
            folders[:] = [name for name in folders if not name.startswith(".git")]
            for name in names:
                path = Path(folder, name)
                readable = os.access(path, os.R_OK)
                found[str(path.relative_to(self.home))] = path.read_bytes() if readable else b"?"
        return found


def git(folder, *words, check=True):
    command = ["git", *AS, *map(str, words)]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert not check or not done.returncode, f"{words}: {done.stderr.decode()}"
    return done.stdout.decode(errors="replace").strip()


CASES = {}


def case(function):
    """A case: a generator that does things until it yields, and looks at what has become of them then."""
    CASES[function.__name__.replace("_", " ")] = function
    return function


@case
def only_the_student_changed_a_file(scene):
    scene.write("notes.txt", PRECIOUS)
    yield
    assert scene.read("notes.txt") == PRECIOUS


@case
def only_the_course_changed_a_file(scene):
    scene.publish({"notes.txt": "new\n", "data/c.csv": "5\n"})
    yield
    assert (scene.read("notes.txt"), scene.read("data/c.csv")) == ("new\n", "5\n")


@case
def both_changed_other_lines(scene):
    scene.write("notes.txt", f"first line\nsecond line\nthird line\n{PRECIOUS}\n")
    scene.publish({"notes.txt": "FIRST line\nsecond line\nthird line\n"})
    yield
    assert scene.read("notes.txt") == f"FIRST line\nsecond line\nthird line\n{PRECIOUS}\n"
    assert not scene.beside("course version")


@case
def both_changed_the_same_line(scene):
    scene.write("notes.txt", f"first line\nsecond {PRECIOUS}\nthird line\n")
    scene.publish({"notes.txt": "first line\nsecond by the course\nthird line\n"})
    yield
    assert PRECIOUS in scene.read("notes.txt")
    (other,) = scene.beside("course version")
    assert other.suffix == ".txt" and "by the course" in other.read_text()


@case
def both_changed_what_is_no_text(scene):
    scene.write("picture.png", f"\0{PRECIOUS}")
    scene.publish({"picture.png": "\0 new"})
    yield
    assert PRECIOUS in scene.read("picture.png")
    assert [path.read_text() for path in scene.beside("course version")] == ["\0 new"]


@case
def a_notebook_was_only_run(scene):
    scene.write("lab1.ipynb", notebook(ONE, TWO, THREE, outputs=(0, 2)))
    scene.publish({"lab1.ipynb": notebook("# new\n" + ONE, TWO, THREE)})
    yield
    assert scene.cells("lab1.ipynb") == ["# new\n" + ONE, TWO, THREE]
    assert "result 2" in scene.read("lab1.ipynb") and "result 0" not in scene.read("lab1.ipynb")
    assert not scene.beside("")


@case
def both_changed_other_cells_of_a_notebook(scene):
    scene.write("lab1.ipynb", notebook(ONE, f"x = '{PRECIOUS}'", THREE, outputs=(0, 1, 2)))
    scene.publish({"lab1.ipynb": notebook(ONE, TWO, "print(a, b)", "# A new one")})
    yield
    assert scene.cells("lab1.ipynb") == [ONE, f"x = '{PRECIOUS}'", "print(a, b)", "# A new one"]
    assert not scene.beside("")


@case
def both_changed_other_lines_of_one_cell(scene):
    scene.write("lab1.ipynb", notebook(f"{ONE}\n# {PRECIOUS}", TWO, THREE))
    scene.publish({"lab1.ipynb": notebook(ONE.replace("a = 1", "a = 100"), TWO, THREE)})
    yield
    assert scene.cells("lab1.ipynb")[0] == f"a = 100\nb = 2\nc = 3\nd = 4\n# {PRECIOUS}"
    assert not scene.beside("")


@case
def both_changed_the_same_line_of_a_cell(scene):
    scene.write("lab1.ipynb", notebook(ONE, f"# Exercise\nx = '{PRECIOUS}'", THREE))
    scene.publish({"lab1.ipynb": notebook(ONE, "# Exercise\nx = None", "print(b)")})
    yield
    assert scene.cells("lab1.ipynb") == [ONE, f"# Exercise\nx = '{PRECIOUS}'", "print(b)"]
    (other,) = scene.beside("course version")
    assert other.suffix == ".ipynb" and "x = None" in other.read_text()


@case
def a_notebook_that_is_none_any_more(scene):
    scene.write("lab1.ipynb", f"{PRECIOUS}, and no JSON")
    scene.publish({"lab1.ipynb": notebook(ONE, TWO, "print(b)")})
    yield
    assert scene.cells("lab1.ipynb") == [ONE, TWO, "print(b)"]
    assert [path.read_text() for path in scene.beside("your version")] == [f"{PRECIOUS}, and no JSON"]


@case
def the_student_deleted_files(scene):
    """They stay away, but for what the course has changed since."""
    (scene.copy / "old.ipynb").unlink()
    shutil.rmtree(scene.copy / "data")
    scene.publish({"data/a.csv": "new\n"})
    yield
    assert not (scene.copy / "old.ipynb").exists() and not (scene.copy / "data/b.csv").exists()
    assert scene.read("data/a.csv") == "new\n"


@case
def the_student_told_git_to_delete_a_file(scene):
    scene.git("rm", "-q", "old.ipynb")
    scene.git("commit", "-qm", "not wanted")
    yield
    assert not (scene.copy / "old.ipynb").exists()


@case
def the_student_renamed_a_file(scene):
    scene.write("lab1.ipynb", notebook(PRECIOUS))
    (scene.copy / "lab1.ipynb").rename(scene.copy / "mine.ipynb")
    scene.publish({"lab1.ipynb": notebook(ONE, TWO)})
    yield
    assert (scene.cells("mine.ipynb"), scene.cells("lab1.ipynb")) == ([PRECIOUS], [ONE, TWO])


@case
def the_course_deleted_files(scene):
    scene.write("old.ipynb", notebook(PRECIOUS))
    scene.publish({"old.ipynb": None, "data/a.csv": None, "data/b.csv": None})
    yield
    assert scene.cells("old.ipynb") == [PRECIOUS]
    assert not (scene.copy / "data").exists()


@case
def a_file_of_the_students_has_the_name_of_a_new_one(scene):
    scene.write("lab2.ipynb", notebook(PRECIOUS))
    scene.publish({"lab2.ipynb": notebook("lab 2")})
    yield
    assert scene.cells("lab2.ipynb") == ["lab 2"]
    (mine,) = scene.beside("your version")
    assert PRECIOUS in mine.read_text() and mine.name.startswith("lab2 (your version, ")


@case
def the_student_has_the_new_file_already(scene):
    scene.write("lab2.ipynb", notebook("lab 2"))
    scene.publish({"lab2.ipynb": notebook("lab 2")})
    yield
    assert not scene.beside("")


@case
def a_folder_is_where_a_new_file_belongs(scene):
    scene.write("lab2/mine.txt", PRECIOUS)
    scene.publish({"lab2": "a file\n"})
    yield
    assert scene.read("lab2") == "a file\n"
    assert [path.joinpath("mine.txt").read_text() for path in scene.beside("your version")] == [PRECIOUS]


@case
def a_file_is_where_a_new_folder_belongs(scene):
    scene.write("lab2", PRECIOUS)
    scene.publish({"lab2/start.txt": "go\n"})
    yield
    assert scene.read("lab2/start.txt") == "go\n"
    assert [path.read_text() for path in scene.beside("your version")] == [PRECIOUS]


@case
def a_path_of_the_course_became_a_folder(scene):
    scene.write("notes.txt", PRECIOUS)
    scene.publish({"notes.txt": None, "notes.txt/1.txt": "one\n", "data/a.csv": None, "data/b.csv": None})
    scene.publish({"data": "a file now\n"})
    yield
    assert (scene.read("notes.txt/1.txt"), scene.read("data")) == ("one\n", "a file now\n")
    assert [path.read_text() for path in scene.beside("your version")] == [PRECIOUS]


@case
def a_folder_became_a_link_elsewhere(scene):
    shutil.rmtree(scene.copy / "data")
    (scene.home / "elsewhere").mkdir()
    (scene.home / "elsewhere/a.csv").write_text(PRECIOUS)
    (scene.copy / "data").symlink_to(scene.home / "elsewhere")
    scene.publish({"data/a.csv": "new\n"})
    yield
    assert (scene.read("data/a.csv"), scene.read("data/b.csv")) == ("new\n", "3,4\n")
    assert (scene.home / "elsewhere/a.csv").read_text() == PRECIOUS


@case
def a_lock_was_left(scene):
    for lock in ("index.lock", "HEAD.lock", "refs/heads/main.lock", "config.lock", "shallow.lock"):
        (scene.copy / ".git" / lock).write_text("")
    scene.write("notes.txt", PRECIOUS)
    scene.publish({"data/a.csv": "new\n"})
    yield
    assert (scene.read("notes.txt"), scene.read("data/a.csv")) == (PRECIOUS, "new\n")


def conflict(scene):
    """Leave a merge in the middle, as a student has it who types git pull."""
    cell = notebook(ONE, f"x = '{PRECIOUS}'", THREE)
    scene.write("lab1.ipynb", cell)
    scene.write("notes.txt", f"first line\nsecond {PRECIOUS}\nthird line\n")
    scene.git("commit", "-qam", "mine")
    scene.publish({
        "lab1.ipynb": notebook(ONE, "x = None", THREE),
        "notes.txt": "first line\nsecond by the course\nthird line\n",
        "data/a.csv": "new\n",
    })  # fmt: skip
    scene.git("fetch", "-q")
    return cell


@case
def a_merge_was_interrupted(scene):
    conflict(scene)
    scene.git("merge", "origin/main", check=False)
    assert "<<<<<<<" in scene.read("lab1.ipynb") and "<<<<<<<" in scene.read("notes.txt")
    yield
    assert scene.cells("lab1.ipynb") == [ONE, f"x = '{PRECIOUS}'", THREE]
    assert scene.read("notes.txt") == f"first line\nsecond {PRECIOUS}\nthird line\n"
    assert len(scene.beside("with conflict marks")) == len(scene.beside("course version")) == 2


@case
def conflict_marks_were_committed(scene):
    conflict(scene)
    scene.git("merge", "origin/main", check=False)
    scene.git("commit", "-qam", "as it is")
    yield
    assert scene.cells("lab1.ipynb") == [ONE, f"x = '{PRECIOUS}'", THREE]


@case
def a_rebase_was_interrupted(scene):
    conflict(scene)
    scene.git("rebase", "origin/main", check=False)
    yield
    assert scene.cells("lab1.ipynb") == [ONE, f"x = '{PRECIOUS}'", THREE]
    assert "mine" in scene.git("log", "--format=%s")


@case
def the_head_is_detached(scene):
    scene.git("checkout", "-q", "--detach")
    scene.write("notes.txt", PRECIOUS)
    scene.git("commit", "-qam", "mine")
    scene.publish({"data/a.csv": "new\n"})
    yield
    assert scene.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert PRECIOUS in scene.git("log", "-p", "main")


@case
def the_student_is_on_a_branch_of_their_own(scene):
    scene.git("checkout", "-qb", "mine")
    scene.write("notes.txt", PRECIOUS)
    scene.git("commit", "-qam", "mine")
    scene.publish({"data/a.csv": "new\n"})
    yield
    assert scene.git("symbolic-ref", "--short", "HEAD") == "mine"


@case
def the_student_commits(scene):
    scene.write("notes.txt", PRECIOUS)
    scene.write("own.txt", PRECIOUS)
    scene.git("add", "-A")
    scene.git("commit", "-qm", "mine")
    scene.git("config", "commit.gpgSign", "true")
    scene.git("config", "core.hooksPath", "/nowhere")
    scene.write("notes.txt", f"more {PRECIOUS}")
    scene.git("add", "-A")
    scene.publish({"data/a.csv": "new\n"})
    yield
    assert (scene.read("notes.txt"), scene.read("own.txt")) == (f"more {PRECIOUS}", PRECIOUS)
    assert "mine" in scene.git("log", "--format=%s")


def damaged(name):
    """A case in which the repository was damaged after the student and the course changed some files."""

    def decorate(damage):
        def whole(scene):
            scene.write("notes.txt", PRECIOUS)
            scene.write("mine/own.txt", PRECIOUS)
            scene.publish({"data/a.csv": "new\n", "old.ipynb": None, "lab1.ipynb": notebook(ONE, TWO)})
            damage(scene, scene.copy / ".git")
            yield
            assert (scene.read("notes.txt"), scene.read("mine/own.txt")) == (PRECIOUS, PRECIOUS)
            assert scene.read("data/a.csv") == "new\n"
            assert scene.cells("lab1.ipynb") == [ONE, TWO]
            assert not (scene.copy / "old.ipynb").exists() and not scene.beside("")
            assert not scene.beside("before", scene.home)

        CASES[name] = whole
        return damage

    return decorate


@damaged("the repository is gone")
def _damage(scene, directory):
    shutil.rmtree(directory)


@damaged("the repository is half of one")
def _damage(scene, directory):
    shutil.rmtree(directory)
    directory.mkdir()
    (directory / "HEAD").write_text("ref: refs/heads/main\n")


@damaged("the last commit is empty after a power cut")
def _damage(scene, directory):
    for path in [*directory.glob("objects/??/*"), *directory.glob("objects/pack/*")]:
        path.chmod(0o644)
        path.write_bytes(b"")


@damaged("the branch is empty")
def _damage(scene, directory):
    (directory / "refs/heads/main").write_bytes(b"")


@damaged("HEAD is empty")
def _damage(scene, directory):
    (directory / "HEAD").write_bytes(b"")


@damaged("the index is empty")
def _damage(scene, directory):
    (directory / "index").write_bytes(b"")


@damaged("the index is zeros")
def _damage(scene, directory):
    (directory / "index").write_bytes(b"\0" * 400)


@damaged("the configuration is cut off")
def _damage(scene, directory):
    (directory / "config").write_text('[remote "ori')


@damaged("what was given last is not known")
def _damage(scene, directory):
    for path in (directory / "packed-refs", directory / "shallow"):
        path.unlink(missing_ok=True)
    shutil.rmtree(directory / "refs/remotes")


@damaged("the repository cannot be written to")
def _damage(scene, directory):
    (directory / "objects").chmod(0o555)
    directory.chmod(0o555)


@damaged("the address has changed")
def _damage(scene, directory):
    git(directory, "config", "remote.origin.url", "https://localhost:9/gone.git")


@damaged("the repository is a file")
def _damage(scene, directory):
    shutil.rmtree(directory)
    directory.write_text("gitdir: /nowhere\n")


@case
def the_clone_was_cut_off(scene):
    shutil.rmtree(scene.copy)
    git(scene.home, "init", "-q", scene.copy)
    yield
    assert scene.cells("lab1.ipynb") == [ONE, TWO, THREE]


@case
def the_folder_is_empty(scene):
    shutil.rmtree(scene.copy)
    scene.copy.mkdir()
    yield
    assert scene.cells("lab1.ipynb") == [ONE, TWO, THREE]


@case
def a_file_is_where_the_copy_belongs(scene):
    shutil.rmtree(scene.copy)
    scene.copy.write_text(PRECIOUS)
    yield
    assert [path.read_text() for path in scene.beside("your version", scene.home)] == [PRECIOUS]


@case
def a_folder_of_the_students_is_where_the_copy_belongs(scene):
    shutil.rmtree(scene.copy)
    scene.write("mine.txt", PRECIOUS)
    yield
    assert scene.read("mine.txt") == PRECIOUS and scene.cells("lab1.ipynb") == [ONE, TWO, THREE]


@case
def the_history_was_rewritten(scene):
    scene.publish({"data/b.csv": "a secret\n"})
    scene.pull()
    scene.write("notes.txt", PRECIOUS)
    git(scene.work, "reset", "-q", "--hard", "HEAD~1")
    scene.publish({"data/b.csv": "no secret\n", "data/a.csv": "new\n"})
    yield
    assert (scene.read("notes.txt"), scene.read("data/a.csv")) == (PRECIOUS, "new\n")
    assert scene.read("data/b.csv") == "no secret\n" and not scene.beside("")


@case
def the_history_has_nothing_in_common(scene):
    scene.write("notes.txt", PRECIOUS)
    scene.write("lab1.ipynb", notebook(ONE, f"x = '{PRECIOUS}'", THREE))
    scene.found_anew()
    scene.publish({"data/a.csv": "new\n", "lab1.ipynb": notebook(ONE, TWO, "print(b)")})
    yield
    assert (scene.read("notes.txt"), scene.read("data/a.csv")) == (PRECIOUS, "new\n")
    assert scene.cells("lab1.ipynb") == [ONE, f"x = '{PRECIOUS}'", "print(b)"]
    assert not scene.beside("")


@case
def files_cannot_be_written(scene):
    scene.write("notes.txt", f"{PRECIOUS}\nfirst line\nsecond line\nthird line\n")
    for name in ("notes.txt", "data/a.csv"):
        (scene.copy / name).chmod(0o444)
    scene.publish({"notes.txt": "first line\nsecond line\nthird LINE\n", "data/a.csv": "new\n"})
    yield
    assert scene.read("notes.txt") == f"{PRECIOUS}\nfirst line\nsecond line\nthird LINE\n"
    assert scene.read("data/a.csv") == "new\n"


@case
def a_file_cannot_be_read(scene):
    scene.write("notes.txt", PRECIOUS)
    (scene.copy / "notes.txt").chmod(0)
    scene.publish({"notes.txt": "new\n", "data/a.csv": "new\n"})
    yield
    assert scene.read("notes.txt") == "new\n"
    (mine,) = scene.beside("your version")
    mine.chmod(0o644)
    assert mine.read_text() == PRECIOUS


@case
def a_folder_cannot_be_written(scene):
    scene.write("data/mine.csv", PRECIOUS)
    (scene.copy / "data").chmod(0o555)
    scene.publish({"data/a.csv": "new\n"})
    yield
    assert (scene.read("data/a.csv"), scene.read("data/b.csv")) == ("new\n", "3,4\n")
    (aside,) = scene.beside("your version")
    assert (aside / "mine.csv").read_text() == PRECIOUS
    aside.chmod(0o755)


@case
def the_student_is_in_the_way_where_nothing_can_be_written(scene):
    scene.write("data/new.csv", PRECIOUS)
    (scene.copy / "data").chmod(0o555)
    scene.publish({"data/new.csv": "new\n"})
    yield
    assert (scene.read("data/new.csv"), scene.read("data/b.csv")) == ("new\n", "3,4\n")
    (aside,) = scene.beside("your version")
    assert (aside / "new.csv").read_text() == PRECIOUS
    aside.chmod(0o755)


@case
def nothing_can_be_written(scene):
    scene.write("notes.txt", PRECIOUS)
    scene.copy.chmod(0o555)
    scene.publish({"notes.txt": "new\n"})
    yield
    assert scene.read("notes.txt") == "new\n"
    (aside,) = scene.beside("before", scene.home)
    aside.chmod(0o755)


@case
def a_submodule_came(scene):
    scene.write("notes.txt", PRECIOUS)
    other = scene.root / "other"
    git(scene.root, "clone", "-q", scene.bare, other)
    git(scene.work, "submodule", "add", "-q", other, "module")
    git(scene.work, "commit", "-qm", "module")
    (scene.work / "news.txt").write_text("version 2\n")
    scene.version = 2
    git(scene.work, "commit", "-qam", "with a module")
    git(scene.work, "push", "-q", scene.bare, "HEAD:main")
    yield
    assert scene.read("notes.txt") == PRECIOUS


@case
def names_are_odd(scene):
    odd = ("ünï cødé.txt", 'quo"te.txt', "tab\there.txt", "new\nline.txt", "-dash.txt", "back\\slash.txt")
    scene.publish(dict.fromkeys(odd, "one\n"))
    scene.pull()
    scene.write(odd[0], PRECIOUS)
    scene.publish(dict.fromkeys(odd[1:], "two\n"))
    yield
    assert scene.read(odd[0]) == PRECIOUS
    assert [scene.read(name) for name in odd[1:]] == ["two\n"] * 5


def run(name, folder, pull):
    """Play one case; raises AssertionError."""
    scene = Scene(folder, pull)
    steps = CASES[name](scene)
    next(steps)
    before = scene.everything()
    if scene.version == 1:
        scene.publish({})
    said = scene.pull()
    precious = sum(PRECIOUS.encode() in data for data in before.values())
    after = scene.everything()
    kept = sum(PRECIOUS.encode() in data for data in after.values())
    assert kept >= precious, f"lost: {before.keys()} -> {after.keys()}\n{said}"
    try:
        next(steps, None)
    except AssertionError:
        sys.stderr.write(said)
        raise
    assert scene.read("news.txt") == f"version {scene.version}\n", said
    for path in scene.copy.glob("*.ipynb"):
        if "conflict marks" not in path.name and "your version" not in path.name:
            json.loads(path.read_text())
    assert scene.git("symbolic-ref", "HEAD").startswith("refs/heads/")
    assert not (scene.copy / ".git/MERGE_HEAD").exists() and not scene.git("ls-files", "--unmerged")
    assert not list(scene.copy.glob(".git/coursehub*"))
    settled = scene.everything()
    again = scene.pull()
    assert scene.everything() == settled, f"the second click changed something: {again}"
    name = "mine.txt" if (scene.copy / "notes.txt").is_dir() else "notes.txt"
    scene.write(name, f"{PRECIOUS} again")
    scene.publish({"data/a.csv": "newest\n"} if scene.files.get("data/a.csv") else {})
    scene.pull()
    assert scene.read("news.txt") == f"version {scene.version}\n"
    assert scene.read(name) == f"{PRECIOUS} again"


def main():
    """Every case, with the nbgitpuller of this Python and what the hub adds to it; 1 if one fails."""
    folder, *where = sys.argv[1:]
    if where:
        sys.path.append(where[0])
        from coursehub_pulling.hook import install

        install()
    from nbgitpuller.pull import GitPuller

    def pull(copy, url, branch):
        return "".join(GitPuller(url, copy, branch=branch).pull())

    failed = {}
    for number, name in enumerate(CASES):
        try:
            run(name, Path(folder, str(number)), pull)
        except Exception:
            failed[name] = traceback.format_exc(limit=-2)
    print(json.dumps({"cases": len(CASES), "failed": failed}, indent=1))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
