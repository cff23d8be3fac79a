"""DigitalOcean's API, through pydo: every call bounded in time, every answer checked, nothing created twice.

What pydo 0.44 leaves to its caller, and is done here: a 404 comes back as a result, not as an error; lists
have 20 entries a page; and a POST is sent again after a server error, though the server may have done the
work (measured; see `Uncertain`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from .errors import Refused, Uncertain, explained

CONNECT_TIMEOUT, READ_TIMEOUT = 10, 30
"""Seconds; pydo's own are 300."""
PAGE = 200
TRIES = 5
REASONS = ("timed out", "Connection refused", "Name or service not known", "certificate verify failed")
LONGEST_WAIT = 120.0
"""Seconds in all that a call may spend waiting between tries."""


class Account:
    """One account, by its token. The calls are pydo's, by name: `account.get("droplets.list", …)`.

    A test may shorten `pause`, the seconds before the second try; each later one waits twice as long.
    """

    pause = 1.0

    def __init__(self, token: str, endpoint: str):
        from azure.core.pipeline.policies import SansIOHTTPPolicy
        from pydo import Client

        class Check(SansIOHTTPPolicy):
            """Turns every answer that is not a success into an error."""

            def on_response(self, request, response):
                check(request.http_request, response.http_response)

        self.client = Client(
            token,
            endpoint=endpoint,
            retry_total=0,
            connection_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            per_call_policies=[Check()],
        )

    def read(self, call: str, *words: Any, **options: Any) -> dict[str, Any] | None:
        """Ask for something that a question does not change; None when there is no such thing.

        Tried again while the API is busy or out of reach. Raises Failure.
        """
        waited = 0.0
        for attempt in range(TRIES):
            try:
                return self.once(call, *words, **options)
            except Refused as refused:
                if refused.status == 404:
                    return None
                wait = self.wait_for(refused, attempt)
                if not refused.passes or attempt == TRIES - 1 or waited + wait > LONGEST_WAIT:
                    raise explained(refused) from refused
                waited += wait
                time.sleep(wait)
        raise AssertionError("the last try returns or raises")

    def everything(self, call: str, key: str, *words: Any, **options: Any) -> list[dict[str, Any]]:
        """All entries of a list, page after page."""
        found: list[dict[str, Any]] = []
        page = 1
        while True:
            answer = self.read(call, *words, per_page=PAGE, page=page, **options) or {}
            found += answer.get(key) or []
            if not ((answer.get("links") or {}).get("pages") or {}).get("next"):
                return found
            page += 1

    def write(self, call: str, *words: Any, **options: Any) -> dict[str, Any]:
        """Change something, once. Tried again only where the API says that it did nothing (429).

        Raises Uncertain when it may or may not have been done: look before you do it again. Raises Refused
        when it was not, for the caller to understand or to have `explained`.
        """
        waited = 0.0
        for attempt in range(TRIES):
            try:
                return self.once(call, *words, **options) or {}
            except Refused as refused:
                wait = self.wait_for(refused, attempt)
                if refused.status != 429 or attempt == TRIES - 1 or waited + wait > LONGEST_WAIT:
                    if refused.passes and refused.status != 429:
                        raise Uncertain(refused) from refused
                    raise
                waited += wait
                time.sleep(wait)
        raise AssertionError("the last try returns or raises")

    def once(self, call: str, *words: Any, **options: Any) -> dict[str, Any] | None:
        """One request. Raises Refused for every answer but a good one."""
        from azure.core.exceptions import AzureError

        group, _, verb = call.partition(".")
        options = {name: value for name, value in options.items() if value is not None}
        try:
            return getattr(getattr(self.client, group), verb)(*words, **options)
        except AzureError as error:
            raise Refused(call, 0, "", f"no answer ({words_of(error)})") from error
        except ValueError as error:
            raise Refused(call, 0, "", "an answer that is not JSON, as a proxy gives") from error
        except Refused as refused:
            raise refused.during(call) from None

    def wait_for(self, refused: Refused, attempt: int) -> float:
        """Seconds until the next try: what the API asks for, or longer each time."""
        return refused.retry_after if refused.retry_after is not None else self.pause * 2**attempt


def check(request: Any, response: Any) -> None:
    """Raises Refused unless the answer is a good one."""
    status = response.status_code
    if 200 <= status < 300:
        return
    try:
        body = response.json()
    except ValueError:
        body = {}
    body = body if isinstance(body, Mapping) else {}
    raise Refused(
        f"{request.method} {request.url}",
        status,
        str(body.get("id", "")),
        str(body.get("message", "") or response.reason or ""),
        number=str(body.get("request_id", "")),
        retry_after=seconds(response.headers.get("Retry-After")),
    )


def seconds(header: str | None) -> float | None:
    """The Retry-After header as seconds; None without one that says so."""
    try:
        return None if header is None else max(0.0, float(header))
    except ValueError:
        return None


def words_of(error: Exception) -> str:
    """The shortest text that says what happened: urllib3 wraps reasons in reasons."""
    text = str(error) or type(error).__name__
    return next((reason for reason in REASONS if reason in text), text.splitlines()[0][:200])
