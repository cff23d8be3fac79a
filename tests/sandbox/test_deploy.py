"""The whole chain on a real machine: deploy, work as a student, change, deploy again.

The tests of this file tell one story, in order, on one machine.
"""

import json
import re

import pytest

from deployments import ADMIN, ADMIN_PASSWORD, make_key, new_course
from sandbox import machine, sources
from student import Refused, Student

pytestmark = pytest.mark.sandbox
NOTEBOOKS = ("StartHere.ipynb", "02-A-tidy-record.ipynb", "03-The-Moon-in-the-harbour.ipynb")
FOLDER = "my-course"


@pytest.fixture(scope="module")
def course(tmp_path_factory, software):
    folder = tmp_path_factory.mktemp("deploy")
    private, public = make_key(folder)
    box = machine.create(
        "test-deploy", memory="4G", cpus=2.0, disk="8G", authorized_keys=[public], binds=sources.binds()
    )
    try:
        yield new_course(folder, box, private, software.mirrors)
    finally:
        box.destroy()


@pytest.fixture(scope="module")
def box(course):
    return machine.find("test-deploy")


@pytest.fixture(scope="module")
def deployed(course):
    return course.deploy()


@pytest.fixture(scope="module")
def ada(deployed):
    return Student(deployed.result["url"], "ada", "a first password").log_in()


def notebook_of(course, name):
    return json.loads((course.root / "content" / name).read_text())


def test_a_plan_changes_nothing(course, box):
    planned = course.run("plan.py")
    assert (planned.code, planned.result["verdict"]) == (0, "planned")
    assert planned.parts == [
        *("packages", "isolation", "storage", "hub", "environment", "environment", "environment"),
        *("content", "shared", "users", "configuration"),
    ]
    assert box.run(["ls", "/opt"]).stdout == b""


def test_a_first_deploy_converges(deployed):
    assert deployed.result["verdict"] == "converged"
    assert [step["error"] for step in deployed.result["steps"]] == [None] * 11
    assert all(check["good"] for check in deployed.result["checks"])
    assert "JupyterHub 5." in deployed.result["checks"][0]["seen"]


def test_nothing_to_do_is_one_round_trip(course, deployed):
    again = course.deploy()
    assert again.plan == []
    assert again.result["round_trips"] == 1


def test_no_secret_is_told(course, deployed):
    told = deployed.said + json.dumps(deployed.result)
    for name, secret in course.secrets.items():
        if name in ("SSH_PRIVATE_KEY", "HUB_ADMIN_PASSWORD"):
            assert secret not in told
            assert json.dumps(secret)[1:-1] not in told


def test_secrets_reach_no_file_and_no_journal_of_the_machine(course, box, deployed):
    middle = course.secrets["SSH_PRIVATE_KEY"].splitlines()[2]
    for secret in (ADMIN_PASSWORD, middle):
        found = box.run(
            [
                "grep",
                "-rlF",
                "--exclude-dir=envs",
                "--exclude-dir=cache",
                "-f",
                "-",
                "/opt",
                "/etc",
                "/var/log",
                "/home",
            ],
            input=secret.encode() + b"\n",
            check=False,
            timeout=300,
        )
        assert found.stdout == b""


def test_who_may_log_in(deployed):
    url = deployed.result["url"]
    with pytest.raises(Refused):
        Student(url, "mallory", "let me in please").log_in()
    with pytest.raises(Refused):
        Student(url, ADMIN, "the first who comes").log_in()
    Student(url, ADMIN, ADMIN_PASSWORD).log_in()


def test_a_student_follows_the_link_and_runs_every_notebook(ada, deployed):
    ada.follow(deployed.result["link"])
    for name in NOTEBOOKS:
        assert ada.run_all(f"{FOLDER}/{name}") > 3


def test_the_kernel_is_of_the_courses_environment_and_cannot_change_it(ada, box):
    with ada.open(f"{FOLDER}/StartHere.ipynb") as kernel:
        prefix = kernel.run("import sys; print(sys.prefix)").strip()
        assert re.fullmatch(r"/opt/course/envs/[0-9a-f]{12}", prefix)
        assert kernel.run("import shutil; print(shutil.which('python'))").strip() == f"{prefix}/bin/python"
        with pytest.raises(Refused, match="PermissionError"):
            kernel.run("open(sys.prefix + '/x', 'w')")
        with pytest.raises(Refused, match="PermissionError"):
            kernel.run("open('/opt/tljh/config/config.yaml')")


def test_limits_and_culling_are_set(ada, box):
    limit = box.run(["systemctl", "show", "--value", "-p", "MemoryMax", "jupyter-ada"]).stdout
    assert int(limit) == 1 << 30
    assert b"idle" in box.run(["sh", "-c", "ps ax | grep -i cull | grep -v grep"]).stdout


