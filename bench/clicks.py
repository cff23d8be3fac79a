"""A class that clicks at once: python clicks.py URL LIBRARY FOLDER [FOLDER ...]

Each folder is one student's copy; each student is a thread with the real nbgitpuller, whose work is done by
processes of git, as in a class whose servers run. With LIBRARY ("" for none) it is nbgitpuller as coursehub's
servers have it. Prints the seconds that each student waited, as JSON.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor


def main() -> None:
    url, library, *folders = sys.argv[1:]
    if library:
        sys.path.append(library)
        from pulling.hook import install

        install()
    from nbgitpuller.pull import GitPuller

    together = threading.Barrier(len(folders))

    def click(folder: str) -> float:
        together.wait()
        began = time.monotonic()
        for _ in GitPuller(url, folder, branch="main").pull():
            pass
        return time.monotonic() - began

    with ThreadPoolExecutor(len(folders)) as pool:
        print(json.dumps(list(pool.map(click, folders))))


if __name__ == "__main__":
    main()
