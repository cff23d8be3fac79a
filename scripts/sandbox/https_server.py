"""A web server of the sandbox that speaks https alone, for as long as it is needed."""

from __future__ import annotations

import contextlib
import http.server
import ssl
import threading
from collections.abc import Iterator

from sandbox.acme import Identity


@contextlib.contextmanager
def serving(
    identity: Identity, address: str, port: int, handler: type[http.server.BaseHTTPRequestHandler]
) -> Iterator[None]:
    """Answer at this address with `handler`, showing the certificate of `identity`."""
    with http.server.ThreadingHTTPServer((address, port), handler) as server:
        security = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        security.load_cert_chain(identity.certificate, identity.key)
        server.socket = security.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
