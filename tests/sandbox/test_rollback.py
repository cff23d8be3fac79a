"""A class whose environment was broken by a change: back in a moment, and it stays so.

The tests of this file tell one story, in order, on one machine; the course is a git repository, as it is
for whoever teaches it.
"""

import json
import re
import subprocess
import time

import pytest

from sandbox import machine
from student import Student

pytestmark = pytest.mark.sandbox
CURRENT = "/opt/course/envs/current"
REASON = "the tables' borders are gone"


@pytest.fixture(scope="module")
def course(make_deployed):
    made, _ = make_deployed("test-rollback")
    made.override["droplet"] = {"image": "debian-12-x64"}
    git(made, "init", "--quiet")
    git(made, "config", "user.name", "ada")
    git(made, "config", "user.email", "ada@example.org")
    commit(made, "The course")
    return made


def git(course, *words):
    done = subprocess.run(["git", "-C", course.root, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(course, title):
    git(course, "add", ".")
    git(course, "commit", "--quiet", "--message", title)
    return git(course, "rev-parse", "HEAD")


def change(course, old, new, title):
    file = course.root / "environment.yml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return commit(course, title)


def current():
    return machine.find("test-rollback").run(["readlink", CURRENT]).stdout.decode().strip()


@pytest.fixture(scope="module")
def deployed(course):
    return course.deploy()


@pytest.fixture(scope="module")
def good(deployed):
    """The name of the environment that works."""
    return current()


@pytest.fixture(scope="module")
def kernel(course, deployed, good):
    """A student in the middle of something."""
    ada = Student(deployed.result["url"], "ada", "a first password").log_in()
    ada.follow(deployed.result["link"])
    with ada.open("my-course/StartHere.ipynb") as kernel:
        kernel.run("import sys, tabulate; kept = tabulate.__version__")
        yield kernel


@pytest.fixture(scope="module")
def guilty(course, kernel):
    """The commit that breaks it."""
    return change(course, "- tabulate ", "- tabulate==0.9.0 ", "Older tables")


def still_at_work(kernel, good):
    """The kernel has its variables and the modules of the environment in which it began."""
    assert kernel.run("print(sys.prefix, kept == tabulate.__version__)").split() == [
        f"/opt/course/envs/{good}",
        "True",
    ]
    # What was not imported yet still comes from there.
    assert good in kernel.run(
        "import importlib, json.tool; print(importlib.import_module('pandas').__file__)"
    )


def test_nothing_to_go_back_to(course, good):
    done = course.run("rollback.py")
    assert done.code == 1
    assert "no earlier environment" in done.error
    assert current() == good


def test_the_plan_says_what_the_change_means(course, guilty):
    planned = course.run("plan.py")
    install = planned.result["plan"][0]
    costs, *changes = install["details"]
    assert re.fullmatch(r"1 package to download, \d+ kB; needs about \d+ MB of disk, [\d.]+ GB free", costs)
    assert len(changes) == 1
    assert re.fullmatch(r"~ tabulate 0\.(?!9)[\d.]+ → 0\.9\.0", changes[0])
    assert costs in planned.said


def test_the_change_is_deployed_and_who_works_keeps_what_they_have(course, guilty, kernel, good):
    course.deploy()
    assert current() != good
    still_at_work(kernel, good)


def test_a_rollback_takes_a_moment(course, guilty, kernel, good):
    bad = current()
    started = time.monotonic()
    done = course.run("rollback.py", "--reason", REASON)
    seconds = time.monotonic() - started
    assert done.code == 0, done.said
    assert (done.result["from"], done.result["to"]) == (bad, good)
    assert current() == good
    print(f"rollback: {done.result['seconds']} s on the droplet, {seconds:.2f} s in all")
    assert done.result["seconds"] < 2
    still_at_work(kernel, good)
    assert f"git revert {guilty[:7]} (“Older tables”)" in done.said
    last = machine.find("test-rollback").run(["tail", "-n", "1", "/opt/course/audit.log"]).stdout
    entry = json.loads(last)
    assert (entry["verdict"], entry["reason"]) == ("rolled back", REASON)
    assert entry["rollback"]["from"] == bad


def test_the_list_tells_them_apart(course, guilty, good):
    done = course.run("rollback.py", "--list")
    newer, older = done.result["environments"]
    assert (older["generation"], older["current"], newer["current"]) == (good, True, False)
    assert newer["commit"] == guilty
    assert newer["rejected"]["reason"] == REASON
    assert [line.split()[:2] for line in newer["changes"]] == [["~", "tabulate"]]
    assert "(rolled back)" in done.said and "(current)" in done.said


@pytest.mark.parametrize("script", ["deploy.py", "plan.py"])
def test_the_same_commit_is_refused(course, guilty, good, script):
    done = course.run(script)
    assert done.code == 1
    assert "was rolled back by" in done.error and REASON in done.error
    assert "revert the commit" in done.said and "--allow rejected" in done.said
    assert current() == good


def test_another_change_of_the_same_environment_is_refused_too(course, guilty, good):
    (course.root / "content" / "note.md").write_text("A word to the class.\n")
    commit(course, "A note")
    assert course.run().code == 1
    assert current() == good


def test_reverting_makes_it_last(course, guilty, good):
    git(course, "revert", "--no-edit", guilty)
    done = course.deploy()
    assert done.parts == ["content"]
    assert current() == good
    assert course.deploy().plan == []


def test_whoever_insists_gets_it(course, guilty, good):
    git(course, "revert", "--no-edit", "HEAD")
    assert course.run().code == 1
    done = course.run("deploy.py", "--allow", "rejected")
    assert done.code == 0, done.said
    assert done.plan[0] == "Forget that this environment was rolled back"
    assert current() != good
    # It is forgotten: nobody has to insist twice.
    assert course.deploy().plan == []


def test_a_rollback_to_a_name(course, good):
    done = course.run("rollback.py", "--to", "no-such-environment")
    assert done.code == 1 and good in done.said
    done = course.run("rollback.py", "--to", good)
    assert done.code == 0, done.said
    assert current() == good


def test_mistakes_in_the_files_do_not_stop_a_rollback(course, good):
    bad = next(
        entry["generation"]
        for entry in course.run("rollback.py", "--list").result["environments"]
        if entry["generation"] != good
    )
    file = course.root / "environment.yml"
    text = file.read_text()
    file.write_text("dependencies: [\n")
    done = course.run("rollback.py", "--to", bad)
    assert done.code == 0, done.said
    assert "which do not matter here" in done.said
    assert course.run("rollback.py", "--to", good).code == 0
    file.write_text(text)


def test_a_committed_lock_is_deployed_as_it_is(course, good):
    git(course, "revert", "--no-edit", "HEAD")
    assert course.deploy().plan == []
    assert course.run("deploy.py", "--locked").code == 2
    assert course.run("lock.py").result["verdict"] == "written"
    planned = course.run("plan.py", "--locked")
    assert "Taking the environment from environment.lock" in planned.said
    assert "Solving" not in planned.said
    # The same packages need nothing installed: only where they come from is noted.
    assert planned.plan == [f"Start new servers from the environment {good}"]
    course.deploy()
    assert course.run("deploy.py", "--locked").plan == []
    kept = machine.find("test-rollback").run(["cat", f"/opt/course/envs/{good}.lock"]).stdout.decode()
    assert "tabulate==" in kept and "numpy" in kept


def test_a_lock_for_a_newer_system_is_refused(course, good):
    course.override["droplet"] = {"image": "debian-13-x64"}
    change(course, "- numpy\n", "- numpy\n  - idna\n", "A module more")
    assert course.run("lock.py").code == 0
    done = course.run()
    assert done.code == 2
    assert "glibc 2.41, but the server has 2.36" in done.said
    assert current() == good
