"""A server's address as people give it. Standard library only."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from coursehub.openssh import WrongSecret

HOST_NAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)


def host_from(text: str) -> dict[str, Any]:
    """Host and port of "host", "host:port", "::1" or "[::1]:port". Raises WrongSecret."""
    text = text.strip()
    if "://" in text or "/" in text:
        raise WrongSecret("is a web address, not a host", "Leave out what is before // and after the name.")
    if "@" in text:
        raise WrongSecret("names a user as well", "Leave out the @ and what is before it.")
    if _is_address(text, 6):
        return {"host": text}
    bracketed = re.fullmatch(r"\[(.+)\](?::(.*))?", text)
    host, port = bracketed.groups() if bracketed else _split_port(text)
    if bracketed and not _is_address(host, 6):
        raise WrongSecret("has something else than an IPv6 address in brackets", "Leave out the brackets.")
    looks_like_ipv4 = re.fullmatch(r"[0-9.]+", host)
    if not bracketed and not (_is_address(host, 4) if looks_like_ipv4 else HOST_NAME.fullmatch(host)):
        fix = "Write an IP address such as 203.0.113.7 or a host name such as hub.school.edu."
        raise WrongSecret("is neither an IP address nor a host name", fix)
    if port is None:
        return {"host": host}
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise WrongSecret("has a port that is no number from 1 to 65535", "Write host:22, or the host alone.")
    return {"host": host, "port": int(port)}


def _split_port(text: str) -> tuple[str, str | None]:
    host, colon, port = text.rpartition(":")
    return (host, port) if colon else (text, None)


def _is_address(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False
