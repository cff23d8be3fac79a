"""The values of a health check. What was seen, and what is thought of it, are kept apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ..problems import InvalidInput, Problem

GOOD, WARNING, FAILURE, UNSEEN = "good", "warning", "failure", "unseen"
"""What a finding can be; `unseen` is a failure that may be the looker's own, as one without IPv6 has it."""
UP, DEGRADED, DOWN, UNKNOWN, NONE = "up", "degraded", "down", "unknown", "none"
"""The states of a hub; `none` is that nothing was deployed yet."""
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Hub:
    """Where the hub is. `plain_port` is where those who come without encryption knock; None for a hub at a
    port of its own, which has no such place."""

    scheme: str
    host: str
    port: int
    plain_port: int | None = None
    server: str | None = None
    """The IP address of the server behind it, where the last deploy recorded one."""

    @property
    def encrypted(self) -> bool:
        return self.scheme == "https"

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def hub_from(url: str, whence: str) -> Hub:
    """The hub at a web address; `whence` says who gave it. Raises InvalidInput."""
    try:
        parts = urlsplit(url.strip())
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme = host = port = None
    else:
        if parts.username is not None or any(letter.isspace() for letter in host or ""):
            host = None
    if scheme not in PORTS or not host:
        fix = "Give it like https://hub.school.edu or http://203.0.113.7."
        raise InvalidInput([Problem(whence, "is not the web address of a hub", fix, found=repr(url))])
    return Hub(scheme, host, port or PORTS[scheme], 80 if port in (None, PORTS[scheme]) else None)


@dataclass(frozen=True)
class Limits:
    """Seconds. `whole` is for all of a run, `connect` for a name, a connection or a handshake, `answer` for
    an answer; `spacing` lies between two of the `tries`. An answer that takes longer than `slow` is slow."""

    whole: float = 50.0
    connect: float = 5.0
    answer: float = 10.0
    spacing: float = 3.0
    tries: int = 3
    slow: float = 5.0


@dataclass(frozen=True)
class Trouble:
    """Why something could not be seen. With `own`, the fault may lie on this side."""

    words: str
    own: bool = False


@dataclass(frozen=True)
class Answer:
    """What a web server said; `seconds` from the knock to the last byte. `ahead` are the seconds by which its
    clock is ahead of ours, None where it does not tell the time."""

    status: int
    location: str
    body: str
    seconds: float
    ahead: float | None = None


@dataclass(frozen=True)
class Certificate:
    """The certificate that is shown. `start` and `end` (seconds since the epoch) and `issuer` are known only
    of one that is trusted, for which `mistrust` is None."""

    mistrust: str | None = None
    issuer: str = ""
    start: float = 0.0
    end: float = 0.0
    placeholder: bool = False
    test_service: bool = False


@dataclass
class Round:
    """One look at everything: what was seen, or the trouble; None for what was not looked at, because what
    comes before it was not there."""

    name: tuple[str, ...] | Trouble | None = None
    connection: bool | Trouble | None = None
    certificate: Certificate | Trouble | None = None
    plain: Answer | Trouble | None = None
    api: Answer | Trouble | None = None
    login: Answer | Trouble | None = None

    @property
    def reached(self) -> bool:
        return self.connection is True


@dataclass(frozen=True)
class Finding:
    """What is thought of one thing: `level` is one of the four above, `why` the cause, if known."""

    name: str
    level: str
    seen: str
    fix: str = ""
    why: str = ""

    @property
    def bad(self) -> bool:
        return self.level in (FAILURE, UNSEEN)


@dataclass(frozen=True)
class Verdict:
    """What a run came to. `seconds` is the median time of an answer, None without any; `certificate_days`
    what is left of the certificate's time.

    `cause` is one line, empty where no cause is known. `inside` is the report from the server, as others may
    see it. `healed` is what the check itself did, in words; `was` is the state before that.
    """

    state: str
    url: str | None
    title: str
    fix: str = ""
    findings: tuple[Finding, ...] = ()
    seconds: float | None = None
    certificate_days: float | None = None
    cause: str = ""
    inside: dict[str, Any] | None = None
    healed: tuple[str, ...] = ()
    was: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
