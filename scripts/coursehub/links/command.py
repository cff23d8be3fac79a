"""`scripts/links.py`: makes the links of the course, says whether they are up to date, follows them to see
whether they open what they should; and makes one for somebody else's repository."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping
from pathlib import Path

from .. import interruption, settings
from ..command import CONVERGED, FAILED, course_parser, refused
from ..github.results import result_of
from ..handing_out import VALUE_BYTES, hand_out
from ..lifecycle.told import Told, as_json, markdown, tell
from ..parts.sign_in import LTI, WITH_PASSWORDS
from ..problems import CoursehubError, InvalidInput, Problem
from ..report import Terminal
from .address import OPENED_BY, pulling
from .badge import BADGE
from .collection import FOLDER, NOTEBOOK, Collection, Link, collect
from .hub_address import hub_address
from .markdown import IMAGE, badge, links_page, published_page
from .page import page
from .source import source_from
from .verification import account, reach, verify

STALE = "stale"
REFUSED = frozenset("%#?;")
"""Newer releases of traefik, the hub's web server, answer 400 to addresses with these in a name, quoted as
they have to be."""
IMAGE_ADDRESS = re.compile(r"[^\s()<>\\`|]+")
OF_A_REPOSITORY = ("branch", "path", "folder")


def run(description: str) -> int:
    """Do what is asked for; the exit code: 0 done, 1 stale, or a link that does not open, 2 a mistake."""
    arguments = parser(description).parse_args()
    interruption.expect()
    terminal = Terminal()
    try:
        result = act(arguments, os.environ, terminal)
    except CoursehubError as error:
        return refused(error, terminal, arguments)
    tell(result, terminal)
    text = result.values.get("page")
    outputs = {"links": text} if text and len(text.encode()) <= VALUE_BYTES else {}
    hand_out(text or markdown(result), as_json(result), arguments.json, outputs=outputs)
    return FAILED if result.error or result.verdict == STALE else CONVERGED


def parser(description: str) -> argparse.ArgumentParser:
    made = course_parser(description)
    made.add_argument("--hub", metavar="URL", help="the hub's address (default: HUB_URL, or what is known)")
    made.add_argument("--interface", choices=OPENED_BY, help="what opens (default: as course.yml says)")
    made.add_argument("--badge", metavar="IMAGE", default=IMAGE, help=f"the badge's picture ({IMAGE})")
    verbs = made.add_mutually_exclusive_group()
    verbs.add_argument("--check", action="store_true", help="write nothing; exit with 1 when files are stale")
    verbs.add_argument(
        "--verify",
        action="store_true",
        help="write nothing; open each link as HUB_USER with HUB_PASSWORD; where people sign in "
        "elsewhere, as far as the log-in",
    )
    verbs.add_argument(
        "--publish",
        action="store_true",
        help="write nothing; in a run on GitHub, show the links in its summary and hand them on",
    )
    others = made.add_argument_group("a link for somebody else's repository, which is printed")
    others.add_argument("--repository", metavar="URL", help="its address, or that of a page of a file there")
    others.add_argument("--branch", help="(default: the repository's own)")
    others.add_argument("--path", help="the notebook or folder that opens (default: all)")
    others.add_argument("--folder", help="what it becomes in a student's home (default: its name)")
    return made


def act(arguments: argparse.Namespace, environ: Mapping[str, str], terminal: Terminal) -> Told:
    """Raises InvalidInput and Failure."""
    check_options(arguments)
    course = settings.load(arguments.course, arguments.override)
    if arguments.verify and course.sign_in == LTI:
        message = (
            "cannot follow links where people come in from a learning platform: no program is let in there"
        )
        fix = (
            "Open a link in your course there, in a browser, as one of the class: the others go the same way."
        )
        raise InvalidInput([Problem("--verify", message, fix)])
    who = account(environ) if arguments.verify and course.sign_in in WITH_PASSWORDS else None
    deployed = (result_of(environ) or {}).get("url") if arguments.publish else None
    hub = hub_address(arguments.hub or deployed, course, environ)
    if arguments.repository is not None:
        made = (link_elsewhere(arguments, course, hub),)
    else:
        links = collect(course, hub, arguments.interface)
        made = links.all
    if arguments.verify:
        return verify(hub, *who, made, terminal) if who else reach(hub, made, terminal)
    if arguments.repository is not None:
        return told_link(made[0], arguments.badge)
    if arguments.publish:
        title = f"{len(links.all)} links, for the summary of the run"
        values = {"hub": hub, "missing": dict(links.missing), "page": published_page(links)}
        return Told("published", title, later(links), values=values)
    return written(links, arguments.course, arguments.badge, check=arguments.check)


def check_options(arguments: argparse.Namespace) -> None:
    """What the options mean together. Raises InvalidInput."""
    problems = []
    if not IMAGE_ADDRESS.fullmatch(arguments.badge):
        fix = "Write a path or an address without blanks and brackets, such as launch.svg."
        problems.append(Problem("--badge", "does not fit into Markdown", fix, found=repr(arguments.badge)))
    if arguments.repository is None:
        for name in OF_A_REPOSITORY:
            if getattr(arguments, name) is not None:
                fix = "Give --repository, too, or leave it out: all of content/ gets links."
                problems.append(Problem(f"--{name}", "is for somebody else's repository", fix))
    elif arguments.check or arguments.publish:
        fix = "Leave one of the two out: the link for a repository is not written anywhere."
        option = "--check" if arguments.check else "--publish"
        problems.append(Problem(option, "does not go with --repository", fix))
    if problems:
        raise InvalidInput(problems)


def link_elsewhere(arguments: argparse.Namespace, course, hub: str) -> Link:
    """The link for somebody else's repository. Raises InvalidInput."""
    source = source_from(arguments.repository, arguments.branch, arguments.path, arguments.folder)
    own = course.content.folder
    if source.folder == own or source.folder.startswith(f"{own}/"):
        message = "is in the folder of the course's own material, which another repository would damage"
        raise InvalidInput([Problem("--folder", message, "Give another --folder.", found=source.folder)])
    interface = arguments.interface or course.interface
    url = pulling(hub, source.repository, source.branch, source.folder, source.path, interface)
    kind = NOTEBOOK if source.path.endswith(".ipynb") else FOLDER if not source.path else ""
    return Link(source.path or source.folder, source.path, kind, url)


