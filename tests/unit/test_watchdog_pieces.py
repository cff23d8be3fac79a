"""The watchdog, the pure pieces: judgements and decisions as values, and what is remembered."""

import json
import os
import subprocess
import sys
import time

import pytest

from coursehub.droplet import lock, storage
from coursehub.droplet import watchdog as installed
from coursehub.parts import watchdog as part
from coursehub.watchdog import acts, asking, decision, judgement, keeping, machine, passing
from coursehub.watchdog.model import DEGRADED, DOWN, FAILURE, GOOD, UP, WARNING, Act, state_of
from hub_servers import closed_port, hub, raw

NOW = 1_000_000.0
GIB = 1 << 30
ANSWER = {"status": 200, "location": "", "body": json.dumps({"version": "5.4"}), "seconds": 0.01}
ACTIVE = {"ActiveState": "active", "NRestarts": "0", "Result": "success"}
HEALTHY = {
    "config": {"services": {"cull": {"enabled": True}}},
    "units": {"jupyterhub.service": ACTIVE, "traefik.service": ACTIVE, "failed": []},
    "volume": {"wanted": True, "mounted": True},
    "hub": ANSWER,
    "proxy": ANSWER,
    "certificate": {"host": "hub.school.edu", "problem": None, "end": NOW + 60 * 86400},
    "servers": {"running": 2, "answer": {**ANSWER, "status": 302}},
    "culler": {"runs": True},
    "environment": {"name": "abc", "missing": None},
    "deploy": {"verdict": "converged"},
    "disks": {"/": {"free": 9 * GIB, "part": 0.5, "inodes": 0.9}},
    "memory": {"total": 4 * GIB, "available": 2 * GIB, "swap": GIB, "swap_free": GIB, "pressure": 0.0},
    "tasks": {"jupyter-ada.service": {"tasks": 12, "limit": 4000}},
    "clock": {"synchronised": True},
    "kills": {},
    "ssh": {"units": {}, "answer": "SSH-2.0-OpenSSH_9.6p1"},
    "changed": [],
}
REFUSED = {"trouble": "Connection refused"}
LATE = {"trouble": "no answer within 10 s", "late": True}
LOOPING = {"ActiveState": "activating", "NRestarts": "4", "Result": "exit-code"}


def judged(**otherwise):
    """The findings that are not good, by name."""
    found = judgement.findings(HEALTHY | otherwise, NOW)
    return {one.name: one for one in found if one.level != GOOD}


def units(**states):
    named = {f"{name}.service": ACTIVE | about for name, about in states.items()}
    return HEALTHY["units"] | named


def test_a_healthy_hub_is_up():
    assert judged() == {}
    assert state_of(judgement.findings(HEALTHY, NOW)) == UP


