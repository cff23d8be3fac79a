#!/usr/bin/env python3
"""Put what the check of the hub's health came to on record, and show it: badges, status page, incidents."""

import sys

from coursehub.github.standalone import run
from coursehub.status.publish import act

if __name__ == "__main__":
    sys.exit(run(__doc__, act))
