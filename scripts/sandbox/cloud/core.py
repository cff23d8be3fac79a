"""What the modules of the API share: requests and answers, routes, lists in pages."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from sandbox.cloud.backend import Backend
from sandbox.cloud.errors import ApiError, unprocessable
from sandbox.cloud.state import Record, State, Store

PER_PAGE = 20
MOST_PER_PAGE = 200


@dataclass(frozen=True)
class Request:
    """What was asked. `body` is the JSON that came, or None."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Any = field(default=None, repr=False)


@dataclass(frozen=True)
class Answer:
    """What it is answered with; a body of None is no body."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Behaviour:
    """How the API behaves where the real one is not always the same. All counts are of requests.

    `lag`: a new droplet is absent from that many lists. `address_delay`: an active droplet is shown that many
    times without its public address. `polls`: an action is seen in progress that many times, counting each
    look at it or at what it works on. `ignores_shutdown`: an orderly shutdown changes nothing, and says so.
    `background`: the work of actions goes on after the answer, as real machines need; otherwise it is done
    before. `key_lists_per_minute` and `requests_per_hour` answer 429 beyond; None is no limit.
    """

    lag: int = 0
    address_delay: int = 0
    polls: int = 0
    ignores_shutdown: bool = False
    background: bool = True
    key_lists_per_minute: int | None = 10
    requests_per_hour: int | None = 5000


@dataclass(frozen=True)
class Kind:
    """What an action of a kind does, in two halves. Arguments and result are JSON, so that an action can be
    taken up again by a server that was killed.

    `perform` has the backend do it, without the lock, and returns what came out; `apply` then changes the
    records, holding it.
    """

    perform: Callable[[Cloud, Mapping[str, Any]], Any]
    apply: Callable[[Cloud, Mapping[str, Any], Any], None]


@dataclass
class Cloud:
    """An account at DigitalOcean: what it remembers, the machines behind it, and how it behaves.

    `workers` do the work of actions; `mistakes` are the tracebacks of what the sandbox itself did wrong.
    """

    store: Store
    backend: Backend
    behaviour: Behaviour
    kinds: Mapping[str, Kind]
    url: str = ""
    workers: list[threading.Thread] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)

    @property
    def state(self) -> State:
        """The records; change them only while holding `store.lock`."""
        return self.store.state


@dataclass(frozen=True)
class Call:
    """One request on its way through a route. `scopes` of None is a token with full access."""

    cloud: Cloud
    request: Request
    parameters: Mapping[str, str]
    scopes: frozenset[str] | None = None

    @property
    def state(self) -> State:
        """The account's records."""
        return self.cloud.state

    @property
    def query(self) -> Mapping[str, str]:
        """The request's query."""
        return self.request.query

    @property
    def body(self) -> Mapping[str, Any]:
        """The request's JSON object. Raises ApiError (400) for anything else."""
        if not isinstance(self.request.body, dict):
            raise ApiError(400, "Invalid JSON: an object is expected")
        return self.request.body

    def text(self, name: str) -> str:
        """A text of the body that must be there. Raises ApiError (422)."""
        value = self.body.get(name)
        if not isinstance(value, str) or not value:
            raise unprocessable(f"{name} is required")
        return value

    def need(self, scope: str) -> None:
        """Raise ApiError (403) unless the token has this scope. As the real one, it does not say which."""
        if self.scopes is not None and not self.scopes & set(scope.split("|")):
            raise ApiError(403)


@dataclass(frozen=True)
class Route:
    """`path` has {names} for its variable parts; `scope` is what a token needs, alternatives divided by |."""

    method: str
    path: str
    scope: str
    handle: Callable[[Call], Answer]

    @property
    def pattern(self) -> re.Pattern[str]:
        """The path as a regular expression."""
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path))


def page(call: Call, name: str, records: Iterable[Any]) -> Answer:
    """A page of a list, as the query asks for it: at most 200 a page, 20 unless told."""
    everything = list(records)
    per_page = min(number(call.query, "per_page", PER_PAGE), MOST_PER_PAGE)
    current = number(call.query, "page", 1)
    last = max(1, math.ceil(len(everything) / per_page))
    shown = everything[(current - 1) * per_page : current * per_page]

    def link(to: int) -> str:
        query = {**call.query, "page": to, "per_page": per_page}
        return f"{call.cloud.url}{call.request.path}?{urlencode(query)}"

    pages = {}
    if current > 1:
        pages |= {"first": link(1), "prev": link(current - 1)}
    if current < last:
        pages |= {"next": link(current + 1), "last": link(last)}
    links = {"pages": pages} if pages else {}
    return Answer(200, {name: shown, "links": links, "meta": {"total": len(everything)}})


def number(query: Mapping[str, str], name: str, default: int) -> int:
    """A positive number of the query. Raises ApiError (400)."""
    text = query.get(name, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise ApiError(400, f"{name} must be a positive number")
    return int(text)


def found(records: Mapping[str, Record], identifier: object) -> Record:
    """The record with this id. Raises ApiError (404)."""
    try:
        return records[str(identifier)]
    except KeyError:
        raise ApiError(404) from None
