"""What a check thinks of what the server says of itself, and how it asks. No server is needed: ssh itself
meets small ones here that are none."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from coursehub.health import inside, on_the_server
from coursehub.health.inside_model import Inside, inside_from
from coursehub.health.merging import done, found_inside, merged, shown
from coursehub.health.model import Finding, Verdict
from coursehub.health.report import annotation, as_json, lines, summary
from coursehub.health.way import NoWay, Way, way_in
from coursehub.watchdog import asking
from deployments import make_key
from hub_servers import closed_port, raw

NOW = 1_800_000_000.0
CONNECTED = Finding("connection", "good", "port 80 is open")
UP = Verdict("up", "http://203.0.113.5", "The hub is up", "", (CONNECTED, Finding("hub", "good", "5")))
BAD = Finding("hub", "failure", "http://203.0.113.5/hub/api/: status 503 (3 of 3 tries)", "deploy")
DOWN = Verdict("down", UP.url, f"The hub is down: hub: {BAD.seen}", "deploy", (CONNECTED, BAD))
DARK = replace(DOWN, findings=(Finding("connection", "failure", "timed out"),))


def found(name: str, level: str = "failure", seen: str = "it is so", why: str = "") -> dict:
    return {"name": name, "level": level, "seen": seen, "why": why}


def seen(*findings: dict, age: float = 30.0, **changes) -> Inside:
    report = {"at": NOW - age, "state": "up", "person": False, "findings": list(findings), "acts": []}
    report |= {"capacity": {"disks": {}}, "servers": 3}
    states = {"proxy": "active", "hub": "active"}
    value = {"now": NOW, "watchdog": True, "timer": True, "report": report, "deploying": None}
    value |= {"uptime": 9e4, "deployed": NOW - 9e4, "well": True, "states": states}
    return inside_from(value | changes)


# What is thought of it


def test_all_is_well():
    result = merged(UP, seen())
    assert (result.state, result.title, result.findings) == (UP.state, UP.title, UP.findings)
    assert result.inside["servers"] == 3 and result.inside["deploying"] is None


def test_nothing_was_looked_at():
    assert merged(UP, None) == UP and merged(DOWN, None) == DOWN


@pytest.mark.parametrize("level", ["warning", "failure"])
def test_what_the_watchdog_found_makes_it_degraded(level):
    result = merged(UP, seen(found("disk", level, "1.2 GB free", "the disk will soon be full")))
    assert result.state == "degraded" and result.cause == "the disk will soon be full"
    assert result.title == "The hub is degraded: inside: disk: 1.2 GB free" and result.fix
    assert result.findings[-1].why == "the disk will soon be full" and result.findings[-1].level == level


@pytest.mark.parametrize("name", ["memory of a server", "restarts"])
def test_what_is_only_told_makes_no_hub_degraded(name):
    """As the watchdog has it: a notebook that wanted too much memory is not the hub's trouble."""
    result = merged(UP, seen(found(name, "warning", why="limits.memory")))
    assert (result.state, result.title) == (UP.state, UP.title) and result.findings[-1].why == "limits.memory"
    both = merged(UP, seen(found(name, "warning"), found("disk", "warning", why="it is full")))
    assert both.state == "degraded" and both.cause == "it is full"


def test_what_it_could_not_see_is_no_trouble():
    assert merged(UP, seen(found("clock", "unseen"))).state == "up"


def test_the_cause_of_a_hub_that_is_down():
    hub = found("hub", why="the hub was killed for want of memory")
    result = merged(DOWN, seen(hub, well=False))
    assert result.cause == "the hub was killed for want of memory"
    assert result.title.startswith("The hub is down: the hub was killed for want of memory; hub: http")
    assert result.state == "down" and [one.why for one in result.findings if one.name == "hub"] == [
        result.cause
    ]


