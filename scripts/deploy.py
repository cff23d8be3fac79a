#!/usr/bin/env python3
"""Bring the course's hub to what course.yml, environment.yml, apt.txt and content/ say."""

import sys

from coursehub.command import run

if __name__ == "__main__":
    sys.exit(run(__doc__, apply=True))
