"""What a schema cannot say about course.yml: how its values fit each other, and what lies in content/."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from zoneinfo import available_timezones

from coursehub.accounts import unix_account
from coursehub.droplet_sizes import droplet_memory
from coursehub.nearest import nearest
from coursehub.patterns import matches
from coursehub.problems import Problem
from coursehub.release_dates import MIDNIGHT, moment_of
from coursehub.roster.people import STUDENTS
from coursehub.settings_shared import shared_places_make_sense
from coursehub.settings_sign_in import SIGN_IN_RULES
from coursehub.settings_yaml import Document, KeyPath, dotted
from coursehub.sizes import GIB, bytes_of
from coursehub.status.windows import window_from
from coursehub.timetable import Hours, hours_from, overlap

LEAST_MEMORY = "256M"
"""Of a student: below it JupyterLab starts, but the first import of pandas kills the kernel."""
MOST_SWAP = "16G"


@dataclass(frozen=True)
class Draft:
    """Settings on their way: the `values` with all defaults, where they stand, and which are `wrong`."""

    values: Mapping[str, Any]
    document: Document
    wrong: frozenset[KeyPath]
    content: Sequence[str]
    shared_data: Sequence[str] = ()

    def sound(self, *keys: str) -> bool:
        """Whether none of these keys (dotted) has a mistake, in itself or around it."""
        paths = [tuple(key.split(".")) for key in keys]
        return not any(path[:end] in self.wrong for path in paths for end in range(1, len(path) + 1))

    def value(self, key: str) -> Any:
        """The value of a sound key (dotted)."""
        value: Any = self.values
        for part in key.split("."):
            value = value[part]
        return value

    def items(self, key: str) -> list[tuple[KeyPath, Any]]:
        """The sound items of a list (its key dotted) with their paths; none when the list is wrong itself."""
        if not self.sound(key):
            return []
        path = tuple(key.split("."))
        items = [((*path, index), item) for index, item in enumerate(self.value(key))]
        return [(here, item) for here, item in items if here not in self.wrong]

    def problem(self, path: KeyPath, message: str, fix: str, found: str | None = None) -> Problem:
        """A Problem at a key's place; one that has its default stands in course.yml without a line."""
        key = dotted(path)
        if path[:1] not in self.document.places:
            return Problem("course.yml", message, fix, key=key, found=found)
        place = self.document.place(path)
        return Problem(place.file, message, fix, line=place.line, key=key, found=found)


def broken_rules(draft: Draft) -> list[Problem]:
    """Every mistake that shows only when values are compared."""
    return [problem for rule in RULES for problem in rule(draft)]


def _memory_suits_the_droplet(draft: Draft) -> Iterator[Problem]:
    if not draft.sound("limits.memory"):
        return
    path, memory = ("limits", "memory"), draft.value("limits.memory")
    if bytes_of(memory) < bytes_of(LEAST_MEMORY):
        fix = f"Write at least {LEAST_MEMORY}; 1G suits most courses."
        yield draft.problem(path, "is too little for a notebook with numpy and pandas", fix, memory)
    elif draft.sound("droplet.size") and bytes_of(memory) > droplet_memory(draft.value("droplet.size")):
        size = draft.value("droplet.size")
        gigabytes = droplet_memory(size) // GIB
        fix = f"Write at most {gigabytes}G, or choose a larger droplet: size."
        yield draft.problem(path, f"is more than the {gigabytes} GB that the droplet {size} has", fix, memory)


def _swap_has_a_sensible_size(draft: Draft) -> Iterator[Problem]:
    if not draft.sound("swap") or (swap := draft.value("swap")) in ("auto", "none"):
        return
    if not bytes_of(LEAST_MEMORY) <= bytes_of(swap) <= bytes_of(MOST_SWAP):
        fix = "Write auto, which suits most droplets, or a size such as 2G."
        yield draft.problem(("swap",), f"must be from {LEAST_MEMORY} to {MOST_SWAP}", fix, swap)


def _timetable_makes_sense(draft: Draft) -> Iterator[Problem]:
    zone = ("timetable", "timezone")
    if draft.sound("timetable.timezone") and draft.value("timetable.timezone") not in available_timezones():
        name = draft.value("timetable.timezone")
        guess = nearest(name, available_timezones())
        fix = f"Did you mean {guess}?" if guess else "Write a name such as Europe/Berlin or UTC."
        yield draft.problem(zone, "is no time zone that the system knows", fix, name)
    before: list[Hours] = []
    for path, line in draft.items("timetable.hours"):
        hours = hours_from(line)
        if hours.end <= hours.start:
            fix = "Write the earlier time first; hours past midnight take two lines, the first to 24:00."
            yield draft.problem(path, "ends before it begins", fix, line)
        if not _is_size(hours.size):
            fix = "Write a size such as s-4vcpu-8gb; all are on https://slugs.do-api.dev."
            yield draft.problem(path, "ends with something that is no size of a droplet", fix, hours.size)
        if clash := next((other for other in before if overlap(hours, other)), None):
            fix = "Change or delete one of the two lines."
            yield draft.problem(path, f"overlaps with {clash.text}", fix, line)
        before.append(hours)


