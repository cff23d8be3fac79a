"""The class changes while it works: who comes, who leaves and returns, who helps; and a large one at once.

The tests of this file tell one story, in order, on one machine.
"""

from __future__ import annotations

import time

import pytest
import requests

from deployments import ADMIN, ADMIN_PASSWORD
from sandbox.commands import wait_until
from student import Refused, Student

pytestmark = pytest.mark.sandbox
PASSWORD = "a password of one's own"
NOTEBOOK = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}
TA = {"name": "tim", "role": "assistant", "group": "monday"}


@pytest.fixture(scope="module")
def classroom_of_its_own(make_deployed):
    """People leave here, which the shared classroom's tests would notice."""
    return make_deployed("test-roster")


@pytest.fixture(scope="module")
def course(classroom_of_its_own):
    return classroom_of_its_own[0]


@pytest.fixture(scope="module")
def box(classroom_of_its_own):
    return classroom_of_its_own[1]


@pytest.fixture(scope="module")
def hub(box):
    return f"http://{box.address}"


RIGHTS = """
import sqlite3
for query in (
    "SELECT name, admin FROM users",
    "SELECT users.name, roles.name FROM user_role_map JOIN users ON users.id = user_id "
    "JOIN roles ON roles.id = role_id",
    "SELECT users.name, groups.name, properties FROM user_group_map JOIN users ON users.id = user_id "
    "JOIN groups ON groups.id = group_id",
    "SELECT users.name, note FROM api_tokens JOIN users ON users.id = user_id WHERE session_id IS NULL",
):
    print(*sorted(sqlite3.connect("/opt/tljh/state/jupyterhub.sqlite").execute(query)), sep="\\n")
"""


def rights(box) -> str:
    """Who may what, as the hub's database has it."""
    return box.run(["/opt/tljh/hub/bin/python3", "-c", RIGHTS]).stdout.decode()


def invocation(box) -> bytes:
    """Which start of the hub this is."""
    return box.run(["systemctl", "show", "jupyterhub", "--property=InvocationID"]).stdout


def at_work(hub: str, name: str) -> Student:
    """Somebody with a server that runs and a file of their own."""
    student = Student(hub, name, PASSWORD).log_in()
    student.browser.get(f"{hub}/hub/spawn", timeout=60)
    student.wait_for_server()
    student.browser.get(f"{student.server}/lab", timeout=60)
    student.write("mine.ipynb", NOTEBOOK)
    return student


@pytest.fixture(scope="module")
def ada(hub):
    return at_work(hub, "ada")


@pytest.fixture(scope="module")
def grace(hub):
    return at_work(hub, "grace")


@pytest.fixture(scope="module")
def kernel(ada):
    with ada.open("mine.ipynb") as kernel:
        kernel.run("kept = 7")
        yield kernel


def on_the_hub(person: Student, verb: str, path: str) -> requests.Response:
    """What the hub's own API says to somebody who is logged in."""
    token = {"_xsrf": person.token("/hub/")}
    return person.browser.request(verb, f"{person.hub}/hub/api/{path}", params=token, timeout=30)


def test_who_leaves_is_shut_out_and_the_others_work_on(course, box, hub, ada, grace, kernel):
    token = on_the_hub(grace, "POST", "users/grace/tokens").json()["token"]
    began = invocation(box)
    course.override["users"] = ["ada", TA]
    course.secrets["HUB_USERS"] = "username,group\nzoe,monday\n"
    done = course.deploy()
    assert "Apply the roster" in done.plan
    step = next(one for one in done.result["plan"] if one["title"] == "Apply the roster")
    assert step["details"][-1] == "+ 2 people, - 1 person"
    assert invocation(box) == began, "the hub was restarted"
    assert "zoe" not in done.said and "grace" not in done.said
    assert kernel.run("print(kept)").strip() == "7"
    assert on_the_hub(ada, "GET", "users/ada").status_code == 200
    with pytest.raises(Refused):
        Student(hub, "grace", PASSWORD).log_in()
    assert on_the_hub(grace, "POST", "users/grace/server").status_code in (403, 404)
    authorization = {"Authorization": f"token {token}"}
    assert requests.get(f"{hub}/hub/api/user", headers=authorization, timeout=30).status_code == 403
    assert box.run(["systemctl", "is-active", "jupyter-grace"], check=False).stdout.strip() != b"active"
    answer = grace.browser.get(f"{grace.server}/api/contents/mine.ipynb", timeout=30)
    assert answer.status_code != 200 or "/hub/" in answer.url
    assert course.deploy().plan == []


