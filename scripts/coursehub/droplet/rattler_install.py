"""Install a rattler lock file into a prefix. Run by the Python of /opt/course/tools, never imported.

Standard output: `progress TEXT` lines, then `installed` once the prefix is whole.
"""

import asyncio
import json
import os
import sys
from pathlib import Path


async def main(order):
    from rattler import install
    from rattler.lock import LockFile

    environment = LockFile.from_path(Path(order["lock"])).default_environment()
    records = environment.conda_repodata_records_for_platform(environment.platforms()[0])
    print(f"progress downloading and linking {len(records)} packages", flush=True)
    await install(
        records,
        order["prefix"],
        cache_dir=Path(order["cache"]),
        show_progress=False,
        execute_link_scripts=True,
    )
    print("installed", flush=True)


if __name__ == "__main__":
    code = 0
    try:
        asyncio.run(main(json.loads(sys.argv[1])))
    except Exception as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        code = 1
    # py-rattler can crash at interpreter exit after its work is done (0.28.0).
    os._exit(code)
