"""A new environment that fails, in every way there is: the class goes on, and nothing is left of it.

The tests of this file tell one story, in order, on one machine. Ada has a kernel in which she has computed
something; whatever happens to an environment, the kernel and a new server must not notice.
"""

import contextlib
import json
import os
import re
import signal

import pytest

from extra_channel import make_channel
from holding import PROGRAM, processes
from sandbox.commands import wait_until
from sandbox.mirror import Fault, Mirror
from student import Student

pytestmark = pytest.mark.sandbox
NOTEBOOK = "my-course/StartHere.ipynb"
NOISE = 2 << 20
"""Bytes that journals and the like may add to /opt/course without being part of an environment."""
# What runs on the droplet in each stage of an installation.
STAGES = {
    "linking": b'"cache": "/opt/course/cache/conda"',
    "the pip part": b"uv\0pip\0install",
    "postBuild": b"/postBuild\0",
    "compiling": b"compileall",
    "trying": b"execute_interactive",
}


class Class:
    """The course, its machine, a mirror that fails when told to, and who is at work."""

    def __init__(self, course, box, mirror):
        self.course, self.box, self.mirror = course, box, mirror
        self.number, self.before = 0, {}
        self.ask()

    def ask(self, *more, **files):
        """Ask for an environment that differs in one package from all before, and for `more` packages."""
        self.number += 1
        wanted = ["numpy", "pandas", f"stamp =={self.number}", *more, "pip", {"pip": ["tabulate"]}]
        environment = {"channels": ["extra", "conda-forge"], "dependencies": wanted}
        self.before = self.give({"postBuild": None, **files, "environment.yml": json.dumps(environment)})

    def take_back(self):
        """Ask for what was asked for before, as reverting the commit does."""
        self.give(self.before)

    def give(self, files):
        """Write files of the course, or remove them (None); return what they were."""
        before = {}
        for name, text in files.items():
            place = self.course.root / name
            before[name] = place.read_text() if place.exists() else None
            place.write_text(text) if text else place.unlink(missing_ok=True)
        return before

    def run(self, *words, check=True):
        return self.box.run(words, check=check, timeout=120).stdout.decode().strip()

    @property
    def current(self):
        return self.run("readlink", "-f", "/opt/course/envs/current")

    @property
    def disk(self):
        """Bytes that environments and their packages take."""
        return int(self.run("du", "-s", "-B1", "/opt/course/envs", "/opt/course/cache", "-c").split()[-2])

    @property
    def environments(self):
        """What is in the directory of the environments, but for the link."""
        return set(self.run("ls", "-A", "/opt/course/envs").split()) - {"current"}

    def stamp(self):
        """Which environment a new server would have."""
        return int(self.run("/opt/course/envs/current/bin/python", "-c", "import stamp; print(stamp.NUMBER)"))

    def processes(self, words):
        return processes(self.box, words)

    def deploy_until(self, stage):
        """Start a deploy; return its process once the droplet has come to that stage."""
        process = self.course.start()
        wait_until(lambda: self.processes(STAGES[stage]), 120, f"the stage {stage}", interval=0.003)
        return process


@pytest.fixture(scope="module")
def school(tmp_path_factory, make_deployed, software):
    course, box = make_deployed("test-env")
    channel = make_channel(tmp_path_factory.mktemp("channel"), stamps=40, megabytes=40)
    with Mirror(box.address.rpartition(".")[0] + ".1", conda={"extra": channel}) as mirror:
        conda = {**software.mirrors.get("conda", {}), "extra": mirror.conda_url("extra")}
        course.override["mirrors"] = {**software.mirrors, "conda": conda}
        made = Class(course, box, mirror)
        made.url = course.deploy().result["url"]
        yield made


@pytest.fixture(scope="module")
def kernel(school):
    ada = Student(school.url, "ada", "a first password").log_in()
    ada.follow(school.course.run("plan.py").result["link"])
    with ada.open(NOTEBOOK) as opened:
        opened.run("import sys, stamp; kept = 42")
        yield opened


