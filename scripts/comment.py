#!/usr/bin/env python3
"""Show COMMENT on the pull request PULL_REQUEST, in one comment that is kept up to date."""

import sys

from coursehub.github.comment import act
from coursehub.github.standalone import run

if __name__ == "__main__":
    sys.exit(run(__doc__, act))
