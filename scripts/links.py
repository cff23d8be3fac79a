#!/usr/bin/env python3
"""Make links that bring the course to students and open it, check them, or make one for any repository."""

import sys

from coursehub.links.command import run

if __name__ == "__main__":
    sys.exit(run(__doc__))
