"""What to do about what was found. Pure: the acts are done elsewhere (`acts`).

What is tried for a finding stands in REMEDIES, in that order: the next one only when the one before did not
help. A budget keeps it from going in circles; when it is spent, a person is needed, and the report says so.
"""

from __future__ import annotations

from coursehub.watchdog.model import FAILURE, WARNING, Act

REMEDIES = {
    "volume": ("mount_homes",),
    "disk": ("free_caches",),
    "proxy": ("restart_proxy", "take_back"),
    "hub": ("restart_hub", "restart_proxy", "take_back"),
    "way to the hub": ("restart_hub", "restart_proxy"),
    "way to a server": ("restart_hub",),
    "processes": ("end_server",),
    "certificate": ("restart_proxy",),
    "clock": ("restart_clock",),
    "SSH": ("restart_ssh",),
}
"""In the order of what has to be right first. A full disk comes before the hub that it stops."""
TAKEN_BACK_FIRST = ("take_back", "restart_hub", "restart_proxy")
"""For a hub that crashes over and over while its configuration is not the one that was last seen healthy."""
ON_A_WARNING = frozenset({"processes", "way to a server", "clock"})
CALM = {"way to a server": 5, "processes": 2, "clock": 10, "certificate": 2, "SSH": 2}
"""So many passes in a row must find it: a server that ends just now is no reason to restart the hub."""
HOUR = 3600.0
EACH, ALTOGETHER = 2, 6
"""Acts within an hour: of each kind, and of all."""
RARE = {"certificate": 12 * HOUR, "clock": 6 * HOUR, "way to a server": HOUR, "disk": HOUR / 2}
"""Seconds between two acts for the same finding, where doing it again at once cannot help."""


def next_act(findings, seen, history, streaks, now):
    """The Act to do now, or None. `history` are acts that were done ({"act", "finding", "on", "at"}, `at` in
    seconds since the epoch); `streaks` tells for each finding how many passes in a row have found it."""
    recent = [entry for entry in history if now - entry["at"] < HOUR]
    if len(recent) >= ALTOGETHER:
        return None
    for name, sequence in REMEDIES.items():
        found = next((one for one in findings if is_treated(one, name, streaks)), None)
        if found is None:
            continue
        if rare(name, history, now):
            return None
        if name in ("hub", "proxy") and crashes_by_its_configuration(found, seen):
            sequence = TAKEN_BACK_FIRST
        tried = [entry["act"] for entry in recent if entry["finding"] == name]
        for act in sorted(sequence, key=lambda act: (tried.count(act), sequence.index(act))):
            if tried.count(act) < EACH and applies(act, seen):
                return Act(act, name, found.on)
        # What comes later in the order mostly follows from this; treating it would be in vain.
        return None
    return None


def is_treated(finding, name, streaks):
    """Whether a finding is of this name, bad enough, and has lasted."""
    if not (finding.name == name or finding.name.startswith(f"{name} of ")):
        return False
    levels = {FAILURE, WARNING} if name in ON_A_WARNING else {FAILURE}
    return finding.level in levels and streaks.get(finding.name, 1) >= CALM.get(name, 1)


def rare(name, history, now):
    """Whether this was treated a short while ago, and has to be waited for."""
    return any(entry["finding"] == name and now - entry["at"] < RARE.get(name, 0) for entry in history)


def crashes_by_its_configuration(finding, seen):
    changed = seen["changed"]
    return isinstance(changed, list) and bool(changed) and "again and again" in finding.why


def applies(act, seen):
    """Taking back is for a configuration that differs from the one that was last seen healthy."""
    return act != "take_back" or (isinstance(seen["changed"], list) and bool(seen["changed"]))
