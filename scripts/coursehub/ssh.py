"""One SSH connection with a pinned host key, and on it one conversation with the droplet's program.

The program (the modules of `coursehub.droplet`) is sent when the conversation starts and lives in the
droplet's memory only. Everything afterwards is request and answer on the same channel: no second log-in,
no command line with a value in it. Secrets travel inside requests, which are standard input.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import shlex
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from .model import Json
from .problems import Failure

CONNECT_TIMEOUT = 15.0
SILENCE = 60.0
"""Seconds without any sign of life (the program sends one every 5) until the connection counts as lost."""
PING_EVERY = 20.0
PIECE = 1 << 18

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
    "configuration",
    "content",
    "gently",
    "generations",
    "retention",
    "installers",
    "bytecode",
    "post_build",
    "provided_modules",
    "smoke_test",
    "environment",
    "rollback",
    "users",
    "look",
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


@dataclass(frozen=True)
class Login:
    """Where to connect, as whom, and the only host key that is accepted.

    `host_key` is one line, `ssh-ed25519 AAAA…`; `private_key` is the text of an OpenSSH private key.
    """

    address: str
    port: int
    host_key: str
    private_key: str
    user: str = "root"

    def __repr__(self) -> str:
        return f"Login({self.user}@{self.address}:{self.port})"


def program() -> bytes:
    """The droplet's program as it is sent: eight digits of length, then compressed Python source."""
    folder = resources.files("coursehub") / "droplet"
    texts = [[name, (folder / f"{name}.py").read_text()] for name in MODULES]
    data = zlib.compress(f"SENT = {json.dumps(texts)!r}\n{LOADER}".encode(), 9)
    return b"%08d" % len(data) + data


class SshSession:
    """A conversation over SSH: see `coursehub.model.Session`. Use as a context manager."""

    def __init__(self, login: Login):
        self.login = login
        self.round_trips = 0
        self.sending = threading.Lock()
        self.client = connect(login)
        self.channel = self.start()
        self.answers = self.lines()
        self.closed = threading.Event()
        threading.Thread(target=self.keep_alive, daemon=True).start()

    def __enter__(self) -> SshSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self):
        """Start the droplet's program on a channel of its own; its first request goes in the same breath."""
        channel = self.client.transport.open_session(timeout=CONNECT_TIMEOUT)
        channel.settimeout(SILENCE)
        channel.exec_command(shlex.join(("python3", "-c", BOOT)))
        channel.sendall(program())
        return channel

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
        if "python3" in words and "not found" in words:
            return Failure(
                "the server has no python3", "choose an Ubuntu or Debian image, which has it", words
            )
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


def connect(login: Login):
    """An open fabric connection to a server that has proved to own the pinned key.

    Raises Failure, in words for a teacher, for each way in which this fails.
    """
    import fabric
    import paramiko

    # paramiko tells its troubles to the log with a traceback; we tell them below, in words.
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
    line = open_socket(login)
    config = fabric.Config(overrides={"load_ssh_configs": False})
    connection = fabric.Connection(
        login.address,
        user=login.user,
        port=login.port,
        config=config,
        connect_timeout=CONNECT_TIMEOUT,
        connect_kwargs={
            "sock": line,
            "pkey": read_private_key(login.private_key),
            "look_for_keys": False,
            "allow_agent": False,
            "banner_timeout": CONNECT_TIMEOUT,
            "auth_timeout": CONNECT_TIMEOUT,
        },
    )
    kind, key = login.host_key.split()[:2]
    name = login.address if login.port == 22 else f"[{login.address}]:{login.port}"
    connection.client.get_host_keys().add(
        name, kind, paramiko.PKey.from_type_string(kind, base64.b64decode(key))
    )
    connection.client.set_missing_host_key_policy(paramiko.RejectPolicy())
    where = f"{login.address} port {login.port}"
    try:
        connection.open()
    except paramiko.BadHostKeyException as error:
        line.close()
        raise Failure(
            f"the server at {where} shows another host key than the pinned one, so nothing was sent to it",
            "if you rebuilt the server yourself, put its new key into DROPLET_HOST_KEY; "
            "if not, somebody may be between you and it",
            f"expected {kind} {error.expected_key.get_base64()}\nfound    {error.key.get_name()} "
            f"{error.key.get_base64()}",
        ) from error
    except paramiko.AuthenticationException as error:
        line.close()
        raise Failure(
            f"the server at {where} does not accept the deploy key",
            f"add the public half of SSH_PRIVATE_KEY to {login.user}'s authorized_keys there",
        ) from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        line.close()
        if "not found in known_hosts" in str(error) or "no acceptable host key" in str(error):
            message = f"the server at {where} shows no host key of the pinned kind ({kind})"
            raise Failure(message, "put the server's present key into DROPLET_HOST_KEY") from error
        reason = "no answer" if "No existing session" in str(error) else error
        raise Failure(
            f"the server at {where} does not speak SSH as expected ({reason})",
            "check that DROPLET_HOST names the right server; if it has just started, wait a minute",
        ) from error
    return connection


def open_socket(login: Login) -> socket.socket:
    """A TCP connection, without Nagle's delay: requests are small and wait for their answers."""
    try:
        line = socket.create_connection((login.address, login.port), timeout=CONNECT_TIMEOUT)
    except socket.gaierror as error:
        raise Failure(
            f"no server is known under the name {login.address}", "correct the secret DROPLET_HOST"
        ) from error
    except OSError as error:
        raise Failure(
            f"the server at {login.address} port {login.port} cannot be reached ({error.strerror or error})",
            "check that the server is on, that DROPLET_HOST is its address, and that its firewall admits SSH",
        ) from error
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def read_private_key(text: str):
    """The private key in `text`, of whichever kind it is."""
    import paramiko

    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text))
        except (paramiko.SSHException, ValueError):
            continue
    raise Failure(
        "the secret SSH_PRIVATE_KEY cannot be read as a private key",
        "paste the whole file, from -----BEGIN to the end of its last line; it must have no passphrase",
    )
