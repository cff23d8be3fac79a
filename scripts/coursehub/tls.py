"""The hub's certificate, looked at from outside as a browser does: by whom, for which names, how long."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

from . import certificates
from .certificates import Facts
from .model import Check

NAME = "certificate"
TIMEOUT = 5.0
LEAST_DAYS = 10.0
"""A certificate for 90 days is renewed 30 days before its end: with less than this, renewal does not work."""
SHORT_DAYS = 14.0
LEAST_PART = 1 / 8
"""Of the life of a certificate for at most SHORT_DAYS: one for six days is renewed a day before its end."""
TRAEFIK_DEFAULT = "TRAEFIK DEFAULT CERT"
TEST_SERVICE = "(STAGING)"
"""In the names of all authorities of Let's Encrypt's test service."""

LOOK_AT_THE_PROXY = (
    "on the server, `journalctl -u traefik` says why; Documentation/Https.md says what each reason means"
)


def certificate(url: str, test_service: bool) -> Check:
    """One check of the certificate at `url` (https). With `test_service`, browsers need not trust it."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    try:
        seen = certificates.facts(handshake(host, port, None))
        mistrust = distrust(host, port)
    except (OSError, ValueError) as error:
        return Check(
            NAME, False, f"{host} port {port} does not answer with a certificate: {error}",
            "check that the server's firewall admits port 443",
        )  # fmt: skip
    return judged(host, seen, mistrust, test_service)


def judged(host: str, seen: Facts, mistrust: str | None, test_service: bool) -> Check:
    """The verdict on a certificate; `mistrust` is why a browser would refuse it, None when it would not."""
    days = seen.days_left
    least = LEAST_DAYS if seen.days > SHORT_DAYS else seen.days * LEAST_PART
    until = f"until {seen.end:%Y-%m-%d} ({days:.0f} days)"
    names = ", ".join(seen.names) or "nobody"
    renewal = f"{LOOK_AT_THE_PROXY}. One of your own: set HTTPS_CERTIFICATE and HTTPS_PRIVATE_KEY anew"
    tests = test_service or TEST_SERVICE in seen.issuer
    findings = (
        (
            TRAEFIK_DEFAULT in seen.issuer,
            f"the server has no certificate yet and answers with its placeholder, {TRAEFIK_DEFAULT}",
            f"deploy again; {LOOK_AT_THE_PROXY}",
        ),
        (days <= 0, f"the certificate expired on {seen.end:%Y-%m-%d %H:%M} UTC", renewal),
        (
            not seen.covers(host),
            f"the certificate is for {names}, not for {host}",
            "correct https.domain in course.yml, or get a certificate for that name",
        ),
        (days < least, f"the certificate ends soon, on {seen.end:%Y-%m-%d %H:%M} UTC", renewal),
        (
            tests and not test_service,
            f"the certificate is from a test service ({seen.issuer}), which browsers do not trust",
            "deploy with https.staging: false",
        ),
        (
            mistrust is not None and not test_service,
            f"browsers do not trust the certificate, from {seen.issuer}: {mistrust}",
            "get one from an authority that browsers know, with all its intermediate certificates",
        ),
    )
    for wrong, message, fix in findings:
        if wrong:
            return Check(NAME, False, message, fix)
    by = f"{seen.issuer} (a test service, which browsers do not trust)" if test_service else seen.issuer
    return Check(NAME, True, f"by {by} for {names}, {until}")


def distrust(host: str, port: int) -> str | None:
    """Why this computer, like a browser, does not trust what is served; None when it does.

    Only what concerns trust: names and dates are judged apart. Raises OSError when nothing answers.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    try:
        handshake(host, port, context)
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    return None


def handshake(host: str, port: int, context: ssl.SSLContext | None) -> bytes:
    """The certificate that is served for `host`, as DER; without a context, whatever it is.

    Raises OSError: nothing answers within TIMEOUT seconds, or the context refuses the certificate.
    """
    if context is None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((host, port), timeout=TIMEOUT) as line,
        context.wrap_socket(line, server_hostname=host) as secured,
    ):
        der = secured.getpeercert(binary_form=True)
    if der is None:
        raise ssl.SSLError("no certificate was sent")
    return der