# What was seen; the finding's name, its level, and a word of its cause or of what was seen.
TROUBLES = {
    "hub off": ({"hub": REFUSED, "units": units(jupyterhub={"ActiveState": "inactive"})},
                "hub", FAILURE, "switched off"),
    "hub failed": ({"hub": REFUSED, "units": units(jupyterhub={"ActiveState": "failed"})},
                   "hub", FAILURE, "ended and was not started again"),
    "hub crashes": ({"hub": REFUSED, "units": units(jupyterhub=LOOPING)},
                    "hub", FAILURE, "again and again (4 restarts)"),
    "hub out of memory": (
        {"hub": REFUSED, "units": units(jupyterhub={"ActiveState": "activating", "Result": "oom-kill"})},
        "hub", FAILURE, "want of memory"),
    "hub hangs": ({"hub": LATE, "proxy": LATE}, "hub", FAILURE, "runs and does not answer"),
    "hub says something else": ({"hub": {**ANSWER, "body": "<html>"}}, "hub", FAILURE, "status 200"),
    "hub breaks": ({"hub": {**ANSWER, "status": 500}}, "hub", FAILURE, "fails inside"),
    "hub's port taken": (
        {"hub": {**ANSWER, "status": 500}, "units": units(jupyterhub=LOOPING)},
        "hub", FAILURE, "another program has the hub's port"),
    "hub slow": ({"hub": {**ANSWER, "seconds": 7.0}}, "hub", WARNING, "busy"),
    "no volume": ({"volume": {"wanted": True, "mounted": False}}, "volume", FAILURE, "detached"),
    "hub without volume": ({"volume": {"wanted": True, "mounted": False}, "hub": REFUSED},
                           "hub", FAILURE, "without the volume"),
    "hub on a full disk": (
        {"hub": REFUSED, "disks": {"/": {"free": 4096, "part": 0.0, "inodes": 0.5}}},
        "hub", FAILURE, "disk is full"),
    "proxy off": ({"proxy": REFUSED}, "proxy", FAILURE, "runs and does not answer"),
    "proxy hangs": ({"proxy": LATE}, "proxy", FAILURE, "does not answer"),
    "routes lost": ({"proxy": {**ANSWER, "status": 404}}, "way to the hub", FAILURE, "route"),
    "gateway": ({"proxy": {**ANSWER, "status": 502}}, "way to the hub", FAILURE, "no hub answers"),
    "proxy fails": ({"proxy": {**ANSWER, "status": 500}}, "way to the hub", FAILURE, "in its place"),
    "server lost": ({"servers": {"running": 1, "answer": {**ANSWER, "status": 404}}},
                    "way to a server", WARNING, "lost its route"),
    "certificate expired": (
        {"certificate": {"host": "h", "problem": "the certificate has expired", "end": NOW - 1}},
        "certificate", FAILURE, "not renewed"),
    "certificate ends": ({"certificate": {"host": "h", "problem": None, "end": NOW + 7200}},
                         "certificate", WARNING, "2 hours"),
    "disk full": ({"disks": {"/": {"free": 100 << 20, "part": 0.01, "inodes": 0.5}}},
                  "disk", FAILURE, "0.1 GB free"),
    "homes full": ({"disks": {"/home": {"free": GIB, "part": 0.1, "inodes": 0.5}}},
                   "disk of /home", WARNING, "soon"),
    "no inodes": ({"disks": {"/": {"free": 9 * GIB, "part": 0.5, "inodes": 0.0}}},
                  "disk", FAILURE, "inodes"),
    "pressure": ({"memory": HEALTHY["memory"] | {"pressure": 0.6}}, "memory", FAILURE, "60%"),
    "little memory": ({"memory": HEALTHY["memory"] | {"available": 9}}, "memory", WARNING, "nearly all"),
    "swap full": ({"memory": HEALTHY["memory"] | {"swap_free": 0}}, "memory", WARNING, "swap is full"),
    "fork bomb": ({"tasks": {"jupyter-bob.service": {"tasks": 3999, "limit": 4000}}},
                  "processes", WARNING, "runaway"),
    "clock": ({"clock": {"synchronised": False}}, "clock", WARNING, "network"),
    "environment": ({"environment": {"name": "abc", "missing": "abc lacks bin/python3"}},
                    "environment", FAILURE, "bin/python3"),
    "culler": ({"culler": {"runs": False}}, "culler", WARNING, "idle"),
    "failed unit": ({"units": units() | {"failed": ["nightly.service"]}}, "services", WARNING, "nightly"),
    "failed deploy": ({"deploy": {"verdict": "failed", "error": "no room"}},
                      "last deploy", WARNING, "no room"),
    "blind": ({"disks": {"unseen": "permission denied"}}, "disk", "unseen", "permission denied"),
}  # fmt: skip


@pytest.mark.parametrize(("seen", "name", "level", "words"), TROUBLES.values(), ids=TROUBLES)
def test_each_trouble_is_told_with_its_cause(seen, name, level, words):
    found = judged(**seen)[name]
    assert found.level == level and words in f"{found.seen} {found.why}"
    stops = name in ("hub", "proxy", "way to the hub", "volume", "environment") and level == FAILURE
    expected = DOWN if stops else (UP if level == "unseen" else DEGRADED)
    assert state_of([found]) == expected


def test_one_trouble_is_not_told_as_several():
    """A hub that hangs makes the proxy hang; a proxy that is away hides all that lies behind it."""
    assert [one.level for one in judged(hub=LATE, proxy=LATE).values()] == [FAILURE, "unseen"]
    assert set(judged(proxy=REFUSED, servers={"running": 1, "answer": REFUSED})) == {"proxy"}


def decide(seen=None, history=(), streaks=None, now=NOW, **otherwise):
    seen = HEALTHY | (seen or {}) | otherwise
    found = judgement.findings(seen, NOW)
    streaks = {one.name: 9 for one in found} if streaks is None else streaks
    return decision.next_act(found, seen, list(history), streaks, now)


def done(act, finding, ago=60.0):
    return {"act": act, "finding": finding, "on": "", "at": NOW - ago}


def test_nothing_is_done_about_a_healthy_hub():
    assert decide() is None


