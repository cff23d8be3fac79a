#!/usr/bin/env python3
"""Keep the issue "Setup checklist" up to date: it ticks what has come true."""

import sys

from coursehub.github.checklist import act
from coursehub.github.standalone import run

if __name__ == "__main__":
    sys.exit(run(__doc__, act))
