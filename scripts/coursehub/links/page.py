"""Documentation/links.html: the course's links as buttons. One file, which asks nothing of any server."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path, PurePosixPath

from ..page_policy import policy
from .collection import FOLDER, NOTEBOOK, AccountLink, Collection, Link

STYLE, SCRIPT = (
    Path(__file__).with_name(name).read_text(encoding="utf-8").strip() for name in ("page.css", "page.js")
)


def page(links: Collection) -> str:
    """The page's HTML."""
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(policy(STYLE, SCRIPT))}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="scripts/links.py">
<link rel="icon" href="data:,">
<title>{escape(links.name)}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1 dir="auto">{escape(links.name)}</h1>
<p class="quiet"><b>Open</b> brings the course's current material to your own copy, keeps what you wrote, \
and opens it on <a href="{escape(links.hub)}" target="_blank" rel="noopener noreferrer">the hub</a>.</p>
</header>
<main>
{section("Begin here", links.first)}
{sections(links.rest)}
</main>
<footer>
<h2>Your account</h2>
{accounts(one for one in links.accounts if not one.for_admins)}
<h2>For admins</h2>
{accounts(one for one in links.accounts if one.for_admins)}
</footer>
<p id="status" class="quiet" role="status"></p>
<script>{SCRIPT}</script>
</body>
</html>
"""


def sections(links: tuple[Link, ...]) -> str:
    """One section for each folder: the folder itself, then its notebooks."""
    inside: dict[str, list[Link]] = {one.path: [one] for one in links if one.kind == FOLDER}
    for one in links:
        if one.kind != FOLDER:
            parent = PurePosixPath(one.path).parent.as_posix()
            inside["" if parent == "." else parent].append(one)
    return "\n".join(section(path or "All of the course", listed) for path, listed in inside.items())


def section(heading: str, links: Iterable[Link]) -> str:
    items = "\n".join(item(one) for one in links)
    return f'<section>\n<h2 dir="auto">{escape(heading)}</h2>\n<ul class="links">\n{items}\n</ul>\n</section>'


def item(one: Link) -> str:
    title = escape(f"The folder {one.path}" if one.path and one.kind == FOLDER else one.title)
    path = f'<p class="path"><code dir="auto">{escape(one.path)}</code></p>' if one.kind == NOTEBOOK else ""
    url = escape(one.url)
    return (
        f'<li><div class="what"><p class="title" dir="auto">{title}</p>{path}</div><div class="actions">'
        f'<a class="open" href="{url}" target="_blank" rel="noopener noreferrer" aria-label="Open {title}">'
        f'Open</a><button class="copy" type="button" data-link="{url}" '
        f'aria-label="Copy the link to {title}" hidden>Copy link</button></div></li>'
    )


def accounts(links: Iterable[AccountLink]) -> str:
    items = "\n".join(f"<li>{anchor(one)}</li>" for one in links)
    return f'<ul class="accounts">\n{items}\n</ul>'


def anchor(one: AccountLink) -> str:
    return f'<a href="{escape(one.url)}" target="_blank" rel="noopener noreferrer">{escape(one.title)}</a>'
