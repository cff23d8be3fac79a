"""All the links of a course: one for each notebook and folder of content/ that students may have by now, and
those of its accounts.

What has a release date to come is not on the hub, so a link to it opens nothing; and the pages that the links
are on may be read by the class, which is not to see what comes. So it is left out of them, title and all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

from ..content_files import content_paths
from ..lti_platforms import CONFIG
from ..release_dates import is_released, released, releases_of, remark
from .address import link
from .titles import title_of

NOTEBOOK, FOLDER, FILE = "notebook", "folder", "file"


@dataclass(frozen=True)
class Link:
    """`path` is below content/, "" for all of it. `kind` is a notebook, a folder or a file."""

    title: str
    path: str
    kind: str
    url: str


@dataclass(frozen=True)
class AccountLink:
    """A page of the hub. `for_admins` says that only those may see it."""

    title: str
    url: str
    for_admins: bool = False


@dataclass(frozen=True)
class Collection:
    """`first` are the course's start and what `content.links` names; `rest` is everything, by path. `missing`
    are the notebooks that students may not have now, {path: why}: for the teacher's eyes."""

    name: str
    hub: str
    first: tuple[Link, ...]
    rest: tuple[Link, ...]
    accounts: tuple[AccountLink, ...]
    missing: Mapping[str, str]

    @property
    def all(self) -> tuple[Link, ...]:
        """Each link once."""
        return tuple(dict.fromkeys((*self.first, *self.rest)))


SIGN_IN_PAGES = {
    "first-use": (("Change my password", "/hub/auth/change-password", False),),
    "sign-up": (
        ("Sign up", "/hub/signup", False),
        ("Change my password", "/hub/change-password", False),
        ("Let people in who signed up", "/hub/authorize", True),
    ),
    "lti": (("What Canvas reads to know the hub", CONFIG, True),),
}
"""What the methods of settings.sign_in have besides; others have no such pages."""


def collect(settings, hub: str, interface: str | None = None, now: datetime | None = None) -> Collection:
    """The links of a course whose hub is at `hub`, in the order of their paths; `now` with a time zone."""
    dates, now = releases_of(settings), now or datetime.now(UTC)
    paths = content_paths(settings.root)
    there = released(paths, dates, now)
    rest = tuple(link_to(settings, hub, path, interface) for path in targets(there))
    wanted = dict.fromkeys((settings.content.start, *settings.content.links))
    named = [path for path in wanted if is_there(path, there)]
    first = tuple(link_to(settings, hub, path, interface) for path in named or [""])
    notebooks = (path for path in targets(paths) if path.endswith(".ipynb"))
    missing = {path: remark(path, dates, now) for path in notebooks if not is_released(path, dates, now)}
    accounts = tuple(account_links(settings.sign_in, hub))
    return Collection(settings.name, hub, first, rest, accounts, missing)


def is_there(path: str, there: list[str]) -> bool:
    """Whether a file, or anything in a folder, is among these paths."""
    return not path or any(one == path or one.startswith(path.rstrip("/") + "/") for one in there)


def targets(paths: list[str]) -> list[str]:
    """The folders and notebooks among the files of content/: the whole of it, "", then each by its path."""
    parents = {parent.as_posix() for path in paths for parent in PurePosixPath(path).parents}
    notebooks = {path for path in paths if path.endswith(".ipynb")}
    return ["", *sorted((parents - {"."}) | notebooks, key=lambda path: path.split("/"))]


def link_to(settings, hub: str, path: str, interface: str | None) -> Link:
    place = settings.root / "content" / path
    if place.is_dir():
        kind, title = FOLDER, path or "The whole folder"
    elif path.endswith(".ipynb"):
        kind, title = NOTEBOOK, title_of(place)
    else:
        kind, title = FILE, path
    return Link(title, path, kind, link(settings, hub, path, interface))


def account_links(sign_in: str, hub: str) -> Iterator[AccountLink]:
    """The hub's own pages, and those that come with the method of signing in."""
    yield AccountLink("Log in", f"{hub}/hub/login")
    for title, path, for_admins in SIGN_IN_PAGES.get(sign_in, ()):
        yield AccountLink(title, hub + path, for_admins)
    yield AccountLink("My server: stop it, start it again", f"{hub}/hub/home")
    yield AccountLink("Everybody's servers", f"{hub}/hub/admin", True)
