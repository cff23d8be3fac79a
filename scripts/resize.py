#!/usr/bin/env python3
"""Give the droplet another size, now: processors and memory; with --disk also the disk, which is for good."""

import sys

from coursehub.lifecycle.resize import run

if __name__ == "__main__":
    sys.exit(run(__doc__))