ASTRAY = replace(DOWN, findings=(Finding("name", "failure", "it leads nowhere"),))
STILL = replace(DOWN, findings=(CONNECTED, replace(BAD, seen="http://203.0.113.5/hub/api/: timed out")))
HANGS = {"proxy": "no answer"}
CAUSES = {
    "a full disk comes before the hub that it stops": (
        DOWN,
        seen(found("hub", why="it ends"), found("disk", why="the disk is full"), well=False),
        "the disk is full",
    ),
    "an old report says nothing": (
        DOWN,
        seen(found("hub", why="once"), age=900, well=False, states={"proxy": "active", "hub": "inactive"}),
        "the hub is switched off",
    ),
    "the proxy": (DOWN, seen(well=False, states={"proxy": "failed", "hub": "inactive"}), "the proxy ended"),
    "it hangs": (
        DOWN,
        seen(well=False, answers=HANGS | {"hub": "no answer"}),
        "the hub runs and does not answer",
    ),
    "the proxy hangs": (DOWN, seen(well=False, answers=HANGS), "the proxy runs and does not answer"),
    "the routes are lost": (DOWN, seen(well=False, answers={"proxy": "status 404"}), "the proxy has lost"),
    "another program": (
        DOWN,
        seen(
            well=False,
            states={"proxy": "active", "hub": "activating"},
            answers={"hub": "status 500 of another program"},
        ),
        "another program has the hub's port",
    ),
    "it fails inside": (DOWN, seen(well=False, answers={"hub": "status 500"}), "the hub runs, but fails"),
    "a wrong name": (ASTRAY, seen(), "the hub answers on the server itself, but its name"),
    "frozen": (STILL, NoWay("silent", "it says nothing", "the server is frozen"), "the server is frozen"),
    "sshd alone is silent": (DOWN, NoWay("silent", "it says nothing", "the server is frozen"), ""),
    "a firewall": (DARK, seen(), "the hub answers on the server itself"),
    "a deploy": (DOWN, seen(deploying={"who": "a deploy", "since": "12:00"}), "a deploy is at work"),
    "no server": (DARK, NoWay("unreachable", "no connection", "the server is off"), "the server is off"),
    "a wrong key": (DARK, NoWay("host key", "another host key", "it was rebuilt"), ""),
    "sshd alone": (DOWN, NoWay("closed", "nobody listens", "sshd does not run"), ""),
    "a certificate in time": (DOWN, seen(found("certificate", why="old")), ""),
}


@pytest.mark.parametrize(("verdict", "there", "cause"), CAUSES.values(), ids=CAUSES)
def test_causes(verdict, there, cause):
    result = merged(verdict, there)
    assert result.state == "down" and result.cause.startswith(cause) and bool(result.cause) == bool(cause)


def test_a_network_that_leads_to_the_server_is_no_excuse():
    """Nothing else can be reached from here, but the server can be entered."""
    dark = replace(DARK, state="unknown", title="Whether the hub is up is unknown")
    result = merged(dark, seen(well=False, states={"proxy": "inactive", "hub": "inactive"}))
    assert result.state == "down" and result.title.startswith(
        "The hub is down: the proxy is switched off; con"
    )
    assert merged(dark, NoWay("unreachable", "no connection")).state == "unknown"
    nameless = replace(dark, findings=(Finding("name", "failure", "leads nowhere"),))
    assert merged(nameless, seen()).state == "unknown"
    own = replace(dark, findings=(Finding("connection", "unseen", "no IPv6"),))
    assert merged(own, seen()).state == "unknown"


SLEEP = {
    "it looks": ({}, False),
    "long ago": ({"age": 301.0}, True),
    "never": ({"report": None}, True),
    "its timer is off": ({"timer": False}, True),
    "quiet during a deploy": ({"age": 900.0, "deploying": {"who": "a deploy", "since": ""}}, False),
    "just after a deploy": ({"age": 900.0, "deployed": NOW - 20}, False),
    "just after the start": ({"age": 900.0, "uptime": 40.0}, False),
    "there is none": ({"age": 900.0, "watchdog": False, "timer": False}, False),
}


@pytest.mark.parametrize(("changes", "asleep"), SLEEP.values(), ids=SLEEP)
def test_a_watchdog_that_does_not_look_any_more(changes, asleep):
    names = [one.name for one in found_inside(seen(found("memory", "warning"), **changes))]
    assert ("watchdog" in names) == asleep


def test_an_old_report_is_not_shown():
    assert shown(seen(age=400.0)) is None and shown(seen(age=100.0))["at"] == NOW - 100
    assert (
        shown(seen(age=400.0, deploying={"who": "a deploy", "since": "x"}))["deploying"]["who"] == "a deploy"
    )


