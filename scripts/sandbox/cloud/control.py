"""What other processes tell the server: faults to come, how to behave, and what it was asked.

    GET  /control/requests      the log            POST   /control/faults      a list of faults, as JSON
    PUT  /control/behaviour     what changes       DELETE /control/faults      no more faults

It takes the token that the server was started with: the machines on the sandbox's network do not have it.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from sandbox.cloud.core import Answer, Behaviour, Request
from sandbox.cloud.faults import fault_from

if TYPE_CHECKING:
    from sandbox.cloud.server import Server

PREFIX = "/control/"


def answer(server: Server, request: Request) -> Answer:
    """Do what is asked: 401 for another token, 400 for what is not understood, 404 for what is not there."""
    sent = request.headers.get("authorization", "")
    if not secrets.compare_digest(sent.encode(), f"Bearer {server.token}".encode()):
        return Answer(401, {"message": "wrong token"})
    handle = COMMANDS.get((request.method, request.path.removeprefix(PREFIX)))
    if handle is None:
        return Answer(404, {"message": "no such command"})
    try:
        return Answer(200, handle(server, request.body))
    except (TypeError, ValueError) as error:
        return Answer(400, {"message": str(error)})


def _requests(server: Server, body: Any) -> Any:
    return [asdict(entry) for entry in server.requests]


def _add_faults(server: Server, body: Any) -> Any:
    faults = [fault_from(entry) for entry in body]
    server.faults.extend(faults)
    return {"faults": len(server.faults)}


def _clear_faults(server: Server, body: Any) -> Any:
    server.faults.clear()
    return {"faults": 0}


def _behave(server: Server, body: Any) -> Any:
    known = {entry.name for entry in fields(Behaviour)}
    if unknown := set(body) - known:
        raise ValueError(f"there is no behaviour {', '.join(sorted(unknown))}")
    for name, value in body.items():
        setattr(server.behaviour, name, value)
    return asdict(server.behaviour)


COMMANDS = {
    ("GET", "requests"): _requests,
    ("POST", "faults"): _add_faults,
    ("DELETE", "faults"): _clear_faults,
    ("PUT", "behaviour"): _behave,
}
