"""The cheapest droplet: an environment is installed while a class works, and nobody is killed for it."""

import json

import pytest

from extra_channel import make_channel
from sandbox.memory import Watch
from sandbox.mirror import Mirror
from student import Student

pytestmark = pytest.mark.sandbox
STUDENTS = ("ada", "grace", "emmy")
ENOUGH = 300 << 20
"""Bytes that an installation may hold at most. What was measured is in the property `peak`."""


@pytest.fixture(scope="module")
def box(tmp_path_factory, make_deployed, software):
    course, made = make_deployed("test-small", memory="1G")
    with Mirror(made.address.rpartition(".")[0] + ".1") as mirror:
        mirror.conda = {"extra": make_channel(tmp_path_factory.mktemp("channel"), stamps=1, megabytes=1)}
        course.override["users"] = list(STUDENTS)
        conda = {**software.mirrors.get("conda", {}), "extra": mirror.conda_url("extra")}
        course.override["mirrors"] = {**software.mirrors, "conda": conda}
        yield made, course


def at_work(url, link, name):
    """A student whose kernel has loaded what the course is about."""
    student = Student(url, name, "a first password").log_in()
    student.follow(link)
    kernel = student.open("my-course/StartHere.ipynb")
    kernel.run("import os, numpy, pandas; kept = pandas.DataFrame(numpy.ones((1000, 100))); me = os.getpid()")
    return kernel


def test_an_environment_is_installed_from_nothing_while_three_students_work(box, record_property):
    small, course = box
    first = course.deploy().result
    kernels = {name: at_work(first["url"], first["link"], name) for name in STUDENTS}
    before = {name: kernel.run("print(me)") for name, kernel in kernels.items()}

    # Nothing of what is there already may help: all packages are downloaded, linked and compiled anew.
    small.run(["rm", "-r", "/opt/course/cache"])
    environment = course.root / "environment.yml"
    text = environment.read_text()
    assert "  - conda-forge" in text and "  - numpy" in text
    text = text.replace("  - conda-forge", "  - extra\n  - conda-forge").replace(
        "  - numpy", "  - stamp\n  - numpy"
    )
    environment.write_text(text)
    with Watch(small) as watch:
        done = course.deploy()
    step = next(step for step in done.result["steps"] if step["title"].startswith("Install the environment"))
    print(f"peak {watch.peak >> 20} MiB, {step['seconds']:.1f} s")
    record_property("peak", watch.peak)

    assert watch.pressed == 0
    for name, kernel in kernels.items():
        assert kernel.run("print(me)") == before[name]
        assert kernel.run("print(int(kept.sum().sum()))").strip() == "100000"
        kernel.line.close()
    assert 0 < watch.peak < ENOUGH
    assert (
        json.loads(small.run(["cat", "/opt/course/envs/current/.complete"]).stdout)["packages"]["stamp"]
        == "1"
    )
