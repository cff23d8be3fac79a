#!/usr/bin/env python3
"""One thing after another is broken on a hub: how soon is it told, with which cause, and healed?

    python bench/faults.py [--json] [--only WORD …]    needs root; some twenty minutes for all
    python bench/faults.py --healthy 200               no false alarms while a class is at work

On one sandbox machine (4 GB, 2 CPUs, a disk of 8 GB) with the sample course, deployed as for a class: the
watchdog's timer runs, and nothing else heals. The check from outside, with the key into the server, looks all
the time, as the workflow does once (`outside.py`). Seconds count from the moment of the fault.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import course
from breakages import FAULTS, NOTEBOOK, VOLUME, Fault, reset_budget
from outside import Outside, from_outside, means_for, told_inside

import volumes
from coursehub.health import look
from coursehub.health.checking import Means
from coursehub.health.model import Hub, Limits, Verdict
from coursehub.problems import CoursehubError, Failure
from sandbox import host, machine, network, sources, state
from sandbox.commands import wait_until
from student import Student

ROOT = Path(__file__).resolve().parents[1]
MACHINE = "drill"
LOG, REPORT = "/opt/course/state/watchdog.log", "/opt/course/state/watchdog.json"
PATIENCE = 240.0
STUDENTS = 6
LOOKERS = 2
"""Checks from outside at the same time, in the run of a healthy hub."""


@contextmanager
def drilled(keep: bool) -> Iterator[machine.Machine]:
    """A hub as a deploy leaves it; afterwards nothing of it is left but downloads, unless it is kept."""
    host.check()
    host.install_packages()
    folder = state.directory() / MACHINE
    had_network, had_mirror = network.find() is not None, sources.running() is not None
    left = machine.find(MACHINE) if keep else None
    if not left:
        remove(folder)
    try:
        yield left or build(folder)
    finally:
        if not keep:
            remove(folder)
        if not had_mirror and not keep:
            sources.stop()
        if not had_network and not machine.all_machines():
            network.remove()


def remove(folder: Path) -> None:
    if left := machine.find(MACHINE):
        left.destroy()
    if (volume := folder / VOLUME).exists():
        volumes.release(volume)
    subprocess.run(["rm", "-rf", folder], check=True)


def build(folder: Path) -> machine.Machine:
    software = sources.start()
    made = course.make(folder, 10)
    key = folder / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    override = folder / "override.yml"
    users = [f"student-{number:02}" for number in range(1, STUDENTS + 1)]
    override.write_text(json.dumps({"users": users, "mirrors": dict(software.mirrors)}))
    public = key.with_suffix(".pub").read_text()
    wanted = {"memory": "4G", "cpus": 2.0, "disk": "8G", "binds": sources.binds()}
    box = machine.create(MACHINE, authorized_keys=[public], **wanted)
    secrets = {
        "DROPLET_HOST": box.address,
        "DROPLET_HOST_KEY": box.host_key,
        "SSH_PRIVATE_KEY": key.read_text(),
        "HUB_ADMIN_PASSWORD": "only-for-the-drill",
    }
    command = [sys.executable, ROOT / "scripts/deploy.py", "--course", made.root, "--override", override]
    if subprocess.run(command, env=os.environ | secrets, stdout=sys.stderr).returncode:
        raise Failure("the machine could not be prepared: see the messages above")
    return box


def events(box: machine.Machine, since: int = 0) -> list[dict]:
    """What the watchdog has logged."""
    logged = box.run(["cat", LOG], check=False).stdout.decode()
    return [json.loads(line) for line in logged.splitlines()][since:]


def drill(box: machine.Machine, fault: Fault, means: Means) -> dict:
    """Break one thing, and wait for what is to be told and healed."""
    fault.prepare(box)
    reset_budget(box)
    since = len(events(box))
    began = time.monotonic()
    fault.strike(box)
    if not fault.outside:
        began = time.monotonic()
    outside = Outside(Hub("http", box.address, 80), means, began)
    found, over = {}, None
    try:
        while time.monotonic() - began < PATIENCE:
            logged = events(box, since) if fault.finding else []
            found, over = progress(logged, fault.finding, found, over, time.monotonic() - began)
            healed = outside.over if fault.outside and outside.told else over
            is_told = (found or not fault.finding) and (outside.told or not fault.outside)
            if is_told and (healed or not fault.heals):
                break
            time.sleep(1)
    finally:
        outside.stop()
        fault.undo(box)
    result = {
        "fault": fault.name,
        "watchdog": rounded(found.get("after")),
        "outside": rounded(outside.told),
        "healed": rounded(healed) if fault.heals else None,
        "cause": found.get("words", ""),
        "causes": outside.causes,
        "seen": outside.words,
        "acts": [one["act"] for one in (events(box, since) if fault.finding else []) if one["what"] == "did"],
    }
    settle(box, means)
    return result


def progress(
    logged: list[dict], name: str | None, found: dict, over: float | None, passed: float
) -> tuple[dict, float | None]:
    """What is known after `passed` seconds: when the watchdog told of it and how, and when it was over."""
    for event in logged:
        if event.get("name") != name:
            continue
        if event["what"] == "found" and not found:
            why = f" ({event['why']})" if event["why"] else ""
            found = {"after": passed, "words": event["seen"] + why, "at": event["at"]}
        elif found and over is None and event["at"] > found["at"]:
            over = passed  # or less bad: a disk that was full may still be nearly so
    return found, over


def rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def settle(box: machine.Machine, means: Means) -> None:
    """All is well again before the next fault."""
    hub = Hub("http", box.address, 80)

    def is_well() -> bool:
        reset_budget(box)
        box.run(["systemctl", "start", "coursehub-watchdog.service"], timeout=300, check=False)
        verdict = from_outside(hub, means)
        return verdict.state == "up" and not told_inside(verdict)

    wait_until(is_well, 300, "a hub that is well again", interval=2)
    # Only a pass of its own counts: the timer begins its minute anew.
    box.run(["systemctl", "restart", "coursehub-watchdog.timer"])


def astray(box: machine.Machine, means: Means) -> list[dict]:
    """What only the check from outside can see: the name, and the clock."""
    nowhere = Hub("http", "hub.school.invalid", 80, server=box.address)
    elsewhere = Hub("http", "localhost", 80, server=box.address)
    rows = [row_outside("DNS wrong: the name leads nowhere", lambda: from_outside(nowhere, means))]
    rows.append(row_outside("DNS wrong: the name leads elsewhere", lambda: from_outside(elsewhere, means)))
    ahead_by = look.ahead_by
    look.ahead_by = lambda date, now: ahead_by(date, now - 3600)
    try:
        here = Hub("http", box.address, 80)
        rows.append(row_outside("clock wrong (an hour apart)", lambda: from_outside(here, means)))
    finally:
        look.ahead_by = ahead_by
    return rows


def row_outside(name: str, looking: Callable[[], Verdict]) -> dict:
    began = time.monotonic()
    verdict = looking()
    told = None if verdict.state == "up" else rounded(time.monotonic() - began)
    title = verdict.title if told else ""
    return {
        "fault": name,
        "watchdog": None,
        "outside": told,
        "healed": None,
        "cause": "",
        "causes": [verdict.cause] if verdict.cause else [],
        "seen": title,
        "acts": [],
    }


def healthy(box: machine.Machine, number: int, means: Means) -> dict:
    """So many looks from inside and from outside at a hub with a class at work: all but "up" is an alarm."""
    box.run(["systemctl", "start", "coursehub-watchdog.service"], timeout=300)
    over, since = threading.Event(), len(events(box))
    workers = [
        threading.Thread(target=at_work, args=(box, n, over), daemon=True) for n in range(1, STUDENTS + 1)
    ]
    for worker in workers:
        worker.start()
    began, inside, alarms = time.monotonic(), 0, []
    verdicts: list[Verdict] = []

    def look_from_outside() -> None:
        for _ in range(number // LOOKERS):
            verdicts.append(from_outside(Hub("http", box.address, 80), means, Limits(spacing=0.2)))

    lookers = [threading.Thread(target=look_from_outside) for _ in range(LOOKERS)]
    for looker in lookers:
        looker.start()
    for _ in range(number):
        box.run(["systemctl", "start", "coursehub-watchdog.service"], timeout=300)
        report = json.loads(box.run(["cat", REPORT]).stdout)
        inside += 1
        if report["state"] != "up":
            alarms.append(f"inside: {[one for one in report['findings'] if one['level'] != 'good']}")
    for looker in lookers:
        looker.join()
    over.set()
    alarms += [f"outside: {one.title}" for one in verdicts if one.state != "up"]
    return {
        "inside": inside,
        "outside": len(verdicts),
        "entered": sum(one.inside is not None for one in verdicts),
        "alarms": alarms,
        "slowest": round(max(one.seconds or 0.0 for one in verdicts), 2),
        "events": events(box, since),
        "seconds": round(time.monotonic() - began),
        "load": os.getloadavg()[0],
    }


def at_work(box: machine.Machine, number: int, over: threading.Event) -> None:
    """One of the class: computes, and (every other one) stops the server and starts it again."""
    name = f"student-{number:02}"
    while not over.is_set():
        try:
            student = Student(f"http://{box.address}", name, "a first password").log_in().open_server()
            student.write("mine.ipynb", NOTEBOOK)
            with student.open("mine.ipynb") as kernel:
                for _ in range(1 if number % 2 else 20):
                    kernel.run("sum(number * number for number in range(3_000_000))")
                    if over.wait(1):
                        return
            if number % 2:
                headers = {"X-XSRFToken": student.token("/hub/")}
                student.browser.delete(
                    f"{student.hub}/hub/api/users/{name}/server", headers=headers, timeout=60
                )
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {str(error)[:120]}", file=sys.stderr, flush=True)
            over.wait(2)


def is_wanted(name: str, words: list[str] | None) -> bool:
    return not words or any(word in name for word in words)


def markdown(rows: list[dict]) -> str:
    """The table for Documentation/HealthChecks.md."""

    def cell(seconds: float | None) -> str:
        return "" if seconds is None else f"{seconds:.0f} s"

    lines = ["| Broken | the watchdog tells it after | the check from outside | healed after | told |"]
    lines.append("|---|---|---|---|---|")
    for row in rows:
        words = (row["cause"] or "".join(row["causes"][:1]) or row["seen"]).replace("|", "\\|")
        times = " | ".join(cell(row[name]) for name in ("watchdog", "outside", "healed"))
        lines.append(f"| {row['fault']} | {times} | {words} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", help="only faults with one of these words in their names")
    parser.add_argument(
        "--keep", action="store_true", help="leave the machine, and take the one that is left"
    )
    parser.add_argument("--healthy", type=int, metavar="N", help="N looks at a healthy hub instead")
    parser.add_argument("--json", action="store_true", help="all that was found as JSON")
    arguments = parser.parse_args()
    try:
        with drilled(arguments.keep) as box:
            private = (state.directory() / MACHINE / "id_ed25519").read_text()
            means = means_for(box, private)
            if arguments.healthy:
                found = healthy(box, arguments.healthy, means)
                print(json.dumps(found, indent=1))
                return 1 if found["alarms"] else 0
            rows = []
            settle(box, means)
            for fault in FAULTS:
                if not is_wanted(fault.name, arguments.only):
                    continue
                rows.append(drill(box, fault, means))
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
            if not arguments.only or "astray" in arguments.only:
                rows += astray(box, means)
    except CoursehubError as error:
        print(f"{error}\n{getattr(error, 'detail', '')}".rstrip(), file=sys.stderr)
        return 1
    print(json.dumps({"load": os.getloadavg()[0], "faults": rows}) if arguments.json else markdown(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
