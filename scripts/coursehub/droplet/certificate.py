"""The certificate that the hub is served with: looked at, waited for, and what its authority said."""

from __future__ import annotations

import ipaddress
import json
import math
import re
import socket
import ssl
import time
import urllib.request
from pathlib import Path

from coursehub.droplet.system import STATE, OperationFailed, read_json, run, wait_for, write_atomically

STORE = Path("/opt/tljh/state/acme")
REFUSED = STATE / "certificate-refused.json"
ASK_AGAIN = 24 * 3600.0
"""Seconds after which an authority that refused is asked again."""
PATIENCE = 90.0
"""Seconds for a certificate to be there: the authority may take a minute to look at the server."""
ANSWER = 15.0
TRAEFIK_DEFAULT = "TRAEFIK DEFAULT CERT"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
REFUSAL = re.compile(r"Unable to obtain ACME certificate|cannot get ACME client")
ERROR = re.compile(r'error="((?:[^"\\]|\\.)*)"')
RETRY_AFTER = re.compile(
    r"retry after (\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2})?(?: ?UTC|Z)?)", re.IGNORECASE
)
# X509_V_FLAG_PARTIAL_CHAIN and X509_V_FLAG_NO_CHECK_TIME (openssl/x509_vfy.h); Python names one, since 3.10.
TRUST_AS_GIVEN = 0x80000 | 0x200000
# What an authority's words mean (RFC 8555, section 6.7, and Let's Encrypt's own), and what to do: the first
# that fits counts, so what is more exact comes first.
MEANINGS = (
    (
        r"rateLimited|too many (certificates|failed|registrations|new orders|currently pending)",
        "the certificate authority gives {host} no more certificates for now (rate limit){retry}",
        "wait until then and deploy again. To try things out, set https.staging: true in course.yml: the "
        "test service has no such limit",
    ),
    (
        r"rejectedIdentifier|invalid profile|unsupportedIdentifier|invalidProfile",
        "the certificate authority gives no certificate for {host}: it refuses such a name or address",
        "choose another https.domain, or another authority (mirrors.acme)",
    ),
    (
        r"acme:error:caa|\bCAA\b",
        "a CAA record of the domain forbids this certificate authority to give {host} a certificate",
        'where your domain is managed, delete the CAA record or add one that says: 0 issue "letsencrypt.org"',
    ),
    (
        r"NXDOMAIN|acme:error:dns|could not resolve|no valid A records|no valid IP addresses|SERVFAIL|"
        r"[Ee]rror occurred while resolving|no such host.*well-known|looking up A",
        "the certificate authority does not find {host} in the DNS",
        "make the domain's A record lead to the server, wait some minutes, and deploy again",
    ),
    (
        r"get directory at|cannot get ACME client|new-nonce|acme: error: 5\d\d|serverInternal|"
        r"x509: certificate signed by unknown authority",
        "the certificate authority, {ca}, cannot be reached from the server",
        "deploy again later (https://letsencrypt.status.io says how Let's Encrypt is); if course.yml names "
        "an authority in mirrors.acme, correct that address",
    ),
    (
        r"acme:error:connection|[Cc]onnection refused|[Tt]imeout|Failed to connect|[Cc]onnection reset|"
        r"could not connect",
        "the certificate authority could not connect to {host} on port 80",
        "open ports 80 and 443 in the server's firewall and in the provider's (DigitalOcean: Networking, "
        "Firewalls), then deploy again",
    ),
    (
        r"acme:error:unauthorized|invalid authorization|incorrectResponse",
        "the certificate authority reached another server than this one under {host}",
        "make the domain's records (A and AAAA) lead to this server, with nothing such as a proxy in between",
    ),
)


class NoCertificate(OperationFailed):
    """None was to be had; the hub itself works."""


def served(host):
    """What is served for `host` on this machine's port 443: {"issuer", "names", "end"}, `end` in seconds
    since the epoch; None when nothing answers there."""
    try:
        der, _ = handshake(host, unverified())
        # Only a certificate that was verified is shown as text; here each vouches for itself.
        itself = context()
        itself.load_verify_locations(cadata=der)
        itself.verify_flags |= ssl.VerifyFlags(TRUST_AS_GIVEN)
        _, found = handshake(host, itself)
    except (OSError, ValueError):
        return None
    issuer = [value for part in found.get("issuer", ()) for name, value in part]
    names = [value for kind, value in found.get("subjectAltName", ()) if kind in ("DNS", "IP Address")]
    return {"issuer": " ".join(issuer), "names": names, "end": ssl.cert_time_to_seconds(found["notAfter"])}


