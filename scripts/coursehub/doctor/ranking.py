"""The diagnosis: of all that is not good, the most probable cause. Pure.

What comes first in ORDER explains what comes later: a full disk stops a hub, and a hub that is stopped is all
that can be seen from outside.
"""

from __future__ import annotations

from collections.abc import Sequence

from .model import FAILURE, GOOD, NONE, UNKNOWN, UNSEEN, WARNING, WELL, WRONG, Diagnosis, Finding, Section

ORDER = (
    ("account", "account"), ("account", "droplet"), ("account", "volume"), ("account", "reserved address"),
    ("inside", "volume"), ("inside", "disk"), ("inside", "memory"), ("inside", "configuration"),
    ("inside", "environment"), ("inside", "proxy"), ("inside", "hub"), ("inside", "way to the hub"),
    ("account", "firewall"), ("account", "DNS record"), ("account", "name"), ("outside", "name"),
    ("inside", "certificate"), ("outside", "certificate"), ("inside", "SSH"), ("inside", "clock"),
    ("outside", "clock"), ("outside", ""), ("inside", "processes"), ("inside", "way to a server"),
    ("inside", "people's servers"), ("inside", "killed"), ("inside", ""), ("account", ""), ("given", ""),
    ("intent", ""),
)  # fmt: skip
"""Section and name of findings, causes before what follows from them; "" is any other of the section."""
LATE = frozenset({("inside", "last deploy"), ("inside", "services"), ("inside", "updates")})
"""They mostly follow from something else."""
SECRETS, NO_SECRET = "secrets", "no secret is set"
FROZEN = Finding(
    "server",
    FAILURE,
    "nothing on it answers, neither the hub nor SSH: it is off, frozen, or cut off from the network",
    "switch it off and on in the provider's control panel (DigitalOcean: the droplet, Power); "
    "a deploy afterwards puts right what is left",
)
SSHD = Finding(
    "SSH",
    FAILURE,
    "the hub works, but the server lets nobody in by SSH, so that neither a deploy nor this can look at it",
    "in the provider's console: `systemctl restart ssh`, and `sshd -t` says what is wrong with its settings",
)


def diagnosis(sections: Sequence[Section]) -> Diagnosis:
    """The first line of the whole."""
    wrong = [(one, part.key) for part in sections for one in part.findings if one.level in (FAILURE, WARNING)]
    blind = [one for part in sections for one in part.findings if one.level == UNSEEN]
    if not wrong:
        return unharmed(sections, blind)
    (first, key), *_ = sorted(wrong, key=lambda it: (it[0].level != FAILURE, rank(it[1], it[0].name)))
    first = told(first, key, wrong, sections)
    return Diagnosis(WRONG, f"{named(first, key)}: {first.seen}", first.fix, len(wrong) - 1)


def unharmed(sections: Sequence[Section], blind: Sequence[Finding]) -> Diagnosis:
    """Nothing is wrong, as far as anything could be seen."""
    looked = {part.key for part in sections for one in part.findings if one.level == GOOD}
    if "outside" in looked and "inside" in looked:
        return Diagnosis(WELL, "Nothing is wrong: the hub works, from outside and from inside")
    if "outside" not in looked and any(one.name == SECRETS for one in blind):
        return Diagnosis(NONE, f"There is nothing to look at yet: {NO_SECRET}", blind[0].fix)
    what = blind[0].seen if blind else "neither the hub nor its server"
    return Diagnosis(
        UNKNOWN, f"It could not be seen: {what}", "run this again, from another network if need be"
    )


def rank(key: str, name: str) -> int:
    """The place in the order of causes, the smaller the earlier."""
    kind = "disk" if name.startswith("disk") else name
    if (key, kind) in LATE:
        return len(ORDER)
    exact = [number for number, one in enumerate(ORDER) if one == (key, kind)]
    return exact[0] if exact else next((n for n, one in enumerate(ORDER) if one == (key, "")), len(ORDER))


def told(first: Finding, key: str, wrong, sections: Sequence[Section]) -> Finding:
    """What two findings together mean, where that is more than each says."""
    without_ssh = (key, first.name) == ("inside", "SSH") or any(
        (it, one.name) == ("inside", "SSH") and one.level == FAILURE for one, it in wrong
    )
    if not without_ssh:
        return first
    outside = {one.name: one.level for part in sections if part.key == "outside" for one in part.findings}
    # Only where no cause was found that explains it.
    if key not in ("inside", "outside"):
        return first
    if outside.get("hub") == GOOD:
        return Finding(SSHD.name, FAILURE, f"{SSHD.seen} ({ssh_words(wrong)})", SSHD.fix)
    if outside.get("connection") in (FAILURE, UNSEEN) and "pinned" not in ssh_words(wrong):
        return Finding(FROZEN.name, FAILURE, f"{FROZEN.seen} ({ssh_words(wrong)})", FROZEN.fix)
    return first


def ssh_words(wrong) -> str:
    return next((one.seen for one, key in wrong if (key, one.name) == ("inside", "SSH")), "")


def named(finding: Finding, key: str) -> str:
    """What a finding is about, at the beginning of a line."""
    words = {"given": f"A mistake in {finding.name}", "intent": "A deploy would not work"}
    name = words.get(key, f"The hub's {finding.name}" if finding.name == "name" else f"The {finding.name}")
    return (
        name.replace("The disk of /", "The disk of /").replace("The SSH", "SSH").replace("The DNS", "The DNS")
    )
