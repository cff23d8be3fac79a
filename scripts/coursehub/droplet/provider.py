"""A provider that people sign in at, asked from the droplet: where its parts are, and whether it knows us."""

from __future__ import annotations

import base64
import json
from urllib.parse import urlencode

from coursehub.droplet.system import OperationFailed

PATIENCE = 15.0
MOST = 1_000_000
"""Bytes: what says how to sign in has a few thousand."""
UNKNOWN_CLIENT = ("invalid_client", "unauthorized_client", "incorrect_client_credentials", "Not Found")
JSON = {"Accept": "application/json", "User-Agent": "coursehub"}
ADDRESSES = {
    "authorize_url": "authorization_endpoint",
    "token_url": "token_endpoint",
    "userdata_url": "userinfo_endpoint",
}
NOT_BY_DEFAULT = ["client_secret_basic"]
"""How a provider takes the client's secret when it does not say (OpenID Connect Discovery 1.0, section 3)."""


def discovered(issuer):
    """What the provider says of itself: {"problem": None or what is wrong, "endpoints": the authenticator's
    settings}."""
    url = issuer.rstrip("/") + "/.well-known/openid-configuration"
    try:
        status, text = fetched(url)
    except OSError as error:
        return {"problem": f"{url} cannot be reached from the server: {reason(error)}", "endpoints": {}}
    said = as_object(text)
    problem = fault(url, issuer, status, said)
    if problem:
        return {"problem": problem, "endpoints": {}}
    ways = said.get("token_endpoint_auth_methods_supported") or NOT_BY_DEFAULT
    endpoints = {ours: said[theirs] for ours, theirs in ADDRESSES.items()}
    return {"problem": None, "endpoints": endpoints | {"basic_auth": "client_secret_post" not in ways}}


def fault(url, issuer, status, said):
    """What is wrong with an answer; None when nothing is. Whoever answers in the issuer's place is not it."""
    if status != 200 or not said:
        return f"{url} answered {status}, not as OpenID providers do"
    if str(said.get("issuer")).rstrip("/") != issuer.rstrip("/"):
        return f"{url} is about another issuer, {str(said.get('issuer'))[:200]}"
    for theirs in ADDRESSES.values():
        if not str(said.get(theirs)).startswith("https://"):
            return f"{url} has no encrypted {theirs}"
    return None


def problem_with_keys(url):
    """What is wrong with a learning platform's keys (RFC 7517); None when some are there."""
    try:
        status, text = fetched(url)
    except OSError as error:
        return f"{url} cannot be reached from the server: {reason(error)}"
    keys = (as_object(text) or {}).get("keys")
    if status != 200 or not isinstance(keys, list):
        return f"{url} answered {status}, not as learning platforms do"
    return None if keys else f"{url} has none"


def require_known_client(trial, client):
    """Ask for a token with a code that cannot be right: a provider looks at the client first (RFC 6749,
    section 5.2). Raises OperationFailed when it does not know the client, or cannot be reached."""
    name = trial["provider"]
    form = {"grant_type": "authorization_code", "code": "none", "redirect_uri": trial["callback"]}
    form |= {"code_verifier": "n" * 43}
    headers = {}
    if trial["basic"]:
        pair = f"{client['id']}:{client['secret']}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
    else:
        form |= {"client_id": client["id"], "client_secret": client["secret"]}
    try:
        status, text = fetched(trial["token_url"], urlencode(form).encode(), headers)
    except OSError as error:
        raise OperationFailed(
            f"{name} cannot be reached from the server: {reason(error)}",
            "run the deploy again when it can",
        ) from None
    if status in (401, 404) or (as_object(text) or {}).get("error") in UNKNOWN_CLIENT:
        raise OperationFailed(
            f"{name} does not accept OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET: nothing was changed",
            "copy both anew from the provider's page to the secrets of the repository: "
            "Documentation/SignIn.md",
        )


def fetched(url, body=None, headers=()):
    """(status, text) of an answer, a refusal's too. Raises OSError.

    It goes nowhere else when it is told to: a secret is for the address that it was sent to.
    """
    from urllib.error import HTTPError  # 30 ms or more, which every look would pay for
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class Staying(HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    request = Request(url, data=body, headers={**JSON, **dict(headers)})  # noqa: S310 the schema wants https
    try:
        with build_opener(Staying).open(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read(MOST)
    except HTTPError as refusal:
        return refusal.code, refusal.read(MOST)


def as_object(text):
    """A JSON object, or None for anything else."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def reason(error):
    return str(getattr(error, "reason", error))
