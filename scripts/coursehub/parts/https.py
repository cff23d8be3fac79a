"""How the hub's connection is encrypted: what traefik is told, for each way to come by a certificate."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..model import Json

PRODUCTION = "https://acme-v02.api.letsencrypt.org/directory"
STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"
RESOLVER_FILE = "/opt/tljh/config/traefik_config.d/coursehub.toml"
STORE_FILE = "/etc/systemd/system/traefik.service.d/coursehub.conf"
CERTIFICATE_FILE = "/opt/tljh/config/https/certificate.pem"
KEY_FILE = "/opt/tljh/config/https/private-key.pem"
FILES = (RESOLVER_FILE, STORE_FILE, CERTIFICATE_FILE, KEY_FILE)
HIDDEN = (KEY_FILE,)
"""Files whose content is never looked at from outside the droplet: only its digest is."""
STORE = "/opt/tljh/state/acme"
SHORT_LIVED = "shortlived"
"""Let's Encrypt's only profile for addresses: https://letsencrypt.org/docs/profiles/ (160 hours)."""
SHORT_LIVED_HOURS = 168
"""What traefik is told of such a certificate's life: from here on it renews a day before the end."""
DOORS_OPEN = 5
"""Seconds that the authority is kept waiting: at its start, traefik renews before it answers on port 80."""
NOBODY = "nobody@localhost.localdomain"
"""TLJH wants an e-mail address beside every name; for a bare address there is none, and it is not used."""
FOR_TRAEFIK_ALONE = 0o600


@dataclass(frozen=True)
class Https:
    """One way to serve the hub. `kind` is "plain", "domain", "address" or "own".

    `host` is the name or address that the certificate is for, `ca` the ACME directory that is asked for it;
    `config` is what config.yaml says below `https`; `files` maps each of FILES to {"text" or "digest",
    "mode"}, where a text of None means that there is no such file.
    """

    kind: str
    host: str | None
    ca: str | None
    config: Mapping[str, Json]
    files: Mapping[str, Mapping[str, Json]]

    @property
    def encrypted(self) -> bool:
        return self.kind != "plain"


def plain() -> Https:
    """Without a certificate."""
    return Https("plain", None, None, {"enabled": False}, _files({}))


def for_domain(domain: str, email: str, staging: bool, mirror: str | None) -> Https:
    """A certificate from Let's Encrypt, or from the authority whose ACME directory is `mirror`."""
    ca = mirror or (STAGING if staging else PRODUCTION)
    resolver = _resolver(ca, domain, email)
    return _from_authority("domain", domain, ca, email, staging, resolver)


def for_address(address: str, mirror: str | None) -> Https:
    """A certificate for a bare IP address: six days long, without a common name, which cannot hold one."""
    ca = mirror or PRODUCTION
    further = {
        "profile": SHORT_LIVED,
        "disableCommonName": True,
        "certificatesDuration": SHORT_LIVED_HOURS,
    }
    return _from_authority("address", address, ca, NOBODY, False, _resolver(ca, address, "", further))


def own(domain: str, certificate: str, private_key: str) -> Https:
    """A certificate that the coordinator gave, as PEM with its chain. The key itself is not in here."""
    config = {"enabled": True, "tls": {"cert": CERTIFICATE_FILE, "key": KEY_FILE}}
    present = {
        CERTIFICATE_FILE: {"text": certificate},
        KEY_FILE: {"digest": hashlib.sha256(private_key.encode()).hexdigest()},
    }
    return Https("own", domain, None, config, _files(present))


def may_have_certificate(address: str, mirror: str | None) -> bool:
    """Whether an authority could give this IP address a certificate: a public one only to public addresses.
    What is not an IP address at all gets its certificate as a domain."""
    return is_address(address) and (mirror is not None or ipaddress.ip_address(address).is_global)


def is_address(host: str) -> bool:
    """Whether this is an IP address, not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _from_authority(kind: str, host: str, ca: str, email: str, staging: bool, resolver: str) -> Https:
    letsencrypt = {"email": email, "domains": [host], "staging": staging}
    present = {
        RESOLVER_FILE: {"text": resolver},
        # TLJH lets traefik write to acme.json only; each authority and name has a file of its own instead.
        STORE_FILE: {"text": f"[Service]\nReadWritePaths=-{STORE}\n", "mode": 0o644},
    }
    return Https(kind, host, ca, {"enabled": True, "letsencrypt": letsencrypt}, _files(present))


def _files(present: Mapping[str, Mapping[str, Json]]) -> dict[str, dict[str, Json]]:
    """All of FILES, those that are not present as absent."""
    return {
        path: {"mode": FOR_TRAEFIK_ALONE, **(present.get(path) or {"text": None})} for path in sorted(FILES)
    }


def _resolver(ca: str, host: str, email: str, further: Mapping[str, Json] | None = None) -> str:
    """What TLJH's keys cannot say, in traefik's own (https://doc.traefik.io/traefik/https/acme/).

    The challenge is the one on port 80 (HTTP-01): it works for addresses as well, for which traefik does not
    answer the one on 443; and when it fails, traefik asks again only when its routes change, whereas after a
    failure on 443 it asks each second, and five failures an hour are all that Let's Encrypt allows.

    The certificates of each authority and name have a file of their own: after a change of either, traefik
    would go on with the former one's certificate, and after changing back it need not ask anew.
    """
    digest = hashlib.sha256(f"{ca} {host}".encode()).hexdigest()[:8]
    values = {
        "email": email,
        "caServer": ca,
        "storage": f"{STORE}/{host.replace(':', '_')}-{urlsplit(ca).hostname}-{digest}.json",
        "keyType": "EC256",
        **(further or {}),
        "tlsChallenge": False,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    section = "certificatesResolvers.letsencrypt.acme"
    challenge = [f"[{section}.httpChallenge]", 'entryPoint = "http"', f'delay = "{DOORS_OPEN}s"', ""]
    return "\n".join(["# Written by coursehub at each deploy.", f"[{section}]", *lines, *challenge])
