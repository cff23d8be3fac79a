"""The websocket of the health check, spoken to by servers that do it well, and as badly as can be."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import struct
import time

import pytest

from coursehub.health.websocket import GUID, MOST, Closed, Trouble, WebSocket
from hub_servers import raw
from sandbox.commands import wait_until

TEXT, LAST = 0x1, 0x80


def frame(data: bytes, first: int = LAST | TEXT) -> bytes:
    if len(data) < 126:
        return bytes([first, len(data)]) + data
    if len(data) < 1 << 16:
        return bytes([first, 126]) + struct.pack("!H", len(data)) + data
    return bytes([first, 127]) + struct.pack("!Q", len(data)) + data


def exactly(line: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        if not (more := line.recv(count - len(data))):
            raise ConnectionError("it hung up")
        data += more
    return data


def unmasked(line: socket.socket) -> tuple[int, bytes]:
    """(first byte, data) of a frame that the client sent, which has to be masked."""
    first, second = exactly(line, 2)
    assert second & 0x80
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack("!H", exactly(line, 2))
    elif length == 127:
        (length,) = struct.unpack("!Q", exactly(line, 8))
    mask = exactly(line, 4)
    return first, bytes(byte ^ mask[at % 4] for at, byte in enumerate(exactly(line, length)))


def accept_of(key: str) -> str:
    """What a server answers to a key."""
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()


def welcome(line: socket.socket, *, more: bytes = b"", status: str = "101 Switching Protocols") -> str:
    """Shake hands; the client's request. `more` goes in the same packet."""
    asked = b""
    while b"\r\n\r\n" not in asked:
        asked += line.recv(4096)
    key = next(one for one in asked.split(b"\r\n") if one.lower().startswith(b"sec-websocket-key:"))
    accept = accept_of(key.split(b":")[1].strip().decode())
    head = f"HTTP/1.1 {status}\r\nUpgrade: websocket\r\nsec-websocket-ACCEPT: {accept}\r\n\r\n"
    line.sendall(head.encode() + more)
    return asked.decode()


def connected(port: int, seconds: float = 5.0, **headers: str) -> WebSocket:
    line = socket.create_connection(("127.0.0.1", port), timeout=5)
    made = WebSocket(line, time.monotonic() + seconds)
    made.shake_hands(f"127.0.0.1:{port}", "/user/x/api/kernels/1/channels", headers)
    return made


def hearing(*frames: bytes, seconds: float = 5.0) -> str:
    """What a client hears of a server that says so, in the packet of its handshake."""

    def behave(line: socket.socket) -> None:
        welcome(line, more=b"".join(frames))
        time.sleep(5)

    with raw(behave) as port, connected(port, seconds) as there:
        return there.receive()


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65535, 65536, 300_000])
def test_there_and_back(length):
    """Whatever the length, in the three forms that it is said in."""

    def echo(line: socket.socket) -> None:
        welcome(line)
        while True:
            first, data = unmasked(line)
            line.sendall(frame(data, first))

    text = os.urandom(length).hex()[:length]
    with raw(echo) as port, connected(port) as there:
        there.send(text)
        assert there.receive() == text
        there.send(text + "ü")
        assert there.receive() == text + "ü"


def test_who_asks():
    asked = []

    def behave(line: socket.socket) -> None:
        asked.append(welcome(line))

    with raw(behave) as port:
        connected(port, Cookie="a=b").line.close()
        wait_until(lambda: asked, 10, "the server has read it", interval=0.01)
    assert asked[0].startswith("GET /user/x/api/kernels/1/channels HTTP/1.1\r\n")
    assert "\r\nCookie: a=b\r\n" in asked[0] and "\r\nSec-WebSocket-Version: 13\r\n" in asked[0]


