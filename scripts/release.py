#!/usr/bin/env python3
"""Give students what course.yml's release dates have for now, and take back what is over. Meant to be run on
a schedule."""

import sys

from coursehub.releasing import run

if __name__ == "__main__":
    sys.exit(run(__doc__))
