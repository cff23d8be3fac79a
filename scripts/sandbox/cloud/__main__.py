"""The API as a process of its own, which prints its address and serves until it is ended.

    python -m sandbox.cloud --directory DIRECTORY --address 10.87.0.1 --port 8443 --backend MODULE:CLASS

The token is read from $DIGITALOCEAN_TOKEN: arguments can be seen by everyone on the computer.
"""

from __future__ import annotations

import argparse
import importlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from sandbox.cloud.backend import Backend
from sandbox.cloud.server import Server

TOKEN = "DIGITALOCEAN_TOKEN"  # noqa: S105
PAPER = "sandbox.cloud.paper:PaperBackend"


def backend_named(name: str) -> Backend:
    """The backend that MODULE:CLASS makes."""
    module, _, made = name.partition(":")
    return getattr(importlib.import_module(module), made)()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(prog="sandbox.cloud", description="Speak DigitalOcean's API.")
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--host", action="append", default=[], help="another name that clients reach it by")
    parser.add_argument("--backend", default=PAPER, metavar="MODULE:CLASS")
    options = parser.parse_args(arguments)
    token = os.environ.get(TOKEN)
    if not token:
        parser.error(f"${TOKEN} is not set: set it to any text")
    with Server(
        backend=backend_named(options.backend),
        directory=options.directory,
        token=token,
        address=options.address,
        port=options.port,
        hosts=options.host,
    ) as server:
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
