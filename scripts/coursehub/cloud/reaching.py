"""The operations on how the hub is reached and where it is shown: reserved address, DNS record, project.

Each may be cut short anywhere, and be done again.
"""

from __future__ import annotations

from ..names import Names
from ..problems import Failure
from . import waiting
from .api import Account
from .errors import Refused, Uncertain, explained
from .making import Progress, again, find_volume, label, untag
from .making import tag as make_tag
from .model import Record, ReservedIp
from .waiting import act, the_droplet

TTL = 300
"""Seconds: how long a changed address takes to be known."""


def reserve(account: Account, progress: Progress, *, names: str, volume: str | None) -> None:
    """An address for the droplet, reserved and assigned in one call, so that none is ever left over."""
    droplet = the_droplet(account, names)
    ip = ip_of(account, droplet.id)
    if ip is None:
        try:
            account.write("reserved_ips.create", body={"droplet_id": droplet.id})
        except Uncertain:
            pass
        except Refused as refused:
            if refused.status != 422 or ip_of(account, droplet.id) is None:
                raise explained(refused) from refused
        what = "DigitalOcean reserved no address"
        ip = waiting.until(lambda: ip_of(account, droplet.id), waiting.VISIBLE, lambda: what)
    remember(account, progress, tag=Names(names).address_tag(ip.address), volume=volume)


def ip_of(account: Account, droplet: int) -> ReservedIp | None:
    """The reserved address that leads to this droplet."""
    found = map(ReservedIp.read, account.everything("reserved_ips.list", "reserved_ips"))
    return next((ip for ip in found if ip.droplet == droplet), None)


def assign(account: Account, progress: Progress, *, names: str, address: str) -> None:
    droplet = the_droplet(account, names)
    body = {"type": "assign", "droplet_id": droplet.id}
    again(lambda: act(account, "reserved_ips_actions.post", address, body, progress))
    what = f"{address} does not lead to the droplet"
    waiting.until(lambda: ip_of(account, droplet.id), waiting.VISIBLE, lambda: what)


def release(account: Account, progress: Progress, *, names: str, address: str) -> None:
    """Give a reserved address back, and forget it. It is remembered until then: no crash lets it be lost."""
    known = Names(names).address_tag(address)
    body = {"type": "unassign"}
    for value in account.everything("reserved_ips.list", "reserved_ips"):
        if value["ip"] == address and value.get("droplet"):
            make_tag(account, progress, name=known)
            again(lambda: act(account, "reserved_ips_actions.post", address, body, progress))
    gone(lambda: account.write("reserved_ips.delete", address))
    untag(account, known)


def remember(account: Account, progress: Progress, *, tag: str, volume: str | None) -> None:
    """Leave a tag that says which address is the course's; on the volume, where people see it."""
    there = find_volume(account, volume) if volume else None
    if there is None:
        make_tag(account, progress, name=tag)
    else:
        label(account, tag, "volume", there.id)


def set_record(account: Account, progress: Progress, *, names: str, host: str, zone: str) -> None:
    """One A record for the hub's name, and no other: two would send half of the class elsewhere."""
    droplet = the_droplet(account, names)
    ip = ip_of(account, droplet.id)
    address = ip.address if ip else droplet.address
    if address is None:
        raise Failure("the droplet has no address yet", "run this again")
    records = a_records(account, host, zone)
    right = [record for record in records if record.address == address]
    name = "@" if host == zone else host.removesuffix("." + zone)
    body = {"type": "A", "name": name, "data": address, "ttl": TTL}
    if right:
        keep = right[0]
    elif records:
        keep = records[0]
        again(lambda: account.write("domains.update_record", zone, keep.id, body=body))
    else:
        keep = None
        try:
            account.write("domains.create_record", zone, body=body)
        except Uncertain:
            if not a_records(account, host, zone):
                again(lambda: account.write("domains.create_record", zone, body=body))
        except Refused as refused:
            raise explained(refused) from refused
    for other in records if keep else ():
        if other.id != keep.id:
            gone(lambda other=other: account.write("domains.delete_record", zone, other.id))


def a_records(account: Account, host: str, zone: str) -> list[Record]:
    found = account.everything("domains.list_records", "domain_records", zone, name=host, type="A")
    return [Record.read(zone, value) for value in found]


def put_into_project(
    account: Account, progress: Progress, *, name: str, names: str, volume: str | None
) -> None:
    """The project, made where it is missing, with all that belongs to the course."""
    from .making import create
    from .observe import project_named

    body = {"name": name, "purpose": "Class project / Educational purposes"}
    create(
        lambda: project_named(account, name),
        lambda: account.write("projects.create", body=body),
        f"the project {name}",
    )
    what = f"the project {name} was made but is not seen"
    project = waiting.until(lambda: project_named(account, name), waiting.VISIBLE, lambda: what)
    droplet = the_droplet(account, names)
    wanted = [f"do:droplet:{droplet.id}"]
    if volume and (there := find_volume(account, volume)):
        wanted.append(f"do:volume:{there.id}")
    if ip := ip_of(account, droplet.id):
        wanted.append(f"do:floatingip:{ip.address}")
    again(lambda: account.write("projects.assign_resources", project.id, body={"resources": wanted}))


def gone(delete) -> None:
    """Delete something; that it is gone already is as good."""
    for last in (False, True):
        try:
            delete()
            return
        except Uncertain:
            if last:
                raise
        except Refused as refused:
            if refused.status == 404:
                return
            raise explained(refused) from refused
