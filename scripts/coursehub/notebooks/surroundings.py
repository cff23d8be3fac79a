"""What programs of the course may see of this computer's environment variables.

Notebooks and postBuild are whatever somebody proposed in a pull request, so they are not handed the tokens
and addresses that Actions gives its own steps. This is a second line of defence: the first one is that the
workflow gives this step no secret.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ")
NETWORK = (
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)
"""How an institution's computers reach the network, in capitals or not."""


def harmless(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that say nothing of whose run this is, and none that could hold a secret."""
    return {name: value for name, value in environ.items() if name in KEPT or name.upper() in NETWORK}


def of_kernel(environ: Mapping[str, str], prefix: Path, home: Path, scratch: Path) -> dict[str, str]:
    """The variables of a kernel of the environment at `prefix`, at home in `home`; its temporary files go to
    `scratch`."""
    kept = harmless(environ)
    return {
        **kept,
        "PATH": f"{prefix}/bin:{kept.get('PATH', '/usr/bin:/bin')}",
        "CONDA_PREFIX": str(prefix),
        "PYTHONNOUSERSITE": "1",
        "HOME": str(home),
        "TMPDIR": str(scratch),
        "LANG": kept.get("LANG", "C.UTF-8"),
    }


@contextmanager
def only_harmless(home: Path) -> Iterator[None]:
    """Within, this process and what it starts has no other variables; HOME is `home`."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(harmless(before) | {"HOME": str(home)})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
