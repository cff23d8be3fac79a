"""What the coordinator gave, files and secrets: all mistakes at once, and what can be used all the same."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import settings
from ..command import with_the_class
from ..parts import sign_in
from ..problems import CoursehubError, Failure, InvalidInput, Problem
from ..secrets import VARIABLES, Secrets
from ..targets import choose
from .model import FAILURE, GOOD, UNSEEN, Finding, Section

PLACES = frozenset({"DROPLET_HOST", "DROPLET_HOST_KEY"})
"""Not secret by themselves, but a repository may keep them so."""
LISTED = "HUB_USERS"
SECRETS = "secrets"
WHICH = "set the secrets that lead to a server: Documentation/Deploying.md names them"


@dataclass(frozen=True)
class Given:
    """`course` (settings) and `target` are None where mistakes leave none."""

    course: Any
    secrets: Secrets
    target: Any
    section: Section


def given(arguments: Namespace, environ: Mapping[str, str]) -> Given:
    """Read everything, as far as it can be read."""
    problems: list[Problem] = []
    course = attempt(problems, lambda: settings.load(arguments.course, arguments.override))
    found = secrets_of(problems, environ)
    if course is not None:
        joined = attempt(problems, lambda: with_the_class(course, found)[0])
        course = joined if joined is not None else course
        attempt(problems, lambda: sign_in.require_client(course, found))
    is_any = any(environ.get(name, "").strip() for name, _ in VARIABLES.values())
    target = attempt(problems, lambda: choose(course, found)) if is_any else None
    findings = [Finding(place(one), FAILURE, said(one), one.fix) for one in dict.fromkeys(problems)]
    if not is_any:
        findings.append(Finding(SECRETS, UNSEEN, "none is set, so there is no server to look at", WHICH))
    elif not findings:
        findings = [Finding("files and secrets", GOOD, "no mistakes")]
    return Given(course, found, target, Section("given", "The course's files and secrets", tuple(findings)))


def attempt(problems: list[Problem], do) -> Any:
    """What `do` returns; None, with its problems added, for one that cannot."""
    try:
        return do()
    except InvalidInput as error:
        problems += error.problems
    except Failure as error:
        problems.append(Problem("course", error.message, error.fix))
    except (CoursehubError, OSError) as error:
        problems.append(Problem("course", str(error), "see that the course's folder can be read"))
    return None


def secrets_of(problems: list[Problem], environ: Mapping[str, str]) -> Secrets:
    """The secrets; of those that cannot be right, none."""
    left = {name: environ.get(name, "") for name, _ in VARIABLES.values()}
    while True:
        try:
            return Secrets.from_environment(left)
        except InvalidInput as error:
            problems += error.problems
            wrong = {problem.file.removeprefix("secret ") for problem in error.problems} & left.keys()
            if not wrong:
                return Secrets()
            # A pair of which one is missing: without the other, there is no mistake left.
            wrong |= (
                {"HTTPS_CERTIFICATE", "HTTPS_PRIVATE_KEY"} if any("HTTPS" in it for it in wrong) else set()
            )
            left = {name: text for name, text in left.items() if name not in wrong}


def place(problem: Problem) -> str:
    return problem.file if problem.line is None else f"{problem.file}:{problem.line}"


def said(problem: Problem) -> str:
    """A mistake without its fix, which stands beside it."""
    key = f"{problem.key}: " if problem.key else ""
    found = f" (found {problem.found})" if problem.found is not None else ""
    return f"{key}{problem.message}{found}"


def to_hide(environ: Mapping[str, str], *, places: bool) -> dict[str, str]:
    """The values of all secrets by their names. `places`: where the server is, too, if that is kept secret;
    people's names are another matter (`names`)."""
    wanted = {name for name, _ in VARIABLES.values()} - {LISTED}
    if not places:
        wanted -= PLACES
    more = {"GITHUB_TOKEN", "GH_TOKEN", "NOTIFY"}
    return {name: environ[name] for name in sorted(wanted | more) if environ.get(name, "").strip()}


def names(given: Given, environ: Mapping[str, str]) -> set[str]:
    """All people whom the course names, also those of a list that cannot be read as a whole."""
    found = {person.name for person in given.secrets.hub_users}
    if given.course is not None:
        found |= {person.name for person in given.course.roster.people}
        found |= {text for text in (given.course.https.email,) if text}
    words = environ.get(LISTED, "").replace(",", " ").replace(";", " ").replace("\t", " ").split()
    # In a list that nobody can read, any word may be a name.
    return found if given.secrets.hub_users else found | {word.strip("\"'") for word in words}
