"""Who is on the hub: from the settings and from what the droplet says, as rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from ..accounts import unix_account
from ..lifecycle.told import Table, Told
from ..model import Json
from ..roster.people import ADMIN, ASSISTANT, STUDENT
from .privacy import WHY, shown

COLUMNS = ("name", "role", "listed", "last seen", "server", "disk", "password")
SET, ABSENT, LOCKED = "set", "absent", "locked"
"""What a password can be; a locked account has one that nobody knows."""
PASSWORDS = {SET: "yes", ABSENT: "no", LOCKED: "locked"}


@dataclass(frozen=True)
class Person:
    """`named` is whether course.yml or the secret HUB_USERS names them, `approved` whether an admin let them
    in on the hub (None where nobody has to); `disk` is in bytes; `password` is one of the three above.
    `added`, `blocked` and `made_admin` are the days since when that is so by hand, with people.py; `known`
    tells whether the hub has an account."""

    name: str
    role: str
    named: bool
    approved: bool | None
    last_seen: datetime | None
    running: bool
    disk: int | None
    password: str
    added: str | None = None
    blocked: str | None = None
    made_admin: str | None = None
    known: bool = False


def people_from(settings: Any, seen: Mapping[str, Any]) -> list[Person]:
    """Everybody whom the roster names or the hub knows, admins first, then assistants."""
    named = {*settings.admins, *settings.users}
    by_hand = {name for names in seen.get("by_hand", {}).values() for name in names}
    everybody = sorted(named | set(seen["people"]) | by_hand)
    found = [person(settings, name, name in named, seen) for name in everybody]
    return sorted(found, key=lambda one: one.role)


def person(settings: Any, name: str, named: bool, seen: Mapping[str, Any]) -> Person:
    about = seen["people"].get(name, {})
    by_hand = {kind: names[name]["since"] for kind, names in seen.get("by_hand", {}).items() if name in names}
    is_admin = name in settings.admins or about.get("admin", False) or "admins" in by_hand
    assists = name in settings.roster.of_role(ASSISTANT)
    return Person(
        name=name,
        role=ADMIN if is_admin else ASSISTANT if assists else STUDENT,
        named=named,
        approved=about.get("approved"),
        last_seen=moment(about.get("last_activity")),
        running=about.get("running", False),
        disk=seen["homes"].get(unix_account(name)),
        password=about.get("password", ABSENT),
        added=by_hand.get("added"),
        blocked=by_hand.get("blocked"),
        made_admin=by_hand.get("admins"),
        known=about.get("known", False),
    )


def moment(text: str | None) -> datetime | None:
    """A time of the hub's database, which has no zone and is in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def told(people: Sequence[Person], now: datetime, *, names: bool) -> Told:
    """The list, or without `names` only how many there are."""
    values: dict[str, Json] = {"counts": counts(people), "people": None}
    title = in_words(counts(people))
    if not names:
        return Told("listed", title, (WHY,), values=values)
    values["people"] = [value(one) for one in people]
    table = Table("Who is on the hub", COLUMNS, tuple(row(one, now) for one in people))
    return Told("listed", title, (), (table,), values)


def counts(people: Sequence[Person]) -> dict[str, int]:
    return {
        "accounts": len(people),
        "admins": sum(one.role == ADMIN for one in people),
        "assistants": sum(one.role == ASSISTANT for one in people),
        "students": sum(one.role == STUDENT for one in people),
        "not_in_course_yml": sum(not one.named for one in people),
        "seen": sum(one.last_seen is not None for one in people),
        "running": sum(one.running for one in people),
        "with_password": sum(one.password == SET for one in people),
        "by_hand": sum(bool(one.added or one.made_admin) for one in people),
        "blocked": sum(bool(one.blocked) for one in people),
    }


def in_words(count: Mapping[str, int]) -> str:
    """Such as "31 accounts: 1 admin and 30 students; 28 were here, 12 have a server running"."""
    students, assistants, admins = (plural(count[f"{one}s"], one) for one in (STUDENT, ASSISTANT, ADMIN))
    staff = f"{admins}, {assistants}" if count["assistants"] else admins
    return (
        f"{plural(count['accounts'], 'account')}: {staff} and {students}; {count['seen']} were here, "
        f"{count['with_password']} have a password, {count['running']} have a server running"
        + (f", {count['by_hand']} by hand" if count["by_hand"] else "")
        + (f", {count['blocked']} blocked" if count["blocked"] else "")
    )


def plural(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def value(one: Person) -> dict[str, Json]:
    """A person for programs: `disk` in bytes, `last_seen` in UTC."""
    seen = one.last_seen.isoformat(timespec="seconds") if one.last_seen else None
    return asdict(one) | {"last_seen": seen}


def row(one: Person, now: datetime) -> tuple[str, ...]:
    server = "running" if one.running else "-"
    return (
        shown(one.name),
        one.role,
        allowed(one),
        ago(one.last_seen, now),
        server,
        size(one.disk),
        PASSWORDS[one.password],
    )


def allowed(one: Person) -> str:
    """Whether the list has them, and what is otherwise: a block first, for that is what counts."""
    if one.blocked:
        return f"blocked since {day(one.blocked)}"
    by_hand = [*(["added"] if one.added and not one.named else []), *(["admin"] if one.made_admin else [])]
    if by_hand:
        since = day(one.added or one.made_admin or "")
        return f"{'yes' if one.named else 'no'}, {' and '.join(by_hand)} by hand {since}"
    if one.named or one.approved is None:
        return "yes" if one.named else "no"
    return "no, approved on the hub" if one.approved else "no, waits for approval"


def day(since: str) -> str:
    """Such as "29 Nov 2026"."""
    moment = datetime.fromisoformat(since)
    return f"{moment.day} {moment:%b %Y}"


def ago(seen: datetime | None, now: datetime) -> str:
    """Such as "3 days ago"; the hub writes down such times every five minutes."""
    if seen is None:
        return "never"
    minutes = max(0.0, (now - seen).total_seconds() / 60)
    if minutes < 10:
        return "now"
    for length, word in ((60 * 24, "day"), (60, "hour"), (1, "minute")):
        if minutes >= length:
            return f"{plural(int(minutes // length), word)} ago"
    raise AssertionError(minutes)


def size(count: int | None) -> str:
    """Bytes in words; "?" for a home that there is not, or that took too long to measure."""
    if count is None:
        return "?"
    for unit, word in ((1 << 30, "GB"), (1 << 20, "MB")):
        if count >= unit:
            return f"{count / unit:.1f} {word}"
    return f"{count / 1024:.0f} kB"
