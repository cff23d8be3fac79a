"""A course's life on GitHub, as its coordinator sees it: pushes, pull requests, buttons; the repository's own
workflows are executed, on real machines. The tests tell one story, in the order in which they stand."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
import requests

from account.specification import Validator, specification_file
from coursehub.interruption import SENTENCE
from deployments import ADMIN_PASSWORD, COURSE_SECRET, make_key
from on_github import REPOSITORY, on_github, seen_secrets
from sandbox import sources
from sandbox.cloud import Server
from sandbox.cloud.machines import Machines
from sandbox.commands import wait_until
from sandbox.droplets.records import machine_of
from student import Student

pytestmark = pytest.mark.sandbox
TOKEN = "dop_v1_of_the_workflows_tests"
# Quotes, percent signs, a letter that is no ASCII, and something that would be a command if it were printed.
ADMIN = ADMIN_PASSWORD + "::x"
PASSWORD = "a first password"
ACCOUNT = {"DIGITALOCEAN_TOKEN", "COURSE_SECRET", "SSH_PRIVATE_KEY"}
EVERYTHING = ACCOUNT | {"HUB_ADMIN_PASSWORD"}
NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory, software):
    file = specification_file()
    observer = Validator(file) if file else None
    folder = tmp_path_factory.mktemp("cloud")
    with Server(
        backend=Machines(binds=sources.binds()), directory=folder, token=TOKEN, observer=observer
    ) as running:
        yield running
    assert not (observer and observer.violations), "\n".join(observer.violations)


@pytest.fixture(scope="module")
def github(tmp_path_factory, server):
    """The copy, private; what it ever wrote is searched for secrets in the end."""
    folder = tmp_path_factory.mktemp("github")
    authorities = folder / "authorities.pem"
    known = os.environ.get("PIP_CERT") or requests.certs.where()
    authorities.write_text(Path(known).read_text() + server.ca.read_text())
    with on_github(folder, {"REQUESTS_CA_BUNDLE": str(authorities)}, private=True) as course:
        yield course
        written = course.written()
        for name, secret in course.repository.secrets.items():
            for part in {
                secret,
                *secret.splitlines(),
                json.dumps(secret)[1:-1],
                requests.utils.quote(secret),
            }:
                assert part not in written, f"{name} was written"
        assert "PRIVATE KEY" not in written


def settings(server, software, **more) -> str:
    """A course.yml; JSON is YAML, but only with keys of its own can a line be told."""
    values = {
        "name": "Poetry 101",
        "users": ["ada", "grace"],
        "droplet": {"size": "s-1vcpu-2gb", "region": "fra1"},
        "storage": {"size": "5G"},
        "mirrors": {**software.mirrors, "digitalocean": server.url},
        **more,
    }
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in values.items())


def notebook(*cells: str) -> str:
    parts = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": text,
        }
        for number, text in enumerate(cells)
    ]
    return json.dumps({**NOTEBOOK, "cells": parts}, indent=1)


def the_machine(server):
    (droplet,) = server.state.droplets.values()
    return machine_of(droplet["id"])


def audit(server) -> list[dict]:
    """What the droplet remembers of deploys."""
    lines = the_machine(server).run(["cat", "/opt/course/audit.log"]).stdout.decode().splitlines()
    return [json.loads(line) for line in lines]


def result(run, job="deploy") -> dict:
    assert "result" in run.jobs[job].outputs, run.log.masked
    return json.loads(run.jobs[job].outputs["result"])


def test_the_copy_is_green_without_secrets(github, server):
    deploy = github.copy()["deploy.yml"]
    assert deploy.conclusion == "success" and github.checklist.body.count("- [ ]") == 5
    assert server.state.droplets == {}


def test_secrets_and_a_first_push_make_a_hub(github, server, software, tmp_path):
    github.repository.secrets |= {
        "DIGITALOCEAN_TOKEN": TOKEN,
        "COURSE_SECRET": COURSE_SECRET,
        "HUB_ADMIN_PASSWORD": ADMIN,
        "SSH_PRIVATE_KEY": make_key(tmp_path)[0],  # of several lines
    }
    run = github.push({"course.yml": settings(server, software)}, "My course")["deploy.yml"]
    assert run.conclusion == "success", run.log.masked
    assert run.jobs["deploy"].summary.startswith("### The hub is ready: http")
    assert "$12.00" in run.summary
    url = result(run)["url"]
    student = Student(url, "ada", PASSWORD).log_in()
    student.follow(result(run)["link"])
    assert Student(url, "teacher", ADMIN).log_in()
    assert seen_secrets(run) == {
        "Check out the course": {"GITHUB_TOKEN"},
        "Are there notebooks to run": {"DIGITALOCEAN_TOKEN"},  # whether it is empty
        "Are there secrets": EVERYTHING,  # whether they are empty
        "Deploy": EVERYTHING,
        "Try it as a student does": {"COURSE_SECRET", "SSH_PRIVATE_KEY"},
        "Record where the hub is": {"GITHUB_TOKEN"},
        "Tick the setup checklist": {"GITHUB_TOKEN"},
    }
    done = [line for line in github.checklist.body.splitlines() if line.startswith("- [x]")]
    assert len(done) == 3, github.checklist.body


def test_the_health_is_looked_at_from_inside_and_shown(github, server):
    looked = ["test", "-s", "/opt/course/state/watchdog.json"]
    wait_until(
        lambda: the_machine(server).run(looked, check=False).returncode == 0, 120, "a look from inside"
    )
    health = github.dispatch("health.yml")
    assert health.conclusion == "success", health.log.masked
    assert ">up since" in github.shown("badges/status.svg") and "Poetry 101" in github.shown("index.html")
    assert json.loads(github.shown("history/memory.json"))["fine"], health.log.masked
    assert seen_secrets(health)["Look at the hub"] == {"GITHUB_TOKEN", *ACCOUNT}
    assert seen_secrets(health)["Record and show it"] == {"GITHUB_TOKEN"}


def test_a_hub_that_is_down_is_healed_from_outside(github, server):
    box = the_machine(server)
    box.run(["systemctl", "stop", "coursehub-watchdog.timer", "jupyterhub"])
    health = github.dispatch("health.yml")
    assert health.conclusion == "success", health.log.masked
    box.run(["systemctl", "start", "coursehub-watchdog.timer"])
    assert "It was down (the hub is switched off), and the check has healed that" in health.summary
    assert "estarted the hub" in github.shown("index.html")


def test_nothing_to_do(github):
    """By hand; now the checklist knows that a student came. The notebooks passed just so a moment ago."""
    run = github.dispatch("deploy.yml")
    assert result(run)["plan"] == [] and result(run)["students"] == 1
    assert run.jobs["notebooks"].step("Run the notebooks").conclusion == "skipped"
    done = [line for line in github.checklist.body.splitlines() if line.startswith("- [x]")]
    assert len(done) == 4 and github.checklist.state == "open"
    assert github.checklist.body.count("- [ ]") == 1  # https, which takes a domain


def test_a_deploy_after_which_nobody_can_work_is_red(github, server):
    """The canary's own step says so; what there is to record is recorded all the same."""
    there = "$(readlink -f /opt/course/envs/current)/lib/python3.*/site-packages"
    the_machine(server).run(["sh", "-c", f"mv {there}/ipykernel /root/"])
    run = github.dispatch("deploy.yml")
    the_machine(server).run(["sh", "-c", f"mv /root/ipykernel {there}/"])
    assert run.conclusion == "failure", run.log.masked
    assert run.jobs["deploy"].step("Deploy").conclusion == "success"
    assert run.jobs["deploy"].step("Try it as a student does").conclusion == "failure"
    (error,) = [note for note in run.annotations if "students cannot work" in note.message]
    assert "the kernel died" in error.message and "students cannot work" in run.summary
    assert run.jobs["report"].conclusion == "success"
    mended = github.dispatch("deploy.yml")
    assert mended.conclusion == "success" and "A student can work on the hub" in mended.summary


