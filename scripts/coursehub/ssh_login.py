"""How a server is reached: it proves itself with a pinned host key first, then we log in. Nothing before."""

from __future__ import annotations

import io
import logging
import socket
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial

from .problems import Failure

CONNECT_TIMEOUT = 15.0
LOOK_TIMEOUT = 5.0
"""Seconds to wait for a host key that is only to be shown to a person."""
PASSWORDS = {"password", "keyboard-interactive"}
"""The ways of RFC 4252 and 4256 to log in with what somebody knows."""
SIGNATURES = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}
"""How a host key signs, where that is called otherwise than the key (RFC 8332)."""


@dataclass(frozen=True)
class Login:
    """Where to connect, as whom, and the host keys that are accepted: any one of them proves the server.

    `host_keys` are lines such as "ssh-ed25519 AAAA…"; if they are of several types, the server is asked for
    its key of the first type that it has. `private_key` is the text of an OpenSSH private key.
    `advice` is what to do when the server shows another key.
    With a `password`, it is used instead of the key.
    """

    address: str
    port: int
    host_keys: tuple[str, ...]
    private_key: str = field(repr=False)
    advice: str
    user: str = "root"
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.address} port {self.port}"


class KeyRefused(Failure):
    """The server has proved itself, but does not let the deploy key in."""


def connect(login: Login):
    """An open fabric connection to a server that has proved to own one of the pinned keys.

    Raises Failure, in words for a teacher, for each way in which this fails; KeyRefused for one of them.
    """
    import fabric
    import paramiko

    class Pinned(paramiko.RejectPolicy):
        """Rejects whatever is not pinned. The client knows no other host keys, so it always asks here."""

        def missing_host_key(self, client, hostname, key):
            if line_of(key) not in login.host_keys:
                raise another_key(login, line_of(key))

    # paramiko tells its troubles to the log with a traceback; we tell them below, in words.
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
    key = read_private_key(login.private_key)
    way_in = {"password": login.password} if login.password else {"pkey": key}
    line = open_socket(login.address, login.port)
    connection = fabric.Connection(
        login.address,
        user=login.user,
        port=login.port,
        config=fabric.Config(overrides={"load_ssh_configs": False}),
        connect_timeout=CONNECT_TIMEOUT,
        connect_kwargs={
            **way_in,
            "sock": line,
            "transport_factory": partial(transport_for, login.host_keys),
            "look_for_keys": False,
            "allow_agent": False,
            "banner_timeout": CONNECT_TIMEOUT,
            "auth_timeout": CONNECT_TIMEOUT,
        },
    )
    connection.client.set_missing_host_key_policy(Pinned())
    try:
        connection.open()
    except BaseException as error:
        line.close()
        if isinstance(error, paramiko.AuthenticationException):
            raise refused(login, line_of(key), getattr(error, "allowed_types", PASSWORDS)) from error
        if isinstance(error, (paramiko.SSHException, OSError, EOFError)):
            raise not_understood(login, error) from error
        raise
    return connection


def transport_for(host_keys: tuple[str, ...], sock: socket.socket, **options):
    """A paramiko transport that asks the server for host keys of the pinned types only."""
    import paramiko

    transport = paramiko.Transport(sock, **options)
    kinds = dict.fromkeys(line.split()[0] for line in host_keys)
    transport.get_security_options().key_types = tuple(
        name for kind in kinds for name in SIGNATURES.get(kind, (kind,))
    )
    return transport


def line_of(key) -> str:
    """A paramiko key's public half as "type base64"."""
    return f"{key.get_name()} {key.get_base64()}"


def another_key(login: Login, found: str) -> Failure:
    """What to say when the server is not the one that was meant, or not any more."""
    expected = "\n".join(f"expected {line}" for line in login.host_keys)
    return Failure(
        f"the server at {login} shows another host key than the pinned one, so nothing was sent to it",
        login.advice,
        f"{expected}\nfound    {found}",
    )


def refused(login: Login, public: str, offered) -> Failure:
    """What to say when the server has proved itself but lets us not in; `offered` are its ways to log in."""
    add = f"add this line to the authorized_keys of {login.user} there: {public}"
    if not login.password:
        return KeyRefused(f"the server at {login} does not accept the deploy key", add)
    if not PASSWORDS & set(offered):
        return Failure(f"the server at {login} accepts neither the deploy key nor any password", add)
    return Failure(
        f"the server at {login} accepts neither the deploy key nor DROPLET_PASSWORD",
        f"correct the secret DROPLET_PASSWORD; or, if {login.user} may log in with a key only, {add}",
    )


def not_understood(login: Login, error: Exception) -> Failure:
    """What to say when it came to no log-in at all."""
    if "no acceptable host key" in str(error):
        kinds = ", ".join(dict.fromkeys(line.split()[0] for line in login.host_keys))
        return Failure(f"the server at {login} shows no host key of the pinned kind ({kinds})", login.advice)
    reason = "no answer" if "No existing session" in str(error) else error
    return Failure(
        f"the server at {login} does not speak SSH as expected ({reason})",
        "check that this is the right server; if it has just started, wait a minute",
    )


def open_socket(address: str, port: int, timeout: float = CONNECT_TIMEOUT) -> socket.socket:
    """A TCP connection, without Nagle's delay: requests are small and wait for their answers."""
    try:
        line = socket.create_connection((address, port), timeout=timeout)
    except socket.gaierror as error:
        raise Failure(
            f"no server is known under the name {address}", "correct the secret DROPLET_HOST"
        ) from error
    except OSError as error:
        raise Failure(
            f"the server at {address} port {port} cannot be reached ({error.strerror or error})",
            "check that the server is on, that this is its address, and that its firewall admits SSH",
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


def shown_host_key(address: str, port: int) -> str | None:
    """The host key that a server shows now, as "type base64", an Ed25519 one if it has it.

    It proves nothing; nothing but the exchange of keys takes place. None when the server cannot be asked.
    """
    import paramiko

    logging.getLogger("paramiko").addHandler(logging.NullHandler())
    with suppress(Failure, paramiko.SSHException, OSError, EOFError):
        line = open_socket(address, port, LOOK_TIMEOUT)
        with closing(paramiko.Transport(line)) as transport:
            transport.start_client(timeout=LOOK_TIMEOUT)
            return line_of(transport.get_remote_server_key())
    return None


def takes_passwords(login: Login) -> bool:
    """Whether the server offers to log in with a password, as it says to whoever has proved nothing yet.

    Raises Failure when it cannot be asked, or is not the pinned one.
    """
    import paramiko

    line = open_socket(login.address, login.port)
    with closing(transport_for(login.host_keys, line)) as transport:
        try:
            transport.start_client(timeout=CONNECT_TIMEOUT)
            found = line_of(transport.get_remote_server_key())
            if found not in login.host_keys:
                raise another_key(login, found)
            transport.auth_none(login.user)
        except paramiko.BadAuthenticationType as error:
            return bool(PASSWORDS & set(error.allowed_types))
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise not_understood(login, error) from error
    return False
