"""One HTTP server for what a sandbox machine cannot reach: conda channels and TLJH's bootstrap.

    /conda/NAME/...                      a directory made by `sandbox.channel`
    /tljh/VERSION/bootstrap.py           the stand-in's bootstrap, told this server's address
    /tljh/VERSION/the_littlest_...whl    the stand-in's package

As a process of its own, which prints its address and serves until it is ended:

    python -m sandbox.mirror --address 10.87.0.1 --port 8087 --conda conda-forge=DIRECTORY

Files have an ETag made from their content: clients that keep sharded repodata in a cache need one, and
Last-Modified alone makes them fail. In tests, the server fails on demand (`Fault`) and remembers what it was
asked (`Mirror.requests`).
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import re
import socket
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit
from urllib.request import Request as UrlRequest
from urllib.request import urlopen

from sandbox import standin

BLOCK = 1 << 18
REMEMBERED = 10_000  # requests
REACHABLE_PATIENCE = 3.0  # seconds


@dataclass(frozen=True)
class Request:
    """What was asked, and what it was answered with."""

    method: str
    path: str
    headers: Mapping[str, str]
    status: int


@dataclass
class Fault:
    """Something to do wrong, for paths that match a shell pattern, a number of times.

    One of: answer with an error's `status`; send `content` in place of the right one; close the connection
    when `cut_after` bytes of the body are sent.
    """

    pattern: str
    status: int | None = None
    content: bytes | None = None
    cut_after: int | None = None
    times: int = 1


@dataclass
class Mirror:
    """The server, in threads of this process; use it in a `with` statement.

    `conda` names the channels and the directories that hold them. Port 0 takes a free one.
    """

    address: str = "127.0.0.1"
    port: int = 0
    conda: Mapping[str, Path] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    requests: deque[Request] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._digests: dict[tuple[Path, int, int], str] = {}
        handler = type("MirrorHandler", (Handler,), {"mirror": self})
        self._server = Server((self.address, self.port), handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """The server's address, without a slash at its end."""
        return f"http://{self.address}:{self.port}"

    @property
    def tljh_bootstrap(self) -> str:
        """The value of the setting `mirrors.tljh_bootstrap`."""
        return self.url + "/tljh/{version}/bootstrap.py"

    def conda_url(self, name: str) -> str:
        """The value of the setting `mirrors.conda.NAME`."""
        return f"{self.url}/conda/{name}"

    def __enter__(self) -> Mirror:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fault_for(self, path: str) -> Fault | None:
        """The fault that this request has to suffer, counted down."""
        with self._lock:
            for fault in self.faults:
                if fault.times > 0 and fnmatch.fnmatchcase(path, fault.pattern):
                    fault.times -= 1
                    return fault
        return None

    def file_at(self, path: str) -> Path | None:
        """The file of a channel that a path means; None for anything else, such as what lies outside."""
        match = re.fullmatch(r"/conda/([^/]+)/(.+)", path)
        if not match or match[1] not in self.conda:
            return None
        root = self.conda[match[1]].resolve()
        file = (root / match[2]).resolve()
        return file if file.is_relative_to(root) and file.is_file() else None

    def digest(self, file: Path) -> str:
        """A checksum of a file's content, computed once for each version of the file."""
        status = file.stat()
        key = (file, status.st_mtime_ns, status.st_size)
        if key not in self._digests:
            with file.open("rb") as stream:
                self._digests[key] = hashlib.file_digest(stream, "sha256").hexdigest()
        return self._digests[key]


