"""The shared places, as people meet them: from their own servers, through the kernel and the file browser.

The tests of this file tell one story, in order, on one machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from deployments import ADMIN, ADMIN_PASSWORD
from sandbox import network
from sandbox.commands import wait_until
from student import Kernel, Student

pytestmark = pytest.mark.sandbox
PASSWORD = "a password of one's own"
NOTEBOOK = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}
SHARED, GROUPS = "/srv/course/shared", "/srv/course/groups"
TENDED = 60
"""Seconds in which what was moved somewhere has its rights."""
TRIES = """
import os, shutil
def tried(what):
    try:
        what()
    except OSError as error:
        return type(error).__name__
    return "done"
"""
BIG = bytes(range(256)) * (16 << 12)
"""Sixteen megabytes."""


@pytest.fixture(scope="module")
def deployed(make_deployed):
    return make_deployed("test-shared")


@pytest.fixture(scope="module")
def course(deployed):
    return deployed[0]


@pytest.fixture(scope="module")
def box(deployed):
    return deployed[1]


@pytest.fixture(scope="module")
def hub(box):
    return f"http://{box.address}"


def at_work(hub: str, name: str, password: str = PASSWORD) -> tuple[Student, Kernel]:
    """Somebody whose server has just been started, and a kernel in the home."""
    student = Student(hub, name, password).log_in()
    on_the_hub(student, "DELETE")
    wait_until(lambda: on_the_hub(student, "DELETE").status_code == 204, 60, f"no server of {name}'s")
    student.browser.get(f"{hub}/hub/spawn", timeout=60)
    student.wait_for_server()
    student.browser.get(f"{student.server}/lab", timeout=60)
    student.write("mine.ipynb", NOTEBOOK)
    kernel = student.open("mine.ipynb")
    kernel.run(TRIES)
    return student, kernel


def on_the_hub(person: Student, verb: str) -> requests.Response:
    person.browser.get(f"{person.hub}/hub/home", timeout=30)
    address = f"{person.hub}/hub/api/users/{person.name}/server"
    return person.browser.request(verb, address, params={"_xsrf": person.token("/hub/")}, timeout=30)


def said_by(box, *words: str, check: bool = True) -> str:
    """What a command prints, run as root on the machine."""
    return box.run(list(words), check=check).stdout.decode()


def fails(box, *words: str) -> bool:
    return box.run(list(words), check=False).returncode != 0


@pytest.fixture(scope="module")
def everybody(filled, hub, box):
    """Those who are at work from the beginning. Grace has something of her own that is called like the shared
    place."""
    box.run(["sh", "-c", "useradd -m jupyter-grace && install -d -o jupyter-grace ~jupyter-grace/shared"])
    people = {"ada": PASSWORD, "grace": PASSWORD, ADMIN: ADMIN_PASSWORD}
    with ThreadPoolExecutor() as at_once:
        started = at_once.map(lambda name: at_work(hub, name, people[name]), people)
        return dict(zip(people, started, strict=True))


@pytest.fixture(scope="module")
def teacher(everybody):
    return everybody[ADMIN]


@pytest.fixture(scope="module")
def ada(everybody):
    return everybody["ada"]


@pytest.fixture(scope="module")
def grace(everybody):
    return everybody["grace"]


def tend(box):
    """What the timer does twice a minute."""
    box.run(["/opt/course/bin/tend-shared"])


@pytest.fixture(scope="module")
def filled(course, box):
    """A deploy that brings data, an assistant, and two groups. As on a volume, nothing can be renamed from a
    home into /srv/course, which is another mount: it is copied, with its rights."""
    box.run(["mount", "--bind", "/srv/course", "/srv/course"])
    data = course.root / "shared-data" / "data"
    data.mkdir(parents=True)
    (data / "waves.csv").write_text("1,2\n")
    (data / "old.csv").write_text("old\n")
    course.override["users"] = [
        {"name": "ada", "group": "monday"},
        {"name": "zoe", "group": "monday"},
        {"name": "grace", "group": "friday"},
        {"name": "tim", "role": "assistant"},
    ]
    course.override["shared"] = {"groups": True}
    return course.deploy()


def test_a_push_fills_it_and_then_there_is_nothing_to_do(course, filled):
    assert filled.parts == ["shared", "shared", "configuration"]
    assert "+ data/waves.csv" in filled.result["plan"][1]["details"]
    again = course.deploy()
    assert again.plan == [] and again.result["round_trips"] == 1


def test_students_read_it_and_no_more(ada):
    student, kernel = ada
    assert student.read("shared/data/waves.csv") == "1,2\n"
    attempts = """
