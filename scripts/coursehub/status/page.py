"""The status page: one file of HTML, which asks nothing of any server.

Without its script it says when the hub was looked at; with it, it says that the state is unknown as soon as
that is too long ago, and shows times as the reader's clock does.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

from ..page_policy import policy
from . import bars, listing, measures, words
from .listing import link, sign, time
from .model import DEGRADED, DOWN, MAINTENANCE, NONE, UNKNOWN, UP, View
from .readme import readme
from .standing import Standing, standing

__all__ = ("page", "readme")

STYLE, SCRIPT = (
    Path(__file__).with_name(name).read_text(encoding="utf-8").strip() for name in ("page.css", "page.js")
)
SIGNS = {
    UP: "M7 12.5l3.4 3.5L17 8.5",
    DEGRADED: "M12 6.5v7M12 17.2v.3",
    DOWN: "M8 8l8 8M16 8l-8 8",
    UNKNOWN: "M9 9.3a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.1-1.5 2.1M12 17.2v.3",
    MAINTENANCE: "M12 11v6M12 7v.3",
    NONE: "M8 12h8",
}


def page(view: View) -> str:
    """The page's HTML."""
    now = standing(view)
    name = escape(words.plain(view.name, 120)) or "Course"
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(policy(STYLE, SCRIPT))}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<link rel="icon" href="data:,">
<title>{words.HEADINGS[now.state]} · {name}</title>
<style>{STYLE}</style>
</head>
<body>
{signs()}
<header>
<h1 dir="auto">{name}</h1>
</header>
<main>
{present(view, now)}
{facts(view, now)}
{looked_at(view, now)}
<section aria-labelledby="uptime"><h2 id="uptime">The last 90 days</h2>
<p class="quiet above">{uptime_line(view)}</p>
<div class="card">{bars.bars(view)}</div></section>
{measures.response(view)}
{measures.capacity(view)}
<section aria-labelledby="incidents"><h2 id="incidents">Incidents</h2>
{listing.incidents(view)}</section>
<section aria-labelledby="deploys"><h2 id="deploys">Deploys</h2>
{listing.deploys(view)}</section>
</main>
<footer><p class="quiet">Written {time(view.now, view.now)} by the workflow Health\
{source(view)}. Days are those of UTC.</p></footer>
<script>{SCRIPT}</script>
</body>
</html>
"""


def signs() -> str:
    """The signs of the states, drawn once."""
    drawn = "".join(
        f'<symbol id="sign-{state}" viewBox="0 0 24 24"><circle cx="12" cy="12" r="11"/><path d="{line}"/>'
        "</symbol>"
        for state, line in SIGNS.items()
    )
    return f'<svg class="signs" width="0" height="0" aria-hidden="true">{drawn}</svg>'


def present(view: View, now: Standing) -> str:
    """How the hub is, since when, why, what to do, and when it was looked at."""
    check = view.check
    said = [f'<h2 id="state">{words.HEADINGS[now.state]}</h2>']
    if now.stale:
        was = check.state if check.state in words.STATES else UNKNOWN
        said.append(f"<p>No check since {time(check.at, view.now)}. Then the hub was: {was}.</p>")
    elif now.state != NONE:
        lasted = check.at - now.since
        lasted = f', for <span class="whole">{words.length(lasted)}</span>' if lasted >= 60 else ""
        said.append(f'<p class="while">Since {time(now.since, view.now)}{lasted}</p>')
    said.append(
        f'<p id="checked">Last check: {time(check.at, view.now)}<span id="age"></span></p>'
        '<p id="stale" role="status" hidden></p>'
    )
    said.append(advice(view, now))
    if where := words.web_address(check.url):
        said.append(f'<p class="go">{link(where, "Open the hub")}</p>')
    return (
        f'<section id="now" class="now {now.state}" aria-labelledby="state" data-at="{check.at:.0f}" '
        f'data-limit="{words.STALE_AFTER:.0f}" data-state="{now.state}">{sign(now.state)}'
        f"<div>{''.join(said)}</div></section>"
    )


def advice(view: View, now: Standing) -> str:
    """Why it is so and what to do, when the hub is not as it should be; and what was done, always."""
    check, rows = view.check, []
    if now.state != UP and not now.stale:
        found = escape(words.sentence(words.found(check.title)))
        rows.append(("Found", f'<p dir="auto">{found}</p>' if found else ""))
        rows.append(
            ("Cause", f'<p dir="auto">{escape(words.sentence(check.cause))}</p>' if check.cause else "")
        )
        fix = escape(words.sentence(check.fix, 600))
        rows.append(("What to do", f'<p dir="auto">{fix}</p>' if fix else ""))
    done = "".join(f'<li dir="auto">{escape(words.sentence(one, 200))}</li>' for one in check.done[:8])
    rows.append(("Done by itself", f"<ul>{done}</ul>" if done else ""))
    said = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows if value)
    return f'<dl class="while">{said}</dl>' if said else ""


def facts(view: View, now: Standing) -> str:
    """The numbers of the last check, at a glance."""
    check = view.check
    shown = [
        ("Uptime, 30 days", uptime(view)),
        ("Response time", response_time(view, now)),
        ("Students active", known(check.students, lambda value: f"{value:.0f}") if now.seen else "unknown"),
        ("Certificate", certificate(view) if now.seen else "unknown"),
        ("Environment", words.short(view.environment) or "unknown"),
        ("Last deploy", last_deploy(view)),
    ]
    items = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in shown)
    return (
        '<section aria-labelledby="facts"><h2 id="facts">At the last check</h2>'
        f'<dl class="facts">{items}</dl></section>'
    )


def uptime(view: View) -> str:
    value, of, known = words.uptime(view).partition(" of ")
    return f"{value} <span>of {known}</span>" if of else value


def response_time(view: View, now: Standing) -> str:
    if now.state == DOWN:
        return "no answer"
    return known(view.check.seconds, words.answer_time) if now.answers else "unknown"


def last_deploy(view: View) -> str:
    times = [one["at"] for one in view.deploys if words.is_number(one.get("at"))]
    return words.date(max(times), view.now) if times else "unknown"


def known(value: object, form) -> str:
    return form(value) if words.is_number(value) else "unknown"


def certificate(view: View) -> str:
    if (view.check.url or "").startswith("http:"):
        return "none: no https"
    days = view.check.certificate
    return known(days, words.days_left)


def looked_at(view: View, now: Standing) -> str:
    """What is not good, openly; and what is, for who asks."""
    canary = listing.canary(view)
    if now.stale or not (view.check.findings or canary):
        return ""
    bad = [one for one in view.check.findings if one.level != "good"]
    good = [one for one in view.check.findings if one.level == "good"]
    said = "".join(f'<div class="card">{part}</div>' for part in (listing.findings(bad), canary) if part)
    if good:
        things = "thing" if len(good) == 1 else "things"
        said += (
            f"<details><summary>{len(good)} {things} found good</summary>"
            f'<div class="card">{listing.findings(good)}</div></details>'
        )
    return f'<section aria-labelledby="found"><h2 id="found">What was looked at</h2>{said}</section>'


def uptime_line(view: View) -> str:
    if view.uptime is None:
        return "Nothing is known yet of the last 30 days."
    line = f"Up for <b>{words.percent(view.uptime)}</b> of the last 30 days"
    if view.known < words.ALL_KNOWN:
        line += f", as far as they are known: {words.percent(view.known, 0)} of the time"
    return line + "."


def source(view: View) -> str:
    home = words.home(view.repository)
    return f" of {link(home, escape(words.plain(view.repository, 100)))}" if home else ""
