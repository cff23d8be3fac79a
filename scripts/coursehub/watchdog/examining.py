"""One look of the watchdog's that changes nothing: what it finds now, and what its next act would be."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict

from coursehub.watchdog import decision, keeping, looks, passing


def main():
    """Print it as one line of JSON."""
    print(json.dumps(examined(time.time())), flush=True)
    sys.stdout.flush()


def examined(now):
    """{"findings", "act", "changed", "busy"}: `act` is None when nothing would be done, `changed` the files
    of the hub's configuration that are not as when it was last seen healthy."""
    before = keeping.last()
    seen, found = passing.judged(now, before)
    streaks = passing.streaks_with(before["streaks"], found)
    act = decision.next_act(found, seen, before["acts"], streaks, now)
    return {
        "findings": [asdict(one) for one in found],
        "act": act and {"name": act.name, "finding": act.finding},
        "changed": seen["changed"] if isinstance(seen["changed"], list) else [],
        "busy": looks.deploying(),
    }
