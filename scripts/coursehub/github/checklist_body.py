"""The text of the issue "Setup checklist": pure, from what is known to Markdown and back.

Only what stands between two marks, which readers do not see, is ours; whatever a person writes before or
after them stays.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

START, END = "<!-- coursehub:setup-checklist -->", "<!-- /coursehub:setup-checklist -->"
ITEMS = ("secrets", "settings", "deploy", "https", "student")
LASTING = ("deploy", "student")
"""What happened for the first time has happened; the others follow what is there now."""
NEEDED = {
    "DIGITALOCEAN_TOKEN": (("COURSE_SECRET", "SSH_PRIVATE_KEY"), ("HUB_ADMIN_PASSWORD",)),
    "DROPLET_HOST": (("DROPLET_HOST_KEY",), ("COURSE_SECRET", "SSH_PRIVATE_KEY"), ("HUB_ADMIN_PASSWORD",)),
}
"""What each way to a hub takes besides; of those in one row, any will do."""
WHAT_FOR = {
    "DIGITALOCEAN_TOKEN": "a token of DigitalOcean's API, with which the droplet is made",
    "COURSE_SECRET": "a long random sentence, from which the course's keys are made",
    "SSH_PRIVATE_KEY": "the private key that the server knows",
    "DROPLET_HOST_KEY": "the server's host key",
    "HUB_ADMIN_PASSWORD": "the first administrator's password on the hub",
}


@dataclass(frozen=True)
class Known:
    """What one run knows: the names of the secrets, and of the other items whether they are true; None where
    this run cannot know. `home` is the repository's page, `url` the hub's."""

    home: str
    secrets: Collection[str] | None
    items: Mapping[str, bool | None]
    url: str | None = None


def missing(secrets: Collection[str]) -> list[tuple[str, ...]]:
    """The rows of secrets that are still to be added; of those in one row, any will do."""
    start = "DROPLET_HOST" if "DROPLET_HOST" in secrets else "DIGITALOCEAN_TOKEN"
    rows = ((start,), *NEEDED[start])
    return [row for row in rows if not any(name in secrets for name in row)]


def states(known: Known, before: Mapping[str, bool]) -> dict[str, bool]:
    """Whether each item is ticked: as this run knows, else as it was."""
    now = dict(known.items)
    if known.secrets is not None:
        now["secrets"] = not missing(known.secrets)
    result = {}
    for name in ITEMS:
        former, present = before.get(name, False), now.get(name)
        result[name] = former if present is None else present or (name in LASTING and former)
    return result


def read(body: str) -> dict[str, bool]:
    """The items of an issue's text, ticked or not; those that are not found are left out."""
    return {name: mark in "xX" for name, (mark, _) in _found(body).items()}


def written(known: Known, ticked: Mapping[str, bool], body: str = "") -> str:
    """The issue's text, anew; of the former `body`, what is not ours is kept."""
    body = body.replace("\r\n", "\n")
    block = _block(known, ticked, body)
    before, start, rest = body.partition(START)
    if not start:
        return f"{body.rstrip()}\n\n{block}\n" if body.strip() else f"{block}\n"
    ours, end, after = rest.partition(END)
    # Without its end, nobody can tell where ours ends: what is not an item of ours is a person's.
    return before + block + (after if end else _not_ours(ours))


def _block(known: Known, ticked: Mapping[str, bool], body: str) -> str:
    former = _found(body)
    lines = [START, "This list ticks itself when **Deploy** runs; it closes itself when all is done.", ""]
    for name in ITEMS:
        is_unknown = (known.secrets if name == "secrets" else known.items.get(name)) is None
        text = former[name][1] if is_unknown and name in former else TEXTS[name](known)
        lines.append(f"- [{'x' if ticked[name] else ' '}] {text} {_mark(name)}")
    return "\n".join([*lines, "", END])


def _mark(name: str) -> str:
    return f"<!-- {name} -->"


def _found(body: str) -> dict[str, tuple[str, str]]:
    """{item: (its tick, its text)} of an issue's text."""
    pattern = rf"^\s*[-*] \[([ xX])\] (.*) <!-- ({'|'.join(ITEMS)}) -->\s*$"
    return {name: (mark, text) for mark, text, name in re.findall(pattern, body, re.MULTILINE)}


def _not_ours(lines: str) -> str:
    kept = [line for line in lines.split("\n") if not any(_mark(name) in line for name in ITEMS)]
    return "\n" + "\n".join(line for line in kept if not line.startswith("This list ticks itself"))


def _secrets(known: Known) -> str:
    place = f"[Settings → Secrets and variables → Actions]({known.home}/settings/secrets/actions)"
    page = f"[how]({known.home}/blob/HEAD/Documentation/Github.md)"
    if known.secrets is None:
        return f"**Secrets**: add them under {place} ({page})"
    there = [f"`{name}`" for name in known.secrets]
    lacking = [" or ".join(f"`{name}` ({WHAT_FOR[name]})" for name in row) for row in missing(known.secrets)]
    text = f"**Secrets**: there {'is' if len(there) == 1 else 'are'} {', '.join(there) or 'none'}"
    return text + (f"; add {', and '.join(lacking)} under {place} ({page})" if lacking else "")


def _settings(known: Known) -> str:
    edit = f"[`course.yml`]({known.home}/edit/HEAD/course.yml)"
    page = f"[all keys]({known.home}/blob/HEAD/Documentation/Settings.md)"
    return f"**Settings**: write your course's name, administrators and users into {edit} ({page})"


def _deploy(known: Known) -> str:
    run = f"[Deploy]({known.home}/actions/workflows/deploy.yml)"
    page = f"[what happens]({known.home}/blob/HEAD/Documentation/Deploying.md)"
    return f"**First deploy**: push, or run {run} by hand ({page})" + (f": {known.url}" if known.url else "")


def _https(known: Known) -> str:
    page = f"[how]({known.home}/blob/HEAD/Documentation/Https.md)"
    return f"**HTTPS**: give the hub a name and a certificate, so that passwords are safe ({page})"


def _student(known: Known) -> str:
    page = f"[their link]({known.home}/blob/HEAD/Documentation/Deploying.md)"
    return f"**First student**: somebody of the class has logged in and started to work ({page})"


TEXTS = {
    "secrets": _secrets,
    "settings": _settings,
    "deploy": _deploy,
    "https": _https,
    "student": _student,
}
