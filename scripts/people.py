#!/usr/bin/env python3
"""Show who is on the hub, or let somebody choose a new password."""

import sys

from coursehub.people.command import run

if __name__ == "__main__":
    sys.exit(run(__doc__))
