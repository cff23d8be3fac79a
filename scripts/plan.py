#!/usr/bin/env python3
"""Show what a deploy would change, and change nothing."""

import sys

from coursehub.command import run

if __name__ == "__main__":
    sys.exit(run(__doc__, apply=False))
