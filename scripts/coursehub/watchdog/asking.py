"""One question to a web server on this machine, bounded in time."""

from __future__ import annotations

import contextlib
import http.client
import socket
import time

from coursehub.droplet import certificate

PATIENCE = 10.0
"""Seconds for a whole answer. A hub that a class has just come to may take a few."""
MOST = 1 << 16
HUBS_OWN = "X-JupyterHub-Version"
"""A header that JupyterHub sends with each answer, be it an error."""


def ask(path, port, host=None):
    """What is answered for `path` at a port of this machine: {"status", "location", "body", "seconds",
    "foreign"}, or {"trouble": WORDS}, which is `late` when it took too long. `foreign` is what no JupyterHub
    says. With `host`, the way is encrypted, and that is the name which is asked for.

    Whether the certificate is to be trusted is another look's matter: `certificate`.
    """
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        if host:
            connection.sock = certificate.unverified().wrap_socket(connection.sock, server_hostname=host)
        connection.request("GET", path, headers={"Host": host or "127.0.0.1"})
        answer = connection.getresponse()
        body = answer.read(MOST)
    except TimeoutError:
        return {"trouble": f"no answer within {PATIENCE:.0f} s", "late": True}
    except (OSError, http.client.HTTPException) as error:
        return {"trouble": getattr(error, "strerror", None) or str(error) or type(error).__name__}
    finally:
        with contextlib.suppress(OSError):
            connection.close()
    return {
        "status": answer.status,
        "location": answer.getheader("Location") or "",
        "body": body.decode(errors="replace"),
        "seconds": time.monotonic() - began,
        "foreign": answer.getheader(HUBS_OWN) is None,
    }
