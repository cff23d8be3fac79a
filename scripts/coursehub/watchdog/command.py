"""What the program is called with: nothing by its timer, for a pass; `canary begin` or `canary end` by the
check from outside (see `canary`), which reads the answer, a line of JSON."""

from __future__ import annotations

import json
import sys

from coursehub.watchdog import passing

WORDS = (["canary", "begin"], ["canary", "end"])


def main():
    arguments = sys.argv[1:]
    if not arguments:
        return passing.main()
    if arguments not in WORDS:
        print("usage: watchdog [canary begin|end]", file=sys.stderr)
        return 2
    from coursehub.watchdog import canary  # which a pass does not need

    print(json.dumps(canary.act(arguments[1])), flush=True)
    return 0
