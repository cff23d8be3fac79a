"""What the host's apt knows: the distribution's release, its mirror, its sources and keys."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path

from coursehub.problems import Failure
from sandbox.commands import run, text

ORIGINS = ("Debian", "Ubuntu")
FIELDS = ("ORIGIN", "SITE", "REPO_URI", "CODENAME", "COMPONENT", "SOURCESENTRY")
KEY_DIRECTORIES = ("/etc/apt/trusted.gpg.d", "/etc/apt/keyrings", "/usr/share/keyrings")
# Options without which apt inside a machine would fail, or be slower, where apt on the host is not.
OPTIONS = re.compile(
    r"Acquire::(http|https|ftp)::|Acquire::(Check-|Retries|Languages|ForceIPv4)", re.IGNORECASE
)
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
BUNDLE = "etc/ssl/certs/ca-certificates.crt"
KNOWN_CERTIFICATES = Path("/usr/share/ca-certificates")


@dataclass(frozen=True)
class Distribution:
    """The host's release; `files` (by path, without the first slash) give a machine the same sources."""

    origin: str
    codename: str
    mirror: str
    files: dict[str, bytes]


def of_host() -> Distribution:
    """Ask the host's apt. Raises Failure if it knows no Debian or Ubuntu mirror."""
    targets = _targets()
    if not targets:
        run(["apt-get", "update"], timeout=300)  # apt knows a mirror's origin from its index only
        targets = _targets()
    main = [target for target in targets if target["COMPONENT"] == "main" and "-" not in target["CODENAME"]]
    if not main:
        raise Failure(
            "apt on this computer has no Debian or Ubuntu mirror to make a machine from",
            fix="`apt-get indextargets` must list the main component; or use a Debian or Ubuntu computer",
        )
    # Where the sources come from, and the lists of mirrors that `mirror+file:` addresses name.
    sources = {target["SOURCESENTRY"].rpartition(":")[0] for target in targets}
    mirror_lists = {_mirror_list(target["REPO_URI"]) for target in targets} - {None}
    keys = {
        str(file) for directory in KEY_DIRECTORIES for file in Path(directory).glob("*") if file.is_file()
    }
    files = {path.lstrip("/"): Path(path).read_bytes() for path in sorted(sources | mirror_lists | keys)}
    files["etc/apt/apt.conf.d/90sandbox"] = _options()
    if "etc/apt/sources.list" not in files:
        files["etc/apt/sources.list"] = b""  # instead of the one that debootstrap writes
    return Distribution(main[0]["ORIGIN"], main[0]["CODENAME"], _plain_address(main[0]["REPO_URI"]), files)


def own_certificates() -> list[bytes]:
    """The certificate authorities (PEM) that this computer trusts beyond the distribution's own.

    Institutions whose network looks into TLS install such; a machine behind it needs them too.
    """
    bundle = Path("/", BUNDLE)
    if not bundle.exists():
        return []
    known = {body for file in KNOWN_CERTIFICATES.rglob("*.crt") for body in _certificates(file)}
    bodies = [body for body in _certificates(bundle) if body not in known]
    return [
        b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(body) + b"-----END CERTIFICATE-----\n"
        for body in bodies
    ]


def _certificates(file: Path) -> list[bytes]:
    return [base64.b64decode(body) for body in CERTIFICATE.findall(file.read_text(errors="replace"))]


def _targets() -> list[dict[str, str]]:
    """The package indexes of the distribution itself, without those of other vendors."""
    template = "\t".join(f"$({field})" for field in FIELDS)
    lines = text(["apt-get", "indextargets", "--format", template, "Created-By: Packages"]).splitlines()
    targets = [dict(zip(FIELDS, line.split("\t"), strict=True)) for line in lines]
    return [target for target in targets if target["ORIGIN"] in ORIGINS]


def _mirror_list(address: str) -> str | None:
    match = re.match(r"mirror\+file:(?://)?(/[^\s]+?)/?$", address)
    return match and match[1]


def _plain_address(address: str) -> str:
    """What debootstrap understands: of a list of mirrors (GitHub's runners have one) the first."""
    mirror_list = _mirror_list(address)
    if mirror_list is None:
        return address
    lines = Path(mirror_list).read_text().splitlines()
    mirrors = [line.split()[0] for line in lines if line.startswith(("http://", "https://"))]
    if not mirrors:
        raise Failure(f"{mirror_list}, which apt takes its mirrors from, lists no http address")
    return mirrors[0]


def _options() -> bytes:
    lines = text(["apt-config", "dump"]).splitlines()
    kept = [line for line in lines if OPTIONS.match(line) and not line.endswith(' "";')]
    return "".join(f"{line}\n" for line in kept).encode()
