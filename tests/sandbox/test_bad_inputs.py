"""What a coordinator or the world can get wrong once a real server is involved: each has its message.

What can be seen without a server is in tests/unit; here the table goes on. Nothing ever shows a
traceback (`Course.run` asserts it), and a mistake that is seen in time leaves the server untouched.
"""

import socket
import threading
from contextlib import contextmanager

import pytest

from deployments import make_key, new_course
from sandbox import machine, sources
from sandbox.mirror import Fault, Mirror

pytestmark = pytest.mark.sandbox
UNUSED = "203.0.113.7"  # An address that is for documentation only (RFC 5737).


@pytest.fixture(scope="module")
def box(tmp_path_factory, software):
    private, public = make_key(tmp_path_factory.mktemp("key"))
    made = machine.create(
        "test-bad", memory="2G", cpus=2.0, disk="8G", authorized_keys=[public], binds=sources.binds()
    )
    try:
        yield made, private
    finally:
        made.destroy()


@pytest.fixture
def course(tmp_path, box, software):
    return new_course(tmp_path, *box, software.mirrors)


@contextmanager
def listener(words=b""):
    """A server on the loopback interface that says `words` to whoever connects, and nothing else."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            try:
                while True:
                    connection, _ = server.accept()
                    connection.sendall(words)
                    if words:
                        connection.close()
                    else:
                        held.append(connection)
            except OSError:
                pass

        held: list[socket.socket] = []
        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        for connection in held:
            connection.close()


def refused(course, *words, code=1, script="plan.py"):
    """Run, expect failure, and find all the words in what a person is told."""
    done = course.run(script)
    assert done.code == code, done.said
    for word in words:
        assert word in done.said, done.said
    assert done.result["verdict"] == ("invalid" if code == 2 else "failed")
    return done


def test_a_host_that_nobody_knows(course):
    course.secrets["DROPLET_HOST"] = "hub.invalid"
    refused(course, "no server is known under the name hub.invalid", "DROPLET_HOST")


def test_an_address_where_nothing_listens(course):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        course.secrets["DROPLET_HOST"] = f"127.0.0.1:{taken.getsockname()[1]}"
        refused(course, "cannot be reached (Connection refused)", "firewall")


def test_an_address_that_does_not_answer(course, box, monkeypatch):
    course.secrets["DROPLET_HOST"] = box[0].address.rpartition(".")[0] + ".199"
    refused(course, "cannot be reached", "check that the server is on")


def test_a_server_that_is_not_ssh(course):
    with listener(b"HTTP/1.0 400 Bad Request\r\n\r\n") as address:
        course.secrets["DROPLET_HOST"] = address
        refused(course, "does not speak SSH as expected")


def test_a_server_that_accepts_and_never_answers(course):
    with listener() as address:
        course.secrets["DROPLET_HOST"] = address
        refused(course, "does not speak SSH as expected")


def test_another_host_key(course, tmp_path):
    _, other = make_key(tmp_path)
    course.secrets["DROPLET_HOST_KEY"] = " ".join(other.split()[:2])
    refused(course, "shows another host key than the pinned one", "somebody may be between", other.split()[1])


def test_a_key_that_the_server_does_not_know(course, tmp_path):
    course.secrets["SSH_PRIVATE_KEY"], _ = make_key(tmp_path)
    done = refused(course, "does not accept the deploy key", "authorized_keys")
    assert "PRIVATE KEY-----" not in done.said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("DROPLET_HOST", "there is no server to deploy to"),
        ("DROPLET_HOST_KEY", "ssh-keyscan"),
        ("SSH_PRIVATE_KEY", "is needed beside DROPLET_HOST"),
    ],
)
def test_a_secret_that_is_missing(course, name, words):
    del course.secrets[name]
    refused(course, f"secret {name}", words, code=2)


def write_environment(course, *lines):
    text = "channels: [conda-forge]\ndependencies:\n" + "".join(f"  - {line}\n" for line in lines)
    (course.root / "environment.yml").write_text(text)


def test_an_environment_that_cannot_be_solved(course):
    write_environment(course, "pandas", "numpy <1.0")
    done = refused(course, "environment.yml:4", "numpy <1.0", "cannot be solved", "Fix:", code=2)
    assert done.result["problems"][0]["line"] == 4


def test_a_package_that_no_channel_has(course):
    write_environment(course, "numpi")
    refused(course, "environment.yml:3", "numpi", "cannot be solved", code=2)


def test_a_course_that_contradicts_the_hub(course):
    write_environment(course, "jupyterlab <3")
    refused(course, "environment.yml:3", "jupyterlab", code=2)


def test_a_pip_part_that_contradicts_the_conda_part(course):
    write_environment(course, "numpy", "pip", "pip: ['numpy<1']")
    refused(course, "environment.yml:5", "numpy<1", code=2)


def test_a_pip_package_that_nobody_has(course):
    write_environment(course, "pip", "pip: ['there-is-no-such-package-at-all-here']")
    refused(course, "environment.yml:4", "there-is-no-such-package-at-all-here", code=2)


def test_a_channel_that_cannot_be_reached(course, software):
    course.override["mirrors"] = {
        **software.mirrors,
        "conda": {"conda-forge": "http://127.0.0.1:9/conda-forge"},
    }
    refused(course, "channel or index could not be read", "mirrors in course.yml")


def test_a_debian_package_that_does_not_exist(course):
    (course.root / "apt.txt").write_text("tree\nno-such-package-at-all\n")
    refused(course, "has no package named no-such-package-at-all", "apt.txt", script="deploy.py")


@pytest.fixture
def mirror(box):
    """A mirror of the test's own, on the bridge, which fails when told to."""
    address = box[0].address.rpartition(".")[0] + ".1"
    with Mirror(address) as server:
        yield server


def with_bootstrap(course, software, mirror):
    course.override["mirrors"] = {**software.mirrors, "tljh_bootstrap": mirror.tljh_bootstrap}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("/tljh/*/bootstrap.py", status=404, times=9), "HTTP Error 404"),
        (
            Fault("/tljh/*/bootstrap.py", content=b"<html>log in to the network first</html>", times=9),
            "SyntaxError",
        ),
        (Fault("/tljh/*/bootstrap.py", cut_after=100, times=9), "could not fetch TLJH's bootstrap"),
        (Fault("/tljh/*.whl", status=500, times=99), "python3 failed with exit code"),
    ],
    ids=["missing", "a captive portal", "cut", "its package is missing"],
)
def test_a_bootstrap_that_cannot_be_had(course, software, mirror, fault, words):
    with_bootstrap(course, software, mirror)
    mirror.faults.append(fault)
    refused(course, "Install TLJH 2.0.0", words, script="deploy.py")


def test_a_disk_that_is_full(course, software, tmp_path):
    private, public = make_key(tmp_path)
    small = machine.create(
        "test-full", memory="2G", cpus=2.0, disk="1G", authorized_keys=[public], binds=sources.binds()
    )
    try:
        course.secrets |= {
            "DROPLET_HOST": small.address,
            "DROPLET_HOST_KEY": small.host_key,
            "SSH_PRIVATE_KEY": private,
        }
        refused(course, "disk", "droplet.size", script="deploy.py")
        # Nothing is half there, and a look at the full machine still works.
        environments = small.run(["sh", "-c", "ls /opt/course/envs 2>/dev/null"], check=False).stdout
        assert environments == b""
        assert course.run("plan.py").code == 0
    finally:
        small.destroy()
