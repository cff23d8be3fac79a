#!/usr/bin/env python3
"""Look for mistakes in the course's files, solve its environment, and say what would be deployed."""

import sys

from coursehub.validation import run

if __name__ == "__main__":
    sys.exit(run(__doc__))
