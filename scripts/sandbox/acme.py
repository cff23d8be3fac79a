"""Certificate authorities for the sandbox: `pebble`, Let's Encrypt's own for tests, and one that refuses.

Pebble validates for real: it asks the name server that it is given and comes to the machine's port 80. Both
speak https with a certificate of `Identity`, which a machine trusts once `trust` was called.
"""

from __future__ import annotations

import datetime
import http.server
import ipaddress
import json
import os
import ssl
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sandbox.commands import PATH, wait_until
from sandbox.machine import Machine

DAY = 86400
PATIENCE = 20.0
RATE_LIMITED = {
    "type": "urn:ietf:params:acme:error:rateLimited",
    "detail": "too many certificates (5) already issued for this exact set of identifiers in the last "
    "168h0m0s, retry after 2031-05-06 07:08:09 UTC: see https://letsencrypt.org/docs/rate-limits/",
    "status": 429,
}
REJECTED = {
    "type": "urn:ietf:params:acme:error:rejectedIdentifier",
    "detail": "Cannot issue for IP address: The ACME server refuses to issue a certificate for it",
    "status": 400,
}


@dataclass(frozen=True)
class Identity:
    """A certificate for an address of the host, signed by itself, and its key: paths of PEM files."""

    certificate: Path
    key: Path

    @classmethod
    def make(cls, folder: Path, address: str) -> Identity:
        """One that is valid for a day, in `folder`."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The sandbox's authorities")])
        start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
        alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + datetime.timedelta(days=1))
            .add_extension(alternative, critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        folder.mkdir(parents=True, exist_ok=True)
        made = cls(folder / "authority.crt", folder / "authority.key")
        made.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        made.key.touch(mode=0o600)
        made.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return made

    def trust(self, machine: Machine) -> None:
        """Have a machine that runs trust it, as an institution has its servers trust its own authority."""
        place = "/usr/local/share/ca-certificates/sandbox-authority.crt"
        machine.run(["tee", place], input=self.certificate.read_bytes())
        machine.run(["update-ca-certificates"])

    def distrust(self, machine: Machine) -> None:
        """Take that back: what speaks with it next finds an authority that cannot be reached."""
        machine.run(["rm", "-f", "/usr/local/share/ca-certificates/sandbox-authority.crt"])
        machine.run(["update-ca-certificates", "--fresh"])

    def context(self) -> ssl.SSLContext:
        """For clients on the host."""
        return ssl.create_default_context(cafile=str(self.certificate))


@dataclass
class Pebble:
    """An authority with a root of its own, in a `with` statement. `port` and the next one must be free.

    `days` is how long its certificates are valid: traefik renews, at its start and daily, what has less than
    30 days left.
    """

    folder: Path
    identity: Identity
    address: str
    port: int
    days: float = 90.0

    @property
    def url(self) -> str:
        """The value of the setting `mirrors.acme`."""
        return f"https://{self.address}:{self.port}/dir"

    @property
    def root(self) -> str:
        """The root certificate, as PEM: made anew at each start."""
        url = f"https://{self.address}:{self.port + 1}/roots/0"
        with urlopen(url, timeout=5, context=self.identity.context()) as answer:
            return answer.read().decode()

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def __enter__(self) -> Pebble:
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "listenAddress": f"{self.address}:{self.port}",
            "managementListenAddress": f"{self.address}:{self.port + 1}",
            "certificate": str(self.identity.certificate),
            "privateKey": str(self.identity.key),
            "httpPort": 80,
            "tlsPort": 443,
            "certificateValidityPeriod": int(self.days * DAY),
        }
        file = self.folder / "pebble.json"
        file.write_text(json.dumps({"pebble": settings}))
        # Pebble's own way to be unreliable (it waits, and refuses good requests) is not what is tested here.
        quick = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PATH": PATH}
        command = ["pebble", "-config", str(file), "-dnsserver", f"{self.address}:53"]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | quick)
        wait_until(self._answers, PATIENCE, f"the certificate authority at {self.url}")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)

    def _answers(self) -> bool:
        try:
            return bool(self.root)
        except (URLError, OSError):
            return False


@dataclass
class Refusing:
    """An authority that takes accounts, and answers every order with `problem` (RFC 8555, section 6.7)."""

    identity: Identity
    address: str
    port: int
    problem: Mapping[str, Any]
    orders: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://{self.address}:{self.port}/dir"

    def __enter__(self) -> Refusing:
        handler = type("RefusingHandler", (_Refusal,), {"authority": self})
        self._server = http.server.ThreadingHTTPServer((self.address, self.port), handler)
        security = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        security.load_cert_chain(self.identity.certificate, self.identity.key)
        self._server.socket = security.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Refusal(http.server.BaseHTTPRequestHandler):
    """Directory, nonces and accounts as RFC 8555 has them; no order is ever taken."""

    authority: Refusing
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        base = self.authority.url.removesuffix("/dir")
        names = ("newNonce", "newAccount", "newOrder", "revokeCert", "keyChange")
        self.answer(200, {name: f"{base}/{name}" for name in names})

    def do_HEAD(self) -> None:
        self.answer(200, None)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/newOrder":
            self.authority.orders.append(self.path)
            problem = dict(self.authority.problem)
            self.answer(problem["status"], problem, "application/problem+json")
        else:
            self.answer(201, {"status": "valid"})

    def answer(self, status: int, value: Any, kind: str = "application/json") -> None:
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Replay-Nonce", os.urandom(16).hex())
        self.send_header("Location", self.authority.url.replace("/dir", "/account/1"))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: what was asked is in `orders`."""
