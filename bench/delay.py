"""A TCP proxy that makes a network longer: every byte takes half a round trip, in each direction.

python delay.py --rtt SECONDS LISTEN:PORT=TARGET:PORT [LISTEN:PORT=TARGET:PORT ...]

Only latency is added: what is under way is not bounded, so throughput is not limited. Opening a connection
costs a round trip too, as TCP's handshake does. Prints "ready" once it listens, and ends with its standard
input, so that it cannot outlive whoever started it.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import socket
import sys
from collections import deque
from collections.abc import Callable

Address = tuple[str, int]


class Way:
    """One direction of a connection: what enters comes out `delay` seconds later, in order, and not before
    the way is open at its far end."""

    def __init__(self, delay: float):
        self.delay = delay
        self.under_way: deque[Callable[[], object]] = deque()
        self.due = 0
        self.is_open = False

    def send(self, arrive: Callable[[], object]) -> None:
        """Have `arrive` called at the other end."""
        self.under_way.append(arrive)
        asyncio.get_running_loop().call_later(self.delay, self.let_out)

    def let_out(self) -> None:
        """One more has travelled long enough: whatever is first, so that timers cannot change the order."""
        self.due += 1
        self.deliver()

    def open(self) -> None:
        self.is_open = True
        self.deliver()

    def deliver(self) -> None:
        while self.is_open and self.due:
            self.due -= 1
            self.under_way.popleft()()


class End(asyncio.Protocol):
    """One end of a connection: passes on to `other`, over `way`, what its peer sends."""

    transport: asyncio.Transport
    other: End

    def __init__(self, delay: float):
        self.way = Way(delay)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.way.send(lambda: self.other.transport.write(data))

    def eof_received(self) -> bool:
        self.way.send(lambda: self.other.transport.write_eof())
        return True  # The other direction stays open.

    def connection_lost(self, error: Exception | None) -> None:
        self.way.send(lambda: self.other.transport.close())


class ClientEnd(End):
    """What a client has connected to: lets time pass for the handshake, and opens the other end."""

    def __init__(self, target: Address, delay: float):
        super().__init__(delay)
        self.target = target

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.pause_reading()
        self.opening = asyncio.create_task(self.open())

    async def open(self) -> None:
        """The client may send once SYN and SYN-ACK have passed; the server knows when the ACK has come."""
        await asyncio.sleep(2 * self.way.delay)
        self.transport.resume_reading()
        await asyncio.sleep(self.way.delay)
        try:
            _, self.other = await asyncio.get_running_loop().create_connection(self.server_end, *self.target)
        except OSError:
            self.transport.abort()
            return
        self.way.open()

    def server_end(self) -> End:
        end = End(self.way.delay)
        end.other = self
        end.way.open()
        return end


async def serve(rtt: float, routes: list[tuple[Address, Address]]) -> None:
    """Listen on the first address of each route until standard input ends."""
    loop = asyncio.get_running_loop()
    for listen, target in routes:
        await loop.create_server(functools.partial(ClientEnd, target, rtt / 2), *listen)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def route(text: str) -> tuple[Address, Address]:
    """The two addresses of LISTEN:PORT=TARGET:PORT."""
    listen, target = (part.rsplit(":", 1) for part in text.split("="))
    return (listen[0], int(listen[1])), (target[0], int(target[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rtt", type=float, required=True, help="seconds for a round trip")
    parser.add_argument("routes", nargs="+", type=route, metavar="LISTEN:PORT=TARGET:PORT")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.rtt, arguments.routes))


if __name__ == "__main__":
    main()
