"""The watchdog: what breaks on the server is found and healed without anybody, while a student works on.

The tests of this file tell one story, in order, on one machine. Where only the healing matters, the pass that
the timer would start within the minute is started at once.
"""

import json
import time

import pytest

from sandbox.commands import wait_until

pytestmark = pytest.mark.sandbox
REPORT, LOG = "/opt/course/state/watchdog.json", "/opt/course/state/watchdog.log"
SNIPPETS = "/opt/tljh/config/jupyterhub_config.d"
TARGET = 90
"""Seconds within which a hub or a proxy that died must be healed."""


@pytest.fixture(scope="module")
def watched(make_deployed):
    course, box = make_deployed("test-watchdog")
    course.override["health"] = {"watchdog": True}
    return course, box


@pytest.fixture(scope="module")
def box(watched):
    return watched[1]


def report(box) -> dict:
    return json.loads(box.run(["cat", REPORT]).stdout)


def events(box) -> list[dict]:
    """All that was ever logged; nothing is, while all is well."""
    logged = box.run(["cat", LOG], check=False).stdout
    return [json.loads(line) for line in logged.decode().splitlines()]


def last_acts(box, since: int) -> list[dict]:
    """What was done since that many events had been logged."""
    return [event for event in events(box)[since:] if event["what"] == "did"]


def told(box, since: int, name: str) -> dict:
    """What was found under this name, since that many events had been logged."""
    (found,) = [one for one in events(box)[since:] if one["what"] == "found" and one["name"] == name]
    return found


def a_pass(box) -> dict:
    """Start a pass now, and wait for its end; the report."""
    box.run(["systemctl", "start", "coursehub-watchdog.service"])
    return report(box)


def finding(found: dict, name: str) -> dict:
    return next(one for one in found["findings"] if one["name"] == name)


def hush(box) -> None:
    """No pass but those that a test starts."""
    box.run(["systemctl", "stop", "coursehub-watchdog.timer"])


def show(box, unit: str, name: str) -> str:
    return box.run(["systemctl", "show", unit, f"--property={name}", "--value"]).stdout.decode().strip()


def answers(box) -> bool:
    done = box.run(
        ["curl", "--silent", "--fail", "--max-time", "5", "http://127.0.0.1/hub/api/"], check=False
    )
    return done.returncode == 0


def test_it_is_set_up_by_a_deploy_and_only_once(watched, kernel):
    course, box = watched
    assert course.deploy().parts == ["watchdog"]
    assert course.deploy().parts == []
    found = a_pass(box)
    assert found["state"] == "up" and not found["person"], found
    assert {"hub", "proxy", "way to the hub", "way to a server", "environment", "disk", "memory"} <= {
        one["name"] for one in found["findings"] if one["level"] == "good"
    }
    assert box.run(["stat", "--format=%a", REPORT]).stdout.strip() == b"600"


def test_it_costs_next_to_nothing(box):
    """Bytes of memory at its most, and seconds of the processor, as the kernel counts them."""
    code = (
        "import resource, subprocess; "
        "subprocess.run(['/usr/bin/python3', '-I', '/opt/course/bin/watchdog'], check=True); "
        "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
        "print(used.ru_maxrss, used.ru_utime + used.ru_stime)"
    )
    kilobytes, seconds = map(float, box.run(["python3", "-c", code]).stdout.split()[-2:])
    assert kilobytes < 30 * 1024
    assert seconds < 0.6 * 5  # of the minute's 0.6; a busy computer counts more


def test_a_hub_that_is_switched_off_is_back_by_the_timer(box, kernel):
    before = len(events(box))
    box.run(["systemctl", "stop", "jupyterhub"])
    began = time.monotonic()
    wait_until(lambda: answers(box), 3 * TARGET, "the hub healed", interval=0.5)
    took = time.monotonic() - began
    assert kernel.run("kept") == "7"
    assert took < TARGET, f"{took:.0f} s"
    wait_until(lambda: report(box)["state"] == "up", 120, "the report says so", interval=1)
    assert [act["act"] for act in last_acts(box, before)] == ["restart_hub"]


