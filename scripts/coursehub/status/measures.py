"""The measures of the status page as graphs: how long answers take, memory, disk, students. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from . import words
from .graph import Mark, Points, graph
from .listing import time
from .model import DOWN, View

NEARLY_FULL = 0.9
OUTAGES, DEPLOYS = 40, 40
"""So many of the last are marked: the page stays small."""


def response(view: View) -> str:
    """How long answers took, with outages behind and deploys marked."""
    line = ""
    if points := finite(view.response):
        usual = words.answer_time(statistics.median(value for _, value in points))
        at, most = max(points, key=lambda one: one[1])
        slowest = f"{words.answer_time(most)} on {words.date(at, view.now)}"
        line = f"Usually {usual}; the slowest {slowest}."
    drawn = graph(view.response, view.now, seconds, f"Response time. {line}", marks=marks(view))
    key = (
        '<ul class="legend"><li><span class="swatch line"></span>usual time of an answer</li>'
        '<li><span class="swatch band"></span>slowest and fastest</li>'
        '<li><span class="swatch deploy"></span>a deploy</li>'
        '<li><span class="swatch outage"></span>down</li></ul>'
    )
    above = f'<p class="quiet above">{line}</p>' if line else ""
    return (
        '<section aria-labelledby="response"><h2 id="response">Response time</h2>'
        f'{above}<div class="card">{drawn}{key if line else ""}</div></section>'
    )


def seconds(value: float) -> str:
    """A level of the axis."""
    return f"{value:.2g} s"


def capacity(view: View) -> str:
    """What is used of the server, and how many students are at work."""
    check = view.check
    cards = [
        share("Memory", check.memory, view.memory, view),
        share("Disk", check.disk, view.disk, view),
        number("Students active", check.students, view.students, view),
    ]
    return (
        '<section aria-labelledby="capacity"><h2 id="capacity">Capacity</h2>'
        f'<div class="cards">{"".join(cards)}</div></section>'
    )


def share(name: str, value: float | None, points: Points, view: View) -> str:
    """A part of the server's that is used."""

    def form(part: float) -> str:
        return words.percent(part, 0)

    return card(name, value, points, view, form, top=1.0)


def number(name: str, value: float | None, points: Points, view: View) -> str:
    def form(count: float) -> str:
        return f"{count:.0f}" if count == int(count) else f"{count:.1f}"

    most = max((value for _, value in finite(points)), default=0.0)
    return card(name, value, points, view, form, top=None if most > 4 else 4.0)


def card(
    name: str,
    value: float | None,
    points: Points,
    view: View,
    form: Callable[[float], str],
    top: float | None,
) -> str:
    """The last value, when it was so, and how it came to be."""
    known = finite(points)
    at = view.check.at
    if not words.is_number(value) and known:
        at, value = known[-1]
    if not words.is_number(value):
        return (
            f'<div class="card"><h3>{name}</h3><p class="value">unknown</p>'
            '<p class="quiet">The server was not seen from inside.</p></div>'
        )
    full = top == 1.0 and value >= NEARLY_FULL
    most = max([one for _, one in known] + [value])
    spoken = f"{name}: {form(value)}, at most {form(most)} in the time shown"
    return (
        f'<div class="card{" full" if full else ""}"><h3>{name}</h3>'
        f'<p class="value">{form(value)}{" <span>nearly full</span>" if full else ""}</p>'
        f'<p class="quiet">{time(at, view.now)}; at most {form(most)}</p>'
        f"{graph(points, view.now, form, escape(spoken), top=top, marks=deploys(view), peaks=True)}</div>"
    )


def finite(points: Points) -> list[tuple[float, float]]:
    return sorted((at, value) for at, value in points if words.is_number(at) and words.is_number(value))


def marks(view: View) -> list[Mark]:
    """Outages and deploys."""
    outages = [
        Mark(
            one.began,
            f"Down for {words.length((one.ended or view.now) - one.began)}: {words.plain(one.title, 100)}",
            one.ended or view.now,
        )
        for one in view.incidents[:OUTAGES]
        if one.state == DOWN
    ]
    return outages + deploys(view)


def deploys(view: View) -> list[Mark]:
    known = sorted((one for one in view.deploys if words.is_number(one.get("at"))), key=lambda one: one["at"])
    return [Mark(one["at"], deploy(one, view.now)) for one in known[-DEPLOYS:]]


def deploy(one: Mapping[str, Any], now: float) -> str:
    return f"Deploy, {words.moment(one['at'], now)} {words.short(one.get('commit'))}".strip()
