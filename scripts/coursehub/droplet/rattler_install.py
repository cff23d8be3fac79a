"""Install a rattler lock file into a prefix. Run by the Python of /opt/course/tools, never imported.

Standard output: `progress TEXT` lines, then `installed` once the prefix is whole.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

STALL = 120.0
"""Seconds without a byte or a file after which the network counts as lost."""
SHOWN_EVERY = 2.0


class Reporter:
    """Notes that something happened, and now and then says how far it is."""

    def __init__(self, total):
        self.total, self.linked = total, 0
        self.last = self.shown = time.monotonic()

    def happened(self, *_):
        self.last = time.monotonic()
        return 0

    on_transaction_start = on_transaction_operation_start = on_transaction_operation_complete = happened
    on_transaction_complete = on_populate_cache_start = on_populate_cache_complete = happened
    on_validate_start = on_validate_complete = on_unlink_start = on_unlink_complete = happened
    on_download_start = on_download_progress = on_download_completed = on_link_start = happened

    def on_link_complete(self, *_):
        self.linked += 1
        self.happened()
        if self.last - self.shown > SHOWN_EVERY:
            self.shown = self.last
            print(f"progress {self.linked} of {self.total} packages", flush=True)


async def watch(reporter):
    """Return when nothing has happened for too long."""
    while time.monotonic() - reporter.last < STALL:
        await asyncio.sleep(1)


async def main(order):
    from rattler import install
    from rattler.lock import LockFile

    environment = LockFile.from_path(Path(order["lock"])).default_environment()
    records = environment.conda_repodata_records_for_platform(environment.platforms()[0])
    print(f"progress downloading and linking {len(records)} packages", flush=True)
    reporter = Reporter(len(records))
    installing = asyncio.ensure_future(
        install(
            records,
            order["prefix"],
            cache_dir=Path(order["cache"]),
            show_progress=False,
            execute_link_scripts=True,
            reporter=reporter,
        )
    )
    watching = asyncio.ensure_future(watch(reporter))
    await asyncio.wait({installing, watching}, return_when=asyncio.FIRST_COMPLETED)
    if not installing.done():
        raise TimeoutError(f"the download stalled for {STALL:.0f} s")
    await installing
    print("installed", flush=True)


if __name__ == "__main__":
    code = 0
    try:
        asyncio.run(main(json.loads(sys.argv[1])))
    except Exception as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        code = 1
    finally:
        # py-rattler can crash at interpreter exit after its work is done (0.28.0), and a download that
        # stalled is still waited for by its threads.
        sys.stdout.flush()
        os._exit(code)
