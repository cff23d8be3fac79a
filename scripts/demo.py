#!/usr/bin/env python3
"""Bring up (or take down) a hub on this computer, as like a droplet as can be."""

import sys

from sandbox.demo import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "up"))