def test_remedies_are_tried_one_after_the_other():
    """And then once more, and then a person is needed: never in circles."""
    history, names = [], []
    while act := decide(hub=REFUSED, history=history, changed=["/opt/tljh/config/config.yaml"]):
        history.append(done(act.name, act.finding))
        names.append(act.name)
        assert len(names) < 20
    assert names == ["restart_hub", "restart_proxy", "take_back"] * 2
    later = [entry | {"at": entry["at"] - 3600} for entry in history]
    assert decide(hub=REFUSED, history=later) == Act("restart_hub", "hub"), "the hour is over"


def test_the_budget_is_for_all_troubles_together():
    history = [done("restart_hub", "way to the hub") for _ in range(decision.ALTOGETHER)]
    assert decide(proxy=REFUSED, history=history) is None


def test_a_configuration_is_taken_back_only_where_it_changed():
    history = [done("restart_hub", "hub"), done("restart_proxy", "hub")]
    assert decide(hub=REFUSED, history=history).name == "restart_hub"
    assert decide(hub=REFUSED, history=history, changed=["config.yaml"]).name == "take_back"
    assert decide(hub=REFUSED, history=history, changed={"unseen": "?"}).name == "restart_hub"


def test_a_hub_that_crashes_by_a_change_is_not_restarted_first():
    crashing = {"hub": REFUSED, "units": units(jupyterhub=LOOPING)}
    assert decide(crashing, changed=["coursehub.py"]).name == "take_back"
    assert decide(crashing).name == "restart_hub"


def test_what_comes_first_is_healed_first():
    everything = {"volume": {"wanted": True, "mounted": False}, "hub": REFUSED, "proxy": REFUSED}
    assert decide(everything).name == "mount_homes"
    full = {"/": {"free": 0, "part": 0.0, "inodes": 0.5}}
    assert decide(hub=REFUSED, disks=full).name == "free_caches"


def test_a_full_disk_of_the_homes_is_nothing_to_delete_from_twice():
    full = {"/home": {"free": 0, "part": 0.0, "inodes": 0.5}}
    assert decide(disks=full).name == "free_caches"
    assert decide(disks=full, history=[done("free_caches", "disk")]) is None


def test_what_may_pass_is_given_the_time():
    lost = {"servers": {"running": 1, "answer": {**ANSWER, "status": 503}}}
    assert decide(lost, streaks={"way to a server": 4}) is None
    assert decide(lost, streaks={"way to a server": 5}).name == "restart_hub"


def test_a_runaway_is_ended_by_name():
    bomb = {"tasks": {"jupyter-bob.service": {"tasks": 4000, "limit": 4000}}}
    assert decide(bomb) == Act("end_server", "processes", "jupyter-bob.service")


def test_a_warning_alone_is_nothing_to_act_upon():
    assert decide(hub={**ANSWER, "seconds": 9.0}) is None
    assert decide(disks={"/": {"free": GIB, "part": 0.1, "inodes": 0.5}}) is None


def test_every_remedy_can_be_done():
    named = {act for sequence in decision.REMEDIES.values() for act in sequence}
    assert named | set(decision.TAKEN_BACK_FIRST) == set(acts.ACTS)
    assert set(decision.CALM) | set(decision.RARE) | decision.ON_A_WARNING <= set(decision.REMEDIES)
    assert acts.HOMES == storage.SERVICE


# What is remembered


def test_events_are_what_began_and_what_ended():
    before = {"findings": [finding("hub", FAILURE), finding("disk", WARNING)], "since": {"hub": NOW - 90}}
    after = [finding("hub", GOOD), finding("disk", FAILURE), finding("memory", WARNING)]
    events = keeping.changes(before, after, NOW)
    assert [(event["what"], event["name"]) for event in events] == [
        ("found", "disk"),
        ("found", "memory"),
        ("over", "hub"),
    ]
    assert events[-1]["seconds"] == 90


def finding(name, level):
    return {"name": name, "level": level, "seen": "", "why": ""}


def test_the_log_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(keeping, "LOG", tmp_path / "watchdog.log")
    monkeypatch.setattr(keeping, "MOST", 4000)
    for number in range(500):
        keeping.log([{"at": number, "what": "found"}])
    lines = (tmp_path / "watchdog.log").read_text().splitlines()
    assert json.loads(lines[-1])["at"] == 499 and len("\n".join(lines)) <= 4100
    assert [json.loads(line)["at"] for line in lines] == list(range(500 - len(lines), 500))
    assert (tmp_path / "watchdog.log").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "[]", "{", "null"])
def test_a_report_that_was_never_finished_is_forgotten(tmp_path, monkeypatch, text):
    monkeypatch.setattr(keeping, "REPORT", tmp_path / "watchdog.json")
    (tmp_path / "watchdog.json").write_text(text)
    assert keeping.last()["acts"] == []


# Looks


