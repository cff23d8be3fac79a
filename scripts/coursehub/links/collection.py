"""All the links of a course: one for each notebook and folder of content/, and those of its accounts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from ..content_files import content_paths
from ..lti_platforms import CONFIG
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
    """`first` are the course's start and what `content.links` names; `rest` is everything, by path."""

    name: str
    hub: str
    first: tuple[Link, ...]
    rest: tuple[Link, ...]
    accounts: tuple[AccountLink, ...]

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


def collect(settings, hub: str, interface: str | None = None) -> Collection:
    """The links of a course whose hub is at `hub`, in the order of their paths."""
    paths = content_paths(settings.root)
    rest = tuple(link_to(settings, hub, path, interface) for path in targets(paths))
    named = dict.fromkeys((settings.content.start, *settings.content.links))
    first = tuple(link_to(settings, hub, path, interface) for path in named)
    return Collection(settings.name, hub, first, rest, tuple(account_links(settings.sign_in, hub)))


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
