"""The people of a hub that runs: who there is, and a new start for who forgot a password.

The tests of this file tell one story, in order, on one machine.
"""

import json

import pytest

from deployments import ADMIN, ADMIN_PASSWORD
from student import Refused, Student, token_in

pytestmark = pytest.mark.sandbox
FIRST, SECOND = "a first password", "a second password"


@pytest.fixture(scope="module")
def classroom_of_its_own(make_deployed):
    """Passwords change here, which the shared classroom's tests would notice."""
    return make_deployed("test-people")


@pytest.fixture(scope="module")
def course(classroom_of_its_own):
    return classroom_of_its_own[0]


@pytest.fixture(scope="module")
def box(classroom_of_its_own):
    return classroom_of_its_own[1]


@pytest.fixture(scope="module")
def hub(box):
    return f"http://{box.address}"


@pytest.fixture(scope="module")
def kernel(hub):
    """Ada, in the middle of something."""
    ada = Student(hub, "ada", FIRST).log_in()
    ada.browser.get(f"{hub}/hub/spawn", timeout=60)
    ada.wait_for_server()
    ada.browser.get(f"{ada.server}/lab", timeout=60)
    ada.write("mine.ipynb", {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []})
    with ada.open("mine.ipynb") as kernel:
        kernel.run("kept = 7")
        yield kernel


def invocation(box) -> bytes:
    """Which start of the hub this is."""
    return box.run(["systemctl", "show", "jupyterhub", "--property=InvocationID"]).stdout


def people(course) -> dict[str, dict]:
    done = course.run("people.py", "list")
    assert done.code == 0, done.said
    return {one["name"]: one for one in done.result["people"]}


def test_before_anybody_came(course):
    found = people(course)
    assert set(found) == {ADMIN, "ada", "grace"}
    assert (found[ADMIN]["role"], found[ADMIN]["password"]) == ("admin", "set")
    assert (found["ada"]["role"], found["ada"]["password"], found["ada"]["last_seen"]) == (
        "student", "absent", None
    )  # fmt: skip


def test_who_is_at_work(course, kernel):
    ada = people(course)["ada"]
    assert ada["running"] and ada["last_seen"] and ada["disk"] > 0 and ada["password"] == "set"
    assert not people(course)["grace"]["running"]


def test_an_unknown_name(course):
    done = course.run("people.py", "reset-password", "adda")
    assert done.code == 2 and "Did you mean ada?" in done.said


def test_a_student_chooses_a_new_password_while_everybody_works(course, box, hub, kernel):
    before = invocation(box)
    done = course.run("people.py", "reset-password", "ada")
    assert done.code == 0 and done.result["verdict"] == "reset", done.said
    Student(hub, "ada", SECOND).log_in()
    with pytest.raises(Refused):
        Student(hub, "ada", FIRST).log_in()
    assert invocation(box) == before
    assert kernel.run("print(kept)").strip() == "7"
    entry = json.loads(box.run(["tail", "-n", "1", "/opt/course/audit.log"]).stdout)
    assert (entry["verdict"], entry["person"]) == ("password reset", "ada") and entry["who"]
    Student(hub, ADMIN, ADMIN_PASSWORD).log_in()


def test_an_admin_gets_the_first_password_back(course, hub):
    teacher = Student(hub, ADMIN, ADMIN_PASSWORD).log_in()
    page = teacher.browser.get(f"{hub}/hub/auth/change-password", timeout=30)
    form = {"password": SECOND, "_xsrf": token_in(page.text)}
    assert teacher.browser.post(f"{hub}/hub/auth/change-password", data=form, timeout=30).ok
    Student(hub, ADMIN, SECOND).log_in()
    done = course.run("people.py", "reset-password", ADMIN)
    assert done.code == 0 and ADMIN_PASSWORD not in done.said + json.dumps(done.result), done.said
    Student(hub, ADMIN, ADMIN_PASSWORD).log_in()
    with pytest.raises(Refused):
        Student(hub, ADMIN, SECOND).log_in()
    assert course.deploy().plan == [], "a deploy finds nothing to put right"


def test_an_admins_password_is_never_just_forgotten(course, hub):
    password = course.secrets.pop("HUB_ADMIN_PASSWORD")
    try:
        done = course.run("people.py", "reset-password", ADMIN)
    finally:
        course.secrets["HUB_ADMIN_PASSWORD"] = password
    assert done.code == 2 and "HUB_ADMIN_PASSWORD" in done.said
    with pytest.raises(Refused):
        Student(hub, ADMIN, "the first who comes").log_in()


def test_no_names_in_a_public_repository(course, tmp_path):
    event, summary = tmp_path / "event.json", tmp_path / "summary.md"
    event.write_text(json.dumps({"repository": {"private": False}, "inputs": {"name": "ada"}}))
    given = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_PATH": str(event), "GITHUB_STEP_SUMMARY": str(summary)}
    secrets = course.secrets
    course.secrets = {**secrets, **given}
    try:
        listed, reset = course.run("people.py", "list"), course.run("people.py", "reset-password")
    finally:
        course.secrets = secrets
    assert (listed.code, reset.code) == (0, 0), listed.said + reset.said
    assert listed.result["counts"]["accounts"] == 3 and reset.result["verdict"] == "reset"
    shown = listed.said + reset.said + summary.read_text() + json.dumps([listed.result, reset.result])
    assert not any(name in shown for name in ("ada", "grace", ADMIN))
    assert people(course)["ada"]["password"] == "absent"


def test_with_sign_up_they_ask_again(course, box, hub):
    course.override["sign_in"] = "sign-up"
    course.deploy()
    teacher = Student(hub, ADMIN, ADMIN_PASSWORD).log_in()
    newcomer = Student(hub, "newcomer", "a long enough password")
    newcomer.sign_up()
    assert people(course)["newcomer"]["approved"] is False
    teacher.approve("newcomer")
    newcomer.log_in()
    before = invocation(box)
    assert course.run("people.py", "reset-password", "newcomer").code == 0
    with pytest.raises(Refused):
        Student(hub, "newcomer", "a long enough password").log_in()
    again = Student(hub, "newcomer", "another long password")
    again.sign_up()
    # An admin's approval toggles; the hub may have remembered the first one.
    if not people(course)["newcomer"]["approved"]:
        teacher.approve("newcomer")
    again.log_in()
    assert invocation(box) == before
    assert course.run("people.py", "reset-password", ADMIN).code == 0
    Student(hub, ADMIN, ADMIN_PASSWORD).log_in()
