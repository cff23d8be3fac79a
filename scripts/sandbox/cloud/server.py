"""The API over HTTPS, in threads of this process."""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox.cloud import actions, certificates, control
from sandbox.cloud.backend import Backend
from sandbox.cloud.core import Answer, Behaviour, Cloud, Request
from sandbox.cloud.errors import ApiError
from sandbox.cloud.faults import IDLE, SILENT, Fault
from sandbox.cloud.limits import Limits
from sandbox.cloud.log import Logged, logged
from sandbox.cloud.routing import KINDS, answer
from sandbox.cloud.state import State, Store
from sandbox.faults import Faults

REMEMBERED = 10_000  # requests
PATIENCE = 60  # seconds that a connection may be idle, and that work may go on after the end
POLL = 0.02  # seconds between looks whether to stop
GARBAGE = "<html><body><h1>Bad gateway</h1></body></html>"
Observer = Callable[[Request, Answer], None]


class Server:
    """DigitalOcean's API; use it in a `with` statement.

    `directory` keeps state and certificates, so that a server that was killed goes on where it was. `token`
    has full access; others can be put into `state.tokens`. `hosts` are names, besides this computer's own, by
    which clients reach it. Port 0 takes a free one. `observer` is shown each request and the answer that was
    made for it, before a fault spoils it. All else is `Behaviour`.
    """

    def __init__(
        self,
        *,
        backend: Backend,
        directory: Path,
        token: str,
        address: str = "127.0.0.1",
        port: int = 0,
        hosts: Sequence[str] = (),
        observer: Observer | None = None,
        **behaviour: Any,
    ):
        directory.mkdir(parents=True, exist_ok=True)
        self.behaviour = Behaviour(**behaviour)
        self.faults: Faults[Fault] = Faults()
        self.requests: deque[Logged] = deque(maxlen=REMEMBERED)
        self.observer = observer
        self.token = token
        self._certificates = certificates.ensure(directory, [address, *hosts])
        handler = type("CloudHandler", (Handler,), {"server_of_cloud": self})
        self._http = HttpsServer((address, port), handler, self._certificates.context())
        self.url = f"https://{address}:{self._http.server_address[1]}"
        store = Store(directory / "cloud.json")
        store.state.tokens[token] = None
        self.cloud = Cloud(store, backend, self.behaviour, KINDS, self.url)
        self._limits = Limits(self.behaviour)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(POLL,), daemon=True)

    @property
    def ca(self) -> Path:
        """The certificate that clients have to trust."""
        return self._certificates.ca

    @property
    def state(self) -> State:
        """The records; hold `lock` while changing them."""
        return self.cloud.state

    @property
    def lock(self) -> threading.RLock:
        """Keeps requests out."""
        return self.cloud.store.lock

    def __enter__(self) -> Server:
        actions.resume(self.cloud)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, as soon as the work that goes on is done. Raises Failure if that takes too long."""
        self._http.shutdown()
        self._http.server_close()
        self._http.hang_up()
        self._thread.join()
        actions.wait(self.cloud, PATIENCE)
        self.cloud.store.save()

    def exchange(self, request: Request) -> Answer | None:
        """Answer a request, or spoil it; None closes the connection."""
        if request.path.startswith(control.PREFIX):
            return control.answer(self, request)
        fault = self.faults.take(request.method, request.path)
        if fault and fault.kind == "delay":
            time.sleep(fault.seconds)
        if fault and fault.kind in IDLE:
            result, done = _spoiled(fault, None), False
        else:
            true = answer(self.cloud, self._limits, request)
            if self.observer:
                self.observer(request, true)
            result, done = (_spoiled(fault, true) if fault else true), true.status < 400
        self.requests.append(logged(request, result and result.status, done, fault and fault.kind))
        if fault and fault.kind.startswith("crash"):
            fault.strike()
        return result


def _spoiled(fault: Fault, true: Answer | None) -> Answer | None:
    if fault.kind in SILENT:
        return None
    if fault.kind == "limit":
        return _error(429, {"Retry-After": f"{fault.retry_after:g}"})
    if fault.kind == "garbage":
        return Answer(200, GARBAGE)
    return true if fault.kind == "delay" else _error(fault.status, {})


def _error(status: int, headers: dict[str, str]) -> Answer:
    return Answer(status, ApiError(status).body("00000000-0000-4000-8000-000000000000"), headers)


class HttpsServer(ThreadingHTTPServer):
    """Many connections at once, each with its TLS made in a thread of its own."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type, context: ssl.SSLContext):
        self.context = context
        self._open: set[ssl.SSLSocket] = set()
        super().__init__(address, handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Speak TLS first: a client that is slow at it keeps no other waiting."""
        request.settimeout(PATIENCE)
        with self.context.wrap_socket(request, server_side=True) as wrapped:
            self._open.add(wrapped)
            try:
                super().finish_request(wrapped, client_address)
            finally:
                self._open.discard(wrapped)

    def hang_up(self) -> None:
        """Cut the connections that clients keep open: else they would go on talking to a stopped server."""
        for wrapped in list(self._open):
            with suppress(OSError):
                wrapped.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that go away, which the tests make many of; else as ever."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Reads a request, and writes its answer."""

    server_of_cloud: Server
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    timeout = PATIENCE

    def answer(self) -> None:
        """Answer any method."""
        result = self.server_of_cloud.exchange(self.read())
        if result is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = b"" if result.body is None else _encoded(result.body)
        self.send_response(result.status)
        kind = "text/html" if isinstance(result.body, str) else "application/json; charset=utf-8"
        for name, value in {"Content-Type": kind, **result.headers}.items():
            self.send_header(name, value)
        if result.status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

    def read(self) -> Request:
        """The request as a value; a body that is no JSON is taken as text."""
        parts = urlsplit(self.path)
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            body = json.loads(content) if content else None
        except ValueError:
            body = content.decode(errors="replace")
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return Request(self.command, unquote(parts.path), query, headers, body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing: `Server.requests` remembers."""


def _encoded(body: Any) -> bytes:
    return (body if isinstance(body, str) else json.dumps(body)).encode()