def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    return made


def unverified():
    """For this machine's talk to itself: there is nobody between, and what is shown is judged apart."""
    made = context()
    made.verify_mode = ssl.CERT_NONE
    return made


def handshake(host, security):
    """The certificate of one conversation: (as DER, as text); the text is empty if it was not verified."""
    with (
        socket.create_connection(("127.0.0.1", 443), timeout=5) as line,
        security.wrap_socket(line, server_hostname=host) as secured,
    ):
        return secured.getpeercert(binary_form=True), secured.getpeercert()


def problem_of(found, host):
    """Why what is `served` is no certificate to serve `host` with; None when it is."""
    if found is None:
        return "nothing is served on port 443"
    if TRAEFIK_DEFAULT in found["issuer"]:
        return "there is no certificate yet"
    if not any(same(name, host) for name in found["names"]):
        return f"the certificate is for {', '.join(found['names'])}"
    if found["end"] < time.time():
        return "the certificate has expired"
    return None


def same(name, host):
    """Whether a certificate's name means this host."""
    try:
        return ipaddress.ip_address(name) == ipaddress.ip_address(host)
    except ValueError:
        return name.lower() in (host.lower(), f"*.{host.partition('.')[2]}".lower())


def prepare_store():
    """Make the directory in which traefik keeps what authorities gave it, and let systemd admit it there."""
    STORE.mkdir(mode=0o700, parents=True, exist_ok=True)
    run(["systemctl", "daemon-reload"], timeout=60)


def wait_for_certificate(host, ca, since, progress):
    """Return once `host` has its certificate. Raises NoCertificate with what the authority said, if it said
    something since `since` (seconds since the epoch), and after PATIENCE seconds in any case."""
    progress(f"waiting for the certificate of {host}")

    def problem():
        wrong = problem_of(served(host), host)
        if wrong and (said := complaints(since)):
            raise NoCertificate(*meaning(said, host, ca))
        return wrong

    left = wait_for(problem, seconds=PATIENCE, every=0.5)
    if left:
        unreachable = ca and problem_with(ca)
        raise NoCertificate(
            *meaning([f"get directory at {ca}: {unreachable}"] if unreachable else [], host, ca, left)
        )


def complaints(since):
    """What traefik was told by the authority since then, one line each, oldest first."""
    command = ["journalctl", "--unit=traefik", f"--since=@{math.floor(since)}", "--output=cat", "--no-pager"]
    lines = run(command, timeout=30, check=False).stdout.splitlines()
    return told(lines)


def told(lines):
    """The authority's words in traefik's journal."""
    plain = [COLOUR.sub("", line) for line in lines]
    found = [ERROR.search(line) for line in plain if REFUSAL.search(line)]
    return [match[1].replace("\\n", " ").replace('\\"', '"') for match in found if match]


def meaning(said, host, ca, otherwise="it did not say why"):
    """(message, fix, detail) for what an authority said, which is the detail."""
    words = "\n".join(dict.fromkeys(said))
    for pattern, message, fix in MEANINGS:
        if re.search(pattern, words):
            when = RETRY_AFTER.search(words)
            retry = f", until {when[1]}" if when else ""
            return message.format(host=host, ca=ca, retry=retry), fix, words
    message = f"there is no certificate for {host} after {PATIENCE:.0f} s: {otherwise}"
    return message, "deploy again; if it stays, Documentation/Https.md helps", words


def problem_with(ca):
    """Why the authority's directory cannot be read from here; None when it can."""
    try:
        # The address comes from course.yml, whose schema admits http and https only.
        with urllib.request.urlopen(ca, timeout=ANSWER) as answer:  # noqa: S310
            json.load(answer)
    except (OSError, ValueError) as error:
        return str(error)
    return None


def refusal():
    """{"host", "ca", "reason", "at"} of an authority that need not be asked again yet; None without."""
    found = read_json(REFUSED)
    return found if found and 0 <= time.time() - found["at"] < ASK_AGAIN else None


def remember_refusal(host, ca, reason):
    """Have the authority left in peace for a day."""
    found = {"host": host, "ca": ca, "reason": reason, "at": time.time()}
    write_atomically(REFUSED, json.dumps(found))
