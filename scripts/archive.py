#!/usr/bin/env python3
"""End of term: keep a copy of the students' files and destroy the rest; with --restore, bring it back."""

import sys

from coursehub.lifecycle.archive import run

if __name__ == "__main__":
    sys.exit(run(__doc__))
