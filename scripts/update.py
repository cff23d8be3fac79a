#!/usr/bin/env python3
"""Take the improvements of the template that this course was made from; the course's own files stay."""

import sys

from coursehub.template_update import run

if __name__ == "__main__":
    sys.exit(run(__doc__))
