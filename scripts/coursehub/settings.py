"""The settings of a course: course.yml and the files beside it, read, checked and given types.

Each key is described once, in course.schema.json: its type, default, description and fix.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coursehub.apt_file import read_apt_file
from coursehub.content_files import check_content
from coursehub.environment_file import EnvironmentFile, read_environment_file
from coursehub.problems import InvalidInput, Problem
from coursehub.release_dates import Release, release_from
from coursehub.requirement import Requirement
from coursehub.roster.course import roster_of
from coursehub.roster.people import ADMIN, Roster
from coursehub.settings_rules import Draft, broken_rules
from coursehub.settings_schema import defaults, mistakes, with_dates
from coursehub.settings_shared import Shared, shared_from
from coursehub.settings_yaml import Document, merged, read_document, without_empty_keys
from coursehub.shared_files import check_shared_data
from coursehub.timetable import Timetable, timetable_from

FILE = "course.yml"


@dataclass(frozen=True)
class Github:
    """Sign-in at GitHub: `organizations` ("school" or "school:team") whose members come in besides those who
    are named; `server` is "https://github.com" or a server of one's own."""

    organizations: tuple[str, ...]
    server: str


@dataclass(frozen=True)
class Google:
    """Sign-in at Google: the `domain` of which the part before the @ is an account, and whether `everyone` of
    it comes in."""

    domain: str | None
    everyone: bool


@dataclass(frozen=True)
class Openid:
    """Sign-in at a provider of OpenID Connect, whose `username_claim` says who somebody is, taken from
    "userinfo" or the "id-token"; `domain` and `everyone` as for Google."""

    issuer: str | None
    name: str
    username_claim: str
    claims_from: str
    scopes: tuple[str, ...]
    domain: str | None
    everyone: bool


@dataclass(frozen=True)
class Lti:
    """Sign-in from a learning platform, one of lti_platforms.PLATFORMS (None where that is not the way). Only
    launches of these `deployments` and `courses` come in, of any where there are none. `issuer`,
    `authorize_url` and `keys_url` are None where the platform's kind decides."""

    platform: str | None
    address: str | None
    client_id: str | None
    deployments: tuple[str, ...]
    courses: tuple[str, ...]
    username: str
    domain: str | None
    everyone: bool
    issuer: str | None
    authorize_url: str | None
    keys_url: str | None


@dataclass(frozen=True)
class Droplet:
    """The server: DigitalOcean's slugs, such as "s-2vcpu-4gb", "nyc3", "ubuntu-24-04-x64".

    `size` is the one outside the timetable's hours; `backups` is "none", "weekly" or "daily"; `project` None
    is the account's default project.
    """

    size: str
    region: str
    image: str
    backups: str
    reserved_ip: bool
    project: str | None


@dataclass(frozen=True)
class Storage:
    """The volume for the students' files: its size as "20G" (GiB), or "none"."""

    size: str

    @property
    def gigabytes(self) -> int | None:
        """GiB; None without a volume."""
        return None if self.size == "none" else int(self.size.removesuffix("G"))


@dataclass(frozen=True)
class Https:
    """Whom Let's Encrypt writes to, and the hub's host name: both or neither. `staging` asks Let's Encrypt's
    test service; `address_certificate` asks for a certificate for the bare IP address without a domain."""

    email: str | None
    domain: str | None
    staging: bool
    address_certificate: bool


@dataclass(frozen=True)
class Limits:
    """Of one student's server: memory as "512M" or "1.5G" (sizes.bytes_of); cpu in cores, 0 for no limit;
    processes with their threads."""

    memory: str
    cpu: float
    processes: int


@dataclass(frozen=True)
class Idle:
    """When idle servers are stopped, in minutes; `stop_after_minutes` 0 means never."""

    stop_after_minutes: int
    check_every_minutes: int


