"""The documentation has a token be given just the scopes that the program's calls take."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from script_runs import scopes_of

from coursehub.cloud.errors import GROUPS, scope

PROGRAM = Path(__file__).parents[3] / "scripts" / "coursehub"
CALL = re.compile(r"([a-z_]+)\.[a-z_]+")
FAMILIES = {*GROUPS, "account", "sizes", "actions"}
ENDING = {"removing.py", "copying.py"}
"""Modules that only the end of a course needs."""
# What DigitalOcean's specification asks for besides: sizes with their regions, an image and a private network
# for a droplet, a snapshot as an image.
ALSO = {"regions:read", "image:read", "vpc:read"}
ALSO_AT_THE_END = {"image:create", "image:delete"}
OPTIONAL = {"billing:read"}


def calls() -> Iterator[tuple[str, str]]:
    """(module, pydo's call) for every call that the program's text names."""
    for path in sorted(PROGRAM.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                match = CALL.fullmatch(node.value)
                if match and match[1] in FAMILIES and path.name != "errors.py":
                    yield path.name, node.value


def test_a_deploy():
    needed = {scope(call) for module, call in calls() if module not in ENDING} - OPTIONAL
    # A record may be deleted by whoever may update it.
    assert set(scopes_of("A deploy")) == (needed - {"domain:delete"}) | ALSO


def test_the_end():
    needed = {scope(call) for module, call in calls() if module in ENDING}
    listed = set(scopes_of("The end of term"))
    assert listed == (needed | ALSO_AT_THE_END) - set(scopes_of("A deploy"))


def test_the_bill():
    assert set(scopes_of("The account's own count")) == OPTIONAL


def test_they_are_in_order():
    for row in ("A deploy", "The end of term"):
        assert scopes_of(row) == sorted(scopes_of(row))
