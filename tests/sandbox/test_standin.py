"""The stand-in for The Littlest JupyterHub keeps the interface that the real one has."""

from __future__ import annotations

import io
import os
import ssl
import stat
import subprocess
import sys
import time
import warnings
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest
import requests
import yaml

from coursehub.problems import Failure
from sandbox import network, sources, standin
from sandbox.machine import Machine, create
from sandbox.mirror import Mirror
from student import Refused, Student

STANDIN = Path(standin.__file__).parent
PASSWORD = "a long password"
BOOTSTRAP = "/root/bootstrap.py"
SELF_SIGNED = (
    *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=hub.test"),
    *("-keyout", "/etc/ssl/hub.key", "-out", "/etc/ssl/hub.crt"),
)


def tljh_config(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `tljh-config` on this computer."""
    command = (sys.executable, "-m", "tljh.config", *arguments)
    environment = os.environ | {"PYTHONPATH": str(STANDIN)}
    return subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="tljh-config is root's")


@needs_root
def test_configuration_is_changed_from_the_command_line(tmp_path):
    file = tmp_path / "config.yaml"
    for change in (
        ("set", "limits.memory", "512M"),
        ("set", "limits.cpu", "1.5"),
        ("set", "https.enabled", "true"),
        ("set", "http.port", "8080"),
        ("set", "unknown.key", "none"),
        ("add-item", "users.allowed", "ada"),
        ("add-item", "users.allowed", "ada"),
        ("add-item", "users.allowed", "bob"),
        ("remove-item", "users.allowed", "bob"),
        ("unset", "http"),
    ):
        assert tljh_config("--config-path", str(file), *change).returncode == 0, change
    assert yaml.safe_load(file.read_text()) == {
        "limits": {"memory": "512M", "cpu": 1.5},
        "https": {"enabled": True},
        "unknown": {"key": None},
        "users": {"allowed": ["ada", "ada"]},
    }
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert yaml.safe_load(tljh_config("--config-path", str(file), "show").stdout)["limits"]["cpu"] == 1.5


@needs_root
@pytest.mark.parametrize(
    "change", [("unset", "users"), ("remove-item", "users.allowed", "x"), ("set", "a.b.c", "1")]
)
def test_what_cannot_be_changed_is_said(tmp_path, change):
    file = tmp_path / "config.yaml"
    file.write_text("a: {b: text}\n")
    result = tljh_config("--config-path", str(file), *change)
    assert result.returncode == 1
    assert change[1] in result.stderr
    assert file.read_text() == "a: {b: text}\n"


@needs_root
def test_who_comes_second_does_not_get_the_lock(tmp_path):
    file = tmp_path / "config.yaml"
    holding = "import sys; from tljh.config import *; from tljh.config import lock\n"
    holding += "with lock(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    environment = os.environ | {"PYTHONPATH": str(STANDIN)}
    command = (sys.executable, "-c", "from pathlib import Path; " + holding, str(file))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, env=environment, **pipes) as first:
        assert first.stdout.readline() == "held\n"
        loser = tljh_config("--config-path", str(file), "set", "a", "1")
        assert (loser.returncode, file.exists()) == (1, False)
        assert "lock" in loser.stderr
        first.stdin.close()
        first.wait(10)
    assert tljh_config("--config-path", str(file), "set", "a", "1").returncode == 0


def test_wheel_is_complete_and_always_the_same():
    wheel = standin.wheel("2.0.7")
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        names = set(archive.namelist())
        information = "the_littlest_jupyterhub-2.0.7.dist-info"
        metadata = message_from_bytes(archive.read(f"{information}/METADATA"))
        record = archive.read(f"{information}/RECORD").decode()
    assert (metadata["Name"], metadata["Version"]) == ("the-littlest-jupyterhub", "2.0.7")
    assert {line.split(",")[0] for line in record.splitlines()} == names
    assert names >= {f"tljh/{path.name}" for path in (STANDIN / "tljh").glob("*.py")}
    assert standin.wheel("2.0.7") == wheel


class Hub:
    """A machine with the stand-in installed, and what the tests do with it."""

    def __init__(self, machine: Machine, mirror: Mirror):
        self.machine, self.mirror = machine, mirror
        self.url = f"http://{machine.address}"

    def run(self, *command: str, timeout: float = 60) -> str:
        """Run a command; return what it printed."""
        return self.machine.run(command, timeout=timeout).stdout.decode().strip()

    def shell(self, script: str) -> str:
        """Run a shell script."""
        return self.run("sh", "-ec", script)

    def bootstrap(self, version: str, *options: str) -> str:
        """Download the bootstrap and run it."""
        script = requests.get(self.mirror.tljh_bootstrap.format(version=version), timeout=10).content
        self.write(BOOTSTRAP, script)
        return self.run("python3", BOOTSTRAP, "--version", version, *options, timeout=600)

    def write(self, path: str, content: bytes) -> None:
        """Write a file in the machine."""
        self.machine.run(("dd", f"of={path}", "status=none"), input=content)

    def property(self, unit: str, name: str) -> str:
        """What systemd says about a unit."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit)

    def settle(self) -> None:
        """Wait until the hub answers; raises AssertionError with its last answer."""
        deadline = time.monotonic() + 60
        while True:
            try:
                last = requests.get(f"{self.url}/hub/api/", timeout=5)
            except requests.RequestException as error:
                last = error
            if getattr(last, "status_code", None) == 200:
                return
            assert time.monotonic() < deadline, last
            time.sleep(0.2)

    def student(self, name: str, password: str = PASSWORD) -> Student:
        """Somebody at a browser."""
        return Student(self.url, name, password)


@pytest.fixture(scope="module")
def hub(sandbox) -> Iterator[Hub]:
    """A machine on which the bootstrap was run once."""
    machine = create("standin", memory="2G", disk="8G", binds=sources.binds())
    try:
        with Mirror(str(network.ensure().gateway)) as mirror:
            hub = Hub(machine, mirror)
            assert "Done!" in hub.bootstrap("2.0.0", "--admin", f"teacher:{PASSWORD}")
            hub.settle()
            yield hub
    finally:
        machine.destroy()


@pytest.mark.sandbox
def test_everything_lies_where_the_real_one_puts_it(hub):
    hub.settle()
    modes = hub.shell(
        "cd /opt/tljh; stat --format='%a %n' config state config/config.yaml state/passwords.dbm*"
        " state/traefik-api.secret state/acme.json state/jupyterhub_cookie_secret"
    )
    assert {line.split()[0] for line in modes.splitlines()[:2]} == {"700"}
    assert {line.split()[0] for line in modes.splitlines()[2:]} == {"600"}
    hub.shell(
        "test -d /opt/tljh/config/jupyterhub_config.d; test -d /opt/tljh/config/traefik_config.d;"
        "test -f /opt/tljh/state/jupyterhub.sqlite; test -f /opt/tljh/state/traefik.toml;"
        "test -x /opt/tljh/user/bin/jupyterhub-singleuser; test -x /opt/tljh/user/bin/jupyter-lab;"
        "test -x /opt/tljh/hub/bin/traefik; getent group jupyterhub-admins jupyterhub-users"
    )
    listening = hub.shell("ss -ltnH | awk '{print $4}'")
    assert {"127.0.0.1:15001", "127.0.0.1:8099", "*:80"} <= set(listening.splitlines())
    assert hub.property("jupyterhub", "Requires").split().count("traefik.service") == 1
    version = (
        "import importlib.metadata as m; print(m.version('the-littlest-jupyterhub'), m.version('jupyterhub'))"
    )
    ours, jupyterhub = hub.run("/opt/tljh/hub/bin/python", "-c", version).split()
    assert ours == "2.0.0"
    assert jupyterhub.startswith("5.")


@pytest.mark.sandbox
def test_student_works_within_limits_and_others_stay_outside(hub):
    hub.run("tljh-config", "set", "limits.memory", "512M")
    hub.run("tljh-config", "set", "limits.cpu", "1")
    hub.run("tljh-config", "add-item", "users.allowed", "ada")
    hub.run("tljh-config", "reload", "hub", timeout=120)
    with pytest.raises(Refused):
        hub.student("mallory").log_in()
    ada = hub.student("ada").log_in()
    ada.browser.get(f"{hub.url}/hub/spawn", timeout=60)
    ada.wait_for_server()
    assert ada.browser.get(f"{ada.server}/lab", timeout=60).status_code == 200
    assert ada.api("GET", "contents")["type"] == "directory"
    assert hub.property("jupyter-ada", "MemoryMax") == str(512 * 2**20)
    assert hub.property("jupyter-ada", "CPUQuotaPerSecUSec") == "1s"
    assert hub.run("id", "-un", hub.property("jupyter-ada", "User")) == "jupyter-ada"
    assert hub.shell("stat --format=%A /home/jupyter-ada").endswith("---")
    assert "jupyterhub-users" in hub.run("id", "-Gn", "jupyter-ada").split()
    with pytest.raises(Refused):
        hub.student("ada", "another password").log_in()


@pytest.mark.sandbox
def test_admin_is_administrator_of_the_machine(hub):
    teacher = hub.student("teacher").log_in()
    teacher.browser.get(f"{hub.url}/hub/spawn", timeout=60)
    teacher.wait_for_server()
    assert hub.run("runuser", "-u", "jupyter-teacher", "--", "sudo", "-n", "id", "-un") == "root"
    assert teacher.browser.get(f"{hub.url}/hub/admin", timeout=60).status_code == 200


@pytest.mark.sandbox
def test_long_names_get_accounts_that_unix_accepts(hub):
    name = "a-student-with-a-very-long-name"
    program = "from tljh.accounts import system_username as n; import sys; print(n('jupyter-' + sys.argv[1]))"
    account = hub.run("/opt/tljh/hub/bin/python", "-c", program, name)
    assert account == "jupyter-a-student-with-a-v-1b039"
    assert len(account) == 32
    assert hub.run("/opt/tljh/hub/bin/python", "-c", program, "short") == "jupyter-short"


@pytest.mark.sandbox
def test_upgrade_keeps_settings_passwords_and_servers(hub):
    ada = hub.student("ada").log_in()
    assert ada.browser.get(f"{ada.server}/lab", timeout=60).status_code == 200
    before = hub.property("jupyter-ada", "MainPID")
    assert before != "0"
    assert "Done!" in hub.bootstrap("2.0.1")
    hub.settle()
    known = hub.run("/opt/tljh/hub/bin/pip", "list", "--format=freeze", "--disable-pip-version-check")
    assert "the-littlest-jupyterhub==2.0.1" in known
    config = yaml.safe_load(hub.run("tljh-config", "show"))
    assert config["users"] == {"admin": ["teacher"], "allowed": ["ada"]}
    assert hub.property("jupyter-ada", "MainPID") == before
    assert ada.api("GET", "contents")["type"] == "directory"
    hub.student("teacher").log_in()
    hub.bootstrap("2.0.1", "--admin", "head", "teacher")
    assert yaml.safe_load(hub.run("tljh-config", "show"))["users"]["admin"] == ["head", "teacher"]
    hub.settle()


@pytest.mark.sandbox
def test_snippets_come_after_the_settings_and_a_broken_one_hangs_the_reload(hub):
    snippet = "/opt/tljh/config/jupyterhub_config.d/test.py"
    hub.write(snippet, b"c.Authenticator.allowed_users = {'ada', 'grace'}\n")
    hub.run("tljh-config", "reload", "hub", timeout=120)
    hub.student("grace").log_in()
    hub.write(snippet, b"raise RuntimeError('broken on purpose')\n")
    with pytest.raises(Failure):
        hub.run("tljh-config", "reload", "hub", timeout=12)
    assert "broken on purpose" in hub.run("journalctl", "--unit=jupyterhub", "--lines=200", "--no-pager")
    hub.run("rm", snippet)
    hub.run("tljh-config", "reload", "hub", timeout=120)
    hub.settle()


@pytest.mark.sandbox
def test_proxy_takes_up_its_settings(hub):
    hub.run("tljh-config", "set", "https.enabled", "true")
    with pytest.raises(Failure) as raised:
        hub.run("tljh-config", "reload", "proxy")
    assert "tls.cert" in raised.value.detail
    hub.run(*SELF_SIGNED)
    hub.run("tljh-config", "set", "https.tls.cert", "/etc/ssl/hub.crt")
    hub.run("tljh-config", "set", "https.tls.key", "/etc/ssl/hub.key")
    hub.write("/opt/tljh/config/traefik_config.d/test.toml", b"[log]\nlevel = 'DEBUG'\n")
    hub.run("tljh-config", "reload", "proxy")
    assert 'level = "DEBUG"' in hub.run("cat", "/opt/tljh/state/traefik.toml")
    deadline = time.monotonic() + 60
    while True:
        try:
            with warnings.catch_warnings(action="ignore"):
                answer = requests.get(f"{hub.url}/hub/api/", timeout=5, verify=False)
            if answer.status_code == 200 and answer.url.startswith("https://"):
                break
            last = f"{answer.status_code} from {answer.url}"
        except requests.RequestException as error:
            last = error
        assert time.monotonic() < deadline, last
        time.sleep(0.2)
    served = ssl.get_server_certificate((hub.machine.address, 443))
    assert served.split() == hub.run("cat", "/etc/ssl/hub.crt").split()
    hub.run("tljh-config", "unset", "https")
    hub.run("rm", "/opt/tljh/config/traefik_config.d/test.toml")
    hub.run("tljh-config", "reload", "proxy")
    hub.settle()


@pytest.mark.sandbox
def test_people_can_sign_up_with_the_other_authenticator(hub):
    hub.run("tljh-config", "set", "auth.type", "nativeauthenticator.NativeAuthenticator")
    hub.run("tljh-config", "reload", "hub", timeout=120)
    page = requests.get(f"{hub.url}/hub/signup", timeout=10)
    assert (page.status_code, "Sign Up" in page.text or "Create User" in page.text) == (200, True)
    hub.run("tljh-config", "unset", "auth")
    hub.run("tljh-config", "reload", "hub", timeout=120)


@pytest.mark.sandbox
def test_interrupted_installation_is_mended_by_the_next(hub):
    package = "/opt/tljh/user/lib/python3*/site-packages/nbgitpuller"
    hub.shell(f"touch /opt/tljh/.user-unfinished; rm -r {package}; rm /opt/tljh/hub/bin/uv")
    hub.bootstrap("2.0.1")
    hub.shell(f"test -f {package}/__init__.py; test ! -e /opt/tljh/.user-unfinished")
    hub.settle()


@pytest.mark.sandbox
def test_mistakes_are_said_not_traced(hub):
    for options, said in (
        (("--no-such-option",), "--no-such-option"),
        (("--admin", "teacher:pass:word"), "colon"),
    ):
        result = hub.machine.run(
            ("python3", BOOTSTRAP, "--version", "2.0.1", *options), check=False, timeout=300
        )
        assert result.returncode != 0
        assert said in result.stderr.decode()
        assert b"Traceback" not in result.stderr
    result = hub.machine.run(("runuser", "-u", "nobody", "--", "tljh-config", "show"), check=False)
    assert result.returncode != 0