def told_link(one: Link, image: str) -> Told:
    notes = (f"Link: {one.url}", f"Badge: {badge(one.url, image)}")
    return Told("made", f"The link that opens {one.title}", notes, values={"links": [value(one, image)]})


def files_of(links: Collection, image: str) -> dict[str, str]:
    """Paths below the course's folder, and what belongs there."""
    return {
        "Documentation/Links.md": links_page(links, image),
        "Documentation/links.html": page(links),
        "Documentation/launch.svg": BADGE,
    }


def written(links: Collection, root: Path, image: str, *, check: bool) -> Told:
    """Write the files that are not as they should be, or only tell which."""
    stale = []
    for name, text in files_of(links, image).items():
        file = root / name
        if not file.is_file() or file.read_bytes() != text.encode():
            stale.append(name)
            if not check:
                file.parent.mkdir(exist_ok=True)
                file.write_bytes(text.encode())
    values = {
        "hub": links.hub,
        "files": stale,
        "links": [value(one, image) for one in links.all],
        "missing": dict(links.missing),
        "accounts": [
            {"title": one.title, "url": one.url, "for_admins": one.for_admins} for one in links.accounts
        ],
    }
    hard = later(links) + tuple(
        f"Rename {one.path}: the hub's web server may refuse names with % # ? or ;"
        for one in links.all
        if REFUSED & set(one.path)
    )
    if not stale:
        return Told("current", "The links are up to date", hard, values=values)
    notes = (*stale, *hard)
    if check:
        title = "Links are stale. What to do: run python scripts/links.py, and commit what it writes"
        return Told(STALE, title, notes, values=values)
    return Told("written", f"{len(links.all)} links, written to", notes, values=values)


def later(links: Collection) -> tuple[str, ...]:
    """What is left out because of its dates, a line each."""
    return tuple(f"No link yet: {path} {why}" for path, why in links.missing.items())


def value(one: Link, image: str) -> dict[str, str]:
    return {
        "title": one.title,
        "path": one.path,
        "kind": one.kind,
        "url": one.url,
        "markdown": badge(one.url, image),
    }