def _maintenance_makes_sense(draft: Draft) -> Iterator[Problem]:
    for path, line in draft.items("health.maintenance"):
        try:
            window = window_from(line)
        except ValueError:
            fix = "Write a day that there is, such as 2027-01-05 08:00-12:00."
            yield draft.problem(path, "is on a day that no calendar has", fix, line)
            continue
        if window.end <= window.start:
            fix = "Write the earlier time first; a time past midnight takes two lines, the first to 24:00."
            yield draft.problem(path, "ends before it begins", fix, line)


def _is_size(slug: str) -> bool:
    try:
        return droplet_memory(slug) > 0
    except ValueError:
        return False


def _accounts_differ(draft: Draft) -> Iterator[Problem]:
    """No two people have one account; the admins may be in the list of users as well."""
    owners: dict[str, tuple[KeyPath, str]] = {}
    for path, entry in (*draft.items("admins"), *draft.items("users")):
        name = entry if isinstance(entry, str) else entry.get("name")
        if not isinstance(name, str) or (*path, "name") in draft.wrong:
            continue
        there, owner = owners.setdefault(unix_account(name), (path, name))
        if owner != name:
            message = f"would share its Unix account with {owner}{_on_line(draft, there)}: long names are cut"
            yield draft.problem(path, message, "Change or shorten one of the two names.", name)
        elif there[0] == path[0] and there != path and entry != _entry(draft, there):
            message = f"is in the list twice; first{_on_line(draft, there)}"
            yield draft.problem(path, message, "Delete one of the two.", name)


def _on_line(draft: Draft, path: KeyPath) -> str:
    known = path[:1] in draft.document.places
    return f" on line {draft.document.place(path).line}" if known else ""


def _entry(draft: Draft, path: KeyPath) -> Any:
    """The item of a list; two that are equal are the schema's to tell."""
    return draft.value(path[0])[path[1]]


def _groups_are_not_everybody(draft: Draft) -> Iterator[Problem]:
    for path, entry in draft.items("users"):
        if isinstance(entry, dict) and entry.get("group") == STUDENTS:
            fix = "Give the group another name."
            yield draft.problem((*path, "group"), "is kept for the group of all students", fix, STUDENTS)


def _links_lead_somewhere(draft: Draft) -> Iterator[Problem]:
    if not draft.content:
        return
    folders = {parent.as_posix() for path in draft.content for parent in PurePosixPath(path).parents} - {"."}
    present = {*draft.content, *folders}
    start = [(("content", "start"), draft.value("content.start"))] if draft.sound("content.start") else []
    for path, target in (*start, *draft.items("content.links")):
        if target not in present:
            yield draft.problem(path, "is not in content/", _fix_for_link(target, present), target)


def _release_dates_make_sense(draft: Draft) -> Iterator[Problem]:
    zone = draft.value("timetable.timezone") if draft.sound("timetable.timezone") else ""
    zone = zone if zone in available_timezones() else "UTC"
    opened = draft.value("content.start") if draft.sound("content.start") else ""
    always = [path for path in draft.content if path == opened or path.startswith(f"{opened}/")]
    for path, entry in draft.items("content.release"):
        found = {key: text for key, text in entry.items() if (*path, key) not in draft.wrong}
        dates = {}
        for key in found.keys() & {"from", "until"}:
            try:
                dates[key] = moment_of(found[key], zone, "00:00" if key == "from" else MIDNIGHT)
            except (ValueError, OverflowError):
                fix = "Write a day that there is, such as 2026-10-05."
                yield draft.problem((*path, key), "is a day that no calendar has", fix, found[key])
        if len(dates) == 2 and dates["until"] <= dates["from"]:
            fix = "Write the earlier date behind from."
            yield draft.problem((*path, "until"), "is not after from", fix, found["until"])
        left = [name for name in always if not matches(name, found.get("path", ""))]
        if always and not left:
            message = f"would keep back {opened}, which is what opens first"
            fix = "Leave it out of the dates, or let content.start name something that is always there."
            yield draft.problem((*path, "path"), message, fix, found["path"])
        always = left


def _fix_for_link(target: str, present: set[str]) -> str:
    within = target.removeprefix("content/")
    if within in present:
        return f"Write {within}: the path starts below content/."
    same_name = sorted(path for path in present if PurePosixPath(path).name == PurePosixPath(target).name)
    guess = nearest(target, present) or next(iter(same_name), None)
    return (
        f"Did you mean {guess}? Else add the file." if guess else "Add the file, or name one that is there."
    )


def _sign_in_is_whole(draft: Draft) -> Iterator[Problem]:
    if draft.sound("sign_in"):
        yield from SIGN_IN_RULES.get(draft.value("sign_in"), lambda draft: ())(draft)


RULES = (
    _memory_suits_the_droplet,
    _swap_has_a_sensible_size,
    _timetable_makes_sense,
    _maintenance_makes_sense,
    _accounts_differ,
    _groups_are_not_everybody,
    _links_lead_somewhere,
    _sign_in_is_whole,
    _release_dates_make_sense,
    shared_places_make_sense,
)
