"""What a request is, which route it takes, and whether its body and its token will do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode

from sandbox.github.errors import NOT_ACCESSIBLE, ApiError, Unknown, not_found
from sandbox.github.records import BOT, number_for
from sandbox.github.repository import Repository

PAGE, LARGEST_PAGE = 30, 100
TYPES = {"string": str, "array": list, "boolean": bool, "object": dict}


@dataclass
class Answer:
    """Bytes are sent as they are, with the `Content-Type` of `headers`; else JSON."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """A request that has found its route. `permissions` None is a request without a token."""

    repository: Repository
    arguments: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    accept: str
    permissions: Mapping[str, str] | None

    @property
    def author(self) -> str:
        return BOT

    def number(self) -> int:
        """The number in the path. Raises ApiError 404 if it is none."""
        text = self.arguments["number"]
        if not text.isdigit():
            raise not_found()
        return int(text)


@dataclass(frozen=True)
class Route:
    """`needs` are permissions of which one will do, or says so after a look at the call; `level` read or
    write. `takes` are the body's keys ("string", "string?" may be null, "string!" must be there), `asks`
    the query's. `documentation` is a page below docs.github.com/rest."""

    method: str
    path: str
    answer: Callable[[Call], Answer]
    needs: tuple[str, ...] | Callable[[Call], tuple[str, ...]]
    documentation: str
    takes: Mapping[str, str] = field(default_factory=dict)
    asks: frozenset[str] = frozenset()

    @property
    def level(self) -> str:
        return "read" if self.method == "GET" else "write"

    def match(self, method: str, rest: str) -> dict[str, str] | None:
        """The arguments in a path (what follows the repository), or None."""
        pattern = re.sub(r"\{(\w+)(\*?)\}", lambda m: f"(?P<{m[1]}>{'.+' if m[2] else '[^/]+'})", self.path)
        found = re.fullmatch(pattern, rest) if method == self.method else None
        return {name: unquote(value) for name, value in found.groupdict().items()} if found else None


def within(repository: Repository, path: str) -> str | None:
    """What follows the repository in a path; None if it is another repository's. Raises Unknown for a path
    that is no repository's."""
    if found := re.fullmatch(r"/repositories/(\d+)(/.*)?", path):
        return (found[2] or "") if int(found[1]) == number_for(repository.full_name) else None
    if found := re.fullmatch(r"/repos/([^/]+/[^/]+)(/.*)?", path):
        return (found[2] or "") if unquote(found[1]).lower() == repository.full_name.lower() else None
    raise Unknown("there is no such path")


def check_rights(route: Route, call: Call) -> None:
    """Raises ApiError unless the token allows the call, as GitHub would say it."""
    private, held = call.repository.private, call.permissions
    if held is None:
        if private:
            raise not_found()
        if route.level == "write":
            raise ApiError(401, "Requires authentication")
        return
    granted = {name: level for name, level in held.items() if level != "none"}
    needs = route.needs(call) if callable(route.needs) else route.needs
    sufficient = ("read", "write") if route.level == "read" else ("write",)
    if any(granted.get(name) in sufficient for name in needs) or (route.level == "read" and not private):
        return
    if private and not set(granted) - {"metadata"}:
        raise not_found()
    accepted = "; ".join(f"{name.replace('-', '_')}={route.level}" for name in needs)
    raise ApiError(403, NOT_ACCESSIBLE, headers={"X-Accepted-GitHub-Permissions": accepted})


def check_body(route: Route, body: Any, query: Mapping[str, str]) -> Mapping[str, Any]:
    """The body, if it is what the route takes. Raises ApiError for what GitHub would refuse, and Unknown for
    keys that are not known here."""
    if unknown := set(query) - route.asks:
        raise Unknown(f"the query's {', '.join(sorted(unknown))}")
    if body is None or body == "":
        body = {}
    if not isinstance(body, dict):
        raise ApiError(422, "Invalid request.\n\nThe body is not an object.")
    if unknown := set(body) - set(route.takes):
        raise Unknown(f"the body's {', '.join(sorted(unknown))}")
    for key, kind in route.takes.items():
        if key not in body:
            if kind.endswith("!"):
                raise ApiError(422, f'Invalid request.\n\n"{key}" wasn\'t supplied.')
        elif not (body[key] is None and kind.endswith("?")):
            name = kind.rstrip("?!")
            if not isinstance(body[key], TYPES[name]):
                raise ApiError(
                    422, f"Invalid request.\n\nFor 'properties/{key}', {body[key]!r} is not of type {name}."
                )
    return body


def page(call: Call, path: str, items: list[Any]) -> Answer:
    """A page of a list, with the links that GitHub gives to the others. PATH follows the repository."""
    size = min(_counted(call.query.get("per_page"), PAGE), LARGEST_PAGE)
    number = _counted(call.query.get("page"), 1)
    last = max(1, -(-len(items) // size))
    to = {}
    if number > 1:
        to |= {"prev": number - 1, "first": 1}
    if number < last:
        to |= {"next": number + 1, "last": last}
    base = f"{call.repository.api_url}/repositories/{number_for(call.repository.full_name)}{path}"
    links = [f'<{base}?{urlencode({**call.query, "page": n})}>; rel="{rel}"' for rel, n in to.items()]
    shown = items[(number - 1) * size : number * size]
    return Answer(200, shown, {"Link": ", ".join(links)} if links else {})


def _counted(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() and int(text) > 0 else default
