#!/usr/bin/env python3
"""Run each notebook of content/ from top to bottom, in the very environment that is to be deployed."""

import sys

from coursehub.notebooks.command import run

if __name__ == "__main__":
    sys.exit(run(__doc__))
