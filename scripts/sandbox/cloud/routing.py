"""From a request to its answer: who asks, what for, whether they may, and the family that knows."""

from __future__ import annotations

import secrets
import sys
import traceback
import uuid
from collections.abc import Mapping
from types import ModuleType

from coursehub.problems import Failure
from sandbox.cloud import (
    account,
    actions,
    associated,
    backups,
    domains,
    droplet_actions,
    droplets,
    firewalls,
    offers,
    projects,
    reserved_ips,
    snapshots,
    tags,
    volume_actions,
    volumes,
)
from sandbox.cloud.core import Answer, Call, Cloud, Kind, Request, Route
from sandbox.cloud.errors import ApiError, not_found
from sandbox.cloud.limits import Limits

FAMILIES: tuple[ModuleType, ...] = (
    account,
    offers,
    tags,
    backups,  # before droplets: its paths are the more special ones
    droplets,
    droplet_actions,
    actions,
    associated,
    volume_actions,
    volumes,
    snapshots,
    firewalls,
    reserved_ips,
    domains,
    projects,
)
ROUTES: tuple[Route, ...] = tuple(route for family in FAMILIES for route in family.ROUTES)
KINDS: dict[str, Kind] = {
    name: kind for family in FAMILIES for name, kind in getattr(family, "KINDS", {}).items()
}
PATTERNS = [(route, route.pattern) for route in ROUTES]
# What an account with a payment problem cannot have.
BILLABLE = ("/v2/droplets", "/v2/volumes", "/v2/reserved_ips")


def route_for(method: str, path: str) -> tuple[Route, Mapping[str, str]]:
    """The route of a request, and the variable parts of its path. Raises ApiError (404)."""
    for route, pattern in PATTERNS:
        match = pattern.fullmatch(path) if route.method == method else None
        if match:
            return route, match.groupdict()
    raise not_found()


def scopes_of(cloud: Cloud, request: Request) -> frozenset[str] | None:
    """The scopes of the request's token; None is full access. Raises ApiError (401)."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    for known, scopes in cloud.state.tokens.items():
        if secrets.compare_digest(token.encode(), known.encode()):
            return None if scopes is None else frozenset(scopes)
    raise ApiError(401)


def refuse_without_payment(cloud: Cloud, request: Request) -> None:
    """Raise ApiError where the account's status forbids it: locked, any write; warning, what costs."""
    status, message = cloud.state.account["status"], cloud.state.account["status_message"]
    if request.method == "GET" or status == "active":
        return
    if status == "locked":
        raise ApiError(403, message or "Your account is locked. Please contact support.")
    if request.method == "POST" and request.path in BILLABLE:
        raise ApiError(402, message or "Please update your payment method to create this resource.")


def answer(cloud: Cloud, limits: Limits, request: Request) -> Answer:
    """Do what is asked, or say why not. The state is saved before this returns."""
    request_id = str(uuid.uuid4())
    with cloud.store.lock:
        try:
            result = _answer(cloud, limits, request)
        except ApiError as error:
            result = Answer(error.status, error.body(request_id), error.headers)
        except Failure as failure:
            result = Answer(500, ApiError(500, str(failure)).body(request_id))
        except Exception:
            cloud.mistakes.append(traceback.format_exc())
            print(cloud.mistakes[-1], file=sys.stderr)
            result = Answer(500, ApiError(500).body(request_id))
        cloud.store.save()
        return Answer(
            result.status, result.body, {**limits.headers(), "x-request-id": request_id, **result.headers}
        )


def _answer(cloud: Cloud, limits: Limits, request: Request) -> Answer:
    scopes = scopes_of(cloud, request)
    limits.count(request)
    route, parameters = route_for(request.method, request.path)
    call = Call(cloud, request, parameters, scopes)
    call.need(route.scope)
    refuse_without_payment(cloud, request)
    return route.handle(call)
