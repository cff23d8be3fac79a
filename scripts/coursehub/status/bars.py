"""The last ninety days as bars. What is not known of a day is hatched: neither up nor down. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from html import escape

from . import words
from .model import Day, View

DAYS = 90
LEAST = 0.12
"""A part of a bar that is shorter could not be seen: ten minutes of a day count."""
WORTH = 0.002
"""Three minutes of a day: less of unknown is a check that came late, not a gap."""
MARKS = {"down": "×", "degraded": "!", "unknown": "?", "maintenance": "i"}
"""Under the bar, worst first: colours are not the only sign."""
LEGEND = {
    "up": "up",
    "degraded": "works, needs attention",
    "down": "down",
    "maintenance": "maintenance",
    "unknown": "unknown: nobody looked",
}


def bars(view: View) -> str:
    """The bars, and what their colours and signs mean."""
    known = {one.date: one for one in view.days}
    today = words.utc(view.now).date()
    dates = [(today - timedelta(days=back)).isoformat() for back in range(DAYS - 1, -1, -1)]
    elapsed = view.now % words.DAY / words.DAY
    first = min(known, default=dates[-1])
    items = "".join(
        bar(known.get(date, Day(date)), view.now, elapsed if date == dates[-1] else 1.0)
        if date >= first
        else unborn(date, view.now)
        for date in dates
    )
    legend = "".join(
        f'<li><span class="swatch {name}"></span>'
        + (f"<b>{MARKS[name]}</b> " if name in MARKS else "")
        + f"{meaning}</li>"
        for name, meaning in LEGEND.items()
    )
    return (
        f'<ol class="days">{items}</ol><div class="times" aria-hidden="true"><span>'
        f"{words.date(view.now - (DAYS - 1) * words.DAY, view.now)}</span><span>"
        f"{words.date(view.now, view.now)}</span></div>"
        f'<p id="day" class="quiet" aria-hidden="true"></p><ul class="legend">{legend}</ul>'
    )


def parts(day: Day, elapsed: float) -> dict[str, float]:
    """The parts of a day by what they were; `elapsed` is the part of it that has been."""
    down, maintenance = clamped(day.down), clamped(day.maintenance)
    degraded = min(clamped(day.degraded), clamped(day.up))
    up = clamped(day.up) - degraded
    unknown = max(0.0, elapsed - up - degraded - down - maintenance)
    return {
        "up": up,
        "degraded": degraded,
        "maintenance": maintenance,
        "unknown": unknown if unknown > WORTH else 0.0,
        "down": down,
    }


def clamped(part: float) -> float:
    return min(max(part, 0.0), 1.0) if words.is_number(part) else 0.0


def bar(day: Day, now: float, elapsed: float) -> str:
    """One day: its parts one upon the other, up lowest and down highest, and the sign of the worst."""
    found = parts(day, elapsed)
    said = f"{date(day.date, now)}{'' if elapsed == 1 else ' so far'}: {described(found)}"
    height, drawn = 40.0, []
    for name, part in shown(found, elapsed).items():
        height -= part * 40
        if part and name != "unknown":
            drawn.append(f'<path class="{name}" d="M0 {height:.1f}h8v{part * 40:.1f}H0z"/>')
    still = f'<path class="still" d="M0 0h8v{height:.1f}H0z"/>' if height > 0.4 else ""
    worst = next((name for name in MARKS if found[name] > 0), "")
    sign = f'<b aria-hidden="true">{MARKS[worst]}</b>' if worst else ""
    hatched = 'class="gap" ' if found["unknown"] else ""
    return (
        f'<li><svg {hatched}role="img" viewBox="0 0 8 40" preserveAspectRatio="none">'
        f"<title>{escape(said)}</title>{still}{''.join(drawn)}</svg>{sign}</li>"
    )


def unborn(text: str, now: float) -> str:
    """A day before the record began."""
    return (
        '<li><svg class="before" role="img" viewBox="0 0 8 40">'
        f'<title>{date(text, now)}: before the record began</title><path d="M0 0h8v40H0z"/></svg></li>'
    )


def shown(found: Mapping[str, float], elapsed: float) -> dict[str, float]:
    """How much of the bar each part takes: none that is there less than LEAST, the longest giving way."""
    drawn = {name: max(part, min(LEAST, elapsed)) if part > 0 else 0.0 for name, part in found.items()}
    over = sum(drawn.values()) - max(sum(found.values()), 0.0)
    longest = max(drawn, key=drawn.__getitem__)
    drawn[longest] = max(0.0, drawn[longest] - max(over, 0.0))
    return drawn


def described(found: Mapping[str, float]) -> str:
    if not any(found.values()):
        return "nothing known yet"
    if found["unknown"] and not any(found[name] for name in found if name != "unknown"):
        return "unknown"
    return ", ".join(
        f"{name} {words.percent(found[name], 1)}"
        + ("" if name in ("up", "unknown") else f" ({words.length(found[name] * words.DAY)})")
        for name in ("up", "degraded", "down", "maintenance", "unknown")
        if found[name] > 0
    )


def date(text: str, now: float) -> str:
    """A date of the record as the page writes dates."""
    year, month, day = text.split("-")
    there = "" if int(year) == words.utc(now).year else f" {year}"
    return f"{int(day)} {words.MONTHS[int(month) - 1]}{there}"
