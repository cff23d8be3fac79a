"""Takes out of a text what must not be shown to others: secrets, and who the people are. Pure.

A secret that is known goes in each form that it may have been written in; beside that goes all that looks
like one. A person becomes person-1, person-2 and so on, the same number wherever the same name stands.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

from .look_alikes import BLOCK, GONE, without_look_alikes

SHORT = 6
"""Characters. What is shorter is taken out only where it stands by itself, or words would be torn."""
NOBODY = frozenset(
    [
        "admin",
        "administrator",
        "root",
        "hub",
        "user",
        "users",
        "jupyter",
        "jupyterhub",
        "server",
        "service",
        "system",
        "proxy",
        "traefik",
        "name",
        "null",
        "none",
        "true",
        "false",
        "localhost",
        "course",
        "the",
        "login",
        "logout",
        "error",
        "warning",
        "info",
        "somebody",
        "runner",
    ]
)
"""Accounts of these names say nothing of anybody, and the text would say nothing without them."""
SOFTWARE = frozenset(
    [
        "server",
        "lab",
        "labhub",
        "notebook",
        "singleuser",
        "client",
        "core",
        "lsp",
        "events",
        "console",
        "kernel",
        "kernelspec",
        "nbconvert",
        "resource-usage",
        "server-terminals",
        "server-proxy",
        "run",
        "collaboration",
        "ydoc",
        "widgets",
        "contrib",
        "troubleshoot",
    ]
)
"""What follows `jupyter-` in the names of programs."""
UNITS = frozenset({"service", "slice", "scope", "socket", "timer", "target", "mount", "path", "device"})
NOT_MAIL = frozenset({"openssh.com", "libssh.org", "github.com", "noreply.github.com"})
ACCOUNT = re.compile(
    r"\bjupyter-([A-Za-z0-9][\w.@\\-]*?)(?=\.(?:service|slice|scope)\b|\.?[^\w.@\\-]|\.?$)", re.M
)
MAIL = re.compile(r"[A-Za-z0-9][\w.+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.([A-Za-z]{2,})")
PLACE = re.compile(r"(/home/|/user/|/api/users/)(?!jupyter-)([^/\s\"'<>?,:;()\[\]]+)")
VISITOR = re.compile(r"\(([^\s()@]+)@([0-9a-fA-F.:]+)\)")
BEFORE, BEHIND = r"(?:(?<![\w.@-])|(?<=jupyter-))", r"(?![\w-]|\.(?!(?:service|slice|scope)\b)\w)"
"""Around a name: not a letter of a longer word, nor another part of a longer name."""
PERSON = re.compile(r"person-\d+")


class Redaction:
    """What is to be taken out: `secrets` ({name: value}), and `people`, names and mail addresses."""

    def __init__(self, secrets: Mapping[str, str], people: Iterable[str]):
        self.numbers: dict[str, str] = {}
        known = {name.strip().lower() for name in people} - {""}
        for name in sorted(known - NOBODY):
            self.person(name)
        forms = {form: name for name, value in secrets.items() for form in forms_of(value)}
        self.secrets = {form: forms[form] for form in sorted(forms, key=len, reverse=True)}
        self.of_secrets = either(map(pattern_of, self.secrets))
        names = sorted((*self.numbers, *map(escaped, self.numbers)), key=len, reverse=True)
        self.of_names = either(BEFORE + re.escape(name) + BEHIND for name in dict.fromkeys(names))
        self.unescaped = {escaped(name): name for name in self.numbers}

    def person(self, name: str) -> str:
        """What stands for this person; somebody new gets the next number."""
        key = name.lower()
        return self.numbers.setdefault(key, f"person-{len(self.numbers) + 1}")

    def __call__(self, text: str) -> str:
        """The text as others may see it. To do it twice changes nothing."""
        text = BLOCK.sub(GONE, text)
        if self.of_secrets:
            text = self.of_secrets.sub(lambda found: f"[{self.secrets[found[0]]}]", text)
        text = without_look_alikes(text)
        text = MAIL.sub(self.mail, text)
        if self.of_names:
            text = re.sub(f"(?i:{self.of_names.pattern})", self.known, text)
        text = VISITOR.sub(lambda found: f"({self.somebody(found[1])}@address)", text)
        text = ACCOUNT.sub(self.account, text)
        return PLACE.sub(lambda found: found[1] + self.somebody(found[2]), text)

    def known(self, found: re.Match) -> str:
        name = found[0].lower()
        return self.person(self.unescaped.get(name, name))

    def somebody(self, name: str) -> str:
        return name if name.lower() in NOBODY or PERSON.fullmatch(name) else self.person(name)

    def account(self, found: re.Match) -> str:
        name = found[1]
        if name.lower() in SOFTWARE or name.startswith("person-"):
            return found[0]
        return f"jupyter-{self.person(name)}"

    def mail(self, found: re.Match) -> str:
        local, _, host = found[0].lower().partition("@")
        if found[1].lower() in UNITS or host in NOT_MAIL or PERSON.fullmatch(local):
            return found[0]
        # Whoever is known by the part before the @ alone is the same person.
        return self.person(local if local in self.numbers else found[0])

    def value(self, value):
        """The same for all texts of a JSON value, keys included."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, Mapping):
            return {self(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value


def forms_of(value: str) -> set[str]:
    """All that a secret may look like where it was written: whole, each line of it, and escaped."""
    pieces = {value, value.strip(), *(line.strip() for line in value.splitlines())} - {""}
    found = set()
    for piece in pieces:
        once = json.dumps(piece)[1:-1]
        found |= {piece, once, json.dumps(once)[1:-1], json.dumps(piece, ensure_ascii=False)[1:-1]}
        found |= {
            quote(piece),
            quote(piece, safe=""),
            quote_plus(piece),
            html.escape(piece),
            repr(piece)[1:-1],
        }
        found |= {base64.b64encode(piece.encode("utf-8", "surrogateescape")).decode()}
    # The lines around a key, or one such as "}", are nobody's secret, and stand everywhere.
    return {form for form in found if len(form) >= 3 and re.search(r"\w", form) and "-----" not in form[:5]}


def pattern_of(form: str) -> str:
    return rf"(?<!\w){re.escape(form)}(?!\w)" if len(form) < SHORT else re.escape(form)


def either(patterns: Iterable[str]) -> re.Pattern | None:
    """One pattern for all, the first that fits counting; None for none."""
    joined = "|".join(f"(?:{pattern})" for pattern in patterns)
    return re.compile(joined) if joined else None


def escaped(name: str) -> str:
    """A name as the hub writes it in the names of units and homes: what is unusual as its code."""
    return "".join(letter if re.match(r"[a-z0-9.]", letter) else f"-{ord(letter):x}" for letter in name)