def test_a_server_that_cannot_be_entered_makes_it_degraded():
    result = merged(UP, NoWay("closed", "nobody listens", "sshd does not run", "start it"))
    assert result.state == "degraded" and result.findings[-1].name == "ssh" and result.fix == "start it"
    assert merged(UP, NoWay("own", "no IPv6 here")).state == "up"
    unknown = replace(UP, state="unknown")
    assert merged(unknown, NoWay("unreachable", "no connection")) == unknown


def test_what_was_healed_is_told():
    before = merged(DOWN, seen(found("hub", why="the hub is switched off"), well=False))
    result = done(before, UP, ["restarted the hub"])
    assert result.state == "up" and result.healed == ("restarted the hub",) and result.was == "down"
    assert "was down (the hub is switched off)" in result.title and "restarted the hub" in result.title
    assert annotation(result)[0] == "warning" and annotation(UP) is None
    assert summary(result).splitlines()[0].count("restarted the hub") == 1
    assert "  Done: restarted the hub" in lines(result)
    value = json.loads(as_json(result))
    assert value["healed"] == ["restarted the hub"] and value["cause"] == "the hub is switched off"
    assert value["at"] > NOW - 9e9 and value["findings"][0]["why"] == ""
    assert done(before, before, ["restarted the hub"]).title.endswith("In vain was done: restarted the hub")


@pytest.mark.parametrize("value", [{}, {"report": 5}, {"report": {"at": "x"}}, {"states": [], "did": 3}])
def test_nonsense_from_the_server(value):
    assert merged(UP, inside_from(value)).state == "up"


def test_words_from_the_server_are_no_commands():
    there = seen(found("disk", "warning", "a\n::error::b", "##[x"))
    assert "\n" not in merged(UP, there).title and "::" not in merged(UP, there).title


# The way there


HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFptJNVi6ShihUAwrlOtsnqFDGjqgWksBbtBEaRhfMdL"
SERVER = {"address": "203.0.113.5", "port": 2222, "host_key": HOST_KEY}
SECRET = {"COURSE_SECRET": "lantern gravel mustard orbit seven"}


def test_the_way_by_the_record_and_by_the_environment():
    way = way_in(SECRET, SERVER)
    assert (way.address, way.port, way.host_key) == ("203.0.113.5", 2222, HOST_KEY)
    assert "OPENSSH" in way.private and "OPENSSH" not in repr(way)
    given = SECRET | {"DROPLET_HOST": "hub.school.edu:23", "DROPLET_HOST_KEY": f"x {HOST_KEY}\n"}
    assert (way_in(given, SERVER).address, way_in(given, {}).port) == ("hub.school.edu", 23)


def test_nothing_is_looked_at_without_a_key_or_a_server():
    assert way_in({}, SERVER) is None and way_in(SECRET, {}) is None
    assert way_in(SECRET, {"address": "203.0.113.5"}) is None
    assert way_in(SECRET | {"DROPLET_HOST": "hub.school.edu"}, SERVER) is None


def test_a_secret_that_cannot_be_right():
    way = way_in({"SSH_PRIVATE_KEY": "my private words"}, SERVER)
    assert way.kind == "secret" and way.fix and "my private words" not in str(way)
    assert way_in(SECRET | {"DROPLET_HOST": "-oProxyCommand=x", "DROPLET_HOST_KEY": HOST_KEY}, {}).kind


@pytest.fixture
def way(tmp_path):
    return Way("127.0.0.1", 1, HOST_KEY, make_key(tmp_path)[0])


def test_files_are_private_and_options_strict(way, tmp_path):
    (tmp_path / "x").mkdir()
    command = inside.command_for(way, tmp_path / "x", "true")
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "x").iterdir()} == {0o600}
    assert "StrictHostKeyChecking=yes" in command and command[:3] == ["ssh", "-F", "/dev/null"]
    assert way.private not in " ".join(command) and command[-3:] == ["--", "127.0.0.1", "true"]