def test_a_proxy_that_is_switched_off_is_back(box, kernel):
    """With it went the hub, which requires it."""
    hush(box)
    before = len(events(box))
    box.run(["systemctl", "stop", "traefik"])
    assert a_pass(box)["state"] == "up"
    kernel.reconnect()  # the proxy, which is in between, was away
    assert kernel.run("kept") == "7"
    assert "switched off" in told(box, before, "proxy")["why"]


def test_a_killed_hub_is_the_systems_own_business(box):
    """systemd starts it again at once; the watchdog does not add a restart of its own."""
    before = len(events(box))
    box.run(["systemctl", "kill", "--signal=SIGKILL", "--kill-who=main", "jupyterhub"])
    wait_until(lambda: answers(box), 60, "the hub is back", interval=0.5)
    assert a_pass(box)["state"] == "up" and last_acts(box, before) == []


SLOW = """#!/bin/sh
if [ "$*" = "is-active jupyter-ada" ]; then touch /run/asked; exec sleep 600; fi
exec /usr/bin/systemctl "$@"
"""


def test_what_looks_at_a_server_may_end_without_an_answer(box, kernel):
    """The hub asks systemd about each student's server twice a minute. Where the hub is restarted meanwhile,
    systemd ends what asks as well, and the hub, which runs on for a moment, must not take that for an answer:
    it would stop the server."""
    shim = "/usr/local/bin/systemctl"
    box.run(["sh", "-c", f"cat > {shim} && chmod +x {shim}"], input=SLOW.encode())
    wait_until(lambda: box.run(["test", "-e", "/run/asked"], check=False).returncode == 0, 60, "a look")
    box.run(["rm", shim])
    box.run(["pkill", "--full", "sleep 600"])
    box.run(["sleep", "3"])
    assert show(box, "jupyter-ada", "ActiveState") == "active"
    box.run(["systemctl", "restart", "jupyterhub"])
    wait_until(lambda: answers(box), 60, "the hub is back", interval=0.5)
    kernel.reconnect()
    assert kernel.run("kept") == "7"


def forget(box) -> None:
    """As if the hour were over, for which the budget is."""
    code = f"import json; p = {REPORT!r}; r = json.load(open(p)); r['acts'] = []; json.dump(r, open(p, 'w'))"
    box.run(["python3", "-c", code])


@pytest.mark.parametrize(("unit", "name"), [("jupyterhub", "hub"), ("traefik", "proxy")])
def test_one_that_hangs_is_found_and_restarted(box, kernel, unit, name):
    """It accepts connections, and never answers."""
    forget(box)
    before = len(events(box))
    box.run(["systemctl", "kill", "--signal=SIGSTOP", "--kill-who=main", unit])
    found = a_pass(box)
    assert found["state"] == "up", found
    trouble = told(box, before, name)
    assert "no answer" in trouble["seen"] and trouble["why"].endswith("runs and does not answer")
    assert last_acts(box, before)[0]["act"] == f"restart_{name}"
    kernel.reconnect()
    assert kernel.run("kept") == "7"


def test_lost_routes_are_told_to_the_proxy_again(box, kernel):
    forget(box)
    before = len(events(box))
    box.run(["sh", "-c", "echo > /opt/tljh/state/rules/rules.toml"])
    wait_until(lambda: not answers(box), 30, "the proxy forgets", interval=0.5)
    assert a_pass(box)["state"] == "up"
    trouble = told(box, before, "way to the hub")
    assert "404" in trouble["seen"] and "route" in trouble["why"]
    assert kernel.run("kept") == "7"


