#!/usr/bin/env python3
"""How another class gets onto a hub that runs: coursehub's deploy beside the other ways that there are.

    python bench/roster.py [--json] [--runs N]         needs root; some ten minutes

On one sandbox machine (4 GB, 2 CPUs) with the sample course and a class of 40:

500 people            as many whom the hub does not know, in 20 groups, come in
one more, one less    then one of them leaves, and somebody else comes

coursehub is `scripts/deploy.py` from its start to its end: it looks at the whole server, settles roles and
groups, stops the servers of those who left, keeps their files and passwords, and looks from outside. The
others do names alone. `tljh-config` is called once for each person, as TLJH's documentation has it, all in
one SSH connection, and the hub reloaded at the end. The hub's API is asked once for each person, over one
connection that stays open; whom it deletes, loses the password. With both, the hub's lists end as long.

Silence is how long the hub did not answer meanwhile, at most: it is asked twenty times a second.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shlex
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import requests
from rich.console import Console
from rich.table import Table
from stage import ADMIN_PASSWORD, DEPLOY, Stage, prepared

from coursehub.problems import CoursehubError, Failure

PEOPLE, GROUPS, FILES = 500, 20, 30
MANY, ONE = CASES = (f"{PEOPLE} people", "one more, one less")
OURS = "coursehub"
MOST = 5.0
"""Seconds that a roster of 500 may take."""
CLASSES = itertools.count(1)
"""Each class is another one: a hub never forgets who was there."""
TIMEOUT = 1800


@dataclass
class Hub:
    """The hub on the stage, and whom coursehub has named last."""

    stage: Stage
    named: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://{self.stage.box.address}/hub/api"

    def token(self) -> str:
        """A token for the API, as an administrator gets one on the hub's page."""
        (admin,) = self.stage.settings.admins
        login = {"username": admin, "password": ADMIN_PASSWORD}
        answer = requests.post(f"{self.address}/users/{admin}/tokens", json={"auth": login}, timeout=30)
        answer.raise_for_status()
        return answer.json()["token"]

    def deploy(self, names: list[str]) -> None:
        """What the workflow does when the roster is this one."""
        wanted = json.loads(self.stage.override.read_text())
        wanted["users"] = [
            {"name": name, "group": f"group-{number % GROUPS}"} for number, name in enumerate(names)
        ]
        self.stage.override.write_text(json.dumps(wanted))
        options = ["--course", self.stage.course.root, "--override", self.stage.override]
        options += ["--allow", "exclusion"]
        environment = os.environ | self.stage.secrets(self.stage.box.address)
        finish([sys.executable, DEPLOY, *options], env=environment)
        self.named = names


def finish(command: list, **options) -> None:
    """Run a command to its end. Raises Failure."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT, **options
    )
    if done.returncode:
        raise Failure(f"{command[0]} failed with exit code {done.returncode}", detail=done.stdout[-4000:])


def with_deploy(hub: Hub, come: list[str], leave: list[str]) -> None:
    hub.deploy([name for name in hub.named if name not in leave] + come)


def with_tljh_config(hub: Hub, come: list[str], leave: list[str]) -> None:
    lines = [f"tljh-config add-item users.allowed {shlex.quote(name)}" for name in come]
    lines += [f"tljh-config remove-item users.allowed {shlex.quote(name)}" for name in leave]
    ssh = ["ssh", "-F", "none", "-i", hub.stage.key, "-o", "StrictHostKeyChecking=no"]
    ssh += ["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
    finish(
        [*ssh, f"root@{hub.stage.box.address}", "sh", "-e"],
        input="\n".join([*lines, "tljh-config reload hub", ""]),
    )


def with_the_api(hub: Hub, come: list[str], leave: list[str]) -> None:
    browser = requests.Session()
    browser.headers["Authorization"] = f"token {hub.token()}"
    for verb, names in (("POST", come), ("DELETE", leave)):
        for name in names:
            browser.request(verb, f"{hub.address}/users/{name}", timeout=60).raise_for_status()


WAYS: dict[str, Callable[[Hub, list[str], list[str]], None]] = {
    OURS: with_deploy,
    "the hub's API, one by one": with_the_api,
    "tljh-config, one by one": with_tljh_config,
}


@contextmanager
def listening(address: str) -> Iterator[list[float]]:
    """Ask the hub all the time; at the end, the longest time without an answer is the list's one value."""
    over, silences = threading.Event(), []

    def ask() -> None:
        last, longest = time.monotonic(), 0.0
        while not over.wait(0.05):
            try:
                heard = requests.get(f"{address}/", timeout=1).ok
            except requests.RequestException:
                heard = False
            longest = max(longest, time.monotonic() - last)
            last = time.monotonic() if heard else last
        silences.append(longest)

    listener = threading.Thread(target=ask)
    listener.start()
    try:
        yield silences
    finally:
        over.set()
        listener.join()


