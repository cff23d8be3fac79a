"""What the watchdog sees of students' limits of memory, and of the way in by SSH."""

import socket

import pytest

from coursehub.watchdog import acts, decision, kills, restarts, ssh
from coursehub.watchdog.model import FAILURE, GOOD, UP, WARNING, state_of
from hub_servers import closed_port, raw

NOW = 1_000_000.0
ADA, BOB = "jupyter-ada.service", "jupyter-bob.service"
VERSIONS = {
    "version 2": ("system.slice", "memory.events", "low 0\nhigh 3\nmax 90\noom 4\noom_kill 2\n"),
    "version 1": (
        "memory/system.slice",
        "memory.oom_control",
        "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    ),
}


@pytest.mark.parametrize(("folder", "file", "text"), VERSIONS.values(), ids=VERSIONS)
def test_what_the_kernel_killed_is_counted_for_each_server(tmp_path, folder, file, text):
    for unit, content in ((ADA, text), (BOB, "oom_kill 0\n"), ("ssh.service", text)):
        place = tmp_path / folder / unit
        place.mkdir(parents=True)
        (place / file).write_text(content)
    assert kills.look(tmp_path) == {ADA: 2, BOB: 0}


@pytest.mark.parametrize("text", [None, "", "oom_kill", "oom_kill many", "oom_kill_disable 1"])
def test_a_kernel_that_does_not_count_says_nothing(text):
    assert kills.killed(text) is None


def told(remembered, now=NOW):
    return kills.judge({"kills": remembered}, now)


def test_a_kill_is_told_for_some_minutes_and_names_nobody():
    first = kills.remembered({}, {ADA: 0, BOB: 0}, NOW - 60)
    assert told(first) is None
    second = kills.remembered(first, {ADA: 2, BOB: 0}, NOW)
    found = told(second)
    assert found.level == WARNING and "2 of the processes" in found.seen and "limits.memory" in found.why
    assert "ada" not in found.seen + found.why + found.on
    assert state_of([found]) == UP, "what one did to their own notebook makes no hub degraded"
    third = kills.remembered(second, {ADA: 2, BOB: 0}, NOW + 600)
    assert told(third, NOW + 600) == found and told(third, NOW + 1000) is None


def test_a_server_that_ended_or_began_anew_meanwhile():
    before = kills.remembered({}, {ADA: 3}, NOW)
    gone = kills.remembered(before, {}, NOW + 60)
    assert told(gone, NOW + 60), "the server that ended of it is not forgotten at once"
    assert kills.remembered(gone, {}, NOW + 1000) == {}
    again = kills.remembered(before, {ADA: 1}, NOW + 60)
    assert again[ADA] == {"count": 1, "new": 1, "at": NOW + 60}


def test_what_could_not_be_counted_forgets_nothing():
    before = kills.remembered({}, {ADA: 3}, NOW)
    assert kills.remembered(before, {"unseen": "no permission"}, NOW) == before


def unit(active="active", enabled="enabled", loaded="loaded"):
    return {"ActiveState": active, "UnitFileState": enabled, "LoadState": loaded}


REFUSED = {"trouble": "Connection refused"}


@pytest.mark.parametrize(
    ("units", "answer", "level", "word"),
    [
        ({"ssh.service": unit()}, {"answer": "SSH-2.0-OpenSSH_9.6p1\r\n"}, GOOD, ""),
        ({"ssh.service": unit()}, {"answer": "Exceeded MaxStartups\r\n"}, GOOD, ""),
        ({"ssh.service": unit("inactive")}, REFUSED, FAILURE, "switched off"),
        ({"ssh.service": unit("failed")}, REFUSED, FAILURE, "ended"),
        ({"ssh.service": unit()}, {"trouble": "no answer within 5 s"}, FAILURE, "runs and does not answer"),
        ({"ssh.service": unit()}, {"answer": ""}, FAILURE, "runs and does not answer"),
        (
            {"ssh.service": unit("inactive", "disabled"), "ssh.socket": unit("failed")},
            *(REFUSED, FAILURE, "ended"),
        ),
    ],
)
def test_why_nobody_comes_in_by_ssh(units, answer, level, word):
    found = ssh.judge({"ssh": {"units": units, **answer}}, NOW)
    assert found.level == level and word in found.why


def test_an_sshd_that_is_not_wanted_is_not_missed():
    off = {"ssh.service": unit("inactive", "disabled"), "ssh.socket": unit("inactive", "", "not-found")}
    assert ssh.judge({"ssh": {"units": off}}, NOW) is None
    assert not any(ssh.is_wanted(one) for one in off.values())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ("127.0.0.1", 22)),
        ("#Port 23\nPort 2222\nPort 22\n", ("127.0.0.1", 2222)),
        ("port=2022\nListenAddress 0.0.0.0\nListenAddress ::", ("127.0.0.1", 2022)),
        ("ListenAddress 10.1.2.3\n", ("10.1.2.3", 22)),
    ],
)
def test_where_sshd_is_asked(text, found):
    assert ssh.place(text) == found


def test_what_is_said_first(monkeypatch):
    monkeypatch.setattr(ssh, "PATIENCE", 0.2)
    assert ssh.greeting("127.0.0.1", closed_port()) == REFUSED
    with raw(lambda line: line.sendall(b"SSH-2.0-x\r\n")) as port:
        assert ssh.greeting("127.0.0.1", port) == {"answer": "SSH-2.0-x\r\n"}
    hangs = socket.create_server(("127.0.0.1", 0))
    assert "no answer" in ssh.greeting("127.0.0.1", hangs.getsockname()[1])["trouble"]
    hangs.close()


def test_sshd_is_restarted_when_two_passes_miss_it():
    found = ssh.judge({"ssh": {"units": {"ssh.service": unit("inactive")}, **REFUSED}}, NOW)
    assert decision.next_act([found], {"changed": []}, [], {"SSH": 1}, NOW) is None
    act = decision.next_act([found], {"changed": []}, [], {"SSH": 2}, NOW)
    assert act.name == "restart_ssh" and act.name in acts.ACTS


HUB = "jupyterhub.service"


def seen_with(counts, before, now):
    """What is remembered when systemd counts so many restarts."""
    return restarts.remembered(before, counts, now, lambda unit: "it was killed from outside (9/KILL)")


def test_a_hub_that_systemd_started_again_is_told_and_no_alarm():
    answers = {"hub": {"status": 200}}
    first = seen_with({HUB: 3}, {}, NOW)
    assert restarts.judge({**answers, "restarts": first}, NOW) is None, "what was before is nobody's business"
    second = seen_with({HUB: 4}, first, NOW + 60)
    found = restarts.judge({**answers, "restarts": second}, NOW + 60)
    assert "the hub ended by itself once" in found.seen and "killed" in found.why
    assert found.level == WARNING and state_of([found]) == UP
    third = seen_with({HUB: 0}, second, NOW + 120)
    assert restarts.judge({**answers, "restarts": third}, NOW + 1000) is None
    assert restarts.judge({"hub": {"trouble": "x"}, "restarts": second}, NOW + 60) is None


def test_restarts_are_counted_as_systemd_shows_them():
    assert restarts.counted({HUB: {"NRestarts": "2"}, "failed": []})[HUB] == 2
    assert restarts.counted({"unseen": "no systemd"}) == {}


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("code=exited, status=1/FAILURE", "with an error (1/FAILURE)"),
        ("code=killed, status=9/KILL", "(9/KILL)"),
    ],
)
def test_how_it_ended(words, meaning):
    assert meaning in restarts.meaning(words)
