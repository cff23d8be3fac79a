"""Does the hub's name lead to the server? Asked before anything is changed: a certificate authority asks it
too, and after five wrong answers in an hour it listens no more."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate

from .problems import Failure

PATIENCE = 15.0
"""Seconds for one question."""
PROPAGATION = 300.0
"""Seconds for a record that was just made to be seen everywhere; DigitalOcean's take under a minute."""
EVERY = 5.0


def resolve(name: str) -> list[str]:
    """The addresses of `name`, as seen from this computer, IPv4 first; none when there are none.

    Raises Failure when no answer comes within PATIENCE seconds: that is not the same as there being none.
    """
    # Not waited for at the end: the system's resolver cannot be interrupted.
    asking = ThreadPoolExecutor(max_workers=1)
    try:
        found = asking.submit(socket.getaddrinfo, name, 443, proto=socket.IPPROTO_TCP).result(PATIENCE)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise _unknown(name) from None
        return []
    except TooLate:
        raise _unknown(name) from None
    finally:
        asking.shutdown(wait=False)
    return sorted({answer[4][0] for answer in found}, key=lambda address: (":" in address, address))


def wait_until_it_leads(
    name: str, acceptable: Collection[str], patience: float, ask: Callable[[str], list[str]] = resolve
) -> None:
    """Return when `name` leads to the server. Raises the Failure that was last seen after `patience` s."""
    deadline = time.monotonic() + patience
    while True:
        failure = misdirection(name, ask(name), acceptable)
        if failure is None:
            return
        if time.monotonic() > deadline:
            raise failure
        time.sleep(EVERY)


def misdirection(
    name: str, resolved: Sequence[str], acceptable: Collection[str], seen_from: str = "here"
) -> Failure | None:
    """What is wrong with the DNS records of `name`, and what they must say; None when all is well.

    `acceptable` are the server's addresses, the one to name first: a reserved IP counts, and so does the
    droplet's own. Every IPv6 address must be the server's as well, for authorities prefer those.
    """
    accepted = {_normal(address) for address in acceptable}
    wanted = next((address for address in acceptable if ":" not in address), next(iter(acceptable)))
    kind = "AAAA" if ":" in wanted else "A"
    record = f"name {name}, type {kind}, address {wanted}"
    where = "where your domain is managed"
    if not resolved:
        return Failure(
            f"the name {name} has no address in the DNS (asked from {seen_from})",
            f"{where}, make this record: {record}. Then wait some minutes and deploy again",
        )
    strangers = [address for address in resolved if _normal(address) not in accepted]
    if not strangers:
        return None
    if len(strangers) == len(resolved) or any(":" not in address for address in strangers):
        return Failure(
            f"the name {name} leads to {', '.join(strangers)}, not to the server (asked from {seen_from})",
            f"{where}, correct the record: {record}, and delete others of that name. "
            "Then wait until the old one has run out (its TTL) and deploy again",
        )
    return Failure(
        f"the name {name} has an IPv6 address that is not the server's: {', '.join(strangers)}",
        f"{where}, delete the AAAA record of {name}: certificate authorities and "
        "browsers prefer it to the A record",
    )


def _unknown(name: str) -> Failure:
    return Failure(
        f"the name server did not say what {name} leads to", "run the deploy again; if it stays, look at "
        "the DNS of this computer and of your domain"
    )  # fmt: skip


def _normal(address: str) -> str:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).compressed
    except ValueError:
        return address