@dataclass(frozen=True)
class Content:
    """The directory made in a student's home, the paths below content/ that links open, from when until when
    paths are there at all, and the size of a file (sizes.bytes_of) that is worth a warning."""

    folder: str
    start: str
    links: tuple[str, ...]
    release: tuple[Release, ...]
    large_file: str = "20M"


@dataclass(frozen=True)
class Notebooks:
    """The test of the notebooks: whether there is one, whether it can stop a deploy, patterns of paths below
    content/ that it leaves out (notebooks.choice), and the minutes that one notebook may take."""

    test: bool
    stop_deploy: bool
    exclude: tuple[str, ...]
    time_limit_minutes: int


@dataclass(frozen=True)
class Health:
    """How the hub is watched over: by the program on the server, and from GitHub, which may switch the
    droplet on, assigns `assignees` to incidents, and raises no alarm in the times of `maintenance`, lines as
    they stand in course.yml, in the timetable's time zone."""

    watchdog: bool
    power_on: bool
    assignees: tuple[str, ...]
    maintenance: tuple[str, ...]


@dataclass(frozen=True)
class Hub:
    """The pinned release of The Littlest JupyterHub, such as "2.0.0"."""

    tljh_version: str


@dataclass(frozen=True)
class Mirrors:
    """Where software comes from: `tljh_bootstrap` may hold "{version}"; conda maps channels to addresses.

    A channel that `conda` lacks comes from conda.anaconda.org; `pypi` None means PyPI, `acme` None Let's
    Encrypt; `digitalocean` is the API's address without a slash at the end.
    """

    tljh_bootstrap: str
    conda: Mapping[str, str]
    pypi: str | None
    digitalocean: str
    acme: str | None


@dataclass(frozen=True)
class Settings:
    """All that the coordinator decides, secrets excepted. `admins` and `users` are the names of the `roster`,
    each in one of the two (see roster.joining for those whom only the secret names); `identities` maps
    accounts to names at the provider of `sign_in`, in lower case."""

    name: str
    admins: tuple[str, ...]
    users: tuple[str, ...]
    sign_in: str
    identities: Mapping[str, str]
    github: Github
    google: Google
    openid: Openid
    lti: Lti
    interface: str
    droplet: Droplet
    storage: Storage
    timetable: Timetable
    https: Https
    limits: Limits
    idle: Idle
    content: Content
    shared: Shared
    notebooks: Notebooks
    health: Health
    hub: Hub
    swap: str
    mirrors: Mirrors
    environment: EnvironmentFile
    apt: tuple[Requirement, ...]
    root: Path
    roster: Roster


def load(root: Path, override: Path | None = None) -> Settings:
    """The settings of the course repository at `root`, with the keys of `override` laid over course.yml.

    Raises InvalidInput with every mistake in course.yml, `override`, environment.yml, apt.txt, content/ and
    shared-data/.
    """
    root = Path(root)
    names = [FILE, *([_shown(root, override)] if override else [])]
    files = [root / FILE, *([override] if override else [])]
    content, content_problems = check_content(root)
    shared_data, shared_problems = check_shared_data(root)
    document, problems = _read(files, names)
    values: dict[str, Any] = {}
    if document is not None:
        found = mistakes(document)
        problems += [problem for _, problem in found]
        values = _laid_over(defaults(), document.data)
        wrong = frozenset(path for path, _ in found)
        problems += broken_rules(Draft(values, document, wrong, content, shared_data))
    environment, environment_problems = read_environment_file(root)
    apt, apt_problems = read_apt_file(root)
    problems.sort(key=lambda problem: (names.index(problem.file), problem.line or 0))
    beside = [*environment_problems, *apt_problems, *content_problems, *shared_problems]
    if everything := [*problems, *beside]:
        raise InvalidInput(everything)
    return _typed(values, environment, apt, root, roster_of(values, document, FILE))


