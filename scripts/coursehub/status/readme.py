"""README.md of the branch: what GitHub shows of the hub to who opens it. Pure."""

from __future__ import annotations

import html

from . import words
from .badges import badges
from .model import NONE, UP, View
from .standing import standing

INCIDENTS = 10
SPECIAL = "\\`*_{}[]()#+!|~$:@"


def readme(view: View) -> str:
    """Its Markdown."""
    said = [f"# {markdown(view.name, 120) or 'Course'}", "", pictures(view), "", *present(view), ""]
    said += ["## Incidents", "", *incidents(view), "", "## The status page", ""]
    said += [
        "[index.html](index.html) shows 90 days of uptime, how long answers took, memory, disk, students and",
        "deploys. GitHub shows the text of such a file, not the page. To see the page:",
        "",
        "- **on the web:** *Settings* → *Pages* → *Deploy from a branch* → `coursehub`, `/ (root)`. The",
        "  address is then shown there. It may be public though the repository is private: that depends on",
        "  your plan. Nobody is named on it.",
        "- **without that:** open [index.html](index.html), choose *Download raw file*, and open what was",
        "  downloaded.",
    ]
    return "\n".join(said) + "\n"


def pictures(view: View) -> str:
    """The badges, by paths that lead to them on the branch also in a private repository."""
    names = (path.removeprefix("badges/").removesuffix(".svg") for path in badges(view))
    return " ".join(f"![{name.replace('-', ' ')}](badges/{name}.svg)" for name in names)


def present(view: View) -> list[str]:
    now, check = standing(view), view.check
    checked = words.moment(check.at, view.now)
    if now.stale:
        return [f"**{words.HEADINGS[now.state]}**: no check since {checked}."]
    if now.state == NONE:
        return [f"**{words.HEADINGS[now.state]}** (checked {checked})."]
    said = [
        f"**{words.HEADINGS[now.state]}**, since {words.moment(now.since, view.now)}. Last check: {checked}."
    ]
    if now.state != UP:
        for name, text in (
            ("Found", words.found(check.title)),
            ("Cause", check.cause),
            ("What to do", check.fix),
        ):
            if text:
                said += ["", f"{name}: {markdown(words.sentence(text, 600), 600)}"]
    if where := words.web_address(check.url):
        said += ["", f"[Open the hub](<{where}>)"]
    return said


def incidents(view: View) -> list[str]:
    if not view.incidents:
        return ["None was recorded."]
    rows = ["| Began | Lasted | What was found | Cause | Done | Issue |", "|---|---|---|---|---|---|"]
    home = words.home(view.repository)
    for one in view.incidents[:INCIDENTS]:
        lasted = "**not over**" if one.ended is None else words.length(one.ended - one.began)
        issue = f"[{int(one.issue)}](<{home}/issues/{int(one.issue)}>)" if one.issue and home else ""
        cells = (
            words.moment(one.began, view.now),
            lasted,
            markdown(one.title, 160),
            markdown(one.cause),
            markdown("; ".join(one.done[:8])),
            issue,
        )
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def markdown(text: object, longest: int = 300) -> str:
    """Text of others' that stays text in Markdown, whatever it holds."""
    line = html.escape(words.plain(text, longest), quote=False)
    return "".join("\\" + letter if letter in SPECIAL else letter for letter in line)
