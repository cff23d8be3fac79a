"""Badges: pictures of words, which ask nothing of any server.

A picture cannot know that it has grown old, so what is shown of a moment says of which. What is not known is
grey and says so.
"""

from __future__ import annotations

from html import escape

from . import words
from .model import DEGRADED, DOWN, MAINTENANCE, NONE, UNKNOWN, UP, View
from .standing import standing

FOLDER = "badges"
GREEN, AMBER, RED, GREY, BLUE = "#1a7340", "#8f5a00", "#c02626", "#5d6673", "#1f61b8"
"""Each has white words at a contrast of at least 4.5; so has LABEL."""
LABEL, EDGE = "#2f3640", "#6e7681"
COLOURS = {UP: GREEN, DEGRADED: AMBER, DOWN: RED, UNKNOWN: GREY, MAINTENANCE: BLUE, NONE: GREY}
SIGNS = {
    GREEN: "M3.5 7.5l2.5 2.5 4.5-5.5",
    AMBER: "M7 3v5M7 10.4v.2",
    RED: "M4 4l6 6M10 4l-6 6",
    GREY: "M4.8 5.2a2.2 2.2 0 1 1 3.3 1.9c-.8.4-1.1.8-1.1 1.5M7 10.9v.2",
    BLUE: "M7 6.3v4.3M7 3.4v.2",
}
"""A tick, an exclamation mark, a cross, a question mark, an i: colours are not the only sign."""
WIDTHS = {
    3.1: "'ijlI",
    3.5: " ,.·J",
    3.8: "/:;\\|f",
    4.2: "-()[]t!r",
    5.2: '"*_`',
    5.8: "sz?cL",
    6.4: "Fkvxy",
    6.7: "PTYaoe",
    7.0: "$0123456789ESbdghnpqu{}",
    7.5: "ABVXZKRC",
    8.2: "UNHDG",
    8.7: "OQ&",
    9.2: "#+<=>^~wM",
    10.6: "%mW@…",
}
"""Of DejaVu Sans at 11 pixels; Verdana's are nearly the same. `textLength` makes other fonts fit."""
WIDTH_OF = {letter: width for width, letters in WIDTHS.items() for letter in letters}
OTHER, WIDE = 7.5, 11.0
GOOD_UPTIME, FAIR_UPTIME, ENOUGH_KNOWN = 0.995, 0.97, 0.5
FAST, SLOW = 1.5, 5.0
FEW_DAYS, LEAST_DAYS = 10.0, 3.0


def badges(view: View) -> dict[str, str]:
    """The pictures by their paths on the branch."""
    when = f"checked {words.moment(view.check.at, view.now)}"
    drawn = {
        "status": status(view),
        "uptime": uptime(view),
        "response-time": response_time(view),
        "environment": environment(view),
        "certificate": certificate(view),
        "students": students(view),
    }
    return {
        f"{FOLDER}/{name}.svg": picture(view.name, label, value, colour, when)
        for name, (label, value, colour) in drawn.items()
    }


def status(view: View) -> tuple[str, str, str]:
    """It always says when the hub was looked at."""
    now = standing(view)
    if now.state == NONE:
        return "hub", f"none, checked {words.moment(view.check.at, view.now)}", GREY
    if now.stale:
        return "hub", f"unknown, last checked {words.moment(view.check.at, view.now)}", GREY
    since, checked = words.date(now.since, view.now), words.moment(view.check.at, view.now)
    if view.check.at - now.since < words.DAY:
        since = f"{since} {words.utc(now.since):%H:%M}"
    return "hub", f"{now.state} since {since}, checked {checked}", COLOURS[now.state]


def uptime(view: View) -> tuple[str, str, str]:
    label = "uptime, 30 days"
    if view.uptime is None or view.known <= 0:
        return label, "unknown", GREY
    value = words.uptime(view)
    if view.known < ENOUGH_KNOWN:
        return label, value, GREY
    good, fair = view.uptime >= GOOD_UPTIME, view.uptime >= FAIR_UPTIME
    return label, value, GREEN if good else AMBER if fair else RED


def response_time(view: View) -> tuple[str, str, str]:
    label, seconds, now = "response time", view.check.seconds, standing(view)
    if now.state in (NONE, DOWN):
        return label, {NONE: "no hub", DOWN: "no answer"}[now.state], GREY if now.state == NONE else RED
    if not now.answers or not words.is_number(seconds):
        return label, "unknown", GREY
    return label, words.answer_time(seconds), GREEN if seconds < FAST else AMBER if seconds < SLOW else RED


def environment(view: View) -> tuple[str, str, str]:
    if standing(view).state == NONE:
        return "environment", "no hub", GREY
    commit = words.short(view.environment)
    return ("environment", commit, BLUE) if commit else ("environment", "unknown", GREY)


def certificate(view: View) -> tuple[str, str, str]:
    days, now = view.check.certificate, standing(view)
    if now.state == NONE:
        return "certificate", "no hub", GREY
    if (view.check.url or "").startswith("http:"):
        return "certificate", "none: no https", AMBER
    if not now.seen or not words.is_number(days):
        return "certificate", "unknown", GREY
    return (
        "certificate",
        words.days_left(days),
        RED if days < LEAST_DAYS else AMBER if days < FEW_DAYS else GREEN,
    )


def students(view: View) -> tuple[str, str, str]:
    """A number that is another a minute later: it says when it was so."""
    count, now = view.check.students, standing(view)
    if now.state == NONE:
        return "students", "no hub", GREY
    if not now.seen or not words.is_number(count):
        return "students", "unknown", GREY
    return "students", f"{int(count)} active, {words.moment(view.check.at, view.now)}", BLUE


def picture(name: str, label: str, value: str, colour: str, when: str) -> str:
    """The SVG. Who hears it, or rests the pointer on it, also learns whose it is, kept apart in its
    direction, and `when` the hub was looked at."""
    left, right = round(width(label)) + 12, round(width(value)) + 26
    whole = left + right
    name = words.plain(name, 80)
    spoken = f"{label}: {value}" if when in value else f"{label}: {value} ({when})"
    spoken = escape(f"\u2068{name}\u2069: {spoken}" if name else spoken)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="20" viewBox="0 0 {whole} 20" role="img" \
aria-label="{spoken}">
  <title>{spoken}</title>
  <clipPath id="shape"><rect width="{whole}" height="20" rx="4"/></clipPath>
  <g clip-path="url(#shape)">
    <rect width="{left}" height="20" fill="{LABEL}"/>
    <rect x="{left}" width="{right}" height="20" fill="{colour}"/>
  </g>
  <rect x=".5" y=".5" width="{whole - 1}" height="19" rx="3.5" fill="none" stroke="{EDGE}"/>
  <path transform="translate({left + 4} 3)" d="{SIGNS[colour]}" fill="none" stroke="#ffffff" \
stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round"/>
  <g fill="#ffffff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">
    {text(6, label)}
    {text(left + 20, value)}
  </g>
</svg>
"""


def text(x: int, line: str) -> str:
    return (
        f'<text x="{x}" y="14" textLength="{width(line):.0f}" lengthAdjust="spacingAndGlyphs">'
        f"{escape(line)}</text>"
    )


def width(line: str) -> float:
    """In pixels, at 11 of them for a line of text."""
    return sum(WIDTH_OF.get(letter, OTHER if ord(letter) < 0x1100 else WIDE) for letter in line)
