#!/usr/bin/env python3
"""Say what is wrong with the hub and what to do: look at everything, and change nothing."""

import sys

from coursehub.doctor.command import run

if __name__ == "__main__":
    sys.exit(run(__doc__))
