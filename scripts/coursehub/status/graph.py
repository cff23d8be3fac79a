"""Graphs over time as SVG that stretches with the page, with their axes' labels as text beside it. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

from . import words

SPANS = (words.DAY, 7 * words.DAY, 30 * words.DAY, 90 * words.DAY)
WIDE, HIGH = 1000, 100
BUCKETS = 180
NICE = (1, 2, 4, 5, 10)

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Mark:
    """Something at a time: a deploy; or from one time to another: an outage."""

    at: float
    title: str
    until: float | None = None


@dataclass(frozen=True)
class Bucket:
    """What was measured within a short time."""

    at: float
    least: float
    middle: float
    most: float


@dataclass(frozen=True)
class Frame:
    """What is shown: from `start` to `end`, from 0 to `top`."""

    start: float
    end: float
    top: float

    def x(self, at: float) -> float:
        return WIDE * min(max((at - self.start) / (self.end - self.start), 0.0), 1.0)

    def y(self, value: float) -> float:
        return HIGH * (1 - min(max(value / self.top, 0.0), 1.0))


def graph(
    points: Points,
    now: float,
    form: Callable[[float], str],
    spoken: str,
    top: float | None = None,
    marks: Sequence[Mark] = (),
    peaks: bool = False,
) -> str:
    """The graph in HTML, or a line that says that there is nothing to show. `form` makes words of a value,
    `spoken` is what those hear who do not see; `top` is the highest value that there can be. The
    line is through what is usual, or, with `peaks`, through the highest."""
    points = within(points, now - SPANS[-1], now)
    if not points:
        return '<p class="quiet empty">Nothing was measured yet.</p>'
    start = now - span(points, now)
    buckets = gathered(points, start, now)
    frame = Frame(start, now, top or nice(highest(buckets)))
    drawn = "".join(
        [
            *(f'<path class="grid" d="M0 {HIGH * part:g}H{WIDE}"/>' for part in (0, 0.5, 1)),
            *(shade(mark, frame) for mark in marks if mark.until is not None and mark.until >= start),
            *(curve(run, frame, peaks) for run in runs(buckets, (now - start) / 72)),
            *(peg(mark, frame) for mark in marks if mark.until is None and mark.at >= start),
        ]
    )
    levels = "".join(f"<span>{escape(form(frame.top * part))}</span>" for part in (1, 0.5, 0))
    return (
        f'<div class="graph"><div class="levels" aria-hidden="true">{levels}</div>'
        f'<svg role="img" aria-label="{escape(spoken)}" viewBox="0 0 {WIDE} {HIGH}" '
        f'preserveAspectRatio="none">{drawn}</svg>'
        f'<div class="times" aria-hidden="true">{times(frame)}</div></div>'
    )


def within(points: Points, start: float, end: float) -> list[tuple[float, float]]:
    """Those of that time that are numbers, in order."""
    fit = (one for one in points if words.is_number(one[0]) and words.is_number(one[1]) and one[1] >= 0)
    return sorted((at, value) for at, value in fit if start <= at <= end)


def span(points: Points, now: float) -> float:
    """The shortest of SPANS that shows all."""
    return next((one for one in SPANS if now - points[0][0] <= one), SPANS[-1])


def gathered(points: Points, start: float, end: float) -> list[Bucket]:
    """So few that the page stays small, and none of the highest is lost."""
    step = (end - start) / BUCKETS
    by_place: dict[int, list[tuple[float, float]]] = {}
    for at, value in points:
        by_place.setdefault(int((at - start) / step), []).append((at, value))
    return [
        Bucket(
            statistics.fmean(at for at, _ in some),
            min(value for _, value in some),
            statistics.median(value for _, value in some),
            max(value for _, value in some),
        )
        for some in by_place.values()
    ]


def highest(buckets: Sequence[Bucket]) -> float:
    """What the axis must reach: a rare value that is far beyond all others is cut off, for it would make
    them a flat line."""
    most = sorted(one.most for one in buckets)
    usual = most[int((len(most) - 1) * 0.95)]
    return min(most[-1], max(usual * 3, 1e-3)) or 1.0


def nice(value: float) -> float:
    """A round number that is not less."""
    scale = 10.0 ** math.floor(math.log10(value))
    return next(one * scale for one in NICE if one * scale >= value * 0.999)


def runs(buckets: Sequence[Bucket], gap: float) -> list[list[Bucket]]:
    """Parts without a gap: a line across one would say what nobody measured."""
    gap = max(gap, words.STALE_AFTER)
    parts: list[list[Bucket]] = []
    for one in buckets:
        if parts and one.at - parts[-1][-1].at <= gap:
            parts[-1].append(one)
        else:
            parts.append([one])
    return parts


def curve(run: Sequence[Bucket], frame: Frame, peaks: bool) -> str:
    """The middle as a line, and behind it from the least to the most; or the most, and all below it."""
    points = [(one.at, one.most if peaks else one.middle) for one in run]
    line = corners(points, frame)
    if len(run) == 1:
        return f'<path class="line dot" d="M{line}h0"/>'
    if peaks:
        first, last = frame.x(run[0].at), frame.x(run[-1].at)
        return (
            f'<path class="band" d="M{line}L{last:.0f} {HIGH}H{first:.0f}z"/><path class="line" d="M{line}"/>'
        )
    above = corners(((one.at, one.most) for one in run), frame)
    below = corners(((one.at, one.least) for one in reversed(run)), frame)
    return f'<path class="band" d="M{above}L{below}z"/><path class="line" d="M{line}"/>'


def corners(points: Iterable[tuple[float, float]], frame: Frame) -> str:
    return "L".join(f"{frame.x(at):.0f} {frame.y(value):.1f}" for at, value in points)


def shade(mark: Mark, frame: Frame) -> str:
    left, right = frame.x(mark.at), frame.x(mark.until or mark.at)
    return (
        f'<rect class="outage" x="{left:.1f}" width="{max(right - left, 3):.1f}" height="{HIGH}">'
        f"<title>{escape(mark.title)}</title></rect>"
    )


def peg(mark: Mark, frame: Frame) -> str:
    at = f"{frame.x(mark.at):.0f}"
    return (
        f'<g class="deploy"><title>{escape(mark.title)}</title><path d="M{at} 0V{HIGH}"/>'
        f'<path class="peg" d="M{at} 0h0"/></g>'
    )


def times(frame: Frame) -> str:
    """Five labels, the first at the beginning and the last at the end."""
    step = (frame.end - frame.start) / 4
    moments = [frame.start + step * number for number in range(5)]
    if frame.end - frame.start <= words.DAY:
        texts = [f"{words.utc(at):%H:%M}" for at in moments[:-1]] + [f"{words.utc(frame.end):%H:%M} UTC"]
    else:
        texts = [words.date(at, frame.end) for at in moments]
    return "".join(f"<span>{text}</span>" for text in texts)
