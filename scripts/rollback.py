#!/usr/bin/env python3
"""Let new servers start from the environment that worked before; with --list, show them all."""

import sys

from coursehub.rollback import run

if __name__ == "__main__":
    sys.exit(run(__doc__))