there = "shared/data/waves.csv"
os.makedirs("evil", exist_ok=True); open("evil/waves.csv", "w").write("mine")
print([tried(what) for what in (
    lambda: open(there, "w"), lambda: open(there, "a"), lambda: os.remove(there),
    lambda: os.chmod(there, 0o666), lambda: os.truncate(there, 0), lambda: os.utime(there),
    lambda: os.rename(there, "mine.csv"), lambda: os.rename("evil/waves.csv", there),
    lambda: os.link("evil/waves.csv", "shared/mine.csv"), lambda: os.symlink("/etc/passwd", "shared/x"),
    lambda: os.mkdir("shared/new"), lambda: os.rename("shared/data", "shared/other"),
    lambda: shutil.rmtree("/srv/course/shared/data"), lambda: os.rename("/srv/course/shared", "/srv/x"),
    lambda: open("/srv/course/shared.json"), lambda: os.listdir("/srv/course/shared.incoming"),
    lambda: os.setxattr(there, "user.mine", b"1"),
)])
"""
    said = eval(kernel.run(attempts))
    assert set(said) <= {"PermissionError", "OSError", "FileExistsError"} and "done" not in said
    body = {"type": "file", "format": "text", "content": "mine"}
    token = {"X-XSRFToken": student.token()}
    address = f"{student.server}/api/contents/shared/data/waves.csv"
    assert student.browser.put(address, json=body, headers=token, timeout=30).status_code >= 400
    assert student.browser.delete(address, headers=token, timeout=30).status_code >= 400
    assert student.read("shared/data/waves.csv") == "1,2\n"


def test_a_place_never_takes_the_name_of_somebodys_own_folder(grace):
    student, kernel = grace
    assert kernel.run("print(os.path.islink('shared'), os.listdir('shared'))").strip() == "False []"
    assert student.read("course-shared/data/waves.csv") == "1,2\n"


def test_teachers_fill_it_by_drag_and_drop(teacher, ada):
    (student, kernel), (_, other) = teacher, ada
    body = {"type": "file", "format": "text", "content": "by hand\n"}
    student.api("PUT", "contents/shared/uploaded.txt", json=body)
    assert other.run("print(open('shared/uploaded.txt').read())").strip() == "by hand"
    kernel.run(
        "os.makedirs('mine/deep', mode=0o700); open('mine/deep/secret.txt', 'w').write('moved')\n"
        "os.chmod('mine/deep/secret.txt', 0o600)"
    )
    student.api("PATCH", "contents/mine", json={"path": "shared/moved"})
    wait_until(
        lambda: (
            "moved" in other.run("print(tried(lambda: print(open('shared/moved/deep/secret.txt').read())))")
        ),
        TENDED,
        "the rights of what was moved",
    )
    assert "PermissionError" in other.run("print(tried(lambda: open('shared/moved/deep/secret.txt', 'a')))")
    student.api("DELETE", "contents/shared/moved/deep/secret.txt")


def test_a_students_file_that_a_teacher_moves_there_is_the_students_no_more(box, ada):
    _, kernel = ada
    kernel.run("open('report.txt', 'w').write('mine')")
    box.run(["cp", "-p", "/home/jupyter-ada/report.txt", f"{SHARED}/report.txt"])
    tend(box)
    attempt = "print(tried(lambda: open('shared/report.txt', 'w').write('changed')))"
    assert kernel.run(attempt).strip() == "PermissionError"


def test_a_group_works_together_and_nobody_else_looks_in(hub, ada, grace, teacher, box):
    """Zoe has no account until now: she is a member from her first start on."""
    (student, kernel), (_, of_grace), (_, of_teacher) = ada, grace, teacher
    assert fails(box, "id", "jupyter-zoe")
    _, of_zoe = at_work(hub, "zoe")
    kernel.run("os.umask(0o077); open('groups/monday/plan.txt', 'w').write('ada')")
    of_zoe.run("open('groups/monday/plan.txt', 'a').write(' and zoe')")
    assert student.read("groups/monday/plan.txt") == "ada and zoe"
    kernel.run(
        "os.mkdir('groups/monday/notes'); open('draft.txt', 'w').write('1'); os.chmod('draft.txt', 0o600)"
    )
    of_zoe.run("open('groups/monday/notes/hers.txt', 'w').write('1')")
    student.api("PATCH", "contents/draft.txt", json={"path": "groups/monday/draft.txt"})
    tend(box)
    assert of_zoe.run("print(tried(lambda: open('groups/monday/draft.txt', 'a')))").strip() == "done"
    assert of_grace.run("print(os.listdir('groups'))").strip() == "['friday']"
    looks = f"print(tried(lambda: os.listdir('{GROUPS}/monday')))"
    assert of_grace.run(looks).strip() == "PermissionError"
    reads = f"print(tried(lambda: open('{GROUPS}/monday/plan.txt')))"
    assert of_grace.run(reads).strip() == "PermissionError"
    assert of_teacher.run("print(sorted(os.listdir('groups')))").strip() == "['friday', 'monday']"
    of_teacher.run("open('groups/monday/plan.txt', 'a').write(' and the teacher')")


def test_what_has_another_name_elsewhere_is_let_alone(box, ada):
    """Else a member could have a file of somebody else's opened to the group by us."""
    _, kernel = ada
    box.run(["sh", "-c", f"echo secret > /srv/course/secret; chmod 600 /srv/course/secret; "
             f"ln /srv/course/secret {GROUPS}/monday/linked"])  # fmt: skip
    kernel.run("os.symlink('/etc/shadow', 'groups/monday/shadow'); os.mkfifo('groups/monday/pipe')")
    before = said_by(box, "stat", "-c", "%a %U %G", "/etc/shadow")
    tend(box)
    assert said_by(box, "stat", "-c", "%a %U", "/srv/course/secret").split() == ["600", "root"]
    assert said_by(box, "stat", "-c", "%a %U %G", "/etc/shadow") == before
    box.run(["rm", f"{GROUPS}/monday/linked", "/srv/course/secret"])


