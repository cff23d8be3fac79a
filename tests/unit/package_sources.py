"""Small conda channels and a small package index, made on the spot: all that a solver reads."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PYTHON = "python >=3.11"
OF_A_COURSE = (
    ("python", "3.11.7"),
    ("jupyterhub-singleuser", "5.2", PYTHON),
    ("jupyterlab", "4.4", PYTHON),
    ("notebook", "7.4", PYTHON),
    ("nbgitpuller", "1.2", PYTHON),
    ("ipykernel", "7.0", PYTHON),
    ("jupyter-resource-usage", "1.1", PYTHON),
    ("numpy", "1.26", PYTHON),
)
"""What every course's environment has besides, and numpy: as `conda_channel` takes them."""


def conda_channel(folder: Path, *packages: tuple) -> Path:
    """A channel of (name, version, requirements…[, build]) packages; only its index exists.

    A version may carry a build string, as in "1.0=py311_0".
    """
    for subdir in ("linux-64", "noarch"):
        records = {}
        for name, version, *depends in packages if subdir == "noarch" else ():
            number, _, build = version.partition("=")
            records[f"{name}-{number}-{build or 0}.conda"] = {
                "name": name,
                "version": number,
                "build": build or "0",
                "build_number": 0,
                "depends": depends,
                "subdir": subdir,
                "noarch": "generic",
                "sha256": hashlib.sha256(f"{name}{version}".encode()).hexdigest(),
                "size": 1000,
                "timestamp": 1700000000000,
            }
        index = {"info": {"subdir": subdir}, "packages": {}, "packages.conda": records, "repodata_version": 1}
        (folder / subdir).mkdir(parents=True)
        (folder / subdir / "repodata.json").write_text(json.dumps(index))
    return folder


@contextmanager
def package_index(folder: Path, *packages: tuple) -> Iterator[str]:
    """The address of an index with wheels of (name, version, requirements…)."""
    for name, version, *requires in packages:
        wheel(folder / name, name, version, requires)
    for place in folder.iterdir():
        links = "".join(f'<a href="{file.name}">{file.name}</a>' for file in sorted(place.glob("*.whl")))
        (place / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def wheel(folder: Path, name: str, version: str, requires: list[str]) -> None:
    """A wheel with metadata and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    module = name.replace("-", "_")
    about = f"{module}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {need}\n" for need in requires)
    files = {
        f"{about}/METADATA": metadata,
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {
        path: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        for path, text in files.items()
    }
    record = "".join(f"{path},sha256={digests[path]},{len(text)}\n" for path, text in files.items())
    with zipfile.ZipFile(folder / f"{module}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in (*files.items(), (f"{about}/RECORD", record + f"{about}/RECORD,,\n")):
            archive.writestr(path, text)
