#!/usr/bin/env python3
"""Tell the workflow whether the notebooks have to run before the deploy; GitHub Actions runs it."""

import sys

from coursehub.github.notebooks_due import decide
from coursehub.github.standalone import run

if __name__ == "__main__":
    sys.exit(run(__doc__, decide))
