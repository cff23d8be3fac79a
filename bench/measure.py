"""What is measured, how often, and what comes of it."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from contenders import Contender
from line import Line
from stage import Stage

from coursehub.problems import Failure

FIRST, NOTHING, CHANGED = "first apply", "nothing to do", "one notebook changed"
CASES = (FIRST, NOTHING, CHANGED)
VERSIONS = itertools.count(1)
"""Each change of the notebook is another one."""


@dataclass(frozen=True)
class Effort:
    """How often a case is run: at most `most` times, and not again once `seconds` have gone into it."""

    most: int
    seconds: float

    def repeat(self, run: Callable[[], float]) -> list[float]:
        """What `run` returns each time, at least once."""
        began, results = time.monotonic(), [run()]
        while len(results) < self.most and time.monotonic() - began < self.seconds:
            results.append(run())
        return results


@dataclass(frozen=True)
class Results:
    """Seconds of each run, by contender, milliseconds of round-trip time and case."""

    runs: dict[tuple[str, int, str], list[float]] = field(default_factory=dict)

    def median(self, contender: str, milliseconds: int, case: str) -> float:
        return statistics.median(self.runs[contender, milliseconds, case])


def contest(stage: Stage, line: Line, contender: Contender, effort: Effort, results: Results) -> None:
    """Run the three cases for one contender over one line. Raises Failure when its work is not the same."""

    def first() -> float:
        stage.reset()
        return contender.deploy(stage, line)

    def change() -> float:
        stage.course.change_notebook(next(VERSIONS))
        return contender.deploy(stage, line)

    runs, key = results.runs, (contender.name, line.milliseconds)
    runs[*key, FIRST] = effort.repeat(first)
    stage.check()
    hub = stage.hub_process()
    runs[*key, NOTHING] = effort.repeat(lambda: contender.deploy(stage, line))
    runs[*key, CHANGED] = effort.repeat(change)
    stage.check()
    if stage.hub_process() != hub:
        raise Failure(f"{contender.name} restarted the hub without need")


def round_trips(stage: Stage, lines: Iterable[Line], contender: Contender, times: int) -> float:
    """Network round trips that a deploy with nothing to do waits for: by how much it takes longer over the
    longer of two lines. Runs take turns, so that a busy spell of the computer meets both."""
    short, long = lines
    contender.deploy(stage, short)
    seconds = [[contender.deploy(stage, line) for line in (short, long)] for _ in range(times)]
    over_short, over_long = (statistics.median(column) for column in zip(*seconds, strict=True))
    return (over_long - over_short) * 1000 / (long.measured - short.measured)