def test_the_teachers_change_reaches_the_student_whose_edits_stay(course, ada, deployed):
    path = f"{FOLDER}/StartHere.ipynb"
    mine = ada.read(path)
    mine["cells"].append(
        {"cell_type": "markdown", "metadata": {}, "source": "my own thoughts", "id": "mine0001"}
    )
    ada.write(path, mine)

    theirs = notebook_of(course, "StartHere.ipynb")
    theirs["cells"][0]["source"] = ["# A better title, from the teacher"]
    (course.root / "content/StartHere.ipynb").write_text(json.dumps(theirs, indent=1) + "\n")
    changed = course.deploy()
    assert changed.parts == ["content"]
    assert changed.result["plan"][0]["details"] == ["~ StartHere.ipynb"]

    ada.follow(changed.result["link"])
    text = json.dumps(ada.read(path))
    assert "my own thoughts" in text
    assert "A better title, from the teacher" in text


def test_a_damaged_repository_is_made_anew_and_the_student_goes_on(course, box, ada, deployed):
    for damage, commits in (("refs/heads/main", 3), ("HEAD", 4)):
        box.run(["truncate", "--size=0", f"/srv/course/content.git/{damage}"])
        (course.root / "content/news.md").write_text(f"{damage} was damaged.\n")
        mended = course.deploy()
        assert mended.plan == ["Publish the content anew"]
        ada.follow(mended.result["link"])
        assert ada.read(f"{FOLDER}/news.md") == f"{damage} was damaged.\n"
        log = box.run(["git", "--git-dir=/srv/course/content.git", "log", "--oneline", "main"]).stdout
        assert len(log.splitlines()) == commits
    assert "my own thoughts" in json.dumps(ada.read(f"{FOLDER}/StartHere.ipynb"))
    (course.root / "content/news.md").unlink()
    course.deploy()


def test_a_kernel_survives_a_change_of_users(course, ada, deployed):
    with ada.open(f"{FOLDER}/StartHere.ipynb") as kernel:
        kernel.run("kept = 42")
        course.override["users"] = ["ada", "grace", "emmy"]
        changed = course.deploy()
        assert changed.parts == ["configuration"]
        assert kernel.run("kept") == "42"
    Student(deployed.result["url"], "emmy", "another password").log_in()


def test_a_configuration_that_breaks_the_hub_is_taken_back(course, ada, deployed):
    own = course.root / "jupyterhub_config.py"
    own.write_text("raise RuntimeError('a broken line of the coordinator')\n")
    broken = course.run()
    assert broken.code == 1
    assert "did not come up" in broken.error
    assert "the last good configuration is back" in broken.error
    assert "a broken line of the coordinator" in broken.result["error"]["detail"]
    Student(deployed.result["url"], "ada", "a first password").log_in()
    own.unlink()
    assert course.deploy().plan == []


def test_what_somebody_changed_on_the_server_is_put_back(course, box, deployed):
    box.run(["tljh-config", "add-item", "users.admin", "mallory"])
    assert course.deploy().parts == ["configuration"]
    assert b"mallory" not in box.run(["tljh-config", "show"]).stdout
    assert course.deploy().plan == []


def test_people_sign_up_and_an_admin_approves(course, ada, deployed):
    url = deployed.result["url"]
    course.override["sign_in"] = "sign-up"
    changed = course.deploy()
    assert changed.parts == ["users", "configuration"]
    assert course.deploy().plan == []
    with pytest.raises(Refused):
        Student(url, ADMIN, "the first who comes").log_in()
    teacher = Student(url, ADMIN, ADMIN_PASSWORD).log_in()
    newcomer = Student(url, "newcomer", "a long enough password")
    newcomer.sign_up()
    with pytest.raises(Refused):
        newcomer.log_in()
    teacher.approve("newcomer")
    newcomer.log_in()
    # Whom course.yml names is approved at once, and finds what they had.
    named = Student(url, "ada", "another long password")
    named.sign_up()
    named.log_in().follow(changed.result["link"])
    assert "my own thoughts" in json.dumps(named.read(f"{FOLDER}/StartHere.ipynb"))


def test_every_deploy_that_changed_something_is_recorded(box, deployed):
    entries = [json.loads(line) for line in box.run(["cat", "/opt/course/audit.log"]).stdout.splitlines()]
    assert entries[0]["verdict"] == "converged" and len(entries[0]["steps"]) == 11
    assert "failed" in {entry["verdict"] for entry in entries}
    assert all(entry["who"] and entry["since"] for entry in entries)
    assert box.run(["stat", "-c", "%a", "/opt/course/audit.log"]).stdout.strip() == b"600"