def test_asking():
    with hub() as (port, pages):
        assert asking.ask("/hub/api/", port)["status"] == 200
        pages["/hub/api/"] = (302, "https://hub.school.edu/")
        assert asking.ask("/hub/api/", port)["location"] == "https://hub.school.edu/"
    assert "refused" in asking.ask("/", closed_port())["trouble"]


def test_asking_somebody_who_never_answers(monkeypatch):
    monkeypatch.setattr(asking, "PATIENCE", 0.2)
    with raw(lambda line: line.recv(1) and line.recv(1 << 20) and line.recv(1)) as port:
        assert asking.ask("/", port)["late"]
    with raw(lambda line: line.sendall(b"SSH-2.0-garbage\r\n")) as port:
        assert "trouble" in asking.ask("/", port)


def test_pressure_is_read():
    text = "some avg10=0.00 avg60=1.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=45.50 avg300=0.00 total=9\n"
    assert machine.pressure(text) == pytest.approx(0.455)
    assert machine.pressure(None) is None


def test_who_deploys_is_seen_and_left_alone(tmp_path, monkeypatch):
    place = tmp_path / "lock"
    monkeypatch.setattr(lock, "LOCK", place)
    assert lock.holder_now() is None
    place.write_text(json.dumps({"who": "ada", "since": "now", "run": ""}))
    assert lock.holder_now() is None, "a lock of the past"
    hold = "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, 2); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, place], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        assert lock.holder_now()["who"] == "ada"
        process.communicate(b"\n")
    assert lock.holder_now() is None


# The part


def test_the_program_is_whole(tmp_path):
    """It runs with what is installed of it, and nothing else; in a hub's absence it reports one."""
    for path, text in part.program().items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from coursehub.watchdog import passing, acts, keeping\n"
        "print(sorted(m for m in sys.modules if m.startswith('coursehub')))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, tmp_path], capture_output=True, text=True, env={}, check=True
    )
    assert "coursehub.watchdog.decision" in done.stdout
    used = {f"coursehub.droplet.{name}" for name in part.NEEDED}
    assert all(name in done.stdout for name in used), "nothing is installed in vain"


def test_a_deploy_tells_what_the_watchdog_saw(tmp_path, monkeypatch):
    monkeypatch.setattr(installed, "REPORT", tmp_path / "watchdog.json")
    assert part.notes(installed.recent()) == [], "nothing was ever seen"
    found = [finding("hub", GOOD), {**finding("disk", FAILURE), "seen": "0.1 GB free", "why": "it is full"}]
    report = {"at": time.time(), "state": DEGRADED, "person": True, "findings": found}
    installed.REPORT.write_text(json.dumps(report))
    first, second = part.notes(installed.recent())
    assert first.endswith("found: disk: 0.1 GB free (it is full)") and "could not heal" in second
    installed.REPORT.write_text(json.dumps(report | {"at": time.time() - 3600}))
    assert installed.recent() is None


def test_nobody_is_named_in_what_is_found():
    bomb = {"tasks": {"jupyter-bob.service": {"tasks": 4000, "limit": 4000}}}
    found = judged(**bomb)["processes"]
    assert "bob" not in found.seen + found.why and found.on == "jupyter-bob.service"


def test_the_plan():
    want = part.Want(part.program())
    (step,) = part.plan(want, {"settled": False, "present": False}, {})
    assert step.operation == "watchdog.install" and step.parameters["digest"] == want.digest
    assert part.plan(want, {"settled": True, "present": True}, {}) == []
    (step,) = part.plan(part.Want({}), {"settled": False, "present": True}, {})
    assert step.operation == "watchdog.remove"
    assert part.plan(part.Want({}), {"settled": False, "present": False}, {}) == []
    changed = part.Want({**want.files, "coursehub/watchdog/model.py": "# new"})
    assert changed.digest != want.digest


# A pass


class World:
    """Looks and acts that are told what to say; `heals` maps an act to what is seen after it."""

    def __init__(self, monkeypatch, tmp_path, seen, heals=None):
        plain = {"certificate": {"host": None}}
        self.seen, self.heals, self.done, self.busy = HEALTHY | plain | seen, heals or {}, [], None
        monkeypatch.setattr(passing.looks, "look", lambda: dict(self.seen))
        monkeypatch.setattr(passing.looks, "deploying", lambda: self.busy)
        monkeypatch.setattr(passing.acts, "changed", lambda: self.seen["changed"])
        monkeypatch.setattr(passing.acts, "do", self.do)
        monkeypatch.setattr(passing.lock, "take_lock", lambda holder: self.busy)
        monkeypatch.setattr(passing, "CONFIRMING", 0)
        monkeypatch.setattr(keeping, "REPORT", tmp_path / "watchdog.json")
        monkeypatch.setattr(keeping, "LOG", tmp_path / "watchdog.log")

    def do(self, act):
        self.done.append(act.name)
        self.seen |= self.heals.get(act.name, {})
        return f"did {act.name}"


