"""A network line of a chosen length to the machine: the delaying proxy, in a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from coursehub.problems import Failure

PROGRAM = Path(__file__).with_name("delay.py")
SSH_PORT, HTTP_PORT = 8022, 80
"""The first may be any, for an SSH server has often taken 22; the probe from outside looks at port 80."""
PATIENCE = 10.0


@dataclass(frozen=True)
class Line:
    """Where the machine seems to be, `milliseconds` there and back away; `measured` is what it really is."""

    milliseconds: int
    address: str
    measured: float


@contextmanager
def stretched(milliseconds: int, machine_address: str) -> Iterator[Line]:
    """A line to the machine's SSH and web servers. Raises Failure when its ports are taken here."""
    # All of 127.0.0.0/8 is this computer; an address for each length keeps lines apart.
    address = f"127.87.0.{milliseconds + 1}"
    routes = [f"{address}:{SSH_PORT}={machine_address}:22", f"{address}:{HTTP_PORT}={machine_address}:80"]
    command = [sys.executable, str(PROGRAM), "--rtt", str(milliseconds / 1000), *routes]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as proxy:
        try:
            if proxy.stdout.readline() != "ready\n":
                raise Failure("the delaying proxy did not start", detail=proxy.stderr.read())
            yield Line(milliseconds, address, added_round_trip(address, machine_address))
        finally:
            proxy.kill()


def added_round_trip(address: str, machine_address: str) -> float:
    """Milliseconds that a round trip to `address` takes longer than one straight to the machine."""
    longer, straight = first_words(address, SSH_PORT), first_words(machine_address, 22)
    return (longer - straight) / 2 * 1000


def first_words(address: str, port: int) -> float:
    """Least seconds until an SSH server has spoken: two round trips and its own time, undisturbed."""
    seconds = []
    for _ in range(9):
        began = time.perf_counter()
        with socket.create_connection((address, port), timeout=PATIENCE) as connection:
            if not connection.recv(64).startswith(b"SSH-"):
                raise Failure(f"no SSH server answers at {address}:{port}")
        seconds.append(time.perf_counter() - began)
    return min(seconds)
