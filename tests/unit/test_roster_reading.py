"""The secret HUB_USERS: schools' exports are understood, and mistakes never show what stands there."""

from __future__ import annotations

import base64

import pytest

from coursehub.problems import InvalidInput
from coursehub.roster.columns import ROLES_BY_WORD, WORDS, plain
from coursehub.roster.people import ROLES, Roster, group_from
from coursehub.roster.reading import MOST_SHOWN, people_from
from coursehub.secrets import Secrets

OWN = "username,role,group\nada,,monday\nGrace,assistant,\nalan,admin,\n"
CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Essay (4711),Final Score
,,,,,Manual Posting,
"    Points Possible",,,,,10.0,(read only)
"Lovelace, Ada",60401,S1001,ALovelace,GEO 101 Monday,9.5,95
"Hopper, Grace",60402,S1002,ghopper@school.edu,GEO 101 Monday,,
"Student, Test",60499,,0f3e5d7c,GEO 101 Monday,,
"""
MOODLE = """\
First name,Surname,ID number,Institution,Department,Email address
Ada,Lovelace,1001,,,"ada@school.edu"
Grace,Hopper,1002,,,Grace.Hopper@School.edu
"""
MOODLE_NEW = "\ufeffVorname;Nachname;E-Mail-Adresse;Gruppen\nAda;Lovelace;ada@school.edu;Montag, Labor 2\n"
BLACKBOARD = (
    '"Last Name"\t"First Name"\t"Username"\t"Student ID"\t"Last Access"\t"Availability"\n'
    '"Lovelace"\t"Ada"\t"alovelace"\t"1001"\t"2026-02-03 10:00"\t"Yes"\n'
    '"Hopper"\t"Grace"\t"ghopper"\t"1002"\t""\t"Yes"\n'
)


def packed(text: str, encoding: str) -> str:
    """As `base64 FILE` prints it."""
    return base64.encodebytes(text.encode(encoding)).decode()


def names(text: str) -> list[str]:
    return [person.name for person in people_from(text)]


FORMATS = {
    "our own": (OWN, ["ada", "grace", "alan"]),
    "Canvas": (CANVAS, ["alovelace", "ghopper"]),
    "Moodle, addresses": (MOODLE, ["ada", "grace.hopper"]),
    "Moodle in German": (MOODLE_NEW, ["ada"]),
    "Moodle, user names": ("Username,First name,Email address\nal,Ada,ada@x.edu\n", ["al"]),
    "Blackboard": (BLACKBOARD, ["alovelace", "ghopper"]),
    "Blackboard's own file": (packed(BLACKBOARD, "utf-16"), ["alovelace", "ghopper"]),
    "a packed file": (packed(OWN, "utf-8"), ["ada", "grace", "alan"]),
    "an old spreadsheet's": (packed("username;name\nada;Zoë\n", "cp1252"), ["ada"]),
    "a plain list": ("ada\r\ngrace\r\n\r\n# left: alan\r\n  tim  \r\n", ["ada", "grace", "tim"]),
    "a plain list with a header": ("Username\nada\n", ["ada"]),
    "a list with somebody called student": ("student\nada\n", ["student", "ada"]),
    "addresses alone": ("ada@school.edu\ngrace@school.edu\n", ["ada", "grace"]),
    "no header": ("ada;student;monday\ngrace;;\n", ["ada", "grace"]),
    "a role that is a word of headers": ("ada,student,section\n", ["ada"]),
    "old line ends": ("username\rada\rgrace\r", ["ada", "grace"]),
    "the separator told": ("sep=;\nusername;role\nada;student\n", ["ada"]),
    "an empty column": ("Username,Email\n,ada@x.edu\n,grace@x.edu\n", ["ada", "grace"]),
    "numbers only": ("Surname,Student ID\nLovelace,1001\n", ["1001"]),
    "quotes over lines": ('username,"group\nof the lab"\nada,\n', ["ada"]),
}


@pytest.mark.parametrize(("text", "expected"), FORMATS.values(), ids=FORMATS)
def test_what_teachers_have(text, expected):
    assert names(text) == expected


def test_roles_and_groups():
    ada, grace, alan = people_from(OWN)
    assert (ada.role, ada.groups, ada.place.line) == (None, ("monday",), 2)
    assert (grace.role, grace.groups, alan.role) == ("assistant", (), "admin")
    assert people_from(CANVAS)[0].groups == ("geo-101-monday",)
    assert people_from(MOODLE_NEW)[0].groups == ("montag", "labor-2")
    roster = Roster(people_from(OWN))
    assert [roster.of_role(role) for role in ROLES] == [("ada",), ("grace",), ("alan",)]
    assert roster.groups == {"monday": ["ada"]}


def test_the_name_of_a_group():
    assert group_from("Übung 3 (GEO 101), Montag ") == "ubung-3-geo-101-montag"


LONG = "a" * 40
# Text, line, key, words
MISTAKES = {
    "no name": ("username,role\nsecretive,\n,admin\n", 3, "column 1 (username)", "is empty"),
    "no account name": ("ada\nse cretive\n", 2, "column 1 (name)", "not an account name"),
    "address without": ("Email\n@secretive.edu\n", 2, "column 1 (e-mail)", "does not begin with"),
    "role": ("username,role\nada,secretive\n", 2, "column 2 (role)", "is not a role"),
    "teacher of the LMS": ("username,role\nsecretive,Teacher\n", 2, "column 2 (role)", "assistant or admin"),
    "group": ("username,group\nada,???\n", 2, "column 2 (group)", "not a group"),
    "everybody's group": ("username,group\nsecretive,Students\n", 2, "column 2 (group)", "is kept for"),
    "twice": ("secretive\nada\nsecretive\n", 3, None, "line 1 once more"),
    "capitals": ("secretive\nSecretive\n", 2, None, "line 1 once more"),
    "two addresses": ("secretive@a.edu\nsecretive@b.edu\n", 2, None, "line 1 once more"),
    "open quote": ('username,role\nada,"secretive\n', 2, None, "never closed"),
    "quote inside": ('username,role\n"secretive"x,\n', 2, None, "quotation mark"),
    "a comma in a name": ("Student,Username\nSecretive, Ada,ada\n", 2, None, "more columns"),
    "columns without names": ("secretive,a,b,c\n", 1, None, "more than three columns"),
    "no account at all": ("First name,Surname\nSecretive,Ada\n", 1, None, "no column for the account"),
    "nobody": ("username,role\n\n# secretive\n", None, None, "names nobody"),
}


@pytest.mark.parametrize(("text", "line", "key", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_without_what_stands_there(text, line, key, words):
    with pytest.raises(InvalidInput) as caught:
        people_from(text)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.key, problem.found) == ("secret HUB_USERS", line, key, None)
    assert words in f"{problem.message}. {problem.fix}" and not problem.in_a_file
    assert "secretive" not in str(problem).lower()


def test_long_names_that_unix_cannot_tell_apart():
    """Two names whose accounts are the same for TLJH are found, wherever they stand."""
    import hashlib

    seen = {}
    for number in range(100_000):
        name = f"a-very-long-account-name-{number}"
        mark = hashlib.sha256(f"jupyter-{name}".encode()).hexdigest()[:5]
        if mark in seen:
            break
        seen[mark] = name
    with pytest.raises(InvalidInput, match="HUB_USERS:2: would share its Unix account with line 1") as caught:
        people_from(f"{seen[mark]}\n{name}\n")
    assert name not in str(caught.value)


def test_many_mistakes_are_not_all_shown():
    with pytest.raises(InvalidInput) as caught:
        people_from("\n".join(f"some body {number}" for number in range(40)))
    assert len(caught.value.problems) == MOST_SHOWN + 1
    assert "30 more mistakes" in str(caught.value.problems[-1])


def test_the_secret_is_read_with_the_others_and_never_shown():
    secrets = Secrets.from_environment({"HUB_USERS": OWN})
    assert [person.name for person in secrets.hub_users] == ["ada", "grace", "alan"]
    assert "ada" not in repr(secrets)
    assert Secrets.from_environment({"HUB_USERS": " \n"}).hub_users == ()
    with pytest.raises(InvalidInput) as caught:
        Secrets.from_environment({"HUB_USERS": "ada\nada\n", "HUB_ADMIN_PASSWORD": "short"})
    assert [problem.file for problem in caught.value.problems] == [
        "secret HUB_ADMIN_PASSWORD",
        "secret HUB_USERS",
    ]


def test_the_vocabulary_is_written_as_headers_are_read():
    words = [word for words in WORDS.values() for word in words.split(", ")]
    assert len(words) == len(set(words))
    assert all(plain(word) == word for word in [*words, *ROLES_BY_WORD])
