#!/usr/bin/env python3
"""Send everybody in NOTIFY a message that nothing is wrong, to see whether messages arrive."""

import sys

from coursehub.github.standalone import run
from coursehub.status.trial import act

if __name__ == "__main__":
    sys.exit(run(__doc__, act))
