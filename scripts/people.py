#!/usr/bin/env python3
"""The people of the hub: who there is, who may come in, and what becomes of who left."""

import sys

from coursehub.people.command import run

if __name__ == "__main__":
    sys.exit(run(__doc__))