def test_a_configuration_that_was_broken_by_hand_is_taken_back(box, kernel):
    forget(box)
    before = len(events(box))
    good = box.run(["cat", f"{SNIPPETS}/coursehub.py"]).stdout
    box.run(["sh", "-c", f"echo 'raise RuntimeError(42)' >> {SNIPPETS}/coursehub.py"])
    box.run(["systemctl", "restart", "--no-block", "jupyterhub"])
    wait_until(lambda: int(show(box, "jupyterhub", "NRestarts")) >= 3, 90, "it crashes", interval=0.5)
    assert a_pass(box)["state"] == "up"
    assert box.run(["cat", f"{SNIPPETS}/coursehub.py"]).stdout == good
    trouble = told(box, before, "hub")
    assert "again and again" in trouble["why"]
    assert [act["act"] for act in last_acts(box, before)] == ["take_back"]
    kernel.reconnect()  # taking back restarts the proxy as well
    assert kernel.run("kept") == "7"


def test_the_next_deploy_applies_the_configuration_again(watched):
    """What was taken back is not what the course wants, as far as anybody knows."""
    course, box = watched
    box.run(["systemctl", "start", "coursehub-watchdog.timer"])
    done = course.deploy()
    assert done.parts == ["configuration"] and course.deploy().parts == []
    hush(box)


def test_a_broken_environment_is_told(box):
    box.run(["sh", "-c", "mv $(readlink -f /opt/course/envs/current)/bin/jupyterhub-singleuser /root/"])
    found = a_pass(box)
    box.run(["sh", "-c", "mv /root/jupyterhub-singleuser $(readlink -f /opt/course/envs/current)/bin/"])
    assert found["state"] == "down" and found["person"]
    assert "bin/jupyterhub-singleuser" in finding(found, "environment")["seen"]
    assert a_pass(box)["state"] == "up"


def test_a_full_disk_is_told_and_caches_are_emptied(box):
    forget(box)
    before = len(events(box))
    box.run(["sh", "-c", "mkdir -p /opt/course/cache/uv && fallocate -l 400M /opt/course/cache/uv/wheel"])
    fill = "fallocate -l $(( $(df --output=avail -B1 / | tail -1) - 150000000 )) /root/ballast"
    box.run(["sh", "-c", fill])
    found = a_pass(box)
    assert [act["act"] for act in last_acts(box, before)] == ["free_caches"]
    assert finding(found, "disk")["level"] == "warning"
    assert box.run(["ls", "/opt/course/cache/uv"]).stdout == b""
    box.run(["rm", "/root/ballast"])
    assert finding(a_pass(box), "disk")["level"] == "good"


def test_it_is_quiet_during_a_deploy(box):
    """Whoever deploys restarts the hub, and knows why."""
    before = report(box)["at"]
    hold = "import fcntl, time; f = open('/opt/course/lock'); fcntl.flock(f, fcntl.LOCK_EX); "
    box.run(["systemd-run", "--unit=holder", "python3", "-c", hold + "print(1, flush=True); time.sleep(600)"])
    box.run(["systemctl", "stop", "jupyterhub"])
    wait_until(lambda: not answers(box), 30, "the hub is down", interval=0.5)
    box.run(["sleep", "1"])
    assert a_pass(box)["at"] == before and not answers(box)
    box.run(["systemctl", "stop", "holder"])
    assert a_pass(box)["state"] == "up"


def test_no_false_alarm_while_a_class_is_at_work(box, kernel):
    """Two processors that compute, servers that come and go, and a check after the other."""
    load = "import time; end = time.time() + 60\nwhile time.time() < end: sum(range(100000))"
    for number in range(3):
        box.run(["systemd-run", f"--unit=load-{number}", "python3", "-c", load])
    before = len(events(box))
    states = {a_pass(box)["state"] for _ in range(20)}
    assert states == {"up"} and events(box)[before:] == []


def test_it_goes_when_it_is_not_wanted(watched):
    course, box = watched
    course.override["health"] = {"watchdog": False}
    assert course.deploy().plan == ["Switch the watchdog off"]
    assert show(box, "coursehub-watchdog.timer", "LoadState") == "not-found"
    assert course.deploy().parts == []