def asked(way, port: int, monkeypatch, tmp_path, seconds: float = 3.0) -> NoWay:
    monkeypatch.setattr(inside.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setitem(inside.OPTIONS, "ConnectTimeout", 1)
    began = time.monotonic()
    answer = inside.ask(replace(way, port=port), "look", seconds)
    assert time.monotonic() - began < seconds + 2
    assert not list(tmp_path.glob("coursehub-*"))
    return answer


def test_nobody_listens(way, monkeypatch, tmp_path):
    assert asked(way, closed_port(), monkeypatch, tmp_path).kind == "closed"


def test_one_that_accepts_and_says_nothing(way, monkeypatch, tmp_path):
    with raw(lambda line: None) as port:
        assert asked(way, port, monkeypatch, tmp_path).kind == "silent"


def trickle(line: socket.socket) -> None:
    """A banner that never ends: each line is one more comment."""
    while True:
        line.sendall(b"wait a little\r\n")
        time.sleep(0.05)


def test_one_that_goes_on_for_ever_is_killed(way, monkeypatch, tmp_path):
    with raw(trickle) as port:
        assert asked(way, port, monkeypatch, tmp_path, 0.7).kind == "silent"


@pytest.mark.parametrize(
    "data", [b"", b"\0\xff" * 500, b"HTTP/1.1 200 OK\r\n\r\n", b"SSH-2.0-x\r\n" + b"y" * 999]
)
def test_one_that_speaks_otherwise(way, monkeypatch, tmp_path, data):
    def behave(line: socket.socket) -> None:
        line.sendall(data)
        line.shutdown(socket.SHUT_RDWR)

    with raw(behave) as port:
        assert asked(way, port, monkeypatch, tmp_path).kind in ("garbage", "silent")


ENDS = {
    "another host key": (255, "Host key verification failed.", "host key"),
    "no such host key": (255, "no matching host key type found. Their offer: ssh-rsa", "host key"),
    "not let in": (255, "root@203.0.113.5: Permission denied (publickey).", "refused"),
    "off": (255, "ssh: connect to host 203.0.113.5 port 22: Connection timed out", "unreachable"),
    "silent": (255, "Connection timed out during banner exchange", "silent"),
    "no way": (255, "connect to host ::1 port 22: Network is unreachable", "own"),
    "no python": (127, "python3: not found", "garbage"),
    "killed": (None, "", "silent"),
    "no ssh": (None, "no ssh", "own"),
    "not JSON": (0, "", "garbage"),
}


@pytest.mark.parametrize(("code", "error", "kind"), ENDS.values(), ids=ENDS)
def test_how_ssh_ends(code, error, kind):
    assert inside.understood(code, "welcome", error).kind == kind


def test_what_the_server_says_is_the_last_line():
    assert inside.understood(0, 'welcome\n{"now": 5}\n', "").now == 5


# What is run on the server


def test_nobody_is_named():
    value = {"a": ["ended jupyter-ada.service, which", "failed: jupyter-o\\x2dhara@x.service, x.service"]}
    told = json.dumps(on_the_server.nameless(value))
    assert "ada" not in told and "hara" not in told and "x.service" in told


@pytest.fixture
def course(monkeypatch, tmp_path) -> Path:
    for name in ("REPORT", "LOCK", "AUDIT", "WATCHDOG"):
        monkeypatch.setattr(on_the_server, name, tmp_path / name)
    return tmp_path


REPORT = {
    "at": NOW,
    "state": "down",
    "person": True,
    "streaks": {},
    "findings": [
        found("hub") | {"on": "jupyter-ada.service"},
        found("disk", "good"),
        found("last deploy", why="Ada"),
    ],
    "acts": [
        {"at": NOW - 9e5, "words": "old"},
        {"at": NOW - 9, "act": "a", "finding": "hub", "words": "w", "on": ""},
    ],
}


def test_the_report_in_short(course):
    assert on_the_server.report(NOW) is None
    (course / "REPORT").write_text(json.dumps(REPORT))
    told = on_the_server.report(NOW)
    assert [one["name"] for one in told["findings"]] == ["hub", "last deploy"]
    assert [act["words"] for act in told["acts"]] == ["w"] and "ada" not in json.dumps(told).lower()
    for damaged in ("", "[]", '{"findings": 3}', "\0"):
        (course / "REPORT").write_text(damaged)
        assert on_the_server.report(NOW) is None


def test_who_deploys(course):
    assert on_the_server.deploying() is None
    (course / "LOCK").write_text('{"who": "Prof. X", "since": "12:00"}')
    assert on_the_server.deploying() is None
    with subprocess.Popen(["flock", course / "LOCK", "sleep", "20"]) as process:
        deadline = time.monotonic() + 10
        while not on_the_server.deploying() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert on_the_server.deploying() == {"who": "a deploy", "since": "12:00"}
        assert on_the_server.heal()["did"] == []
        with pytest.raises(BlockingIOError), on_the_server.locked():
            pass
        process.terminate()


def test_healing_ends_before_it_is_given_up():
    """A pass, and two restarts by hand with the last answer that each waits for."""
    restart = 60.0 + on_the_server.COMING_UP + 2 * on_the_server.ANSWER
    assert on_the_server.A_PASS + 2 * restart + 4 * on_the_server.ANSWER < inside.HEAL


@pytest.fixture
def services(course, monkeypatch):
    """The commands, which are kept, not run."""
    commands = []

    def run(command, seconds=0.0):
        commands.append(" ".join(command))
        return True

    monkeypatch.setattr(on_the_server, "done", run)
    monkeypatch.setattr(on_the_server, "COMING_UP", 0.05)
    return commands


def test_without_a_watchdog_hub_and_then_proxy_are_restarted(services, monkeypatch):
    monkeypatch.setattr(on_the_server, "well", lambda: False)
    told = on_the_server.heal()
    assert told["did"] == ["restarted the hub", "restarted the proxy and the hub"]
    assert not any("watchdog.service" in command for command in services)


def test_no_more_than_what_helps(services, monkeypatch):
    monkeypatch.setattr(on_the_server, "well", lambda: any("restart jupyterhub" in one for one in services))
    assert on_the_server.heal()["did"] == ["restarted the hub"]


def test_the_watchdog_heals_where_there_is_one(services, course, monkeypatch):
    (course / "WATCHDOG").touch()
    act = {"at": time.time() + 1, "act": "restart_hub", "finding": "hub", "words": "restarted the hub"}
    (course / "REPORT").write_text(json.dumps(REPORT | {"acts": [act]}))
    monkeypatch.setattr(on_the_server, "well", lambda: True)
    assert on_the_server.heal()["did"] == ["restarted the hub"]
    assert not any(" restart " in command for command in services)


def test_it_runs_alone():
    """As it is sent: by itself, on standard input, and with the isolated Python of the server."""
    source = Path(on_the_server.__file__).read_bytes()
    done = subprocess.run(["python3", "-I", "-", "look"], input=source, capture_output=True, check=True)
    assert json.loads(done.stdout)["deploying"] is None


class Page(BaseHTTPRequestHandler):
    """Answers as its server's `page` says: status, headers, body."""

    def do_GET(self):
        status, headers, body = self.server.page
        self.send_response(status)
        for name in headers:
            self.send_header(name, "5.2")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing."""


HUBS = "X-JupyterHub-Version"
PAGES = {
    "the hub": ((200, [HUBS], b'{"version": "5.2"}'), ""),
    "its error": ((500, [HUBS], b"oh"), "status 500"),
    "another's error": ((500, [], b"oh"), "status 500 of another program"),
    "a page of another": ((200, [], b"<p>hello</p>"), "status 200 of another program"),
    "a lost route": ((404, [], b"404 page not found"), "status 404 of another program"),
}


@pytest.mark.parametrize(("page", "said"), PAGES.values(), ids=PAGES)
def test_what_answers_on_the_server(page, said):
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        server.page = page
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert on_the_server.answer_of(f"http://127.0.0.1:{server.server_port}/hub/api/") == said
        asked = asking.ask("/hub/api/", server.server_port)
        assert (asked["status"], asked["foreign"]) == (page[0], HUBS not in page[1])
        server.shutdown()


def test_nothing_answers_on_the_server():
    assert on_the_server.answer_of(f"http://127.0.0.1:{closed_port()}/hub/api/") == "no answer"


@pytest.mark.parametrize(
    ("unit", "age", "word"),
    [("HUB", 5.0, "activating"), ("HUB", 60.0, "active"), ("PROXY", 5.0, "active")],
)
def test_a_hub_that_was_just_started_is_starting(monkeypatch, unit, age, word):
    began = int((time.clock_gettime(time.CLOCK_MONOTONIC) - age) * 1e6)
    said = f"ActiveState=active\nActiveEnterTimestampMonotonic={began}\n"
    monkeypatch.setattr(
        on_the_server.subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0, said)
    )
    assert on_the_server.state(getattr(on_the_server, unit)) == word
