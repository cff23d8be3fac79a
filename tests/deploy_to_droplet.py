#!/usr/bin/env python3
"""scripts/deploy.py for a droplet that coursehub made itself, whose address a test knows.

Everything but the finding of the address is the program's own: such a droplet has a volume.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from coursehub import command, pipeline
from coursehub.targets.server import Server


def made_droplet(settings, secrets, words):
    """The droplet, reached as a server is."""
    address, host_key = os.environ["MADE_DROPLET"].split(" ", 1)
    return Server(settings, replace(secrets, host=address, host_key=host_key))


if __name__ == "__main__":
    pipeline.choose = made_droplet
    sys.exit(command.run(__doc__, apply=True))
