#!/usr/bin/env python3
"""Write environment.lock: the exact packages that environment.yml comes to today, to be committed."""

import sys

from coursehub.lock_command import run

if __name__ == "__main__":
    sys.exit(run(__doc__))