@contextlib.contextmanager
def nothing_happens(school, kernel):
    """Around a deploy that fails: the class keeps its environment, and its disk is given back."""
    before, disk, there = school.current, school.disk, school.environments
    yield
    assert school.current == before
    works(school, kernel)
    assert school.environments == there
    assert abs(school.disk - disk) < NOISE


def works(school, kernel):
    """Ada's kernel answers from the environment that it had, and a new server starts from the current one."""
    assert kernel.run("print(kept, stamp.NUMBER)").split() == ["42", "1"]
    started = school.run("runuser", "-u", "nobody", "--", "/opt/course/bin/start-server", "--version")
    assert started.startswith("5.")


def fails(school, *words):
    """Deploy, which must fail and say all the words."""
    done = school.course.run()
    assert done.code == 1, done.said
    for word in words:
        assert word in done.said, done.said
    return done


def converges(school):
    """Deploy; the environment that is asked for is the current one, and nothing half is there."""
    school.course.deploy()
    assert school.stamp() == school.number
    assert school.course.deploy().plan == []
    complete = school.run("sh", "-c", "ls -d /opt/course/envs/*/.complete | grep -v current").split()
    names = {place.split("/")[4] for place in complete}
    assert school.environments == names | {f"{name}.lock" for name in names}
    assert school.processes(PROGRAM) == []


def test_a_change_of_one_package_shares_the_rest(school, kernel):
    old, disk = school.current, school.disk
    school.ask()
    converges(school)
    assert school.current != old
    size = int(school.run("du", "-s", "-B1", old).split()[0])
    assert school.disk - disk < size / 10
    works(school, kernel)
    # A terminal in Ada's server still finds the programs of Ada's environment.
    assert kernel.run("import shutil; print(shutil.which('jupyter'))").strip() == f"{old}/bin/jupyter"
    compiled = "lib/python3*/site-packages/pandas/core/__pycache__/frame.*.pyc"
    links = school.run("sh", "-c", f"stat -c '%i' {old}/{compiled} {school.current}/{compiled}").split()
    assert len(set(links)) == 1 and len(links) == 2


def test_the_network_is_lost_in_the_middle_of_a_download(school, kernel):
    school.ask("bulky ==1")
    lost = Fault("/conda/extra/noarch/bulky-1-*", cut_after=20 << 20, times=1000)
    school.mirror.faults.append(lost)
    with nothing_happens(school, kernel):
        fails(school, "a package could not be downloaded", "run the deploy again")
    assert lost.times < 1000
    school.mirror.faults.clear()
    converges(school)


def test_a_package_has_a_wrong_checksum(school, kernel):
    school.ask("bulky ==2")
    good = next(school.mirror.conda["extra"].glob("noarch/bulky-2-*.conda")).read_bytes()
    other = next(school.mirror.conda["extra"].glob("noarch/bulky-3-*.conda")).read_bytes()
    assert good != other
    school.mirror.faults.append(Fault("/conda/extra/noarch/bulky-2-*", content=other, times=1000))
    with nothing_happens(school, kernel):
        fails(school, "wrong checksum", "bulky")
    school.mirror.faults.clear()
    converges(school)


def test_the_disk_fills_up_in_the_middle(school, kernel):
    school.ask("bulky ==3")
    with nothing_happens(school, kernel):
        process = school.deploy_until("linking")
        # All but 30 MB, taken when the deploy has looked at the disk and found it large enough.
        free = int(school.run("stat", "-f", "-c", "%a %S", "/opt").split()[0]) * 4096
        school.run("fallocate", "-l", str(free - (30 << 20)), "/ballast")
        said = process.communicate(timeout=120)[1]
        assert process.returncode == 1, said
        assert "disk" in said and "full" in said.replace("filled up", "full"), said
        assert "droplet.size" in said
        school.run("rm", "/ballast")
    converges(school)


def test_a_package_cannot_be_imported(school, kernel):
    school.ask("broken")
    with nothing_happens(school, kernel):
        fails(school, "broken cannot be imported", "a_module_that_nobody_has", "environment.yml")
    school.take_back()
    assert school.course.deploy().plan == []


