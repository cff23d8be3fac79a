"""A hub or a proxy that ended by itself and was started again by systemd before anybody could notice: told,
for it is the first sign of more, and for students who wonder why a page hung for some seconds."""

from __future__ import annotations

from coursehub.droplet.system import OperationFailed, run
from coursehub.watchdog.model import WARNING, Finding

SHOWN = 15 * 60.0
NAMES = {"jupyterhub.service": "the hub", "traefik.service": "the proxy"}


def counted(units):
    """{unit: how often systemd has started it again}, of what was seen of the units."""
    if "unseen" in units:
        return {}
    return {unit: int(units.get(unit, {}).get("NRestarts") or 0) for unit in NAMES}


def remembered(before, counts, now, ending):
    """{unit: {"count", "new", "at", "why"}}: `new` restarts were first seen at `at`, and `ending` tells of a
    unit how it ended. What is counted first is where counting begins."""
    result = dict(before)
    for unit, count in counts.items():
        was = before.get(unit) or {"count": count, "new": 0, "at": 0.0, "why": ""}
        more = count - was["count"]
        new = {"count": count, "new": more, "at": now, "why": ending(unit)} if more > 0 else None
        result[unit] = new or {**was, "count": count}
    return result


def ending(unit):
    """systemd's own words of how a unit's process ended last."""
    # Of systemd alone: a hub's own lines are soon more than anybody would look through.
    chosen = ["--unit", unit, "--identifier=systemd", "--lines=50"]
    words = ["journalctl", *chosen, "--output=cat", "--no-pager"]
    try:
        lines = run(words, timeout=15, check=False).stdout.splitlines()
    except (OSError, OperationFailed):
        return ""
    ended = [line.partition("exited, ")[2] for line in lines if "Main process exited, " in line]
    return meaning(ended[-1]) if ended else ""


def meaning(words):
    """Such as "code=killed, status=9/KILL", for people."""
    if words.startswith("code=exited"):
        return f"it ended with an error ({words.partition('status=')[2]})"
    return f"it was killed from outside ({words.partition('status=')[2]})"


def times(number):
    return "once" if number == 1 else f"{number} times"


def judge(seen, now):
    about = seen.get("restarts") or {}
    recent = [(unit, one) for unit, one in sorted(about.items()) if one["new"] and now - one["at"] < SHOWN]
    if not recent or seen["hub"].get("status") != 200:
        return None
    words = " and ".join(f"{NAMES[unit]} ended by itself {times(one['new'])}" for unit, one in recent)
    why = "; ".join(one["why"] for _, one in recent if one["why"])
    return Finding("restarts", WARNING, f"{words}, and systemd started it again", why)
