"""A student in a terminal of the hub looks for what is not theirs, and finds nothing."""

from __future__ import annotations

import http.server
import threading
import time

import pytest

from coursehub.ssh import SshSession
from deployments import ADMIN_PASSWORD
from sandbox import services
from sandbox.droplets import traffic
from sandbox.droplets.metadata import SERVICE
from student import Student

pytestmark = pytest.mark.sandbox
METADATA = traffic.METADATA
ASK = (
    "python3 -c 'import urllib.request as u; print(u.build_opener(u.ProxyHandler({}))"
    f'.open("http://{METADATA}/metadata/v1/user-data", timeout=5).read())\''
)
PRIVATE = (
    *("/opt/tljh/config/config.yaml", "/opt/tljh/state/jupyterhub.sqlite"),
    *(
        "/opt/tljh/state/traefik-api.secret",
        "/opt/course/state/tljh.json",
        "/opt/course/state/last-good.json",
    ),
    *("/opt/course/audit.log", "/opt/course/lock", "/etc/shadow", "/etc/sudoers.d/jupyterhub-admins"),
)
CLOSED = ("/opt/tljh/config", "/opt/tljh/state", "/opt/course/state", "/root", "/home/jupyter-grace")
PORTS = {22: "ssh", 80: "the hub, as students see it", 15001: "the hub's API", 8099: "traefik's API"}
# Everything that any process shows of itself, gathered until the file `enough` is there.
WATCH = """
import glob, json, pathlib
seen = set()
while not pathlib.Path("enough").exists():
    for file in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ"):
        try:
            seen.add(pathlib.Path(file).read_bytes().decode(errors="replace"))
        except OSError:
            pass
    pathlib.Path("watching").touch()
pathlib.Path("seen.json").write_text(json.dumps(sorted(seen)))
"""


class Metadata(http.server.BaseHTTPRequestHandler):
    """What a droplet is told about itself."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"what the droplet was created with")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def metadata(sandbox):
    """A stand-in for the server that droplets ask about themselves, for these machines are none: in its
    place, with the sandbox's way to it. The true one comes back with the next droplet."""
    host = traffic.apply()
    services.stop(SERVICE)
    with http.server.ThreadingHTTPServer((str(host.gateway), traffic.METADATA_PORT), Metadata) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


@pytest.fixture(scope="module")
def ada(classroom):
    return at_work(classroom, "ada")


@pytest.fixture(scope="module")
def shell(ada):
    with ada.open_terminal() as terminal:
        yield terminal


def at_work(classroom, name):
    """A student whose server runs."""
    _, box = classroom
    hub = f"http://{box.address}"
    student = Student(hub, name, "a first password").log_in()
    student.browser.get(f"{hub}/hub/spawn", timeout=60)
    student.wait_for_server()
    student.browser.get(f"{student.server}/lab", timeout=60)
    return student


def test_the_metadata_is_for_root_alone(classroom, metadata, shell):
    _, box = classroom
    assert b"created with" in box.run(["sh", "-c", ASK]).stdout
    code, said = shell.run(ASK)
    assert code != 0 and "Permission denied" in said, said
    # Nor as another user, such as the root of a namespace of one's own.
    code, said = shell.run("unshare --user --map-root-user ip route get " + METADATA)
    assert code != 0, said


def test_closed_to_all_but_root_and_the_agent_and_networkd_leaves_it_so(bare, metadata):
    box, login = bare
    with SshSession(login) as session:
        look = {"questions": {"isolation": {}}}
        seen = session.call("look", look)["parts"]["isolation"]
        assert (seen["closed"], seen["lasting"], seen["agent"]) == (False, False, None)
        session.call("isolation.settle", {})
        box.run(["useradd", "--system", "do-agent"])
        seen = session.call("look", look)["parts"]["isolation"]
        assert (seen["closed"], seen["lasting"], seen["agent"]) == (True, True, False)
        for _ in range(2):
            session.call("isolation.settle", {})
            box.run(["systemctl", "restart", "systemd-networkd"])
            time.sleep(1)
            seen = session.call("look", look)["parts"]["isolation"]
            assert (seen["closed"], seen["lasting"], seen["agent"]) == (True, True, True)
    for user, admitted in (("root", True), ("do-agent", True), ("nobody", False)):
        done = box.run(["setpriv", "--reuid", user, "--clear-groups", "sh", "-c", ASK], check=False)
        assert (done.returncode == 0) == admitted, (user, done.stderr)


