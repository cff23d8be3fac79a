"""A websocket, as a client has it (RFC 6455): text in both directions, bounded in time and in size."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import struct
import time
from collections.abc import Mapping

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
MOST_HEAD, MOST = 1 << 14, 1 << 22
"""Bytes of the answer to the handshake, and of a message."""
NO_CODE = 1005
"""What a close says that says nothing (section 7.1.5)."""


class Trouble(OSError):
    """The other side does not speak the protocol, or has refused to; `status` is HTTP's, 0 for none."""

    def __init__(self, words: str, status: int = 0):
        super().__init__(words)
        self.status = status


class Closed(Trouble):
    """The other side has ended the conversation: `code` and `reason` as it said."""

    def __init__(self, code: int, reason: str):
        super().__init__(f"it was closed with code {code}" + (f": {reason}" if reason else ""))
        self.code, self.reason = code, reason


class WebSocket:
    """A conversation over `line`, which is connected, until `deadline` (of time.monotonic)."""

    def __init__(self, line: socket.socket, deadline: float):
        self.line, self.deadline = line, deadline
        self.buffer = b""

    def __enter__(self) -> WebSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.line.close()

    def shake_hands(self, host: str, path: str, headers: Mapping[str, str]) -> None:
        """Ask for a websocket at `path`. Raises Trouble when there is none, and OSError."""
        key = base64.b64encode(os.urandom(16))
        asked = {
            "Host": host,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key.decode(),
            "Sec-WebSocket-Version": "13",
            **headers,
        }
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in asked.items()), "", ""]
        self.send_bytes("\r\n".join(lines).encode())
        while b"\r\n\r\n" not in self.buffer:
            if len(self.buffer) > MOST_HEAD:
                raise Trouble("the answer to the handshake has no end")
            self.receive_more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        words = first.split(None, 2)
        if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdigit():
            raise Trouble("the answer to the handshake is not HTTP")
        if words[1] != "101":
            raise Trouble(f"status {words[1]}", int(words[1]))
        said = {name.strip().lower(): text.strip() for name, _, text in (one.partition(":") for one in rest)}
        wanted = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest()).decode()
        if said.get("sec-websocket-accept") != wanted:
            raise Trouble("the answer to the handshake is to another question")

    def send(self, text: str) -> None:
        """Send a message."""
        self.send_frame(TEXT, text.encode())

    def receive(self) -> str:
        """The next message; pings are answered meanwhile. Raises Closed when there is none to come, Trouble
        for what is no message, TimeoutError and other OSError."""
        parts, kind, size = [], None, 0
        while True:
            last, opcode, data = self.receive_frame()
            if opcode == PING:
                self.send_frame(PONG, data)
                continue
            if opcode == PONG:
                continue
            if opcode == CLOSE:
                code = struct.unpack("!H", data[:2])[0] if len(data) >= 2 else NO_CODE
                raise Closed(code, data[2:].decode("utf-8", "replace"))
            if (opcode == CONTINUATION) != (kind is not None) or opcode not in (CONTINUATION, TEXT, BINARY):
                raise Trouble("a piece of a message came that belongs to none")
            kind = kind if kind is not None else opcode
            parts.append(data)
            size += len(data)
            if size > MOST:
                raise Trouble("a message is too long")
            if last:
                return b"".join(parts).decode("utf-8", "replace")

    def receive_frame(self) -> tuple[bool, int, bytes]:
        """(whether it is the last of its message, its kind, what it holds)"""
        first, second = self.take(2)
        opcode, length = first & 0x0F, second & 0x7F
        if first & 0x70 or second & 0x80:
            raise Trouble("a frame came that is not as servers send them")
        if opcode >= CLOSE and (length > 125 or not first & 0x80):
            raise Trouble("a frame came that is too long for its kind, or cut in pieces")
        if length == 126:
            (length,) = struct.unpack("!H", self.take(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.take(8))
        if length > MOST:
            raise Trouble("a message is too long")
        return bool(first & 0x80), opcode, self.take(length)

    def send_frame(self, opcode: int, data: bytes) -> None:
        """What a client sends is masked (section 5.3)."""
        length = len(data)
        if length < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
        elif length < 1 << 16:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, length)
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        self.send_bytes(head + mask + masked)

    def take(self, count: int) -> bytes:
        """The next so many bytes."""
        while len(self.buffer) < count:
            self.receive_more()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def receive_more(self) -> None:
        self.line.settimeout(self.left())
        data = self.line.recv(1 << 16)
        if not data:
            raise ConnectionResetError("the connection was dropped")
        self.buffer += data

    def send_bytes(self, data: bytes) -> None:
        self.line.settimeout(self.left())
        self.line.sendall(data)

    def left(self) -> float:
        """Seconds that are left."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("it took too long")
        return seconds
