"""The people of a hub that runs: who there is, who comes, leaves, is shut out or made an admin while it runs,
what becomes of the files of who left, and a new start for who forgot a password.

The tests of this file tell one story, in order, on one machine.
"""

import json

import pytest
import requests

from deployments import ADMIN, ADMIN_PASSWORD
from sandbox import sources
from sandbox.commands import wait_until
from student import Refused, Student, in_the_middle, token_in

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
    with in_the_middle(hub) as kernel:
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


# Who may come in, and as what, while ada works


def settled(course, verb: str, *words: str) -> dict:
    """A verb that must succeed; its result."""
    done = course.run("people.py", verb, *words)
    assert done.code == 0, done.said
    return done.result


def at_work(hub, name: str, password: str) -> Student:
    """Somebody with a server that runs."""
    student = Student(hub, name, password).log_in()
    student.browser.get(f"{hub}/hub/spawn", timeout=60)
    student.wait_for_server()
    student.browser.get(f"{student.server}/lab", timeout=60)
    return student


def restart_the_hub(box, hub) -> None:
    box.run(["systemctl", "restart", "jupyterhub"])
    wait_until(lambda: sources.answers(f"{hub}/hub/api/"), 60, "the hub", interval=0.2)


def test_somebody_is_let_in_in_the_middle_of_a_class(course, box, hub, kernel):
    before = invocation(box)
    with pytest.raises(Refused):
        Student(hub, "zoe", FIRST).log_in()
    assert settled(course, "add", "zoe")["verdict"] == "added"
    Student(hub, "zoe", FIRST).log_in()
    assert invocation(box) == before and kernel.run("print(kept)").strip() == "7"
    deployed = course.deploy()
    assert deployed.plan == [] and "zoe was let in by hand" in deployed.said
    restart_the_hub(box, hub)
    Student(hub, "zoe", FIRST).log_in()
    assert kernel.run("print(kept)").strip() == "7"


def test_somebody_is_shut_out_at_once_and_comes_back_to_everything(course, box, hub, kernel):
    grace = at_work(hub, "grace", FIRST)
    grace.write("hers.ipynb", {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []})
    xsrf = {"_xsrf": grace.token("/hub/")}
    token = grace.browser.post(f"{hub}/hub/api/users/grace/tokens", params=xsrf, timeout=30).json()["token"]
    held = {"Authorization": f"token {token}"}
    assert requests.get(f"{hub}/hub/api/user", headers=held, timeout=30).status_code == 200
    before = invocation(box)

    assert settled(course, "block", "grace")["verdict"] == "blocked"
    with pytest.raises(Refused):
        Student(hub, "grace", FIRST).log_in()
    assert grace.browser.get(f"{hub}/hub/api/user", timeout=30).status_code in (401, 403)
    assert "/hub/login" in grace.browser.get(f"{hub}/hub/home", timeout=30).url
    assert requests.get(f"{hub}/hub/api/user", headers=held, timeout=30).status_code in (401, 403)
    answer = grace.browser.get(f"{grace.server}/api/contents/hers.ipynb", timeout=30)
    assert answer.status_code != 200 or "/hub/login" in answer.url
    assert b"inactive" in box.run(["sh", "-c", "systemctl is-active jupyter-grace || true"]).stdout
    assert invocation(box) == before and kernel.run("print(kept)").strip() == "7"
    assert people(course)["grace"]["blocked"] and course.deploy().plan == []
    restart_the_hub(box, hub)
    with pytest.raises(Refused):
        Student(hub, "grace", FIRST).log_in()

    before = invocation(box)
    settled(course, "unblock", "grace")
    with pytest.raises(Refused):
        Student(hub, "grace", SECOND).log_in()
    assert grace.browser.get(f"{hub}/hub/api/user", timeout=30).status_code in (401, 403), "an old browser"
    assert at_work(hub, "grace", FIRST).read("hers.ipynb")["cells"] == []
    assert invocation(box) == before and kernel.run("print(kept)").strip() == "7"


