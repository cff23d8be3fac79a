"""GitHub's REST API over HTTP, in threads of this process, for one repository.

    with Api(repository) as api:
        …  # repository.api_url answers; repository.token({"issues": "write"}) may use it
    assert not api.unexpected

What it does not know is answered with 501 and kept in `unexpected`, so that a test can fail for it.
"""

from __future__ import annotations

import json
import socket
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sandbox.faults import Faults
from sandbox.github import contents, git_http, objects, tracker, workflows
from sandbox.github.errors import ApiError, Unknown, not_found
from sandbox.github.exchange import Exchange, Request
from sandbox.github.faults import Fault, spoiled
from sandbox.github.records import Dispatch
from sandbox.github.repository import Repository
from sandbox.github.routing import Answer, Call, Route, check_body, check_rights, within

ROUTES: tuple[Route, ...] = (*workflows.ROUTES, *tracker.ROUTES, *contents.ROUTES, *objects.ROUTES)
VERSIONS = ("2022-11-28",)
PATIENCE = 60  # seconds that a connection may be idle
POLL = 0.02  # seconds between looks whether to stop
LIMIT = 1000  # requests an hour, for the token of a job
FORBIDDEN = (
    "Request forbidden by administrative rules. Please make sure your request has a User-Agent header "
    "(https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required)."
)


class Api:
    """The API of a repository; use it in a `with` statement, which sets the repository's `api_url`."""

    def __init__(self, repository: Repository):
        self.repository = repository
        self.requests: list[Exchange] = []
        self.unexpected: list[str] = []
        self.faults: Faults[Fault] = Faults()
        self.ended = threading.Event()
        handler = type("GithubHandler", (Handler,), {"api": self})
        self._http = Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(POLL,), daemon=True)

    def __enter__(self) -> Api:
        self.repository.api_url = self.repository.server_url = self.url
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def dispatched(self) -> list[Dispatch]:
        """The workflows that were asked for."""
        return self.repository.dispatched

    def fail(self, method: str, path: str, kind: int | str, times: int = 1, *, done: bool = False) -> None:
        """Spoil the next requests of a method ("*" for any) whose path matches a shell pattern.

        KIND is a status, such as 500 or 429, or one of `faults.KINDS`: "close", "hang", "lost", "garbage",
        "secondary". With DONE, the work is done before a status is answered.
        """
        self.faults.append(Fault(method, path, kind, times, done))

    def exchange(self, request: Request) -> Answer | None:
        """Answer a request, or spoil it; None closes the connection without an answer."""
        fault = self.faults.take(request.method, request.path)
        if fault and fault.kind == "hang":
            self._record(request, None, done=False)
            self.ended.wait(PATIENCE)
            return None
        works = fault is None or fault.works
        true = self.answer(request) if works else None
        result = spoiled(fault, true) if fault else true
        self._record(request, result, done=true is not None and true.status < 400)
        return result

    def answer(self, request: Request) -> Answer:
        """What GitHub would answer."""
        route = None
        try:
            if git_http.is_for_git(self.repository, request.path):
                return git_http.answer(self.repository, request)
            with self.repository.lock:
                if not request.headers.get("user-agent"):
                    return Answer(403, FORBIDDEN.encode(), {"Content-Type": "text/html"})
                permissions = self._permissions(request)
                route, call = self._found(request, permissions)
                check_rights(route, call)
                body = check_body(route, request.json(), request.query)
                return route.answer(Call(**{**vars(call), "body": body}))
        except ApiError as error:
            return Answer(error.status, error.body(route.documentation if route else ""), error.headers)
        except Unknown as error:
            return self._unexpected(f"{request.method} {request.path}: {error}")
        except Exception:
            return self._unexpected(f"{request.method} {request.path}: {traceback.format_exc()}")

    def _found(self, request: Request, permissions: dict[str, str] | None) -> tuple[Route, Call]:
        rest = within(self.repository, request.path)
        if rest is None:
            raise not_found()
        for route in ROUTES:
            arguments = route.match(request.method, rest)
            if arguments is not None:
                accept = request.headers.get("accept", "*/*")
                return route, Call(self.repository, arguments, request.query, {}, accept, permissions)
        raise Unknown("there is no such route")

    def _permissions(self, request: Request) -> dict[str, str] | None:
        if request.headers.get("x-github-api-version", VERSIONS[0]) not in VERSIONS:
            raise Unknown(f"the API's version {request.headers['x-github-api-version']}")
        given = request.headers.get("authorization")
        if given is None:
            return None
        scheme, _, token = given.partition(" ")
        permissions = self.repository.permissions(token.strip())
        if scheme.lower() not in ("bearer", "token") or permissions is None:
            raise ApiError(401, "Bad credentials")
        return permissions

    def _unexpected(self, what: str) -> Answer:
        self.unexpected.append(what)
        return Answer(501, {"message": f"The sandbox does not know this: {what}", "status": "501"})

    def _record(self, request: Request, result: Answer | None, *, done: bool) -> None:
        token = request.headers.get("authorization", "").partition(" ")[2].strip()
        permissions = self.repository.permissions(token)
        self.requests.append(
            Exchange(
                request.method,
                request.path,
                request.query,
                request.readable(),
                permissions,
                result and result.status,
                done,
            )
        )


class Server(ThreadingHTTPServer):
    """Many connections at once, none of which keeps the process alive."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that go away."""


class Handler(BaseHTTPRequestHandler):
    """Reads a request, and writes its answer."""

    api: Api
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    timeout = PATIENCE

    def respond(self) -> None:
        """Answer any method."""
        parts = urlsplit(self.path)
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        result = self.api.exchange(Request(self.command, parts.path, query, headers, content))
        if result is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = result.body if isinstance(result.body, bytes) else json.dumps(result.body).encode()
        self.send_response(result.status)
        for name, value in {**_limits(len(self.api.requests)), **result.headers}.items():
            self.send_header(name, value)
        if result.status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if result.status != 204:
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = respond  # noqa: N815

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing: `Api.requests` remembers."""


def _limits(used: int) -> dict[str, str]:
    return {
        "Content-Type": "application/json; charset=utf-8",
        "X-GitHub-Media-Type": "github.v3; format=json",
        "X-RateLimit-Limit": str(LIMIT),
        "X-RateLimit-Remaining": str(max(0, LIMIT - used)),
        "X-RateLimit-Reset": str(int(time.time()) + 3600),
        "X-RateLimit-Resource": "core",
    }
