#!/usr/bin/env python3
"""The speed of a deploy, beside that of other tools, on one sandbox machine; see README.md."""

from __future__ import annotations

import argparse
import itertools
import json
import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import report
from contenders import AS_DOCUMENTED, CONTENDERS, COURSEHUB, Contender, install
from line import stretched
from measure import Effort, Results, contest, round_trips
from stage import prepared

from coursehub.problems import CoursehubError

SHORT, MIDDLE, LONG = 0, 30, 200
"""Milliseconds of the lines. The long one is for counting round trips: each is far more than the noise."""


@dataclass(frozen=True)
class Programme:
    """Who is measured over which line, how often, and with how many files of content."""

    contests: tuple[tuple[int, Contender], ...]
    effort: Effort
    files: int


FULL = Programme(tuple(itertools.product((SHORT, MIDDLE), CONTENDERS)), Effort(most=5, seconds=15), files=80)
QUICK = Programme(
    ((SHORT, COURSEHUB), *((MIDDLE, contender) for contender in AS_DOCUMENTED)),
    Effort(most=3, seconds=3),
    files=30,
)


def main() -> int:
    arguments = parse()
    # So that everything is cleaned up, too, when the bench is told to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        value = run(QUICK if arguments.quick else FULL)
    except CoursehubError as error:
        print(f"{error}\n{getattr(error, 'detail', '')}".rstrip(), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; nothing is left behind.", file=sys.stderr)
        return 128 + signal.SIGINT
    report.show(value, on_standard_error=arguments.json)
    if arguments.json:
        print(json.dumps(value, indent=1))
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer tools, files and runs: some 5 minutes")
    parser.add_argument(
        "--json", action="store_true", help="all runs, as JSON; the tables go to standard error"
    )
    return parser.parse_args()


def run(programme: Programme) -> dict:
    """Prepare, measure, clean up; the results as a JSON value. Raises CoursehubError."""
    began = time.monotonic()
    versions = install()
    results = Results()
    with ExitStack() as stack:
        say("Preparing a machine with TLJH and the course's environment")
        stage = stack.enter_context(prepared(programme.files))
        lines = {
            milliseconds: stack.enter_context(stretched(milliseconds, stage.box.address))
            for milliseconds in (SHORT, MIDDLE, LONG)
        }
        for milliseconds, contender in programme.contests:
            contest(stage, lines[milliseconds], contender, programme.effort, results)
            say(report.progress(results, contender.name, milliseconds))
        trips = round_trips(stage, (lines[SHORT], lines[LONG]), COURSEHUB, programme.effort.most)
    seconds = time.monotonic() - began
    return report.value(results, lines.values(), trips, versions, programme.files, seconds)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
