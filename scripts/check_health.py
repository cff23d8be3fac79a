#!/usr/bin/env python3
"""Look at the hub from outside, and say whether it is up; needs nothing but Python."""

import sys

from coursehub.health.command import run

if __name__ == "__main__":
    sys.exit(run(__doc__))