def folder_from(name: str) -> str:
    """The directory for a course of this name: its letters and digits in ASCII, the rest dashes."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64].rstrip("-") or "course"


def _shown(root: Path, path: Path) -> str:
    """The name of the override file in problems: relative to the course's repository when it is in there."""
    resolved = Path(path).resolve()
    return (
        resolved.relative_to(root.resolve()).as_posix()
        if resolved.is_relative_to(root.resolve())
        else str(path)
    )


def _read(files: list[Path], names: list[str]) -> tuple[Document | None, list[Problem]]:
    """The files laid over each other, and what is wrong in them as YAML; None when one does not parse."""
    documents, problems = [], []
    for path, name in zip(files, names, strict=True):
        if not path.exists():
            fix = (
                "Add it; it may be empty, for every key has a default." if name == FILE else "Check its path."
            )
            problems.append(Problem(name, "there is no such file", fix))
            continue
        try:
            document = read_document(path, name)
        except InvalidInput as error:
            problems += error.problems
            continue
        documents.append(document)
        problems += document.problems
    if len(documents) < len(files):
        return None, problems
    whole = documents[0] if len(documents) == 1 else merged(*documents)
    return with_dates(without_empty_keys(whole)), problems


def _laid_over(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`, group by group."""
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        result[key] = _laid_over(base[key], value) if both else value
    return result


def _typed(
    values: dict, environment: EnvironmentFile, apt: tuple[Requirement, ...], root: Path, roster: Roster
) -> Settings:
    https, idle, content, mirrors = (values[key] for key in ("https", "idle", "content", "mirrors"))
    notebooks, health = values["notebooks"], values["health"]
    return Settings(
        name=values["name"],
        admins=roster.of_role(ADMIN),
        users=tuple(person.name for person in roster.people if person.role != ADMIN),
        sign_in=values["sign_in"],
        identities={account: name.lower() for account, name in values["identities"].items()},
        github=Github(tuple(values["github"]["organizations"]), values["github"]["server"]),
        google=Google(**{"domain": None} | values["google"]),
        openid=Openid(
            **{"issuer": None, "domain": None}
            | values["openid"]
            | {"scopes": tuple(values["openid"]["scopes"])}
        ),
        lti=Lti(
            **dict.fromkeys(name for name in Lti.__dataclass_fields__)
            | values["lti"]
            | {name: tuple(values["lti"][name]) for name in ("deployments", "courses")}
        ),
        interface=values["interface"],
        droplet=Droplet(**{"project": None} | values["droplet"]),
        storage=Storage(**values["storage"]),
        timetable=timetable_from(**values["timetable"]),
        https=Https(https.get("email"), https.get("domain"), https["staging"], https["address_certificate"]),
        limits=Limits(
            values["limits"]["memory"], float(values["limits"]["cpu"]), int(values["limits"]["processes"])
        ),
        idle=Idle(**{key: int(minutes) for key, minutes in idle.items()}),
        content=Content(
            content.get("folder") or folder_from(values["name"]),
            content["start"],
            tuple(content["links"]),
            tuple(release_from(entry, values["timetable"]["timezone"]) for entry in content["release"]),
            content["large_file"],
        ),
        shared=shared_from(values["shared"]),
        notebooks=Notebooks(
            notebooks["test"],
            notebooks["stop_deploy"],
            tuple(notebooks["exclude"]),
            int(notebooks["time_limit_minutes"]),
        ),
        health=Health(
            health["watchdog"], health["power_on"], tuple(health["assignees"]), tuple(health["maintenance"])
        ),
        hub=Hub(**values["hub"]),
        swap=values["swap"],
        mirrors=Mirrors(
            mirrors["tljh_bootstrap"],
            dict(mirrors["conda"]),
            mirrors.get("pypi"),
            mirrors["digitalocean"].rstrip("/"),
            mirrors.get("acme"),
        ),
        environment=environment,
        apt=apt,
        root=root,
        roster=roster,
    )
