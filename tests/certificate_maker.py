"""Certificates made for a test: a root, an authority below it, and what it issues."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


def name_of(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def pem_of(key) -> str:
    """A private key as PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def certificate(subject: str, key, issuer: str, issuer_key, start, end, *extensions) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(name_of(subject))
        .issuer_name(name_of(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return builder.sign(issuer_key, hashes.SHA256())


@dataclass
class Maker:
    """An authority called "The school", below a root of its own; times count from now."""

    now: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC))

    def __post_init__(self) -> None:
        self._root_key, self._key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        authority = x509.BasicConstraints(ca=True, path_length=None)
        start, end = self.now - 400 * DAY, self.now + 4000 * DAY
        root = certificate("Root", self._root_key, "Root", self._root_key, start, end, authority)
        middle = certificate("The school", self._key, "Root", self._root_key, start, end, authority)
        self.root, self.middle = (one.public_bytes(Encoding.PEM).decode() for one in (root, middle))

    def issue(self, *names: str, days: float = 90, age: float = 1) -> tuple[str, str]:
        """(chain, private key) as PEM, made out to `names`: valid for `days` days, since `age` days."""
        key = ec.generate_private_key(ec.SECP256R1())
        start = self.now - age * DAY
        alternative = x509.SubjectAlternativeName([general_name(name) for name in names])
        one = certificate(names[0], key, "The school", self._key, start, start + days * DAY, alternative)
        return one.public_bytes(Encoding.PEM).decode() + self.middle, pem_of(key)


def general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
