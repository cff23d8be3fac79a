"""What the server said of itself, judged."""

from __future__ import annotations

import calendar
import copy

from coursehub.doctor import inside, intent
from coursehub.problems import Failure

AT = float(calendar.timegm((2026, 11, 26, 9, 0, 0)))
WATCHDOG = {
    "findings": [
        {"name": "hub", "level": "failure", "seen": "no answer", "why": "the hub ends again and again"}
    ],
    "act": {"name": "restart_hub", "finding": "hub"},
    "changed": ["/opt/tljh/config/config.yaml"],
    "busy": None,
}
TRACE = '{} \n  File "/opt/tljh/config/jupyterhub_config.d/mine.py", line 3\n'
TRACE += "    raise RuntimeError(42)\nRuntimeError: 42"
SEEN = {
    "watchdog": WATCHDOG,
    "report": None,
    "events": [],
    "services": {"units": [{"Id": "jupyterhub.service", "ActiveState": "active"}], "failed": []},
    "consumers": [["jupyterhub.service", 1 << 27, 3, 9]],
    "journal": {"jupyterhub": [], "kernel": []},
    "disks": {"/": {"free": 1 << 30, "size": 8 << 30, "inodes": 0.5}},
    "places": [["/", 7 << 30], ["/root", 6 << 30]],
    "memory": [],
    "lock": None,
    "deploys": [{"verdict": "failed", "who": "somebody", "since": "2026-11-26", "error": "no apt"}],
    "environment": {"current": "a", "complete": ["a"], "half": [], "rejected": []},
    "machine": {
        "system": "Debian",
        "up": 3600.0,
        "load": [1.0, 1.0, 1.0],
        "time": AT,
        "restart_wanted": False,
    },
    "people": ["ada"],
}


def changed(**parts):
    return {**copy.deepcopy(SEEN), **parts}


def named(seen, name):
    return next((one for one in inside.section(seen).findings if one.name == name), None)


def test_the_configuration_that_ends_the_hub_is_named():
    seen = changed(journal={"jupyterhub": [TRACE.format("11-26 08:59:30")]})
    found = named(seen, "configuration")
    assert found.seen.endswith("jupyterhub_config.d/mine.py: RuntimeError: 42") and found.fix


def test_a_trace_of_this_morning_explains_nothing_now_but_a_changed_file_does():
    seen = changed(journal={"jupyterhub": [TRACE.format("11-26 06:59:30")]})
    assert "config.yaml was changed by hand" in named(seen, "configuration").seen


def test_a_hub_that_was_switched_off_has_no_wrong_configuration():
    off = {**WATCHDOG, "findings": [{**WATCHDOG["findings"][0], "why": "the hub is switched off"}]}
    seen = changed(watchdog=off, journal={"jupyterhub": [TRACE.format("11-26 08:59:30")]})
    assert named(seen, "configuration") is None and "run the workflow" in named(seen, "hub").fix


def test_what_cannot_be_seen_hides_nothing_else():
    for name in set(SEEN) - {"people"}:
        section = inside.section(changed(**{name: {"unseen": "broken"}}))
        assert section.lines and "broken" in str(section.texts), name


def test_the_names_of_people_are_no_text():
    assert "ada" not in str(inside.section(SEEN))


def test_killed_processes_and_failed_servers_are_told():
    services = {"units": [], "failed": ["jupyter-ada.service", "x.service"]}
    journal = {"kernel": ["11-26 08:59:30 Out of memory: Killed process 3 (python3)"]}
    seen = changed(services=services, journal=journal)
    assert "1 of the people's servers failed" in named(seen, "people's servers").seen
    assert "11-26 08:59:30 UTC" in named(seen, "killed").seen


def test_a_person_reads_where_the_disk_went_and_how_deploys_ended():
    said = "\n".join(inside.section(SEEN).lines)
    assert "/root 6.0 GB" in said and "deploy: failed since 2026-11-26, by somebody no apt" in said


def test_what_would_be_done():
    found = {
        one.name: one for one in intent.section(SEEN, Failure("no such size", "choose one"), "").findings
    }
    assert "would restart the hub (for: hub)" in found["the watchdog"].seen
    assert found["a deploy"].level == "failure" and found["a deploy"].fix == "choose one"
    blind = intent.section(None, None, "not planned: x").findings
    assert {one.level for one in blind} == {"unseen"}
