"""Documentation/Links.md, and the Markdown of a badge for any README."""

from __future__ import annotations

from collections.abc import Iterable

from .collection import Collection, Link

SPECIAL = frozenset("\\`*_[]<>|~$&#!^:@")
"""What could be markup, on GitHub as well, wherever it stands in a line."""
IMAGE = "Documentation/launch.svg"
"""The badge's picture, as the README of the course's repository names it."""
ALTERNATIVE = "Open on the hub"
HEADER = "| what | path | link | badge |\n|---|---|---|---|"


def escaped(text: str) -> str:
    """Text that Markdown shows as it stands, in the cell of a table too; control characters are blanks."""
    shown = (character if character.isprintable() else " " for character in text)
    return "".join(f"&#{ord(character)};" if character in SPECIAL else character for character in shown)


def badge(url: str, image: str = IMAGE) -> str:
    """The Markdown of a badge that leads to `url`, whose picture is at `image`."""
    return f"[![{ALTERNATIVE}]({image})]({url})"


def links_page(links: Collection, image: str = IMAGE) -> str:
    """The text of Documentation/Links.md."""
    blocks = [
        f"# Links of {escaped(links.name)}",
        "Made by `python scripts/links.py`, which also says with `--check` whether it is up to date. "
        "The same links with buttons, for students, are in [links.html](links.html); what a link does is "
        "in [nbgitpuller](nbgitpuller.md).",
        f"The hub is at <{links.hub}>.",
        "## Begin here",
        table(links.first, image),
        "## Each notebook and folder",
        table(links.rest, image),
        "## Accounts",
        accounts(links),
        "## The badge",
        "The last column goes into a README of this repository. Elsewhere, put a copy of "
        "[launch.svg](launch.svg) beside the text and correct its path, or give its address with `--badge`.",
        f"```markdown\n{badge(links.first[0].url, image)}\n```",
    ]
    return "\n\n".join(blocks) + "\n"


def published_page(links: Collection) -> str:
    """The same links for whoever runs the course, without a file beside: for a run's summary, and the branch
    that a deploy keeps."""
    blocks = [
        f"# Links of {escaped(links.name)}",
        f"Made by the deploy. The hub is at <{links.hub}>.",
        "## Begin here",
        plain_table(links.first),
        "## Each notebook and folder",
        plain_table(links.rest),
        "## Accounts",
        accounts(links),
    ]
    return "\n\n".join(blocks) + "\n"


def accounts(links: Collection) -> str:
    return "\n".join(
        f"- [{escaped(one.title)}]({one.url})" + (" (admins)" if one.for_admins else "")
        for one in links.accounts
    )


def plain_table(links: Iterable[Link]) -> str:
    rows = (f"| [{escaped(one.title)}]({one.url}) | {shown_path(one)} |" for one in links)
    return "\n".join(["| link | path |\n|---|---|", *rows])


def shown_path(one: Link) -> str:
    return f"<code>{escaped(one.path)}</code>" if one.path else "everything"


def table(links: Iterable[Link], image: str) -> str:
    return "\n".join([HEADER, *(row(one, image) for one in links)])


def row(one: Link, image: str) -> str:
    return f"| {escaped(one.title)} | {shown_path(one)} | [open]({one.url}) | `{badge(one.url, image)}` |"
