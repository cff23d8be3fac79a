"""What the columns of schools' exports are called, and which of them becomes the account name. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from coursehub.roster.people import ADMIN, ASSISTANT, STUDENT
from coursehub.roster.table import Row

USERNAME, LOGIN, EMAIL, NAME, NUMBER = "username", "login", "e-mail", "name", "student number"
ROLE, GROUP, STUDENT_COLUMN, OTHER = "role", "group", "student", "other"

ACCOUNTS = (USERNAME, LOGIN, EMAIL, NAME, NUMBER)
"""Where an account's name comes from: the first of these columns that is there and not empty throughout. Of
an e-mail address it is what stands before the @."""

# As `plain` leaves them. Canvas, Moodle and Blackboard, with Moodle's words in a few languages.
WORDS = {
    USERNAME: "username, user name, user, account, account name, anmeldename, benutzername, nutzername, "
    "nom d utilisateur, nombre de usuario, nome utente, gebruikersnaam",
    LOGIN: "login, login id, login name, sis login id, user login",
    EMAIL: "email, e mail, mail, email address, e mail address, e mail adresse, email adresse, "
    "adresse e mail, adresse de courriel, direccion de correo, direccion email, indirizzo email, e mailadres",
    NAME: "name",
    NUMBER: "id number, student id, student number, sis user id, sis id, matriculation number, "
    "matrikelnummer, id nummer, numero d identification, numero de id",
    ROLE: "role, roles, rolle, rollen, rol, ruolo",
    GROUP: "group, groups, section, sections, section name, gruppe, gruppen, groupe, groupes, grupo, grupos, "
    "gruppo, gruppi, groep, groepen",
    STUDENT_COLUMN: "student, student name",
    OTHER: "id, first name, last name, surname, given name, family name, full name, institution, department, "
    "last access, availability, child course id, root account, integration id, vorname, nachname, "
    "institution abteilung, abteilung, prenom, nom, nom de famille, nombre, apellido, apellidos, nome, "
    "cognome",
}
MEANINGS = {word: meaning for meaning, words in WORDS.items() for word in words.split(", ")}

ROLE_WORDS = {
    STUDENT: "student, students, learner, participant",
    ASSISTANT: "assistant, ta, tutor, teaching assistant, non editing teacher",
    ADMIN: "admin, administrator",
}
"""A teacher of the LMS is not made an admin, who is root on the server, without being called so."""
ROLES_BY_WORD = {word: role for role, words in ROLE_WORDS.items() for word in words.split(", ")}

POSITIONS = (NAME, ROLE, GROUP)
"""What the columns are where no header says so."""


@dataclass(frozen=True)
class Columns:
    """Where things stand, columns from 0: `account` with its meaning, the others None where they are not."""

    account: int
    meaning: str
    role: int | None
    group: int | None
    student: int | None
    width: int | None

    def __str__(self) -> str:
        return self.meaning


def plain(text: str) -> str:
    """The words of a header cell: small letters and digits, one blank between them."""
    ascii_letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", " ", ascii_letters).strip()


def meanings(row: Row) -> list[str | None]:
    """What each cell means as the header of a column; None for what is none that is known."""
    return [MEANINGS.get(plain(cell)) for cell in row.cells]


def is_header(row: Row) -> bool:
    """Whether the first row names the columns. A word alone, such as "student", may be somebody's name."""
    known = meanings(row)
    return any(one in ACCOUNTS for one in known) or (known[0] is not None and any(known[1:]))


def columns_of(header: Row, rows: Sequence[Row]) -> Columns | None:
    """The columns that a header names; None where none of them could hold an account's name."""
    known = meanings(header)
    chosen = None
    for meaning in ACCOUNTS:
        places = [index for index, one in enumerate(known) if one == meaning]
        filled = [index for index in places if any(row.cell(index) for row in rows)]
        if chosen is None and places:
            chosen = places[0], meaning
        if filled:
            chosen = filled[0], meaning
            break
    if chosen is None:
        return None
    first = {one: index for index, one in reversed(list(enumerate(known))) if one is not None}
    return Columns(
        *chosen, first.get(ROLE), first.get(GROUP), first.get(STUDENT_COLUMN), width=len(header.cells)
    )


def columns_by_position(rows: Sequence[Row]) -> Columns | None:
    """The columns where there is no header: account, role, group; None for more than that."""
    width = max((len(row.cells) for row in rows), default=1)
    if width > len(POSITIONS):
        return None
    return Columns(0, NAME, 1 if width > 1 else None, 2 if width > 2 else None, None, None)
