"""The results as a JSON value, and that value as tables."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterable

from contenders import ANSIBLE, CONTENDERS, COURSEHUB, PYINFRA
from course import BYTES
from line import Line
from measure import CASES, NOTHING, Results
from rich.console import Console
from rich.table import Table

TARGETS = {ANSIBLE.name: 20, PYINFRA.name: 4}
"""At the longer line and with nothing to do, coursehub takes at most this fraction of the other's time."""
LONGEST, MOST_TRIPS = 1.5, 10
"""Seconds, and round trips, of a deploy with nothing to do."""


def progress(results: Results, contender: str, milliseconds: int) -> str:
    """One line about what has just been measured."""
    medians = [f"{case} {results.median(contender, milliseconds, case):.1f} s" for case in CASES]
    return f"{milliseconds:3} ms  {contender:<28} {', '.join(medians)}"


def value(
    results: Results,
    lines: Iterable[Line],
    trips: float,
    versions: dict[str, str],
    files: int,
    seconds: float,
) -> dict:
    """All that is known of a run. Times are in seconds."""
    latencies = sorted({milliseconds for _, milliseconds, _ in results.runs})
    shortest, longest = latencies[0], latencies[-1]

    def median(name: str, milliseconds: int) -> float:
        return results.median(name, milliseconds, NOTHING)

    targets = [
        target(f"nothing to do, {shortest} ms: seconds", median(COURSEHUB.name, shortest), LONGEST),
        target("nothing to do: network round trips", trips, MOST_TRIPS),
    ]
    for name, fraction in TARGETS.items():
        share = median(COURSEHUB.name, longest) / median(name, longest)
        targets.append(target(f"nothing to do, {longest} ms: share of {name}", share, 1 / fraction))
    return {
        "versions": versions,
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
        "files": files,
        "bytes": BYTES,
        "lines": {line.milliseconds: round(line.measured, 2) for line in lines},
        "seconds": round(seconds, 1),
        "runs": [
            {
                "contender": name,
                "milliseconds": milliseconds,
                "case": case,
                "seconds": [round(run, 3) for run in runs],
                "median": round(statistics.median(runs), 3),
            }
            for (name, milliseconds, case), runs in results.runs.items()
        ],
        "targets": targets,
    }


def target(what: str, found: float, most: float) -> dict:
    """One of the numbers that the project has set itself."""
    return {"what": what, "found": round(found, 4), "most": most, "met": found <= most}


def show(results: dict, *, on_standard_error: bool) -> None:
    """Print the tables."""
    console = Console(stderr=on_standard_error, highlight=False, width=120)
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    lines = ", ".join(f"{asked}: {measured}" for asked, measured in results["lines"].items())
    console.print(f"\n{versions}; {results['processors']} processors, load {results['load']:.1f}")
    console.print(f"content: {results['files']} files, {results['bytes'] >> 20} MiB; lines in ms: {lines}")
    for milliseconds in sorted({run["milliseconds"] for run in results["runs"]}):
        console.print(table(results, milliseconds))
    for each in results["targets"]:
        mark = "[green]met[/]   " if each["met"] else "[red]missed[/]"
        console.print(f"{mark} {each['what']}: {each['found']:.3g} (at most {each['most']:.3g})")
    console.print(f"measured in {results['seconds'] / 60:.0f} min")


def table(results: dict, milliseconds: int) -> Table:
    """Median seconds over one line, how many runs they come from, and how many times coursehub's that is."""
    medians = {
        (run["contender"], run["case"]): (run["median"], len(run["seconds"]))
        for run in results["runs"]
        if run["milliseconds"] == milliseconds
    }
    shown = Table(title=f"{milliseconds} ms round-trip time: seconds (runs), times coursehub's")
    shown.add_column("")
    for case in CASES:
        shown.add_column(case, justify="right")
        shown.add_column("×", justify="right", style="dim")
    for contender in CONTENDERS:
        if (contender.name, NOTHING) not in medians:
            continue
        cells = [contender.name]
        for case in CASES:
            seconds, runs = medians[contender.name, case]
            cells += [f"{seconds:.2f} ({runs})", f"{seconds / medians[COURSEHUB.name, case][0]:.1f}"]
        shown.add_row(*cells, style="bold" if contender is COURSEHUB else "")
    return shown