def test_an_assistant_sees_and_stops_servers_and_no_more(hub, ada):
    tim = Student(hub, "tim", PASSWORD).log_in()
    assert tim.browser.get(f"{hub}/hub/admin", timeout=30).status_code == 200
    names = {one["name"] for one in on_the_hub(tim, "GET", "users").json()}
    assert names == {"ada", "zoe"}
    assert on_the_hub(tim, "POST", "users/zoe/server").status_code in (201, 202)
    Student(hub, ADMIN, ADMIN_PASSWORD).log_in()
    for verb, path in (
        ("POST", f"users/{ADMIN}/server"),
        ("DELETE", "users/ada"),
        ("POST", "users/mallory"),
        ("POST", "groups/mine"),
        ("POST", "shutdown"),
        ("GET", f"users/{ADMIN}"),
    ):
        assert on_the_hub(tim, verb, path).status_code in (403, 404), (verb, path)
    assert tim.browser.get(f"{ada.server}/api/contents", timeout=30).status_code == 403
    assert not Student(hub, "ada", PASSWORD).log_in().browser.get(f"{hub}/hub/admin", timeout=30).ok


def test_who_returns_finds_the_files(course, hub):
    teacher = Student(hub, ADMIN, ADMIN_PASSWORD).log_in()
    assert groups(teacher)["monday"] == {"tim", "zoe"}
    course.override["users"] = ["ada", "grace", {"name": "tim", "role": "student"}]
    course.deploy()
    grace = at_work_again(hub, "grace")
    assert grace.read("mine.ipynb")["cells"] == []
    tim = Student(hub, "tim", PASSWORD).log_in()
    assert tim.browser.get(f"{hub}/hub/admin", timeout=30).status_code == 403, "no assistant any more"
    assert groups(teacher)["monday"] == {"zoe"}


def at_work_again(hub: str, name: str) -> Student:
    student = Student(hub, name, PASSWORD).log_in()
    student.browser.get(f"{hub}/hub/spawn", timeout=60)
    student.wait_for_server()
    student.browser.get(f"{student.server}/lab", timeout=60)
    return student


def groups(teacher: Student) -> dict[str, set[str]]:
    return {one["name"]: set(one["users"]) for one in on_the_hub(teacher, "GET", "groups").json()}


def test_five_hundred_in_one_deploy(course, box, hub, ada, kernel):
    began_hub = invocation(box)
    lines = [f"student{number:03},,group-{number % 20}" for number in range(500)]
    course.secrets["HUB_USERS"] = "\n".join(["username,role,group", *lines])
    began = time.monotonic()
    done = course.deploy()
    print(f"500 people: {time.monotonic() - began:.1f} s, with the start of the script")
    for step in done.result["steps"]:
        print(f"  {step['title']}: {step['seconds']} s")
    assert done.result["plan"][-1]["details"][-1] == "+ 500 people, - 1 person"
    assert kernel.run("print(kept)").strip() == "7"
    Student(hub, "student499", PASSWORD).log_in()
    assert invocation(box) == began_hub, "the hub was restarted"
    assert course.deploy().plan == []


def test_a_restart_of_the_hub_changes_nothing(box, hub):
    before = rights(box)
    box.run(["systemctl", "restart", "jupyterhub"])
    wait_until(lambda: requests.get(f"{hub}/hub/api/", timeout=5).ok, 60, "an answer of the hub")
    assert rights(box) == before and "group-19" in before
    Student(hub, "student498", PASSWORD).log_in()


def test_a_hub_that_cannot_be_told_is_restarted(course, box, hub):
    began = invocation(box)
    box.run(["rm", "/opt/tljh/state/coursehub-token"])
    course.override["users"] = ["ada", "grace", "tim", "zoe"]
    done = course.deploy()
    assert done.plan == ["Apply the roster"] and invocation(box) != began
    Student(hub, "zoe", PASSWORD).log_in()


def test_a_deploy_that_was_cut_off_between_two_files_is_finished_by_the_next(course, box, hub):
    config = "/opt/tljh/config/config.yaml"
    box.run(["cp", config, "/root/before.yaml"])
    course.override["users"] = ["ada", "grace", "tim"]
    course.deploy()
    box.run(["mv", "/root/before.yaml", config])
    done = course.deploy()
    assert done.plan == ["Apply the hub's configuration"]
    with pytest.raises(Refused):
        Student(hub, "zoe", PASSWORD).log_in()
    assert course.deploy().plan == []


def test_a_list_that_was_forgotten_shuts_nobody_out(course, hub):
    course.secrets["HUB_USERS"] = ""
    done = course.run()
    assert done.code == 0 and done.plan == [] and "--allow exclusion" in done.said
    Student(hub, "student499", PASSWORD).log_in()
    assert course.run("deploy.py", "--allow", "exclusion").code == 0
    with pytest.raises(Refused):
        Student(hub, "student499", PASSWORD).log_in()
    Student(hub, "grace", PASSWORD).log_in()
