"""A roster's text, read: the people in it, or every mistake with its line and column.

The text is secret: a message says where something is wrong and what, and never what stands there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from coursehub.accounts import unix_account
from coursehub.problems import InvalidInput, Problem
from coursehub.roster.columns import (
    EMAIL,
    ROLES_BY_WORD,
    Columns,
    columns_by_position,
    columns_of,
    is_header,
    plain,
)
from coursehub.roster.people import ACCOUNT, GROUP, STUDENTS, Person, Place, group_from
from coursehub.roster.table import Row, Unreadable, rows

FILE = "secret HUB_USERS"
PAGE = "Documentation/ManagingUsers.md shows what an export looks like."
MOST_SHOWN = 10
NOT_PEOPLE = frozenset({"points possible", "student test", "test student"})
"""What Canvas writes in the column of the students and is none."""
ALLOWED = "lower-case letters, digits, dots, dashes and underscores, at most 64, the first a letter or digit"


def people_from(text: str) -> tuple[Person, ...]:
    """Everybody in the text, once each. Raises InvalidInput with the mistakes, the first ones if many."""
    try:
        table = rows(text)
    except Unreadable as wrong:
        raise InvalidInput([Problem(FILE, wrong.message, wrong.fix, line=wrong.line)]) from None
    header, body = (table[0], table[1:]) if table and is_header(table[0]) else (None, table)
    columns = columns_of(header, body) if header else columns_by_position(body)
    if columns is None:
        raise InvalidInput([_no_columns(header, body)])
    body = [row for row in body if _is_somebody(row, columns)]
    if not body:
        fix = "Add a line for each person, or delete the secret if course.yml names everybody."
        raise InvalidInput([Problem(FILE, "names nobody", fix)])
    people, problems = [], []
    for row in body:
        found = list(_mistakes(row, columns))
        problems += found
        if not found:
            people.append(_person(row, columns))
    problems += _collisions(people)
    if problems:
        raise InvalidInput(_first(sorted(problems, key=lambda problem: problem.line or 0)))
    return tuple(people)


def _no_columns(header: Row | None, body: list[Row]) -> Problem:
    if header is None:
        message = "has more than three columns, and its first line does not say what they are"
        line = body[0].line if body else None
    else:
        message, line = "has no column for the account names", header.line
    fix = f"Begin with a line such as: username,role,group. {PAGE}"
    return Problem(FILE, message, fix, line=line)


def _is_somebody(row: Row, columns: Columns) -> bool:
    """Whether a row is about a person: Canvas has rows for itself, below the header."""
    if plain(row.cell(columns.student)) in NOT_PEOPLE:
        return False
    about = [columns.account, columns.role, columns.group, columns.student]
    return columns.student is None or any(row.cell(index) for index in about)


def _account(row: Row, columns: Columns) -> str:
    """The account's name: JupyterHub makes no difference of capitals."""
    return row.cell(columns.account).partition("@")[0].strip().lower()


def _groups(row: Row, columns: Columns) -> list[str]:
    parts = re.split(r"[,;|]", row.cell(columns.group))
    return [group_from(part) for part in parts if part.strip()]


def _person(row: Row, columns: Columns) -> Person:
    groups = tuple(dict.fromkeys(_groups(row, columns)))
    role = ROLES_BY_WORD.get(plain(row.cell(columns.role)))
    return Person(_account(row, columns), role, groups, Place(FILE, row.line))


def _mistakes(row: Row, columns: Columns) -> Iterator[Problem]:
    """What is wrong with one row."""

    def problem(index: int, what: str, message: str, fix: str) -> Problem:
        return Problem(FILE, message, fix, line=row.line, key=f"column {index + 1} ({what})")

    if columns.width is not None and any(row.cells[columns.width :]):
        fix = "Put quotation marks around a cell that has the separator in it, such as a name with a comma."
        yield Problem(FILE, "has more columns than the first line", fix, line=row.line)
    account, given = columns.account, row.cell(columns.account)
    if not given:
        yield problem(account, columns.meaning, "is empty", "Write the account's name, or delete the line.")
    elif not ACCOUNT.fullmatch(_account(row, columns)):
        what = "does not begin with an account name" if columns.meaning == EMAIL else "is not an account name"
        yield problem(account, columns.meaning, what, f"Use {ALLOWED}.")
    if (role := row.cell(columns.role)) and plain(role) not in ROLES_BY_WORD:
        yield problem(
            columns.role or 0, "role", "is not a role", "Write student, assistant or admin, or nothing."
        )
    for group in _groups(row, columns):
        if group == STUDENTS:
            message, fix = "is kept for the group of all students", "Give the group another name."
        elif not GROUP.fullmatch(group):
            message = "is not a group's name"
            fix = "Use letters and digits, at most 64; a comma separates several groups."
        else:
            continue
        yield problem(columns.group or 0, "group", message, fix)


def _collisions(people: list[Person]) -> Iterator[Problem]:
    """Whoever is there twice, or shares the Unix account of somebody before."""
    owners: dict[str, Person] = {}
    for person in people:
        owner = owners.setdefault(unix_account(person.name), person)
        if owner is not person:
            yield shared_account(person, owner)


def shared_account(person: Person, owner: Person) -> Problem:
    """Two people with one account; neither is named, for one of them is in the secret."""
    where = f"line {owner.place.line}" if owner.place.file == person.place.file else str(owner.place)
    if person.name == owner.name:
        message = f"has the account name of {where} once more (capitals make no difference)"
        fix = "Delete one of the two lines, or give one of the people another account name."
    else:
        message = f"would share its Unix account with {where}: long names are cut"
        fix = "Change or shorten one of the two names."
    return Problem(person.place.file, message, fix, line=person.place.line)


def _first(problems: list[Problem]) -> list[Problem]:
    """Some, and how many more there are: when all lines are wrong, the first ones say why."""
    if len(problems) <= MOST_SHOWN:
        return problems
    rest = len(problems) - MOST_SHOWN
    more = Problem(FILE, f"has {rest} more mistakes", "Correct these first; the others are shown then.")
    return [*problems[:MOST_SHOWN], more]
