#!/usr/bin/env python3
"""Show what the course costs, what each student costs, and what is billed though unused."""

import sys

from coursehub.lifecycle.costs import run

if __name__ == "__main__":
    sys.exit(run(__doc__))