def timed(hub: Hub, way: str, come: list[str], leave: list[str]) -> dict[str, float]:
    """Seconds of one change, and of the hub's silence."""
    with listening(hub.address) as silences:
        began = time.monotonic()
        WAYS[way](hub, come, leave)
        seconds = time.monotonic() - began
    return {"seconds": round(seconds, 2), "silence": round(silences[0], 2)}


def measure(runs: int) -> dict:
    """All runs as a JSON value. Ways take turns, so that a busy spell of the computer meets all of them."""
    found: dict[str, dict[str, list]] = {way: {case: [] for case in CASES} for way in WAYS}
    with prepared(FILES) as stage:
        before = list(stage.settings.users)
        hub = Hub(stage, before)
        for run, way in itertools.product(range(runs), WAYS):
            number = next(CLASSES)
            names = [f"class-{number}-{person:03}" for person in range(PEOPLE)]
            found[way][MANY].append(timed(hub, way, names, []))
            found[way][ONE].append(timed(hub, way, [f"guest-{number}"], names[:1]))
            show_run(run, way, found[way])
            # Whatever was done: before the next run, the hub is as a deploy leaves it.
            hub.deploy(before)
    return {"processors": os.cpu_count(), "load": os.getloadavg()[0], "runs": found}


def show_run(run: int, way: str, found: dict[str, list]) -> None:
    cases = ", ".join(f"{case} {times[-1]['seconds']:.1f} s" for case, times in found.items())
    print(f"run {run + 1}  {way}: {cases}", file=sys.stderr, flush=True)


def show(value: dict, console: Console) -> bool:
    """Print the table; whether coursehub was quick enough."""

    def median(way: str, case: str, key: str) -> float:
        return statistics.median(run[key] for run in value["runs"][way][case])

    table = Table(title="seconds, times coursehub's, and the hub's longest silence in seconds")
    table.add_column("")
    for case in CASES:
        table.add_column(case, justify="right")
        table.add_column("×", justify="right", style="dim")
        table.add_column("silence", justify="right", style="dim")
    for way in WAYS:
        cells = []
        for case in CASES:
            seconds = median(way, case, "seconds")
            ratio = seconds / median(OURS, case, "seconds")
            cells += [f"{seconds:.1f}", f"{ratio:.1f}", f"{median(way, case, 'silence'):.1f}"]
        table.add_row(way, *cells, style="bold" if way == OURS else "")
    console.print(table)
    slowest = max(median(OURS, case, "seconds") for case in CASES)
    good = slowest <= MOST
    console.print(f"{'[green]met[/]' if good else '[red]missed[/]'} {slowest:.1f} s (at most {MOST:.0f})")
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="how often each is measured")
    parser.add_argument("--json", action="store_true", help="all runs as JSON; the table to standard error")
    arguments = parser.parse_args()
    try:
        value = measure(arguments.runs)
    except CoursehubError as error:
        print(f"{error}\n{getattr(error, 'detail', '')}".rstrip(), file=sys.stderr)
        return 1
    show(value, Console(stderr=arguments.json, highlight=False, width=120))
    if arguments.json:
        print(json.dumps(value, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
