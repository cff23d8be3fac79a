"""One SSH connection with a pinned host key, and on it one conversation with the droplet's program.

The program (the modules of `coursehub.droplet`) is sent when the conversation starts and lives in the
droplet's memory only. Everything afterwards is request and answer on the same channel: no second log-in,
no command line with a value in it. Secrets travel inside requests, which are standard input.
"""

from __future__ import annotations

import io
import json
import shlex
import threading
import time
import zlib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from .model import Json
from .problems import Failure
from .ssh_login import CONNECT_TIMEOUT, Login, connect, line_of

SILENCE = 60.0
"""Seconds without any sign of life (the program sends one every 5) until the connection counts as lost."""
PING_EVERY = 20.0
PIECE = 1 << 18

# What is among the server's last words when it lets us in and then ends the conversation; what that means.
LAST_WORDS = (
    (
        ("python3", "not found"),
        "the server has no python3",
        "choose an Ubuntu or Debian image, which has it",
    ),
    (
        ("Password change required",),
        "the server wants root's password to be changed first",
        "log in once with ssh in a terminal and change it; correct the secret DROPLET_PASSWORD if it is set",
    ),
)
# The order is that of their imports: each needs only those before it.
MODULES = (
    "system",
    "sources",
    "rattler_install",
    "trial_imports",
    "trial_kernel",
    "lock",
    "audit",
    "swap",
    "packages",
    "hub",
    "hub_api",
    "certificate",
    "mount_home",
    "volume",
    "homes",
    "moving",
    "storage",
    "isolation",
    "provider",
    "users",
    "by_hand",
    "home_files",
    "people",
    "standing",
    "roster",
    "configuration",
    "repository",
    "content",
    "tend_shared",
    "unix_groups",
    "placing",
    "shared",
    "downloads",
    "gently",
    "generations",
    "retention",
    "installers",
    "hub_packages",
    "bytecode",
    "post_build",
    "provided_modules",
    "smoke_test",
    "environment",
    "rollback",
    "sshd",
    "host_key",
    "first_contact",
    "activity",
    "watchdog",
    "look",
    "journal",
    "doctor",
    "program",
)
LOADER = """
import json, sys, types
names, package = [], "coursehub.droplet"
for name in ("coursehub", package):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = []
for name, text in json.loads(SENT):
    module = types.ModuleType(package + "." + name)
    sys.modules[module.__name__] = module
    setattr(sys.modules[package], name, module)
    exec(compile(text, "<coursehub " + name + ">", "exec"), module.__dict__)
    if name == "sources":
        module.SENT.update((package + "." + n, t) for n, t in json.loads(SENT))
sys.modules[package + ".program"].main()
"""
# Reads exactly the program's bytes, unbuffered, so that the requests behind it are left for the program.
BOOT = (
    "import os,zlib\n"
    "def r(n):\n"
    " b=b''\n"
    " while len(b)<n:\n"
    "  p=os.read(0,n-len(b))\n"
    "  if not p:raise SystemExit(0)\n"
    "  b+=p\n"
    " return b\n"
    "exec(zlib.decompress(r(int(r(8)))))"
)


def program() -> bytes:
    """The droplet's program as it is sent: eight digits of length, then compressed Python source."""
    folder = resources.files("coursehub") / "droplet"
    texts = [[name, (folder / f"{name}.py").read_text()] for name in MODULES]
    data = zlib.compress(f"SENT = {json.dumps(texts)!r}\n{LOADER}".encode(), 9)
    return b"%08d" % len(data) + data


