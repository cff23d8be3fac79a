"""One pass of the watchdog: look, judge, and as long as something can be healed, act and look again."""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import asdict

from coursehub.droplet import lock, people
from coursehub.droplet.system import OperationFailed
from coursehub.watchdog import acts, decision, judgement, keeping, kills, looks, restarts
from coursehub.watchdog.model import FAILURE, GOOD, WARNING, state_of

ACTS_IN_A_PASS = 3
CONFIRMING = 4.0
"""Seconds. What ends while this passes, such as a restart by somebody, or a server that just stopped, was no
trouble."""
HOLDER = "the droplet's watchdog, which heals"


def main():
    """A whole pass, for the timer. While somebody deploys there is nothing to judge, and nothing is done."""
    busy = looks.deploying()
    if busy:
        print(f"Quiet, because of {busy.get('who', 'a deploy')}", flush=True)
        return
    began, before = time.time(), keeping.last()
    watch(before, began)
    if left_over := without_remains():
        print(left_over, flush=True)


def without_remains():
    """Have what a canary has left that was cut off removed; what was done, or what went wrong, or None."""
    if people.canary() is None:
        return None
    from coursehub.watchdog import canary

    try:
        return canary.end_old()
    except (OSError, OperationFailed) as error:
        return f"the account of a canary that was cut off cannot be removed yet: {error}"


def tell(events):
    """Log them, and print them for the journal. On a full disk, the journal alone has them."""
    with contextlib.suppress(OSError):
        keeping.log(events)
    for event in events:
        print(line(event), flush=True)


def watch(before, now):
    """A pass: what is found and done is told at once, and the report is kept before each act and at the end,
    for an act may take minutes, and a pass that is cut off must not forget what it did."""
    seen, found = judged(now, before)
    streaks = streaks_with(before["streaks"], found)
    if is_news(found, before) or decision.next_act(found, seen, before["acts"], streaks, now):
        time.sleep(CONFIRMING)
        seen, found = judged(time.time(), before)
    tell(keeping.changes(before, [asdict(one) for one in found], now))
    done = list(before["acts"])
    for _ in range(ACTS_IN_A_PASS):
        act = decision.next_act(found, seen, done, streaks, time.time())
        if act is None or not locked(act):
            break
        keep(before, now, seen, found, done, streaks)
        at = time.time()
        words = acts.do(act)
        entry = {"at": at, "act": act.name, "finding": act.finding, "on": act.on, "words": words}
        done = [*done, entry][-keeping.KEPT_ACTS :]
        tell([{"what": "did", **entry, "seconds": round(time.time() - at, 1)}])
        middle = {"findings": [asdict(one) for one in found], "since": since(before, found, now)}
        seen, found = judged(time.time(), before)
        tell(keeping.changes(middle, [asdict(one) for one in found], time.time()))
    keep(before, now, seen, found, done, streaks)


def is_news(found, before):
    """Whether anything was well, or not there, at the last pass, and is not any more."""
    return any(one.level in (WARNING, FAILURE) and one.name not in before["since"] for one in found)


def keep(before, now, seen, found, done, streaks):
    """Save the report of a pass that began at `now`. On a full disk, the next pass tries again."""
    report = {
        "at": time.time(),
        "seconds": time.time() - now,
        "state": state_of(found),
        "person": any(one.bad for one in found)
        and decision.next_act(found, seen, done, streaks, time.time()) is None,
        "findings": [asdict(one) for one in found],
        "acts": done,
        "streaks": streaks_with(before["streaks"], found),
        "since": since(before, found, now),
        "capacity": {key: seen[key] for key in ("disks", "memory")},
        "servers": seen["servers"].get("running"),
        "kills": seen["kills"],
        "restarts": seen["restarts"],
    }
    with contextlib.suppress(OSError):
        keeping.save(report)


def judged(now, before):
    """(seen, findings) of this moment; `before` is the last report."""
    seen = looks.look()
    seen["kills"] = kills.remembered(before["kills"], seen["kills"], now)
    counts = restarts.counted(seen["units"])
    seen["restarts"] = restarts.remembered(before["restarts"], counts, now, restarts.ending)
    seen["changed"] = looks.attempted(acts.changed)
    return seen, judgement.findings(seen, now)


def locked(act):
    """Whether this process may change something: whoever deploys waits for it, and it never for them."""
    since_words = time.strftime("%H:%M:%S UTC", time.gmtime())
    return lock.take_lock({"who": HOLDER, "since": since_words, "run": ""}) is None


def streaks_with(streaks, found):
    """How many passes in a row have found what is not good."""
    return {one.name: streaks.get(one.name, 0) + 1 for one in found if one.level != GOOD}


def since(before, found, now):
    """Since when each finding has not been good."""
    return {one.name: before["since"].get(one.name, now) for one in found if one.level != GOOD}


def line(event):
    """An event as the journal shows it."""
    if event["what"] == "found":
        why = f" ({event['why']})" if event["why"] else ""
        return f"found: {event['name']}: {event['seen']}{why}"
    if event["what"] == "did":
        return f"did: {event['words']} (in {event['seconds']:.0f} s, for: {event['finding']})"
    return f"over: {event['name']}, after {event['seconds']} s"


if __name__ == "__main__":
    sys.exit(main())
