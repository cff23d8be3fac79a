#!/usr/bin/env python3
"""Give the droplet the size that course.yml's timetable has for now. Meant to be run on a schedule."""

import sys

from coursehub.lifecycle.timetable import run

if __name__ == "__main__":
    sys.exit(run(__doc__))
