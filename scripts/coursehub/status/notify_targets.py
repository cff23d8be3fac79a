"""Whom the secret NOTIFY names: one a line. Pure, and no value of it is ever shown."""

from __future__ import annotations

import ipaddress
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit, urlunsplit

SLACK, DISCORD, TEAMS, JSON, MATRIX, MAIL = "Slack", "Discord", "Teams", "a web address", "Matrix", "mail"
TEAMS_HOSTS = (".webhook.office.com", ".logic.azure.com", ".powerplatform.com", ".powerautomate.com")
"""Of Microsoft's web addresses for Teams: the older connectors, and the workflows that replace them."""
MAIL_PORTS = {"smtps": 465, "smtp": 587}
MOST = 10


@dataclass(frozen=True)
class Target:
    """One line. `host` may be shown; the rest may not. For mail, `address` is "", and the port, the way of
    encryption, the login and the two ends of the mail are given; `authorization` is a header."""

    kind: str
    line: int
    host: str
    address: str = field(default="", repr=False)
    authorization: str = field(default="", repr=False)
    port: int = 0
    encrypted: bool = True
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    sender: str = field(default="", repr=False)
    receivers: tuple[str, ...] = field(default=(), repr=False)

    @property
    def name(self) -> str:
        return f"line {self.line} of the secret NOTIFY ({self.kind}, {self.host})"

    @property
    def near(self) -> bool:
        """Whether it is this computer, to which nothing needs to be encrypted."""
        return is_near(self.host)


def targets_from(secret: str) -> tuple[list[Target], list[str]]:
    """(Who is told, what is wrong with other lines)."""
    found, troubles = [], []
    for number, line in enumerate(secret.splitlines(), 1):
        if not line.strip() or line.strip().startswith("#"):
            continue
        try:
            found.append(target_from(line.strip(), number))
        except ValueError as error:
            # Not what Python says of a bad address: it may quote it.
            why = str(error) if isinstance(error, Wrong) else "cannot be read as a web address"
            troubles.append(f"line {number} of the secret NOTIFY {why}")
    if len(found) > MOST:
        troubles.append(f"the secret NOTIFY has more than {MOST} lines; the first {MOST} are told")
    return found[:MOST], troubles


class Wrong(ValueError):
    """What is wrong with a line, in words that do not quote it."""


def target_from(line: str, number: int) -> Target:
    """Raises ValueError."""
    parts = urlsplit(line)
    make = SCHEMES.get(parts.scheme)
    if make is None:
        raise Wrong("begins with none of https://, matrix://, smtps:// and smtp://")
    if not parts.hostname or any(letter.isspace() or not letter.isprintable() for letter in line):
        raise Wrong("names no server, or has a space in it")
    return make(parts, number)


def web(parts: SplitResult, number: int) -> Target:
    host = str(parts.hostname)
    if parts.scheme == "http" and not is_near(host):
        raise Wrong("begins with http://, so everybody on the way could read it: write https://")
    kind = JSON
    if host == "hooks.slack.com":
        kind = SLACK
    elif host in ("discord.com", "discordapp.com") and parts.path.startswith("/api/webhooks/"):
        kind = DISCORD
    elif host.endswith(TEAMS_HOSTS):
        kind = TEAMS
    login = ""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        login = f"Basic {b64encode(pair.encode()).decode()}"
    address = urlunsplit((parts.scheme, place(parts), parts.path or "/", parts.query, ""))
    return Target(kind, number, host, address, login)


def matrix(parts: SplitResult, number: int) -> Target:
    """`matrix://TOKEN@server/!room:server`; the address ends before the number of the message."""
    token, room = unquote(parts.username or ""), unquote(parts.path.strip("/"))
    if not token or parts.password is not None:
        raise Wrong("names no access token: matrix://TOKEN@server/!room:server")
    if not room.startswith("!"):
        raise Wrong("names no room by its internal ID, which begins with !")
    scheme = "http" if is_near(str(parts.hostname)) else "https"
    way = f"/_matrix/client/v3/rooms/{quote(room, safe='')}/send/m.room.message"
    address = urlunsplit((scheme, place(parts), way, "", ""))
    return Target(MATRIX, number, str(parts.hostname), address, f"Bearer {token}")


def mail(parts: SplitResult, number: int) -> Target:
    """`smtps://user:password@host:465?from=…&to=…`, or `smtp://` for a server that begins in the clear."""
    # A plus in an address is no space here.
    query = dict(parse_qsl(parts.query.replace("+", "%2B")))
    receivers = tuple(one.strip() for one in query.get("to", "").split(",") if one.strip())
    sender = query.get("from", "").strip()
    if not sender or not receivers:
        raise Wrong("does not say from whom and to whom: ?from=…&to=…")
    if not all(one.count("@") == 1 and one.isprintable() and " " not in one for one in (sender, *receivers)):
        raise Wrong("has something that is no mail address behind from= or to=")
    return Target(
        MAIL,
        number,
        str(parts.hostname),
        port=parts.port or MAIL_PORTS[parts.scheme],
        encrypted=parts.scheme == "smtps",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        sender=sender,
        receivers=receivers,
    )


def place(parts: SplitResult) -> str:
    """Host and port, without a login."""
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else str(parts.hostname)
    return f"{host}:{parts.port}" if parts.port else host


def is_near(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


SCHEMES: dict[str, Callable[[SplitResult, int], Target]] = {
    "https": web,
    "http": web,
    "matrix": matrix,
    "smtps": mail,
    "smtp": mail,
}
