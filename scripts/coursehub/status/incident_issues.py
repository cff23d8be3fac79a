"""One issue on GitHub for each incident: opened, told what changes, closed.

Everything goes by what the issues themselves say (incident_text.Told): a run that was cut off, or that
GitHub did not answer, is caught up with by the next, and nothing is written twice. An issue that somebody
closes stays closed, unless the incident gets worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..github.rest import UNPROCESSABLE, Refused, Repository
from . import incident_text as words
from .incident_text import Told
from .model import DOWN, Check, Incident

LABEL = {
    "name": "coursehub-incident",
    "color": "b60205",
    "description": "The hub is not as it should be: kept by the workflow Health",
}
PERMISSION = "issues: write"
WANT = "keep the incident's issue"


def found(repository: Repository) -> list[dict[str, Any]]:
    """Our open issues, oldest first. Raises Refused."""
    listed = repository.pages("issues", WANT, PERMISSION, labels=LABEL["name"], state="open")
    ours = [issue for issue in listed if is_ours(issue) and "pull_request" not in issue]
    return sorted(ours, key=lambda issue: issue["number"])


def is_ours(writing: Mapping[str, Any]) -> bool:
    """Whether a bot wrote it: in a public repository everybody may write."""
    return (writing.get("user") or {}).get("type") == "Bot"


def is_an_incidents(issue: Mapping[str, Any]) -> bool:
    """Whether an issue is what its number in the record says: in a copy of a course's repository with all
    its branches, the record is another's."""
    return is_ours(issue) and words.read(issue.get("body")) is not None


def adopted(before: Sequence[Incident], issues: Iterable[Mapping[str, Any]]) -> tuple[Incident, ...]:
    """The incidents, with the one whose open issue is all that is left of it: a run may have opened it and
    then have failed to write it down."""
    if any(one.ended is None for one in before):
        return tuple(before)
    for issue in issues:
        told = words.read(issue.get("body"))
        if told and not told.ended and not any(belongs(issue, told, one) for one in before):
            known = Incident(told.began, told.state, told.title, issue=issue["number"])
            return (known, *before)
    return tuple(before)


def belongs(issue: Mapping[str, Any], told: Told | None, incident: Incident) -> bool:
    return issue["number"] == incident.issue or (told is not None and told.began == incident.began)


