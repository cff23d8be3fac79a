"""Killed at every step, three ways; the next deploy goes on, and nothing is doubled or lost."""

import signal
import time

import pytest

import holding
from coursehub.droplet.program import OPERATIONS
from coursehub.parts import PARTS
from deployments import make_key, new_course
from sandbox import machine, sources
from sandbox.commands import wait_until
from student import Student

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def course(tmp_path_factory, software):
    folder = tmp_path_factory.mktemp("interruptions")
    private, public = make_key(folder)
    box = machine.create(
        NAME, memory="4G", cpus=2.0, disk="8G", authorized_keys=[public], binds=sources.binds()
    )
    try:
        yield new_course(folder, box, private, software.mirrors)
    finally:
        box.destroy()


def killed(process):
    """The workflow's machine dies: nobody says goodbye."""
    process.send_signal(signal.SIGKILL)


def cut(process):
    """The connection breaks: sshd's process for it ends, with all that it holds."""
    machine.find(NAME).run(["pkill", "-KILL", "-f", "^sshd: root@"], check=False)


def rebooted(process):
    """The droplet restarts in the middle."""
    machine.find(NAME).reboot()


NAME = "test-cut"
LONG = ("Install", "Apply", "Restart")
"""How the titles of long steps begin. All others are held in their middle."""
MIDDLE = 1.5
"""Seconds into a long step: it is in the middle of something then."""
UNHELD = {"packages.install", "hub.install", "environment.install_tools", "environment.install"}
UNHELD |= {"configuration.apply"}
STEPS = {name for name in OPERATIONS if name.partition(".")[0] in {part.NAME for part in PARTS}}
HELD = sorted(STEPS - UNHELD)
PLACES = {"content.publish": "update-ref", "environment.switch": "/opt/course/envs/current"}
"""Where steps are held: when all is done but the last, which makes it count. Elsewhere, early."""
ROUNDS = 3
"""Deploys a step, at most, in which it may be struck: two are needed."""
RENAMED = {"Restart the hub": "Apply the hub's configuration"}
"""What a step is called when it is taken up again."""


class Strikes:
    """What each step still has to go through, by its title."""

    def __init__(self, titles):
        self.due = {title: [rebooted, (killed, cut)[number % 2]] for number, title in enumerate(titles)}
        self.begun = ""

    def __call__(self, title, process):
        """Wait for the middle of the step that begins, and strike if that is due."""
        box = machine.find(NAME)
        if title.startswith(LONG):
            time.sleep(MIDDLE)
        else:
            wait_until(lambda: holding.held(box), 30, f"the middle of {title}")
        self.begun = title
        ways = self.due.get(RENAMED.get(title, title))
        if ways:
            ways[0](process)
            holding.disarm(box)
        # What only lost its connection finishes what it has begun.
        holding.let_go(box)
        return bool(ways)

    def note(self, said):
        """Count the strike, unless the step was over before it, as what the deploy said then shows."""
        if f"✓ {self.begun}" not in said:
            del self.due.get(RENAMED.get(self.begun, self.begun), [])[:1]


def test_interrupted_at_every_step_a_rerun_converges(course):
    """Each step is hit by a reboot, which loses it, and by one of the ways that only lose the connection,
    after which the droplet finishes what it has begun and the next deploy has to wait for it."""
    box = machine.find(NAME)
    holding.prepare(box)
    strikes = Strikes(course.run("plan.py").plan)
    for _ in range(ROUNDS * len(strikes.due)):
        if any(strikes.due.values()):
            holding.arm(box, HELD, PLACES)
            strikes.note(course.interrupt(strikes))
    assert not any(strikes.due.values()), f"not struck in the middle: {strikes.due}"
    holding.disarm(box)
    done = course.deploy()
    assert course.deploy().plan == []
    nothing_is_doubled(box)
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
