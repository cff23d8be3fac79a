"""The server's looks at itself, on whatever machine this is: they come to an end, and change nothing."""

from __future__ import annotations

import json

import pytest

from coursehub.droplet import doctor
from coursehub.droplet.system import OperationFailed
from coursehub.parts import watchdog


def test_the_watchdog_looks_from_memory_with_all_that_it_needs():
    found = doctor.watchdog(watchdog.program())
    assert found.keys() == {"findings", "act", "changed", "busy"}
    assert "hub" in {one["name"] for one in found["findings"]}
    assert found["act"] is None or found["act"].keys() == {"name", "finding"}


def test_a_watchdog_that_stumbles_is_one_look_that_failed():
    files = watchdog.program()
    files["coursehub/watchdog/examining.py"] = "raise RuntimeError(42)"
    with pytest.raises(OperationFailed) as caught:
        doctor.watchdog(files)
    assert "RuntimeError: 42" in caught.value.detail


def test_a_look_that_fails_hides_no_other():
    def broken():
        raise OSError("no such thing")

    assert doctor.attempted(broken) == {"unseen": "no such thing"} and doctor.attempted(lambda: 3) == 3


def test_the_last_lines_of_a_log_without_what_was_cut_off(tmp_path):
    log = tmp_path / "audit.log"
    assert doctor.last_lines_of(log, 5) == []
    log.write_text("".join(json.dumps({"n": number}) + "\n" for number in range(9)) + '{"n": ')
    assert [one["n"] for one in doctor.last_lines_of(log, 4)] == [6, 7, 8]


def test_the_machine_and_its_disks():
    assert doctor.disks()["/"]["size"] > 0 and doctor.machine()["up"] > 0
    assert doctor.memory()[0].startswith("MemTotal")
