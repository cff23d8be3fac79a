"""Index a conda channel: `python channel_index.py DIRECTORY`.

A process of its own, for an interpreter can crash while it exits after py-rattler has done its work.
"""

import asyncio
import os
import sys
from pathlib import Path

from rattler.index import index_fs

asyncio.run(index_fs(Path(sys.argv[1]), write_zst=True, write_shards=True, force=True))
sys.stdout.flush()
os._exit(0)