class Server(ThreadingHTTPServer):
    """Many connections at once; a client that goes away is no news."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a cut connection is the client's matter, and the tests cut many."""


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD."""

    mirror: Mirror
    protocol_version = "HTTP/1.1"
    # Small answers would else wait for the acknowledgement of their headers.
    wbufsize = BLOCK
    disable_nagle_algorithm = True
    timeout = 60

    def do_GET(self) -> None:
        """Answer with a file, a part of it, or what was made for this address."""
        path = unquote(urlsplit(self.path).path)
        fault = self.mirror.fault_for(path)
        if fault and fault.status is not None:
            self.answer(fault.status)
        elif fault and fault.content is not None:
            self.answer(HTTPStatus.OK, fault.content)
        elif file := self.mirror.file_at(path):
            self.send_file(file, fault)
        elif (made := self.made_for(path)) is not None:
            self.answer(HTTPStatus.OK, made, fault.cut_after if fault else None)
        else:
            self.answer(HTTPStatus.NOT_FOUND)

    do_HEAD = do_GET  # noqa: N815

    def made_for(self, path: str) -> bytes | None:
        """The stand-in's files, which exist for every version that is asked for."""
        match = re.fullmatch(r"/tljh/([0-9][0-9A-Za-z.]*)/([^/]+)", path)
        if not match:
            return None
        version, name = match.groups()
        if name == "bootstrap.py":
            # The name under which the client reached us is the one it can reach us by again.
            host = self.headers.get("Host") or urlsplit(self.mirror.url).netloc
            return standin.bootstrap(f"http://{host}/tljh", version)
        return standin.wheel(version) if name == standin.wheel_name(version) else None

    def answer(self, status: int, body: bytes = b"", cut_after: int | None = None) -> None:
        """Send a whole answer from memory."""
        self.begin(status, len(body), {"ETag": f'"{hashlib.sha256(body).hexdigest()}"'} if body else {})
        self.send_body(iter((body,)), cut_after)

    def send_file(self, file: Path, fault: Fault | None) -> None:
        """Send a file, or the part asked for, or nothing if the client has it."""
        etag = f'"{self.mirror.digest(file)}"'
        size = file.stat().st_size
        headers = {"ETag": etag, "Accept-Ranges": "bytes", "Cache-Control": "no-cache"}
        if etag in self.headers.get("If-None-Match", ""):
            self.begin(HTTPStatus.NOT_MODIFIED, 0, headers)
            return
        wanted = self.headers.get("Range")
        if wanted is None or self.headers.get("If-Range", etag) != etag:
            first, last, status = 0, size - 1, HTTPStatus.OK
        elif (limits := byte_range(wanted, size)) is None:
            self.begin(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, 0, {"Content-Range": f"bytes */{size}"})
            return
        else:
            first, last = limits
            status = HTTPStatus.PARTIAL_CONTENT
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        self.begin(status, last - first + 1, headers)
        with file.open("rb") as stream:
            stream.seek(first)
            self.send_body(blocks(stream, last - first + 1), fault.cut_after if fault else None)

    def begin(self, status: int, length: int, headers: Mapping[str, str]) -> None:
        """Send the status and the headers, and remember the request."""
        self.mirror.requests.append(Request(self.command, self.path, dict(self.headers), int(status)))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def send_body(self, parts: Iterator[bytes], cut_after: int | None) -> None:
        """Send the body, unless the client asked for none; or a piece of it, and then hang up."""
        if self.command == "HEAD":
            return
        remaining = cut_after
        for part in parts:
            if remaining is not None and len(part) > remaining:
                self.wfile.write(part[:remaining])
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            self.wfile.write(part)
            remaining = None if remaining is None else remaining - len(part)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing: `Mirror.requests` remembers."""


def blocks(stream: BinaryIO, length: int) -> Iterator[bytes]:
    """The next `length` bytes of a stream, in pieces."""
    while length > 0 and (block := stream.read(min(BLOCK, length))):
        length -= len(block)
        yield block


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte that a Range header asks for (RFC 9110, 14.1.2); None if there is no such part."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header.strip())
    if not match or not any(match.groups()):
        return None
    begin, end = match.groups()
    first = int(begin) if begin else max(0, size - int(end))
    last = min(int(end), size - 1) if begin and end else size - 1
    return (first, last) if first <= last else None


def real_tljh_reachable(url: str) -> bool:
    """Whether the bootstrap can be had from its real address, asked for at most 3 s."""
    return _reachable(url)


def real_conda_reachable(url: str) -> bool:
    """Whether a real channel can be had from its address, asked for at most 3 s."""
    return _reachable(f"{url.rstrip('/')}/noarch/repodata_shards.msgpack.zst") or _reachable(
        f"{url.rstrip('/')}/noarch/repodata.json.zst"
    )


def _reachable(url: str) -> bool:
    """Whether a HEAD request is answered with success in time; the look-up of the name counts as well."""
    answered = threading.Event()

    def ask() -> None:
        try:
            with urlopen(UrlRequest(url, method="HEAD"), timeout=REACHABLE_PATIENCE):  # noqa: S310
                answered.set()
        except (OSError, ValueError):
            pass

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(REACHABLE_PATIENCE)
    return answered.is_set()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(prog="sandbox.mirror", description="Serve conda channels and TLJH.")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--conda", action="append", default=[], metavar="NAME=DIRECTORY")
    options = parser.parse_args(arguments)
    channels = dict(pair.split("=", 1) for pair in options.conda)
    conda = {name: Path(directory) for name, directory in channels.items()}
    with Mirror(options.address, options.port, conda) as mirror:
        print(mirror.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