def test_an_admin_for_a_while(course, box, hub, kernel):
    before = invocation(box)
    settled(course, "add", "tim")
    settled(course, "make-admin", "tim")
    with pytest.raises(Refused):
        Student(hub, "tim", "the first who comes").log_in()
    tim = at_work(hub, "tim", ADMIN_PASSWORD)
    assert tim.browser.get(f"{hub}/hub/admin", timeout=30).status_code == 200
    with tim.open_terminal() as terminal:
        assert terminal.run("sudo -n id -u") == (0, "0")
    restart_the_hub(box, hub)
    assert tim.browser.get(f"{hub}/hub/admin", timeout=30).status_code == 200, "by hand, after a restart too"

    before = invocation(box)
    settled(course, "revoke-admin", "tim")
    assert tim.browser.get(f"{hub}/hub/admin", timeout=30).status_code == 403
    assert b"inactive" in box.run(["sh", "-c", "systemctl is-active jupyter-tim || true"]).stdout
    with at_work(hub, "tim", ADMIN_PASSWORD).open_terminal() as terminal:
        assert terminal.run("sudo -n id -u")[0] != 0
    assert invocation(box) == before and kernel.run("print(kept)").strip() == "7"
    assert course.run("people.py", "revoke-admin", ADMIN).code == 2, "an admin by the list"


def test_who_leaves_and_what_becomes_of_the_files(course, box, hub, kernel):
    before = invocation(box)
    refused = course.run("people.py", "remove", "ada")
    assert refused.code == 2 and "list" in refused.said
    assert course.run("people.py", "archive-files", "tim").code == 2, "still let in by hand"
    box.run(
        ["sh", "-c", "echo kept > /home/jupyter-tim/notes; ln -s /home/jupyter-ada /home/jupyter-tim/link"]
    )
    settled(course, "remove", "tim")
    with pytest.raises(Refused):
        Student(hub, "tim", ADMIN_PASSWORD).log_in()
    assert "tim" not in people(course)
    made = settled(course, "archive-files", "tim")
    assert box.run(["stat", "--format=%a %U", made["archive"]]).stdout == b"600 root\n"
    assert box.run(["stat", "--format=%a", "/home/coursehub-archives"]).stdout == b"700\n"
    listing = box.run(["tar", "--to-stdout", "--extract", "--file", made["archive"], "jupyter-tim/notes"])
    assert listing.stdout == b"kept\n"
    assert box.run(["ls", "-A", "/home/jupyter-tim"]).stdout == b""
    assert box.run(["stat", "--format=%U %a", "/home/jupyter-tim"]).stdout == b"jupyter-tim 700\n"

    assert course.run("people.py", "remove-files", "tim", "--confirm", "tom").code == 2
    settled(course, "remove-files", "tim", "--confirm", "tim")
    assert course.run("people.py", "remove-files", "ada", "--confirm", "ada").code == 2
    assert kernel.run("print(kept)").strip() == "7" and invocation(box) == before
    settled(course, "add", "tim")
    tim = at_work(hub, "tim", SECOND)
    tim.write("again.ipynb", {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []})
    settled(course, "block", "tim")
    settled(course, "remove", "tim")
    assert people(course)["tim"]["blocked"], "the name stays blocked"
    settled(course, "unblock", "tim")
    assert course.deploy().plan == []


def test_the_list_catches_up(course, hub, kernel):
    course.override["users"] = ["ada", "grace", "zoe"]
    assert any("Forget what was done by hand" in title for title in course.deploy().plan)
    assert not people(course)["zoe"]["added"] and course.deploy().plan == []
    Student(hub, "zoe", FIRST).log_in()
    course.override["users"] = ["ada", "grace"]
    course.deploy()
    with pytest.raises(Refused):
        Student(hub, "zoe", FIRST).log_in()
    settled(course, "remove", "zoe")
    assert kernel.run("print(kept)").strip() == "7"


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


def test_with_sign_up_somebody_is_let_in_unapproved_and_shut_out(course, box, hub):
    before = invocation(box)
    settled(course, "add", "early")
    early = Student(hub, "early", "a long enough password")
    early.sign_up()
    early.log_in()
    settled(course, "block", "early")
    assert early.browser.get(f"{hub}/hub/api/user", timeout=30).status_code in (401, 403)
    with pytest.raises(Refused):
        Student(hub, "early", "a long enough password").log_in()
    settled(course, "unblock", "early")
    Student(hub, "early", "a long enough password").log_in()
    settled(course, "remove", "early")
    with pytest.raises(Refused):
        Student(hub, "early", "a long enough password").log_in()
    assert "early" not in people(course) and invocation(box) == before