def test_new_content_reaches_a_student(github, server):
    run = github.push({"content/Sonnets.ipynb": notebook("print('roses')")}, "Sonnets")["deploy.yml"]
    assert run.conclusion == "success"
    assert [step["part"] for step in result(run)["plan"]] == ["content"]
    student = Student(result(run)["url"], "ada", PASSWORD).log_in()
    student.follow(result(run)["link"])
    assert student.run_all("poetry-101/Sonnets.ipynb") == 1


def test_a_broken_environment_is_red_and_harms_nobody(github, server):
    before = the_machine(server).run(["readlink", "/opt/course/envs/current"]).stdout
    good = (REPOSITORY / "environment.yml").read_text()
    lines = [*good.rstrip().splitlines(), "  - no-such-package-at-all", ""]
    run = github.push({"environment.yml": "\n".join(lines)}, "One more package")["deploy.yml"]
    assert run.conclusion == "failure" and "no-such-package-at-all" in run.summary
    (error,) = [note for note in run.annotations if note.level == "error" and note.file]
    assert error.file == "environment.yml" and "no-such-package-at-all" in error.message
    assert lines[error.line - 1].strip() == "- no-such-package-at-all"
    assert the_machine(server).run(["readlink", "/opt/course/envs/current"]).stdout == before
    mended = github.push({"environment.yml": good}, "Without it")["deploy.yml"]
    assert mended.conclusion == "success" and result(mended)["plan"] == []


