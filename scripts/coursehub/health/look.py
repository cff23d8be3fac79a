"""The looking: everything that touches the network, each piece bounded in time. Nothing is judged here."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

from .bounded import together, within
from .model import Answer, Certificate, Hub, Limits, Round, Trouble

MOST = 1 << 18
"""Bytes of an answer that are read."""
PLACEHOLDER = b"TRAEFIK DEFAULT CERT"
TEST_SERVICE = b"(STAGING)"
"""In the names of all authorities of Let's Encrypt's test service."""
NO_WAY = (errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""This computer has no route to such addresses: most often IPv6, which GitHub's runners lack."""


def look(hub: Hub, limits: Limits, seen: Round) -> None:
    """Look at everything once, and put it into `seen` piece by piece; stop where going on makes no sense."""
    seen.name = tried(limits.connect, lambda: addresses(hub))
    if isinstance(seen.name, Trouble):
        return
    seen.connection = tried(limits.connect, lambda: connect(hub.host, hub.port, limits.connect))
    if isinstance(seen.connection, Trouble):
        return
    if hub.encrypted:
        seen.certificate = tried(limits.connect, lambda: certificate(hub, limits.connect))
        if isinstance(seen.certificate, Trouble):
            return
    plain = Hub("http", hub.host, hub.plain_port) if hub.encrypted and hub.plain_port else None
    jobs: dict[str, Callable[[], Any]] = {
        "api": lambda: fetch(hub, "/hub/api/", limits.answer),
        "login": lambda: fetch(hub, "/hub/login", limits.answer),
    }
    if plain:
        jobs["plain"] = lambda: fetch(plain, "/hub/login", limits.answer)
    for name, value in together(limits.answer, jobs).items():
        setattr(seen, name, trouble(value) if isinstance(value, Exception) else value)


def tried(seconds: float, job: Callable[[], Any]) -> Any:
    """What the job returns, or the Trouble that it met."""
    try:
        return within(seconds, job)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return trouble(error)


def trouble(error: Exception) -> Trouble:
    """An error of the network in words; any other is a bug, and raised."""
    if isinstance(error, http.client.HTTPException):
        return Trouble(f"it does not speak HTTP ({type(error).__name__})")
    if isinstance(error, UnicodeError):
        return Trouble("this cannot be the name of a server")
    if not isinstance(error, OSError | ValueError):
        raise error
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return Trouble(str(words), own=getattr(error, "errno", None) in NO_WAY)


def addresses(hub: Hub) -> tuple[str, ...]:
    """The IP addresses that the hub's name leads to."""
    found = socket.getaddrinfo(hub.host, hub.port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def connect(host: str, port: int, seconds: float) -> bool:
    """Connect, and hang up."""
    socket.create_connection((host, port), timeout=seconds).close()
    return True


def certificate(hub: Hub, seconds: float) -> Certificate:
    """The certificate that the hub shows, and why a browser would not take it, if so."""
    try:
        with handshake(hub, seconds, ssl.create_default_context()) as line:
            about: Any = line.getpeercert()
    except ssl.SSLCertVerificationError as error:
        with handshake(hub, seconds, unverified()) as line:
            shown = line.getpeercert(binary_form=True) or b""
        return Certificate(
            error.verify_message, placeholder=PLACEHOLDER in shown, test_service=TEST_SERVICE in shown
        )
    names = {key: value for part in about["issuer"] for key, value in part}
    issuer = " ".join(names[key] for key in ("organizationName", "commonName") if key in names)
    return Certificate(None, issuer, *(ssl.cert_time_to_seconds(about[key]) for key in DATES))


DATES = ("notBefore", "notAfter")


def handshake(hub: Hub, seconds: float, context: ssl.SSLContext) -> ssl.SSLSocket:
    """An encrypted connection. Raises OSError, of which SSLCertVerificationError is one."""
    line = socket.create_connection((hub.host, hub.port), timeout=seconds)
    try:
        return context.wrap_socket(line, server_hostname=hub.host)
    except BaseException:
        line.close()
        raise


def unverified() -> ssl.SSLContext:
    """For looking at a server whose certificate is judged apart. Nothing secret is sent."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def fetch(hub: Hub, path: str, seconds: float) -> Answer:
    """GET a page; redirections are not followed."""
    began = time.monotonic()
    if hub.encrypted:
        line = http.client.HTTPSConnection(hub.host, hub.port, timeout=seconds, context=unverified())
    else:
        line = http.client.HTTPConnection(hub.host, hub.port, timeout=seconds)
    try:
        line.request("GET", path, headers={"User-Agent": "coursehub-health", "Connection": "close"})
        answer = line.getresponse()
        body = answer.read(MOST).decode("utf-8", "replace")
        location = answer.getheader("Location") or ""
        seconds = time.monotonic() - began
        ahead = ahead_by(answer.getheader("Date"), time.time())
        return Answer(answer.status, location, body, seconds, ahead)
    finally:
        line.close()


def ahead_by(date: str | None, now: float) -> float | None:
    """The seconds by which a server's clock is ahead, by the date in its answer; None for what is no date."""
    try:
        return parsedate_to_datetime(date).timestamp() - now if date else None
    except (ValueError, OverflowError):
        return None


def network_works(controls: Sequence[tuple[str, int]], seconds: float) -> bool:
    """Whether any of these servers, which have nothing to do with the hub, can be reached by name."""

    def reach(host: str, port: int) -> Callable[[], bool]:
        return lambda: connect(host, port, seconds)

    jobs = {f"{host}:{port}": reach(host, port) for host, port in controls}
    return any(value is True for value in together(seconds, jobs).values())
