"""Killed at every step, three ways; the next deploy goes on, and nothing is doubled or lost."""

import signal
import time

import pytest

from deployments import make_key, new_course
from sandbox import machine, sources
from student import Student

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def course(tmp_path_factory, software):
    folder = tmp_path_factory.mktemp("interruptions")
    private, public = make_key(folder)
    box = machine.create("test-cut", memory="4G", cpus=2.0, authorized_keys=[public], binds=sources.binds())
    try:
        yield new_course(folder, box, private, software.mirrors)
    finally:
        box.destroy()


def killed(process):
    """The workflow's machine dies: nobody says goodbye."""
    process.send_signal(signal.SIGKILL)


def cut(process):
    """The connection breaks: sshd's process for it ends, with all that it holds."""
    machine.find("test-cut").run(["pkill", "-KILL", "-f", "^sshd: root@"], check=False)


def rebooted(process):
    """The droplet restarts in the middle."""
    machine.find("test-cut").reboot()


MIDDLE = 1.5
"""Seconds into a step: long ones are in the middle of something then."""


def test_interrupted_at_every_step_a_rerun_converges(course):
    """Each step is hit by a reboot, which loses it, and by one of the ways that only lose the connection,
    after which the droplet finishes what it has begun and the next deploy has to wait for it."""
    steps = course.run("plan.py").plan
    assert len(steps) == 8
    due = {title: [rebooted, (killed, cut)[number % 2]] for number, title in enumerate(steps)}

    def strike(title, process):
        if not due.get(title):
            return False
        if not title.startswith(("Start", "Publish", "Set")):
            time.sleep(MIDDLE)
        due[title].pop(0)(process)
        return True

    for _ in range(2 * len(steps)):
        course.interrupt(strike)
    left = {title: ways for title, ways in due.items() if ways}
    # A quick step can be over before its first interruption; then there was nothing to strike a second time.
    assert all(len(ways) == 1 for ways in left.values()), left
    done = course.deploy()
    assert course.deploy().plan == []
    nothing_is_doubled(machine.find("test-cut"))
    student = Student(done.result["url"], "ada", "a first password").log_in()
    student.follow(done.result["link"])
    assert student.run_all("my-course/StartHere.ipynb") > 3


def nothing_is_doubled(box):
    """What a careless rerun would have made twice or left behind."""
    generations = box.run(["sh", "-c", "ls -d /opt/course/envs/*/"]).stdout.split()
    assert len(generations) == 2  # One, and the link to it.
    commits = box.run(["git", "--git-dir=/srv/course/content.git", "log", "--oneline", "main"]).stdout
    assert len(commits.splitlines()) == 1
    trusted = box.run(["git", "config", "--system", "--get-all", "safe.directory"]).stdout
    assert len(trusted.splitlines()) == 1
    assert box.run(["dpkg", "--audit"]).stdout == b""
    leftovers = box.run(
        ["sh", "-c", "ls -A /opt/course/envs /opt/tljh/config /opt/course/state | grep '^[.]'"], check=False
    )
    assert leftovers.stdout == b""


def test_two_deploys_at_once_wait_for_each_other(course):
    course.deploy()
    course.override["users"] = ["ada", "grace", "emmy"]
    first = course.start()
    second = course.start()
    said = [process.communicate(timeout=300) for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), said
    assert course.deploy().plan == []
