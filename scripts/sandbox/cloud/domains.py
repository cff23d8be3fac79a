"""Domains and their records. Nothing keeps one from making the same record twice."""

from __future__ import annotations

import ipaddress
import re

from sandbox.cloud.core import Answer, Call, Cloud, Route, found, page
from sandbox.cloud.errors import unprocessable
from sandbox.cloud.projects import assign_to_default, forget, urn
from sandbox.cloud.state import Record, State

TYPES = ("A", "AAAA", "CAA", "CNAME", "MX", "NS", "SOA", "SRV", "TXT")
NAME = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")
NAMESERVERS = ("ns1.digitalocean.com", "ns2.digitalocean.com", "ns3.digitalocean.com")
TTL = 1800  # seconds
EMPTY = {"name": "@", "data": "", "priority": None, "port": None, "ttl": TTL, "weight": None}
EMPTY |= {"flags": None, "tag": None}


def full_name(domain: str, name: str) -> str:
    """`www` of example.org is www.example.org, and `@` is the domain itself."""
    return domain if name == "@" else f"{name}.{domain}"


def publish(cloud: Cloud) -> None:
    """Tell the name server every address. Of several for one name, the first."""
    names: dict[str, str] = {}
    for domain in cloud.state.domains.values():
        for entry in domain["records"]:
            if entry["type"] == "A":
                names.setdefault(full_name(domain["name"], entry["name"]), entry["data"])
    cloud.backend.set_records(names)


def view(domain: Record) -> Record:
    """A domain as the API shows it."""
    lines = [f"$ORIGIN {domain['name']}.", f"$TTL {TTL}"]
    lines += [
        f"{full_name(domain['name'], entry['name'])}. IN {entry['type']} {entry['data']}"
        for entry in domain["records"]
    ]
    return {"name": domain["name"], "ttl": TTL, "zone_file": "\n".join(lines) + "\n"}


def _record(state: State, **values: object) -> Record:
    return {"id": state.next_id(), **EMPTY, **values}


def list_domains(call: Call) -> Answer:
    """All domains."""
    return page(call, "domains", map(view, call.state.domains.values()))


def create_domain(call: Call) -> Answer:
    """A domain with its name servers, and an address if one is given."""
    name = call.text("name")
    if not NAME.fullmatch(name):
        raise unprocessable("name is not a domain's")
    if name in call.state.domains:
        raise unprocessable("name already exists")
    records = [_record(call.state, type="SOA", data=str(TTL))]
    records += [_record(call.state, type="NS", data=server) for server in NAMESERVERS]
    if address := call.body.get("ip_address"):
        records.append(_checked(_record(call.state, type="A", data=address)))
    domain = {"name": name, "records": records}
    call.state.domains[name] = domain
    assign_to_default(call.state, urn("domain", name))
    publish(call.cloud)
    return Answer(201, {"domain": {**view(domain), "zone_file": None}})


def _domain(call: Call) -> Record:
    return found(call.state.domains, call.parameters["domain"])


def get_domain(call: Call) -> Answer:
    """One domain."""
    return Answer(200, {"domain": view(_domain(call))})


def delete_domain(call: Call) -> Answer:
    """Forget a domain and its records."""
    domain = _domain(call)
    del call.state.domains[domain["name"]]
    forget(call.state, urn("domain", domain["name"]))
    publish(call.cloud)
    return Answer(204)


def list_records(call: Call) -> Answer:
    """A domain's records; `type` and `name`, which is the full one, leave the others out."""
    domain, kind, name = _domain(call), call.query.get("type"), call.query.get("name")
    wanted = [
        entry
        for entry in domain["records"]
        if kind in (None, entry["type"]) and name in (None, full_name(domain["name"], entry["name"]))
    ]
    return page(call, "domain_records", wanted)


def _checked(record: Record) -> Record:
    if record["type"] not in TYPES:
        raise unprocessable(f"type must be one of {', '.join(TYPES)}")
    if not record["data"] or not record["name"]:
        raise unprocessable("name and data are required")
    if not isinstance(record["ttl"], int) or record["ttl"] < 30:
        raise unprocessable("ttl must be at least 30")
    if record["type"] == "A":
        try:
            ipaddress.IPv4Address(record["data"])
        except ValueError:
            raise unprocessable("Data needs to be a valid IPv4 address") from None
    return record


def create_record(call: Call) -> Answer:
    """A record, even if there is one like it."""
    domain = _domain(call)
    values = {name: call.body[name] for name in EMPTY if name in call.body}
    record = _checked({**EMPTY, "name": "", **values, "type": call.text("type")})
    record = {"id": call.state.next_id(), **record}
    domain["records"].append(record)
    publish(call.cloud)
    return Answer(201, {"domain_record": record})


def _one(call: Call) -> Record:
    records = {str(entry["id"]): entry for entry in _domain(call)["records"]}
    return found(records, call.parameters["record"])


def get_record(call: Call) -> Answer:
    """One record."""
    return Answer(200, {"domain_record": _one(call)})


def change_record(call: Call) -> Answer:
    """What the body names, anew."""
    record = _one(call)
    values = {name: call.body[name] for name in (*EMPTY, "type") if name in call.body}
    record |= _checked({**record, **values})
    publish(call.cloud)
    return Answer(200, {"domain_record": record})


def delete_record(call: Call) -> Answer:
    """Delete one record."""
    _domain(call)["records"].remove(_one(call))
    publish(call.cloud)
    return Answer(204)


RECORD = "/v2/domains/{domain}/records/{record}"
ROUTES = (
    Route("GET", "/v2/domains", "domain:read", list_domains),
    Route("POST", "/v2/domains", "domain:create", create_domain),
    Route("GET", "/v2/domains/{domain}", "domain:read", get_domain),
    Route("DELETE", "/v2/domains/{domain}", "domain:delete", delete_domain),
    Route("GET", "/v2/domains/{domain}/records", "domain:read", list_records),
    Route("POST", "/v2/domains/{domain}/records", "domain:create|domain:update", create_record),
    Route("GET", RECORD, "domain:read", get_record),
    Route("PATCH", RECORD, "domain:update", change_record),
    Route("PUT", RECORD, "domain:update", change_record),
    Route("DELETE", RECORD, "domain:delete|domain:update", delete_record),
)