def test_a_mistake_in_the_settings_is_marked_on_its_line(github, server, software):
    good = settings(server, software)
    run = github.push({"course.yml": good + "limits: {memory: plenty}\n"}, "More memory")["deploy.yml"]
    assert run.conclusion == "failure" and "mistake to correct" in run.summary.splitlines()[0]
    (error,) = [note for note in run.annotations if note.file]
    assert (error.file, error.line) == ("course.yml", len(good.splitlines()) + 1)
    github.push({"course.yml": good}, "As before")


def test_a_pull_request_shows_its_plan(github, server):
    repository = github.repository
    odes = notebook("x = 1", "x / 0")
    repository.commit({"content/Odes.ipynb": odes}, "Odes", branch="odes")
    number = repository.open_pull("Odes", "odes").number
    run = github.pull(number)["plan.yml"]
    assert run.jobs["plan"].conclusion == "success" and run.jobs["validate"].conclusion == "failure"
    (error,) = [note for note in run.annotations if note.file]
    assert error.file == "content/Odes.ipynb" and "ZeroDivisionError" in error.title + error.message
    assert "x / 0" in odes.splitlines()[error.line - 1]
    (comment,) = repository.comments_of(number)
    assert "Odes.ipynb" in comment.body and comment.body.count("### Plan") == 1
    assert {name for step in run.jobs["validate"].steps for name in step.secrets} <= {"GITHUB_TOKEN"}

    repository.commit({"content/Odes.ipynb": notebook("x = 1", "x / 1")}, "Divide by one", branch="odes")
    run = github.pull(number, "synchronize")["plan.yml"]
    assert run.conclusion == "success", run.log.masked
    assert [one.id for one in repository.comments_of(number)] == [comment.id]


def test_a_pull_request_from_a_fork_sees_no_secret(github):
    repository = github.repository
    fork = "student/course"
    repository.commit({"content/Mine.ipynb": notebook("1 + 1")}, "Mine", branch=f"refs/forks/{fork}/mine")
    number = repository.open_pull("Mine", "mine", fork=fork).number
    run = github.pull(number)["plan.yml"]
    assert run.conclusion == "success" and "No mistakes" in run.summary
    assert run.jobs["plan"].conclusion == run.jobs["comment"].conclusion == "skipped"
    assert {name for step in run.steps for name in step.secrets} <= {"GITHUB_TOKEN"}
    assert repository.comments_of(number) == []


def test_a_notebook_that_fails_stops_a_deploy_and_rollback_mends_it(github, server):
    """An environment that works but is not what the class needs, deployed against advice."""
    good = (REPOSITORY / "environment.yml").read_text()
    before = the_machine(server).run(["readlink", "/opt/course/envs/current"]).stdout
    changed = re.sub(r"^  - matplotlib.*\n", "", good, flags=re.MULTILINE)
    assert changed != good
    stopped = github.push({"environment.yml": changed}, "Less")["deploy.yml"]
    assert stopped.conclusion == "failure" and stopped.jobs["deploy"].conclusion == "skipped"
    assert any("matplotlib" in note.message for note in stopped.annotations if note.level == "error")
    assert "Nothing was deployed" in stopped.summary
    assert {name for step in stopped.steps for name in step.secrets} <= {"GITHUB_TOKEN", "DIGITALOCEAN_TOKEN"}
    assert the_machine(server).run(["readlink", "/opt/course/envs/current"]).stdout == before
    all_the_same = github.dispatch("deploy.yml", skip_notebooks=True)
    assert all_the_same.conclusion == "success", all_the_same.log.masked
    assert the_machine(server).run(["readlink", "/opt/course/envs/current"]).stdout != before
    listed = github.dispatch("rollback.yml")
    assert listed.conclusion == "success" and "current" in listed.summary
    run = github.dispatch("rollback.yml", action="roll back", reason='an "odd" $(reason)')
    assert run.conclusion == "success", run.log.masked
    assert the_machine(server).run(["readlink", "/opt/course/envs/current"]).stdout == before
    assert seen_secrets(run)["Roll back"] == ACCOUNT
    github.push({"environment.yml": good}, "As before")