def test_what_teachers_changed_is_kept(course, box, teacher, ada):
    (student, _), (reader, _) = teacher, ada
    data = course.root / "shared-data" / "data"
    body = {"type": "file", "format": "text", "content": "1,2\n3,4\n"}
    student.api("PUT", "contents/shared/data/waves.csv", json=body)
    done = course.deploy()
    assert done.plan == [] and "data/waves.csv in shared/ was changed on the hub" in done.said
    (data / "waves.csv").write_text("5,6\n")
    (data / "old.csv").unlink()
    done = course.deploy()
    assert set(done.parts) == {"shared"}
    assert reader.read("shared/data/waves.csv") == "5,6\n"
    names = said_by(box, "ls", f"{SHARED}/data").splitlines()
    (aside,) = (name for name in names if "changed by hand" in name)
    assert reader.read(f"shared/data/{aside}") == "1,2\n3,4\n" and "old.csv" not in names
    assert reader.read("shared/uploaded.txt") == "by hand\n"
    assert course.deploy().plan == []


def test_a_link_of_an_assistants_does_not_lead_a_deploy_astray(course, box):
    box.run(["sh", "-c", f"rm -r {SHARED}/data && mkdir /root/target && ln -s /root/target {SHARED}/data"])
    course.deploy()
    assert said_by(box, "ls", "/root/target") == ""
    assert said_by(box, "cat", f"{SHARED}/data/waves.csv") == "5,6\n"