class SshSession:
    """A conversation over SSH: see `coursehub.model.Session`. Use as a context manager.

    `host_key` is the one of the login's host keys with which the server proved itself.
    """

    def __init__(self, login: Login):
        self.login = login
        self.round_trips = 0
        self.sending = threading.Lock()
        self.client = connect(login)
        self.host_key = line_of(self.client.transport.get_remote_server_key())
        self.channel = self.client.transport.open_session(timeout=CONNECT_TIMEOUT)
        try:
            self.start()
        except OSError as error:
            failure = self.lost("its start", error)
            self.client.close()
            raise failure from error
        self.answers = self.lines()
        self.closed = threading.Event()
        threading.Thread(target=self.keep_alive, daemon=True).start()

    def __enter__(self) -> SshSession:
        return self

    @property
    def address(self) -> str:
        return self.login.address

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the droplet's program on the channel; its first request goes in the same breath."""
        self.channel.settimeout(SILENCE)
        self.channel.exec_command(shlex.join(("python3", "-c", BOOT)))
        self.channel.sendall(program())

    def keep_alive(self) -> None:
        """Tell the program that we are still here while we think (solving an environment takes a while)."""
        while not self.closed.wait(PING_EVERY):
            if self.sending.acquire(blocking=False):
                try:
                    self.channel.sendall(b'{"operation": "ping"}\n')
                except OSError:
                    return
                finally:
                    self.sending.release()

    def call(self, operation, parameters, *, payload=(), timeout=120.0, progress=None) -> Json:
        """Ask for one operation and return its result; `payload` is streamed behind the request.

        Raises Failure when the operation failed (with the droplet's own words), when the connection was
        lost, and when there is no result within `timeout` seconds.
        """
        self.round_trips += 1
        deadline = time.monotonic() + timeout
        size = sum(part.stat().st_size if isinstance(part, Path) else len(part) for part in payload)
        request = {"operation": operation, "parameters": dict(parameters), "payload": size}
        try:
            with self.sending:
                self.channel.sendall(json.dumps(request).encode() + b"\n")
                for piece in pieces(payload):
                    self.channel.sendall(piece)
            return self.result(operation, deadline, progress)
        except (OSError, EOFError) as error:
            raise self.lost(operation, error) from error

    def result(self, operation: str, deadline: float, progress) -> Json:
        """Read answers until the one that ends the request. Answers to pings are passed over."""
        for line in self.answers:
            answer = json.loads(line)
            if "progress" in answer:
                if progress:
                    progress(answer["progress"])
            elif "failure" in answer:
                failure = answer["failure"]
                raise Failure(failure["message"], failure["fix"], failure["detail"])
            elif "bug" in answer:
                raise Failure(
                    f"the droplet's program stumbled in {operation}",
                    "this is a mistake in coursehub: report it with the text below",
                    answer["bug"],
                )
            elif answer.get("for") == operation:
                return answer["result"]
            if time.monotonic() > deadline:
                raise Failure(f"{operation} took too long and was given up", "run the deploy again")
        raise EOFError("the droplet closed the conversation")

    def lines(self) -> Iterator[bytes]:
        """The lines that the program sends, as they come."""
        buffer = b""
        while piece := self.channel.recv(PIECE):
            buffer += piece
            *whole, buffer = buffer.split(b"\n")
            yield from whole

    def lost(self, operation: str, error: Exception) -> Failure:
        """What to say when the conversation broke."""
        words = ""
        if self.channel.recv_stderr_ready():
            words = self.channel.recv_stderr(PIECE).decode(errors="replace")
        for signs, message, fix in LAST_WORDS:
            if all(sign in words for sign in signs):
                return Failure(message, fix, words)
        reason = str(error) or type(error).__name__
        return Failure(
            f"the connection to {self.login.address} was lost during {operation} ({reason})",
            "run the deploy again: it goes on from what it finds",
            words,
        )

    def close(self) -> None:
        """End the conversation; the program ends with its input, and the lock with the program."""
        self.closed.set()
        self.client.close()


def pieces(payload: tuple[bytes | Path, ...]) -> Iterator[bytes]:
    """The payload in pieces of bounded size."""
    for part in payload:
        with part.open("rb") if isinstance(part, Path) else io.BytesIO(part) as file:
            while piece := file.read(PIECE):
                yield piece