class Keeping:
    """The issues of one run. `troubles` takes what went wrong, in words."""

    def __init__(self, repository: Repository, check: Check, health: Mapping[str, Any], run: str):
        self.repository, self.check, self.run = repository, check, run
        self.timezone = words.timezone_of(health)
        given = health.get("assignees")
        names = given if isinstance(given, list | tuple) else ()
        self.assignees = [name for name in names if isinstance(name, str)]
        self.troubles: list[str] = []

    def keep(
        self, incidents: Sequence[Incident], issues: Sequence[Mapping[str, Any]], ended: Incident | None
    ) -> tuple[Incident, ...]:
        """Bring the issues to what the incidents are; these, with their numbers. `ended` is one that this
        check ended. Raises Refused."""
        present = next((one for one in incidents if one.ended is None), None)
        own = [issue for issue in issues if present and self.is_of(issue, present, incidents)]
        for issue in issues:
            if issue not in own:
                self.finish(issue, self.incident_of(issue, incidents))
            elif issue is not own[0]:
                self.close(issue, "not_planned", words.TWICE.format(number=own[0]["number"]))
        if ended and ended.issue and all(issue["number"] != ended.issue for issue in issues):
            self.finish_closed(ended)
        if present is None:
            return tuple(incidents)
        number = self.go_on(present, own[0] if own else None)
        return tuple(replace(one, issue=number) if one is present else one for one in incidents)

    def is_of(self, issue: Mapping[str, Any], present: Incident, incidents: Iterable[Incident]) -> bool:
        told = words.read(issue.get("body"))
        if belongs(issue, told, present):
            return True
        return present.issue is None and not any(belongs(issue, told, one) for one in incidents)

    def incident_of(self, issue: Mapping[str, Any], incidents: Iterable[Incident]) -> Incident | None:
        told = words.read(issue.get("body"))
        return next((one for one in incidents if belongs(issue, told, one)), None)

    def go_on(self, incident: Incident, issue: Mapping[str, Any] | None) -> int | None:
        """Open the issue, or say in it what has changed; its number."""
        if self.check.state not in words.STATES and incident.issue is None and issue is None:
            return None
        if issue is None and incident.issue is None:
            return self.make(incident)
        if issue is None:
            issue = self.repository.read(f"issues/{incident.issue}", WANT, PERMISSION)
            if issue is None:
                return incident.issue
            if not is_an_incidents(issue):
                return self.make(incident)
        number = issue["number"]
        told = self.told_in(issue)
        worse = self.check.state == DOWN and told.state != DOWN
        closed_by_hand = issue["state"] != "open"
        if closed_by_hand and not worse:
            return number
        comment = words.change(incident, self.check, told, self.run)
        if comment and worse:
            changes = {"title": words.title(incident), **({"state": "open"} if closed_by_hand else {})}
            self.repository.write("PATCH", f"issues/{number}", changes, WANT, PERMISSION)
        if comment:
            self.say(number, comment)
        return number

    def told_in(self, issue: Mapping[str, Any]) -> Told:
        """What an issue and its comments tell already; the newest word counts."""
        comments = self.repository.pages(f"issues/{issue['number']}/comments", WANT, PERMISSION)
        texts = [issue.get("body"), *(each.get("body") for each in comments if is_ours(each))]
        read = [told for told in map(words.read, texts) if told]
        return read[-1] if read else Told(self.check.at, self.check.state)

    def make(self, incident: Incident) -> int:
        """Open the issue; its number."""
        self.make_label()
        value = {
            "title": words.title(incident),
            "body": words.body(incident, self.check, self.run, self.timezone),
            "labels": [LABEL["name"]],
        }
        with_them = {**value, "assignees": self.assignees} if self.assignees else value
        try:
            made = self.repository.write("POST", "issues", with_them, WANT, PERMISSION)
        except Refused as refused:
            if refused.status != UNPROCESSABLE or not self.assignees:
                raise
            # One name that GitHub does not know, or who may not see the repository, is enough for this.
            made = self.repository.write("POST", "issues", value, WANT, PERMISSION)
            made = self.assign_each(made)
        self.tell_unassigned(made)
        return made["number"]

    def assign_each(self, issue: Mapping[str, Any]) -> Mapping[str, Any]:
        """Assign those whom GitHub takes."""
        for name in self.assignees:
            try:
                value, path = {"assignees": [name]}, f"issues/{issue['number']}/assignees"
                issue = self.repository.write("POST", path, value, "assign the incident", PERMISSION)
            except Refused:
                continue  # it is told below who is missing
        return issue

    def tell_unassigned(self, issue: Mapping[str, Any]) -> None:
        there = {str(one.get("login", "")).lower() for one in issue.get("assignees") or []}
        missing = [name for name in self.assignees if name.lower() not in there]
        if missing:
            self.troubles.append(
                f"GitHub does not assign the incident to {', '.join(missing)} (health.assignees in "
                "course.yml): only who may write in this repository can be assigned"
            )

    def make_label(self) -> None:
        """GitHub makes a label of a new issue by itself, but a grey one: so none stops the issue."""
        try:
            if self.repository.read(f"labels/{LABEL['name']}", WANT, PERMISSION) is None:
                self.repository.write("POST", "labels", LABEL, WANT, PERMISSION)
        except Refused:
            return

    def finish(self, issue: Mapping[str, Any], incident: Incident | None) -> None:
        """Close the issue of an incident that is over. The comment comes first: it says that it was
        written, so that a run after one that was cut off only closes."""
        told = self.told_in(issue)
        if told.ended and issue.get("state_reason") == "reopened":
            return  # somebody has more to say there
        if not told.ended:
            incident = incident or Incident(told.began, told.state, told.title, ended=self.check.at)
            self.say(issue["number"], words.ending(incident, told, self.run))
        if issue["state"] == "open":
            self.close(issue, "completed")

    def finish_closed(self, incident: Incident) -> None:
        """Say in an issue that somebody closed, or took the label from, that it is over."""
        issue = self.repository.read(f"issues/{incident.issue}", WANT, PERMISSION)
        if issue is not None and is_an_incidents(issue):
            self.finish(issue, incident)

    def say(self, number: int, comment: str) -> None:
        self.repository.write("POST", f"issues/{number}/comments", {"body": comment}, WANT, PERMISSION)

    def close(self, issue: Mapping[str, Any], reason: str, comment: str = "") -> None:
        value = {"state": "closed", "state_reason": reason}
        self.repository.write("PATCH", f"issues/{issue['number']}", value, WANT, PERMISSION)
        if comment:
            self.say(issue["number"], comment)
