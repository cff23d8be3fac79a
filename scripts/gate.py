#!/usr/bin/env python3
"""Tell the workflow whether this repository has the secrets that a deploy needs; GitHub Actions runs it."""

import sys

from coursehub.github.gate import decide
from coursehub.github.standalone import run

if __name__ == "__main__":
    sys.exit(run(__doc__, decide))
