#!/usr/bin/env python3
"""Write down where the hub is, by the deploy's RESULT, on the branch coursehub."""

import sys

from coursehub.github.record import act
from coursehub.github.standalone import run

if __name__ == "__main__":
    sys.exit(run(__doc__, act))