def test_a_post_build_fails(school, kernel):
    school.ask(postBuild="#!/bin/bash\necho the data cannot be had\nexit 3\n")
    with nothing_happens(school, kernel):
        fails(school, "postBuild failed with exit code 3", "the data cannot be had")
    school.take_back()
    assert school.course.deploy().plan == []


def test_a_post_build_that_works_changes_only_the_new_environment(school, kernel):
    old = school.current
    settings = "share/jupyter/lab/settings/overrides.json"
    school.ask(
        postBuild=f"#!/bin/bash\nmkdir -p $CONDA_PREFIX/{settings.rpartition('/')[0]}\n"
        f"echo '{{}}' > $CONDA_PREFIX/{settings}\npip uninstall --yes tabulate\n"
    )
    # The course asks for tabulate, so that this is an environment that does not do what it should.
    with nothing_happens(school, kernel):
        fails(school, "tabulate is missing", "environment.yml")
    school.ask(
        postBuild=f"mkdir -p $CONDA_PREFIX/{settings.rpartition('/')[0]}\n"
        f"echo '{{}}' > $CONDA_PREFIX/{settings}\n"
    )
    converges(school)
    assert school.run("cat", f"{school.current}/{settings}") == "{}"
    assert "tabulate" in school.run("ls", f"{old}/lib/python3.{version(school)}/site-packages")
    assert school.run("stat", "-c", "%U", f"{school.current}/bin") == "root"
    works(school, kernel)


def version(school):
    """The minor version of the environment's Python."""
    return re.search(r"python3\.(\d+)", school.run("readlink", "-f", "/opt/course/envs/current/bin/python"))[
        1
    ]


def test_the_workflow_is_killed_and_the_droplet_finishes_what_it_began(school, kernel):
    school.ask()
    before = school.current
    process = school.deploy_until("linking")
    process.kill()
    process.communicate()
    assert school.current == before
    works(school, kernel)
    converges(school)


def test_the_droplets_own_program_is_killed_at_every_stage(school, kernel):
    before = school.current
    for stage in STAGES:
        school.ask(postBuild="sleep 1\n")
        process = school.deploy_until(stage)
        for program in school.processes(PROGRAM):
            os.kill(program, signal.SIGKILL)
        said = process.communicate(timeout=120)[1]
        assert process.returncode == 1, said
        assert "was lost during environment.install" in said
        assert school.current == before, stage
        works(school, kernel)
    # Each of these left half an environment, and the last one's processes; the next run clears them away.
    school.ask()
    converges(school)


def test_the_change_is_taken_back_after_a_kill_and_the_disk_is_given_back(school, kernel):
    school.ask("bulky ==1")
    with nothing_happens(school, kernel):
        process = school.deploy_until("compiling")
        for program in school.processes(PROGRAM):
            os.kill(program, signal.SIGKILL)
        process.communicate(timeout=120)
        school.take_back()
        assert school.course.deploy().parts == ["environment"]
    assert school.course.deploy().plan == []


def test_two_deploys_at_once(school, kernel):
    school.ask()
    both = [school.course.start(), school.course.start()]
    said = [process.communicate(timeout=300)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    converges(school)
    works(school, kernel)


def test_old_environments_are_collected_but_not_the_one_in_use(school, kernel):
    kept = {name for name in school.environments if not name.endswith(".lock")}
    mine = kernel.run("print(sys.prefix)").strip().rpartition("/")[2]
    assert len(kept) <= 4
    assert {mine, school.current.rpartition("/")[2]} <= kept


def test_the_machine_reboots_in_the_middle(school, kernel):
    before = school.current
    school.ask()
    process = school.deploy_until("trying")
    school.box.reboot()
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 1, said
    assert school.current == before
    grace = Student(school.url, "grace", "another password")
    wait_until(lambda: can_log_in(grace), 60, "the hub to be back", interval=0.5)
    grace.follow(school.course.run("plan.py").result["link"])
    with grace.open(NOTEBOOK) as opened:
        assert opened.run("import sys; print(sys.prefix)").strip() == before
    converges(school)


def can_log_in(student):
    with contextlib.suppress(Exception):
        student.log_in()
        return True
    return False
