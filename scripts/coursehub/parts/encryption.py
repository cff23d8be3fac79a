"""Which way the hub is encrypted, decided from the settings, the secrets and what the droplet shows.

It belongs to the hub's configuration (`configuration`), which carries it out; what each way takes is in
`https`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from .. import certificates, name_resolution
from ..droplet.certificate import problem_of
from ..model import Json
from ..problems import InvalidInput, Problem
from . import https
from .https import Https

LOOPBACK = "127.0.0.1"
"""Any address does to ask for: what is served to who gives no name is the same for all."""
NOT_ENCRYPTED = "the hub is not encrypted (http): passwords and work can be read on the way"
NAME_A_DOMAIN = "Set https.email and https.domain in course.yml (Documentation/Https.md)"
PATIENCE = {"": 0.0, "made": name_resolution.PROPAGATION, "planned": None}
"""Seconds; see `wanted`."""
PLAIN_REASONS = {
    "switched off": "there is no https.domain, and https.address_certificate is false",
    "private": "there is no https.domain, and {address} is no public IP address, for which there would be a "
    "certificate",
    "refused": "there is no https.domain, and no certificate for {host}: {reason} (asked again after a day)",
}


@dataclass(frozen=True)
class Encryption:
    """`https` is how the hub is to be served, and `doubts` what is to be said about that.

    `by_address`: without a domain, a certificate for the server's own address is to be asked for, at the
    ACME directory `mirror` (None for Let's Encrypt's), once that address is known. `patience` is how long to
    wait for the domain's record, in seconds; None is not to look for it at all. `private_key` is the one of a
    certificate of one's own.
    """

    https: Https
    by_address: bool = False
    mirror: str | None = None
    staging: bool = False
    doubts: tuple[str, ...] = ()
    patience: float | None = 0.0
    private_key: str | None = field(default=None, repr=False)


def wanted(settings, secrets, record: str) -> Encryption:
    """What the settings ask for. `record` is what this run does about the domain's DNS record: "" nothing,
    "made" that it made it just now, "planned" that a deploy would.

    Raises InvalidInput when a certificate of one's own does not suit the domain.
    """
    asked, mirror = settings.https, settings.mirrors.acme
    if secrets and secrets.https_private_key:
        chain, private_key = secrets.https_certificate, secrets.https_private_key
        served = own_certificate(asked.domain, chain, private_key)
        return Encryption(served, doubts=tuple(certificates.doubts(chain)), private_key=private_key)
    if asked.domain is None:
        return Encryption(https.plain(), by_address=asked.address_certificate, mirror=mirror)
    return Encryption(
        https.for_domain(asked.domain, asked.email, asked.staging, mirror),
        staging=asked.staging,
        patience=PATIENCE[record],
    )


def own_certificate(domain: str | None, chain: str, private_key: str) -> Https:
    """A certificate of the coordinator's own. Raises InvalidInput when it is not for the domain."""
    about = certificates.facts_of_pem(chain)
    names = ", ".join(about.names) or "no name at all"
    if domain is None:
        fix = f"Set https.email and https.domain in course.yml; the certificate is for {names}."
        raise InvalidInput(
            [Problem("course.yml", "is needed for HTTPS_CERTIFICATE", fix, key="https.domain")]
        )
    if not about.covers(domain):
        fix = f"Get one for {domain}, or correct https.domain in course.yml."
        problem = Problem("secret HTTPS_CERTIFICATE", f"is for {names}, not for https.domain, {domain}", fix)
        raise InvalidInput([problem])
    return https.own(domain, chain, private_key)


def host_to_look_at(want: Encryption) -> str | None:
    """For which name or address the droplet is to say what it serves."""
    return LOOPBACK if want.by_address else want.https.host


def settled(want: Encryption, changed: Collection[str], seen: Mapping, address: str) -> Encryption:
    """The decision about the server's own address, now that it is known; and a look at where the domain leads
    before an authority is asked: when files are to be `changed`, or there is no certificate.

    Raises Failure when it leads elsewhere.
    """
    if want.by_address and https.may_have_certificate(address, want.mirror):
        return replace(want, https=https.for_address(address, want.mirror))
    if want.patience is None:
        return want
    if want.https.kind == "domain" and (changed or problem_of(seen["served"], want.https.host)):
        acceptable = [*reached_at(address), *seen["addresses"]]
        name_resolution.wait_until_it_leads(want.https.host, acceptable, want.patience)
        there = name_resolution.misdirection(want.https.host, seen["resolved"], acceptable, "the server")
        if there and not want.patience:
            raise there
    return want


def reached_at(address: str) -> list[str]:
    """The IP addresses of the server as it was reached."""
    return [address] if https.is_address(address) else name_resolution.resolve(address)


def chosen(want: Encryption, seen: Mapping) -> Https:
    """How the hub is to be served: without encryption where an authority has just refused the address."""
    refusal = seen["refusal"] or {"host": None, "ca": None}
    asked = (refusal["host"], refusal["ca"]) == (want.https.host, want.https.ca)
    return https.plain() if want.https.kind == "address" and asked else want.https


def lacking(served: Https, seen: Mapping) -> str | None:
    """What is wrong with the certificate that the droplet shows; None when nothing is, or none is wanted."""
    return problem_of(seen["served"], served.host) if served.encrypted else None


def url(want: Encryption, seen: Mapping, address: str) -> str:
    """Where people reach the hub, without a slash at the end."""
    now = chosen(want, seen)
    host = now.host or address
    return f"http{'s' if now.encrypted else ''}://{f'[{host}]' if ':' in host else host}"


def warnings(want: Encryption, seen: Mapping, address: str) -> list[str]:
    """What the coordinator should know about the encryption, whether or not anything is done about it."""
    found = list(want.doubts)
    if want.staging:
        found.append("the certificate is from a test service: browsers warn until https.staging is false")
    if chosen(want, seen).encrypted:
        return found
    facts: Mapping[str, Json] = {"address": address, **(seen["refusal"] or {})}
    reason = "switched off"
    if want.by_address:
        reason = "refused" if want.https.kind == "address" else "private"
    return [*found, f"{NOT_ENCRYPTED}: {PLAIN_REASONS[reason].format(**facts)}. {NAME_A_DOMAIN}"]
