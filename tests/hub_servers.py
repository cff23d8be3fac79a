"""Small servers at a port of this computer, which behave as a hub does, or as badly as can be."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

VERSION = {"version": "5.2.1"}
PAGES = {"/hub/api/": (200, json.dumps(VERSION)), "/hub/login": (200, "<form action='login'></form>")}


@contextlib.contextmanager
def hub(pages: dict[str, tuple[int, str]] | None = None, *, tls: ssl.SSLContext | None = None, at: int = 0):
    """A hub with these pages, {path: (status, body)}; the body of a redirection is where it leads. Its port,
    and the mapping of its pages, which may be changed."""
    present = dict(PAGES if pages is None else pages)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = present.get(self.path, (404, "404 page not found"))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", body)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", at), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.server_address[1], present
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def raw(behave: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that does `behave` with each connection; its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_lines: list[socket.socket] = []

    def behaves(line: socket.socket) -> None:
        with contextlib.suppress(OSError):
            behave(line)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = listener.accept()
                open_lines.append(line)
                threading.Thread(target=behaves, args=(line,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        for line in (listener, *open_lines):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()


def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def tls_context(folder: Path, chain: str, key: str) -> ssl.SSLContext:
    """For a server with this certificate."""
    files = folder / "chain.pem", folder / "key.pem"
    for file, text in zip(files, (chain, key), strict=True):
        file.write_text(text)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context