@pytest.mark.parametrize("path", PRIVATE)
def test_what_the_hub_and_the_deploys_keep_cannot_be_read(classroom, shell, path):
    _, box = classroom
    assert box.run(["test", "-e", path], check=False).returncode == 0
    code, said = shell.run(f"cat {path}")
    assert code != 0 and "Permission denied" in said, said


@pytest.mark.parametrize("path", CLOSED)
def test_directories_of_others_are_closed(classroom, shell, path):
    if path.endswith("grace"):
        at_work(classroom, "grace")
    code, said = shell.run(f"ls {path}")
    assert code != 0 and "Permission denied" in said, said


def test_homes_are_private_and_nothing_in_them_is_touched(classroom, shell):
    course, box = classroom
    assert shell.run("touch shared; chmod 644 shared; chmod 755 .")[0] == 0
    changed = course.deploy()
    assert changed.plan == ["Keep students' homes private"]
    modes = box.run(["stat", "-c", "%a", "/home/jupyter-ada", "/home/jupyter-ada/shared"]).stdout
    assert modes.split() == [b"700", b"644"]
    assert course.deploy().plan == []


def test_a_student_is_not_root_and_reads_no_journal(shell):
    assert shell.run("sudo -n true")[0] != 0
    _, said = shell.run("journalctl --no-pager --quiet --unit jupyterhub --unit ssh --lines 5")
    assert "systemd[1]" not in said and "jupyterhub" not in said.lower().replace("jupyter-ada", ""), said


def test_internal_ports_ask_for_a_token(shell):
    _, said = shell.run("cat /proc/net/tcp /proc/net/tcp6")
    listening = [line.split() for line in said.splitlines() if len(line.split()) > 7]
    ports = {int(row[1].split(":")[1], 16) for row in listening if row[3] == "0A" and row[7] == "0"}
    assert ports <= set(PORTS), ports
    assert {15001, 8099} <= ports
    for port, path, expected in (
        (15001, "/hub/api/users", 403),
        (15001, "/hub/api/proxy", 403),
        (8099, "/api/rawdata", 401),
        (8099, "/api/http/routers", 401),
    ):
        ask = f"h = c.HTTPConnection('127.0.0.1', {port}, timeout=9); h.request('GET', '{path}')"
        ask = f"import http.client as c; {ask}; print(h.getresponse().status)"
        assert shell.run(f'python3 -c "{ask}"')[1] == str(expected), path


def test_no_secret_shows_while_a_deploy_runs(classroom, ada, shell):
    course, box = classroom
    odd = "zanzibar-quokka-0451 ümlaut"
    course.secrets["HUB_ADMIN_PASSWORD"] = odd
    course.override["admins"] = [*course.override["admins"], "second"]
    (course.root / "content/new.txt").write_text("new\n")
    box.run(["tee", "/home/jupyter-ada/watch.py"], input=WATCH.encode())
    assert shell.run("python3 watch.py >/dev/null 2>&1 & while ! [ -e watching ]; do sleep 0.1; done")[0] == 0
    changed = course.deploy()
    assert changed.parts == ["content", "shared", "users", "configuration"]
    shell.run("touch enough; wait")
    seen = shell.run("cat seen.json | python3 -c 'import json,sys; print(ascii(json.load(sys.stdin)))'")[1]
    assert "coursehub" in seen or "import os,zlib" in seen  # it did see the deploy's own process
    for word in ("zanzibar", "quokka", *course.secrets["SSH_PRIVATE_KEY"].splitlines()[1:3]):
        assert word not in seen
    Student(changed.result["url"], "second", odd).log_in()


def test_no_secret_is_in_any_file_that_a_student_can_read(classroom, shell):
    course, _ = classroom
    search = "timeout 60 grep -rslF --exclude-dir=envs --exclude-dir=cache -f -"
    for secret in (ADMIN_PASSWORD, course.secrets["HUB_ADMIN_PASSWORD"]):
        words = f'import sys; sys.stdout.buffer.write(bytes.fromhex("{secret.encode().hex()}"))'
        places = "/opt /etc /srv /var/log /var/lib /run /tmp"
        assert shell.run(f"python3 -c '{words}' | {search} {places}")[1] == ""