def test_a_pass_goes_on_until_it_is_healed(monkeypatch, tmp_path, capsys):
    world = World(monkeypatch, tmp_path, {"hub": REFUSED}, {"restart_proxy": {"hub": ANSWER}})
    passing.main()
    assert world.done == ["restart_hub", "restart_proxy"]
    report = keeping.last()
    assert report["state"] == UP and not report["person"] and report["since"] == {}
    logged = [json.loads(line) for line in keeping.LOG.read_text().splitlines()]
    assert [event["what"] for event in logged] == ["found", "did", "did", "over"]
    assert "found: hub: the hub does not answer" in capsys.readouterr().out
    passing.main()
    assert len(world.done) == 2 and len(keeping.LOG.read_text().splitlines()) == 4


def test_what_is_over_in_a_moment_is_not_told(monkeypatch, tmp_path):
    """A student stops a server, and the hub's records are a moment behind: not worth a word."""
    lost = {"servers": {"running": 1, "answer": {"status": 502}}}
    world = World(monkeypatch, tmp_path, lost)
    monkeypatch.setattr(passing.time, "sleep", lambda _: world.seen.update(servers={"running": 0}))
    passing.main()
    assert keeping.last()["state"] == UP and not keeping.LOG.exists()
    world.seen |= lost
    monkeypatch.setattr(passing.time, "sleep", lambda _: None)
    passing.main()
    assert keeping.last()["state"] == DEGRADED and "way to a server" in keeping.LOG.read_text()


def test_a_pass_that_is_cut_off_has_told_and_remembers(monkeypatch, tmp_path):
    """An act may take long: what was found is told by then, and what was done before counts for the hour."""
    world = World(monkeypatch, tmp_path, {"hub": REFUSED})

    def cut_off(act):
        bad = [one["name"] for one in keeping.last()["findings"] if one["level"] == "failure"]
        assert bad == ["hub"] and keeping.LOG.read_text().count('"found"') == 1
        if world.done:
            raise SystemExit
        return world.do(act)

    monkeypatch.setattr(passing.acts, "do", cut_off)
    with pytest.raises(SystemExit):
        passing.main()
    assert [act["act"] for act in keeping.last()["acts"]] == ["restart_hub"]
    assert [json.loads(one)["what"] for one in keeping.LOG.read_text().splitlines()] == ["found", "did"]


def test_a_pass_ends_and_so_does_the_hour(monkeypatch, tmp_path):
    world = World(monkeypatch, tmp_path, {"hub": REFUSED})
    for _ in range(10):
        passing.main()
    assert len(world.done) == 4, "each remedy twice: there is no changed configuration to take back"
    report = keeping.last()
    assert report["state"] == DOWN and report["person"]
    first = report["since"]["hub"]
    passing.main()
    assert keeping.last()["since"]["hub"] == first


def test_a_pass_during_a_deploy_does_nothing(monkeypatch, tmp_path, capsys):
    world = World(monkeypatch, tmp_path, {"hub": REFUSED})
    world.busy = {"who": "ada", "since": "now", "run": ""}
    passing.main()
    assert world.done == [] and not keeping.REPORT.exists() and "ada" in capsys.readouterr().out


def test_a_deploy_that_begins_meanwhile_comes_first(monkeypatch, tmp_path):
    world = World(monkeypatch, tmp_path, {"hub": REFUSED})
    monkeypatch.setattr(passing.lock, "take_lock", lambda holder: {"who": "ada"})
    passing.main()
    assert world.done == [] and keeping.last()["state"] == DOWN


def test_a_passing_trouble_is_none(monkeypatch, tmp_path):
    world = World(monkeypatch, tmp_path, {"hub": REFUSED})
    monkeypatch.setattr(passing.time, "sleep", lambda _: world.seen.update(hub=ANSWER))
    passing.main()
    assert world.done == [] and keeping.last()["state"] == UP and not keeping.LOG.exists()


def test_a_full_disk_does_not_stop_a_pass(monkeypatch, tmp_path):
    world = World(monkeypatch, tmp_path, {"hub": REFUSED}, {"restart_hub": {"hub": ANSWER}})

    def full(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(passing.keeping, "log", full)
    monkeypatch.setattr(passing.keeping, "save", full)
    passing.main()
    assert world.done == ["restart_hub"]