def test_a_message_in_pieces_with_a_ping_in_between():
    pongs = []

    def behave(line: socket.socket) -> None:
        pieces = frame(b"one ", TEXT) + frame(b"?", LAST | 0x9) + frame(b"two ", 0x0)
        welcome(line, more=pieces + frame(b"", LAST | 0xA) + frame(b"three", LAST))
        pongs.append(unmasked(line))

    with raw(behave) as port, connected(port) as there:
        assert there.receive() == "one two three"
        time.sleep(0.1)
    assert pongs == [(LAST | 0xA, b"?")]


def test_one_byte_after_the_other():
    def behave(line: socket.socket) -> None:
        welcome(line)
        for byte in frame(b"slowly"):
            line.sendall(bytes([byte]))
            time.sleep(0.01)

    with raw(behave) as port, connected(port) as there:
        assert there.receive() == "slowly"


def test_closed_by_the_other_side():
    with pytest.raises(Closed) as told:
        hearing(frame(struct.pack("!H", 1011) + b"kernel died", LAST | 0x8))
    assert told.value.code == 1011 and told.value.reason == "kernel died"
    with pytest.raises(Closed) as told:
        hearing(frame(b"", LAST | 0x8))
    assert told.value.code == 1005


@pytest.mark.parametrize(
    "data",
    [
        frame(b"x", LAST | 0x40 | TEXT),  # compressed, which was not agreed upon
        bytes([LAST | TEXT, 0x81]) + b"mask" + b"x",  # masked, as only clients do
        frame(b"x", 0x0 | LAST),  # the end of no message
        frame(b"x", TEXT) + frame(b"y", LAST | TEXT),  # a message in a message
        frame(b"x", 0x9),  # a ping in pieces
        frame(b"x" * 126, LAST | 0x9),  # a long ping
        frame(b"x", LAST | 0x3),  # of no kind
        bytes([LAST | TEXT, 127]) + struct.pack("!Q", MOST + 1),  # too long
        bytes([LAST | TEXT, 127]) + struct.pack("!Q", 1 << 63),
    ],
    ids=["compressed", "masked", "no begin", "nested", "cut ping", "long ping", "kind", "long", "endless"],
)
def test_garbage(data):
    with pytest.raises(Trouble):
        hearing(data)


def test_pieces_without_an_end():
    """What is too long altogether, though no piece is."""
    piece = frame(b"x" * 60_000, 0x0)
    with pytest.raises(Trouble, match="too long"):
        hearing(frame(b"x", TEXT), *([piece] * (MOST // 60_000 + 1)), seconds=20)


def test_a_connection_that_is_dropped():
    def behave(line: socket.socket) -> None:
        welcome(line, more=frame(b"hello")[:3])
        line.shutdown(socket.SHUT_RDWR)

    with raw(behave) as port, connected(port) as there, pytest.raises(ConnectionResetError):
        there.receive()


def test_one_that_hangs():
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        hearing(seconds=0.4)
    assert time.monotonic() - began < 2


def test_one_that_only_pings():
    """Which is not an answer, however long it goes on."""

    def behave(line: socket.socket) -> None:
        welcome(line)
        while True:
            line.sendall(frame(b"", LAST | 0x9))
            time.sleep(0.05)

    with raw(behave) as port, connected(port, 0.5) as there, pytest.raises(TimeoutError):
        there.receive()


def test_a_refusal_has_its_status():
    with (
        raw(lambda line: welcome(line, status="503 Service Unavailable")) as port,
        pytest.raises(Trouble) as told,
    ):
        connected(port)
    assert told.value.status == 503


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 101 OK\r\nSec-WebSocket-Accept: no\r\n\r\n", b"x" * 20_000],
    ids=["another protocol", "another key", "no end"],
)
def test_no_handshake(answer):
    def behave(line: socket.socket) -> None:
        line.recv(4096)
        line.sendall(answer)
        time.sleep(2)

    with raw(behave) as port, pytest.raises(Trouble):
        connected(port)


def test_a_handshake_that_hangs():
    with raw(lambda line: time.sleep(5)) as port, pytest.raises(TimeoutError):
        connected(port, 0.3)
