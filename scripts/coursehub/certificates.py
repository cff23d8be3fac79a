"""X.509 certificates: what one says, and whether a certificate and a private key can serve a hub."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from coursehub.openssh import WrongSecret

BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
WHOLE_CHAIN = "Set it to the whole chain as PEM (often fullchain.pem), the hub's own certificate first."
WHOLE_KEY = "Set it to the private key as PEM (often privkey.pem), without a passphrase."
SELF_ISSUED = "it is signed by itself, so every browser will warn of it"
ALONE = "the chain holds no intermediate certificate, so some browsers will not trust it"


@dataclass(frozen=True)
class Facts:
    """What a certificate says. Times are UTC; `names` are DNS names and IP addresses."""

    issuer: str
    names: tuple[str, ...]
    start: datetime
    end: datetime

    @property
    def days_left(self) -> float:
        return (self.end - datetime.now(UTC)).total_seconds() / 86400

    @property
    def days(self) -> float:
        """The whole of its life."""
        return (self.end - self.start).total_seconds() / 86400

    def covers(self, host: str) -> bool:
        """Whether it is made out to this name or address; a wildcard stands for one label (RFC 9525)."""
        wildcard = f"*.{host.partition('.')[2]}"
        return any(name in (_normal(host), wildcard) for name in self.names)


def facts(der: bytes) -> Facts:
    """Read one certificate. Raises ValueError."""
    from cryptography import x509

    return _facts(x509.load_der_x509_certificate(der))


def facts_of_pem(chain: str) -> Facts:
    """Read the first certificate of a chain. Raises ValueError."""
    from cryptography import x509

    return _facts(x509.load_pem_x509_certificate(chain.encode()))


def chain_from(text: str) -> str:
    """A certificate with its chain, as PEM with line ends repaired. Raises WrongSecret."""
    from cryptography import x509

    text = text.replace("\\n", "\n").replace("\r\n", "\n")
    blocks = {match[1]: match[0] for match in BLOCK.finditer(text)}
    if any("PRIVATE KEY" in kind for kind in blocks):
        raise WrongSecret("holds a private key, which belongs in HTTPS_PRIVATE_KEY", WHOLE_CHAIN)
    chain = [match[0] for match in BLOCK.finditer(text) if match[1] == "CERTIFICATE"]
    if not chain:
        raise WrongSecret(
            "is not a certificate in PEM, which starts with -----BEGIN CERTIFICATE-----", WHOLE_CHAIN
        )
    try:
        for block in chain:
            x509.load_pem_x509_certificate(block.encode())
    except ValueError:
        raise WrongSecret("holds a certificate that is damaged or cut off", WHOLE_CHAIN) from None
    return "".join(f"{block}\n" for block in chain)


def key_from(text: str) -> str:
    """A certificate's private key, as PEM with line ends repaired. Raises WrongSecret."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    text = text.replace("\\n", "\n").replace("\r\n", "\n").strip() + "\n"
    match = next((match for match in BLOCK.finditer(text) if "PRIVATE KEY" in match[1]), None)
    if match is None:
        raise WrongSecret("is not a private key in PEM", WHOLE_KEY)
    try:
        load_pem_private_key(match[0].encode(), password=None)
    except TypeError:
        raise WrongSecret(
            "is locked with a passphrase, which nobody can type on a server", WHOLE_KEY
        ) from None
    except ValueError:
        raise WrongSecret("is a damaged private key, or one of an unknown kind", WHOLE_KEY) from None
    return match[0] + "\n"


def paired(chain: str, key: str) -> str:
    """The chain of a certificate in order, its own first, as the private key tells.

    Raises WrongSecret when no certificate belongs to the key, or when it is not valid today.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

    public = _public_bytes(load_pem_private_key(key.encode(), password=None).public_key())
    left = list(x509.load_pem_x509_certificates(chain.encode()))
    ordered = [certificate for certificate in left if _public_bytes(certificate.public_key()) == public][:1]
    if not ordered:
        fix = "Give both from the same order: the certificate that was made for this private key."
        raise WrongSecret("does not belong to the key in HTTPS_PRIVATE_KEY", fix)
    about = _facts(ordered[0])
    if about.end < datetime.now(UTC):
        raise WrongSecret(f"expired on {about.end:%Y-%m-%d}", "Get a new certificate, and set both secrets.")
    if about.start > datetime.now(UTC):
        raise WrongSecret(f"is not valid before {about.start:%Y-%m-%d}", "Use the present one until then.")
    while above := next(
        (one for one in left if one.subject == ordered[-1].issuer and one not in ordered), None
    ):
        ordered.append(above)
    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in ordered)


def doubts(chain: str) -> list[str]:
    """What may go wrong with a chain (in order) that is valid in itself."""
    from cryptography import x509

    certificates: Sequence[Any] = x509.load_pem_x509_certificates(chain.encode())
    if certificates[0].issuer == certificates[0].subject:
        return [SELF_ISSUED]
    return [ALONE] if len(certificates) == 1 else []


def _facts(certificate: Any) -> Facts:
    from cryptography import x509

    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [
            *extension.get_values_for_type(x509.DNSName),
            *map(str, extension.get_values_for_type(x509.IPAddress)),
        ]
    except x509.ExtensionNotFound:
        names = []
    return Facts(
        issuer=_issuer(certificate),
        names=tuple(names),
        start=certificate.not_valid_before_utc,
        end=certificate.not_valid_after_utc,
    )


def _issuer(certificate: Any) -> str:
    """Such as "Let's Encrypt E7": the organisation, and the name of the authority's own certificate."""
    from cryptography.x509.oid import NameOID

    kinds = (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
    parts = [
        attribute.value for kind in kinds for attribute in certificate.issuer.get_attributes_for_oid(kind)
    ]
    return " ".join(parts) or "nobody"


def _public_bytes(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _normal(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.lower()