def test_pushes_at_once_are_all_deployed_in_order(github, server, software):
    """From here on no push waits for its notebooks to run: others have shown that they do."""
    started = []
    untested = {"course.yml": settings(server, software, notebooks={"test": False})}
    for name in ("First", "Second", "Third"):
        started += github.push_only({f"content/{name}.ipynb": notebook("1"), **untested}, name)
    runs = [run.wait(600) for run in started if run.workflow.path.endswith("deploy.yml")]
    assert [run.conclusion for run in runs] == ["success"] * 3
    deployed = [entry["commit"] for entry in audit(server) if "commit" in entry]
    assert deployed[-3:] == [run.trigger.sha for run in runs]


def test_a_cancelled_deploy_is_mended_by_the_next(github, server):
    (run,) = [
        run
        for run in github.push_only({"apt.txt": "cowsay\n", "content/Last.ipynb": notebook("1")}, "Cowsay")
        if run.workflow.path.endswith("deploy.yml")
    ]
    wait_until(lambda: "… " in run.log.raw, 240, "the first step of the deploy", interval=0.1)
    run.cancel()
    assert run.wait(120).conclusion == "cancelled"
    assert SENTENCE in run.log.raw and "Traceback" not in run.log.raw
    mended = github.dispatch("deploy.yml")
    assert mended.conclusion == "success", mended.log.masked
    the_machine(server).run(["test", "-x", "/usr/games/cowsay"])


def test_people_are_listed_and_a_password_is_reset(github):
    run = github.dispatch("people.yml", action="list")
    assert run.conclusion == "success" and "ada" in run.summary
    reset = github.dispatch("people.yml", action="reset-password", name="ada")
    assert reset.conclusion == "success", reset.log.masked
    github.repository.private = False
    try:
        public = github.dispatch("people.yml", action="list")
        assert public.conclusion == "success"
        assert "grace" not in public.summary and "grace" not in public.log.raw
    finally:
        github.repository.private = True


def test_another_size_by_hand_and_by_the_clock(github, server):
    run = github.dispatch("resize.yml", size="s-2vcpu-4gb")
    assert run.conclusion == "success", run.log.masked
    (droplet,) = server.state.droplets.values()
    assert droplet["size_slug"] == "s-2vcpu-4gb"
    assert github.scheduled("timetable.yml").conclusion == "success"


def test_archive_is_refused_without_the_name(github, server):
    run = github.dispatch("archive.yml", confirm="")
    assert run.conclusion == "failure" and len(server.state.droplets) == 1
    assert "Poetry 101" in run.summary


def test_destroy_is_refused_without_the_name(github, server):
    run = github.dispatch("destroy.yml", confirm="poetry 101", volume=True)
    assert run.conclusion == "failure" and len(server.state.droplets) == 1
    assert "Poetry 101" in run.summary
    assert seen_secrets(run)["Destroy"] == ACCOUNT


def test_destroy_confirmed(github, server):
    run = github.dispatch("destroy.yml", confirm="Poetry 101", volume=True, snapshots=True)
    assert run.conclusion == "success", run.log.masked
    assert server.state.droplets == {} and not server.state.volumes
    health = github.dispatch("health.yml")
    assert health.conclusion == "success" and "destroyed" in health.summary


def test_a_server_that_exists_already(make_deployed, software, tmp_path):
    """Its address is a variable: a secret is kept by GitHub from the jobs that tell where the hub is."""
    course, box = make_deployed("on-github")
    own = f"mirrors: {json.dumps(dict(software.mirrors))}\nusers: [ada, grace]\n"
    with on_github(tmp_path) as github:
        repository = github.repository
        repository.secrets |= {
            name: course.secrets[name] for name in ("SSH_PRIVATE_KEY", "HUB_ADMIN_PASSWORD")
        }
        repository.secrets["DROPLET_HOST"] = box.address
        repository.variables["DROPLET_HOST_KEY"] = box.host_key
        github.copy()
        run = github.push({"course.yml": own}, "My server")["deploy.yml"]
        assert run.conclusion == "success", run.log.masked
        assert any("make it a variable" in note.message for note in run.annotations)
        assert "result" not in run.jobs["deploy"].outputs
        repository.variables["DROPLET_HOST"] = repository.secrets.pop("DROPLET_HOST")
        run = github.dispatch("deploy.yml")
        assert run.conclusion == "success" and result(run)["address"] == box.address
        assert github.dispatch("health.yml").conclusion == "success"
        assert result(run)["url"] in github.runs[-1].summary
        run = github.dispatch("doctor.yml")
        assert run.conclusion == "success", run.log.masked
        assert run.summary.startswith("**Nothing is wrong"), run.summary
        assert "a deploy" in run.summary and not re.search(r"\b(ada|grace)\b", run.summary)
        assert [*tmp_path.rglob("doctor.tar.gz")], "there is no artifact"
