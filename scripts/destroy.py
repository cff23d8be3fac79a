#!/usr/bin/env python3
"""Destroy what the course has at DigitalOcean; the students' volume and snapshots only when told."""

import sys

from coursehub.lifecycle.destroy import run

if __name__ == "__main__":
    sys.exit(run(__doc__))
