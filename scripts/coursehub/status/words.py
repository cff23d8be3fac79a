"""Times, lengths of time and parts as words, and words of others' made harmless. Pure."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import UTC, datetime
from urllib.parse import urlsplit

from .model import DEGRADED, DOWN, MAINTENANCE, NONE, UNKNOWN, UP, View

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
STALE_AFTER = 3 * HOUR
"""A check that is older says nothing of now. Where minutes are counted there is one an hour, and schedules on
GitHub come late."""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HEADINGS = {
    UP: "The hub is up",
    DEGRADED: "The hub works, but needs attention",
    DOWN: "The hub is down",
    UNKNOWN: "Whether the hub is up is unknown",
    MAINTENANCE: "The hub is in maintenance",
    NONE: "There is no hub",
}
STATES = tuple(HEADINGS)
ALL_KNOWN = 0.99
"""A check or two that came late is no gap worth telling."""
TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"
"""What turns the direction of all that follows, and so could make a line read as another."""


def plain(text: object, longest: int = 300) -> str:
    """Text of others' as one line of at most `longest` letters, which can stand in XML, and whose direction
    does not reach beyond it."""
    letters = ("" if letter in TURNING else letter if fits(letter) else " " for letter in str(text))
    line = " ".join("".join(letters).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def fits(letter: str) -> bool:
    """Neither a control character nor half of one, nor what is no character at all."""
    return unicodedata.category(letter) not in ("Cc", "Cs", "Zl", "Zp", "Cn") or letter == "\u200d"


def sentence(text: object, longest: int = 300) -> str:
    """The same with a capital and a full stop; "" stays it."""
    line = plain(text, longest)
    return line and line[0].upper() + line[1:] + ("" if line[-1] in ".!?…:" else ".")


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def utc(at: float) -> datetime:
    """The moment; the beginning or end of what can be told for one that is beyond."""
    return datetime.fromtimestamp(min(max(at if is_number(at) else 0.0, 0.0), 253402300799.0), UTC)


def moment(at: float, now: float) -> str:
    """Such as "30 Nov 12:40 UTC", with the year when that is another than now's."""
    return f"{date(at, now)} {utc(at):%H:%M} UTC"


def date(at: float, now: float) -> str:
    """Such as "30 Nov", with the year when that is another than now's."""
    there = utc(at)
    year = "" if there.year == utc(now).year else f" {there.year}"
    return f"{there.day} {MONTHS[there.month - 1]}{year}"


def machine_time(at: float) -> str:
    """For the attribute `datetime` of HTML's <time>."""
    return f"{utc(at):%Y-%m-%dT%H:%M:%SZ}"


def length(seconds: float) -> str:
    """Such as "40 s", "12 min", "3 h 5 min", "2 days 4 h"."""
    seconds = max(0.0, seconds if is_number(seconds) else 0.0)
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / MINUTE)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(round(seconds / HOUR), 24)
    return f"{days} {'day' if days == 1 else 'days'}" + (f" {hours} h" if hours and days < 10 else "")


def percent(part: float, digits: int = 2) -> str:
    """Such as "99.95 %": never rounded up to 100, nor down to 0, which would say what is not so."""
    part = min(max(part if is_number(part) else 0.0, 0.0), 1.0)
    step = 10.0**-digits
    value = round(part * 100, digits)
    if value >= 100 and part < 1:
        value = 100 - step
    if value <= 0 and part > 0:
        value = step
    text = f"{value:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def uptime(view: View) -> str:
    """Such as "99.95 %", with what part is known when there are gaps."""
    if view.uptime is None or view.known <= 0:
        return "unknown"
    known = "" if view.known >= ALL_KNOWN else f" of {percent(view.known, 0)} known"
    return percent(view.uptime) + known


def found(title: str) -> str:
    """What a check's title says besides the state, which stands above it; "" for nothing."""
    state, colon, rest = title.partition(": ")
    if colon and any(state.startswith(start) for start in ("The hub", "Whether the hub", "No hub")):
        return rest
    return "" if title in HEADINGS.values() else title


def answer_time(seconds: float) -> str:
    """Such as "0.42 s"."""
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def days_left(days: float) -> str:
    if days < 0:
        return "expired"
    if days < 1:
        return "less than a day"
    whole = int(days)
    return f"{whole} day" if whole == 1 else f"{whole} days"


def short(commit: object) -> str:
    """A commit as GitHub shows it; "" for what is none."""
    return str(commit)[:7] if re.fullmatch(r"[0-9a-fA-F]{7,64}", str(commit)) else ""


def web_address(address: object) -> str:
    """The address when it is one that a link may lead to; "" otherwise."""
    address = str(address or "")
    if not re.fullmatch(r"https?://[^\s\"'<>`\\()]{1,400}", address, re.ASCII):
        return ""
    try:
        return address if urlsplit(address).hostname else ""
    except ValueError:
        return ""


def home(repository: str) -> str:
    """The address of a repository, given by its address or as owner/name; "" for what is none."""
    if re.fullmatch(r"[\w.-]+/[\w.-]+", repository, re.ASCII):
        return f"https://github.com/{repository}"
    return web_address(repository).rstrip("/")