@pytest.fixture
def files():
    """A server of files that people's data come from, whose behaviour is told by the path; what was asked of
    it: (path, the range)."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers.get("Range")))
            if self.path == "/missing":
                self.send_error(404)
                return
            first = int(re.findall(r"\d+", self.headers.get("Range") or "0")[0])
            self.send_response(206 if first else 200)
            total = 1 << 45 if self.path == "/huge" else len(BIG) - first
            self.send_header("Content-Length", str(total))
            self.end_headers()
            slow = self.path == "/slow" and not first
            with contextlib.suppress(OSError):
                for at in range(first, len(BIG), 1 << 20):
                    self.wfile.write(BIG[at : at + (1 << 20)])
                    time.sleep(0.5 if slow else 0)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer((str(network.ensure().gateway), 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{server.server_address[0]}:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def entry(url: str, sha256: str, path: str = "big/data.bin") -> dict:
    return {"groups": True, "files": [{"url": url, "sha256": sha256, "path": path}]}


def test_a_file_is_fetched_once_though_the_droplet_died_meanwhile(course, box, files, ada):
    (url, asked), right = files, hashlib.sha256(BIG).hexdigest()
    course.override["shared"] = entry(f"{url}/slow", right)
    course.interrupt(lambda title, process: kill_in_the_middle(title, box))
    assert fails(box, "ls", f"{SHARED}/big"), "nothing that is not whole is shown"
    done = course.deploy()
    assert done.plan == ["Fetch shared/big/data.bin"]
    first = int(re.findall(r"\d+", asked[-1][1])[0])
    assert len(asked) == 2 and 0 < first < len(BIG), asked
    _, kernel = ada
    found = "import hashlib; print(hashlib.sha256(open('shared/big/data.bin', 'rb').read()).hexdigest())"
    assert kernel.run(found).strip() == right
    assert course.deploy().plan == [] and len(asked) == 2


def kill_in_the_middle(title: str, box) -> bool:
    if not title.startswith("Fetch"):
        return False
    size = ["sh", "-c", "cat /srv/course/shared.incoming/*.part | wc -c"]
    wait_until(lambda: int(said_by(box, *size, check=False) or 0) > 1 << 20, 60, "the middle of the transfer")
    box.run(["pkill", "-KILL", "-f", "zlib.decompress"], check=False)
    return True


def test_what_cannot_be_fetched_is_told_and_changes_nothing(course, box, files):
    (url, _), right = files, hashlib.sha256(BIG).hexdigest()
    wrong = "0" * 64
    for path, sha256, words in (
        ("missing", "1" * 64, ["404", "the url of new/data.bin"]),
        ("other", wrong, [wrong, right, "the sha256 of new/data.bin"]),
        ("huge", "2" * 64, ["no room", "32768.0 GB"]),
    ):
        course.override["shared"] = entry(f"{url}/{path}", sha256, "new/data.bin")
        done = course.run()
        assert done.code == 1 and all(word in done.said for word in words), done.said
        assert fails(box, "ls", f"{SHARED}/new")
        assert said_by(box, "ls", "/srv/course/shared.incoming") == ""
    assert said_by(box, "ls", f"{SHARED}/big") == "data.bin\n", "its entry is gone, the file is not"


def test_who_leaves_a_group_and_what_is_turned_off_keeps_its_files(course, box, hub, teacher):
    course.override["users"][0] = {"name": "ada", "group": "friday"}
    course.override["shared"] = {"groups": ["monday"], "folder": False}
    done = course.deploy()
    assert "kept in /srv/course/groups" in done.said and "its files stay" in done.said
    assert "ada" not in json.dumps([step for step in done.result["plan"] if step["part"] == "shared"])
    assert course.deploy().plan == []
    _, kernel = at_work(hub, "ada")
    closed = f"print([tried(lambda: os.listdir(place)) for place in ('{SHARED}', '{GROUPS}/monday')])"
    assert kernel.run(closed).count("PermissionError") == 2
    assert kernel.run("print(os.path.lexists('shared'), os.path.lexists('groups'))").split() == ["False"] * 2
    assert said_by(box, "cat", f"{SHARED}/uploaded.txt") == "by hand\n"
    _, kernel = teacher
    kernel.run("open('groups/friday/kept.txt', 'w').write('for admins')")
    course.override["shared"] = {"groups": True}
    course.deploy()
    assert said_by(box, "cat", f"{GROUPS}/monday/plan.txt") == "ada and zoe and the teacher"
    _, kernel = at_work(hub, "ada")
    assert kernel.run(
        "print(open('groups/friday/kept.txt').read(), open('shared/uploaded.txt').read())"
    ).split()


def test_after_a_reboot_all_is_there(course, filled, box):
    box.reboot()
    assert "shared" not in course.deploy().parts, "the hub may still be on its way"
    said_by(box, "sh", "-c", f"umask 077; echo 1 > {SHARED}/late.txt; chmod 600 {SHARED}/late.txt")
    rights = ("stat", "-c", "%a %U %G", f"{SHARED}/late.txt")
    wait_until(lambda: said_by(box, *rights) == "664 root coursehub-teachers\n", TENDED, "its rights")


def test_what_may_not_be_there_is_told_before_anything_changes(course, filled):
    (course.root / "shared-data" / "large.bin").write_text(
        "version https://git-lfs.github.com/spec/v1\noid x\n"
    )
    bad = {"url": "https://x.org/a", "sha256": "0" * 64, "path": "../a"}
    course.override["shared"] = {"files": [bad]}
    done = course.run()
    assert done.code == 2 and "Git LFS" in done.said and "shared.files.path" in done.said, done.said
