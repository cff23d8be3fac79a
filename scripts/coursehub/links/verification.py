"""Whether links open what they should, seen by following each of them on the hub itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..lifecycle.told import Told
from ..problems import Failure, InvalidInput, Problem
from ..report import Terminal
from .collection import FILE, FOLDER, NOTEBOOK, Link
from .following import Follower, log_in_of

IN_JUPYTER = {NOTEBOOK: "notebook", FOLDER: "directory", FILE: "file"}
"""What Jupyter calls the kinds of things that links open."""


NOT_SEEN = (
    "Not looked at: the log-in at the provider, the pull, and what opens then. Follow one link in a browser, "
    "logged in as somebody of the course: the others go the same way"
)


def account(environ: Mapping[str, str]) -> tuple[str, str]:
    """The name and the password of who follows the links. Raises InvalidInput."""
    name, password = environ.get("HUB_USER", "").strip(), environ.get("HUB_PASSWORD", "")
    fix = "Set it in the environment, to an account of the hub that has a password already."
    problems = [
        Problem(f"secret {variable}", "is not set", fix)
        for variable, given in (("HUB_USER", name), ("HUB_PASSWORD", password))
        if not given
    ]
    if problems:
        raise InvalidInput(problems)
    return name, password


def verify(hub: str, name: str, password: str, links: Sequence[Link], terminal: Terminal) -> Told:
    """Follow every link, also after one that fails. Raises Failure when nobody can log in."""
    terminal.stage(f"Following {len(links)} links on {hub}")
    follower = Follower(hub, name, password)
    follower.log_in()
    results = []
    for one in links:
        trouble = look(follower, one)
        terminal.note(f"{'opens' if trouble is None else 'does not open'}: {one.path or one.title}")
        results.append((one, trouble))
    good = Told("verified", f"Each of {len(links)} links opens what it should")
    return summed(hub, results, "opens", good, "do not open what they should")


def reach(hub: str, links: Sequence[Link], terminal: Terminal) -> Told:
    """Follow every link up to the log-in, where people sign in at a provider: nobody but a person gets past
    its page, with a browser."""
    terminal.stage(f"Following {len(links)} links on {hub}, up to the log-in")
    results = []
    for one in links:
        try:
            log_in_of(one.url)
            trouble = None
        except Failure as failure:
            trouble = str(failure)
        how = "leads to the log-in" if trouble is None else "does not lead to the log-in"
        terminal.note(f"{how}: {one.path or one.title}")
        results.append((one, trouble))
    title = f"Each of {len(links)} links leads to the log-in, and from there to what it opens"
    good = Told("reached", title, (NOT_SEEN,))
    return summed(hub, results, "reaches", good, "do not lead to the hub's log-in")


def summed(hub: str, results: Sequence[tuple[Link, str | None]], does: str, good: Told, words: str) -> Told:
    """What is told of `results`, each link with its trouble: `good` when there is none. `does` is what a link
    without trouble does, and `words` what one with trouble does not."""
    links = [{"path": one.path, "url": one.url, does: trouble is None} for one, trouble in results]
    values = {"hub": hub, "links": links}
    failed = [f"{one.path or one.title}: {trouble}" for one, trouble in results if trouble]
    if not failed:
        return replace(good, values=values)
    message = f"{len(failed)} of {len(results)} links {words}"
    return Told("failed", message, values=values, error=Failure(message, "see below", "\n".join(failed)))


def look(follower: Follower, one: Link) -> str | None:
    """What is wrong with a link; None when it opens what it should."""
    try:
        kind = follower.open(one.url)
    except Failure as failure:
        return "\n".join(part for part in (str(failure), failure.detail) if part)
    wanted = IN_JUPYTER.get(one.kind, kind)
    return None if kind == wanted else f"opens a {kind}, not a {wanted}"
