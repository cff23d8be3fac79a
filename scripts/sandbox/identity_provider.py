"""A provider to sign in at, for the sandbox: OpenID Connect's part that hubs use, and GitHub's way beside it.

It is strict where real ones are: a code is good once, for one client, one callback address and the browser
that began (PKCE). Its ID tokens are signed with a key of nobody's, for a hub that gets them from the provider
itself need not check that. Who sits at the browser is in the cookie `person`, as if that person had given
their password before.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from sandbox.acme import Identity
from sandbox.https_server import serving

Answer = tuple[int, Any]
GITHUB = "/login/oauth"
GITHUB_API = "/api/v3"


@dataclass
class Provider:
    """In a `with` statement. `people` maps who may sit at a browser to what is said of them; of GitHub's
    way, `organizations` maps names to members. Clients are checked against `client`, (ID, secret), and may
    send people back to `callbacks`."""

    identity: Identity
    address: str
    port: int
    client: tuple[str, str]
    callbacks: tuple[str, ...]
    people: Mapping[str, Mapping[str, Any]]
    organizations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    codes: dict[str, Mapping[str, str]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The issuer, and GitHub's address."""
        return f"https://{self.address}:{self.port}"

    def __enter__(self) -> Provider:
        handler = type("ProviderHandler", (_Handler,), {"provider": self})
        self._serving = serving(self.identity, self.address, self.port, handler)
        self._serving.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._serving.__exit__(*error)

    def discovery(self) -> Answer:
        """What the provider says of itself (OpenID Connect Discovery 1.0)."""
        return 200, {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "response_types_supported": ["code"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }

    def authorize(self, query: Mapping[str, str], person: str) -> Answer:
        """Send the person back with a code. Nobody is sent to an address that was not registered."""
        if query.get("client_id") != self.client[0] or query.get("redirect_uri") not in self.callbacks:
            return 400, {"error": "invalid_request"}
        if person not in self.people:
            return 401, {"error": "login_required"}
        code = secrets.token_urlsafe(16)
        self.codes[code] = {**query, "person": person}
        return 302, f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query.get('state', '')})}"

    def token(self, form: Mapping[str, str], basic: str | None) -> Answer:
        """A token for a code (RFC 6749, RFC 7636)."""
        given = form.get("client_id", ""), form.get("client_secret", "")
        if basic:
            identifier, _, secret = base64.b64decode(basic).decode().partition(":")
            given = identifier, secret
        if not all(hmac.compare_digest(*pair) for pair in zip(given, self.client, strict=True)):
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if (
            asked is None
            or asked["redirect_uri"] != form.get("redirect_uri")
            or asked.get("code_challenge") != _encoded(digest)
        ):
            return 400, {"error": "invalid_grant"}
        token = secrets.token_urlsafe(16)
        self.tokens[token] = asked["person"]
        said = {"access_token": token, "token_type": "Bearer", "scope": asked.get("scope", "")}
        return 200, said | {"id_token": self.id_token(asked["person"])}

    def id_token(self, person: str) -> str:
        """What is said of a person, as a JSON Web Token (RFC 7519) that is good for a minute."""
        about = {"iss": self.url, "aud": self.client[0], "exp": int(time.time()) + 60, **self.people[person]}
        parts = {"alg": "HS256", "typ": "JWT"}, about
        return ".".join([*(_encoded(json.dumps(part).encode()) for part in parts), _encoded(bytes(32))])

    def github_token(self, form: Mapping[str, str], basic: str | None) -> Answer:
        """GitHub answers 200 to everything that it understands."""
        status, said = self.token(form, basic)
        words = {"invalid_client": "incorrect_client_credentials", "invalid_grant": "bad_verification_code"}
        if status != 200:
            said = {"error": words[said["error"]], "error_description": "It is wrong."}
        return 200, said

    def userinfo(self, token: str) -> Answer:
        person = self.tokens.get(token)
        return (200, dict(self.people[person])) if person else (401, {"error": "invalid_token"})

    def membership(self, path: str, token: str) -> Answer:
        """/orgs/ORGANISATION/members/PERSON: 204 for a member."""
        _, _, organization, _, person = path.removeprefix(GITHUB_API).split("/")
        member = token in self.tokens and person in self.organizations.get(organization, ())
        return (204, None) if member else (404, {"message": "Not Found"})


def _encoded(content: bytes) -> str:
    """As tokens and challenges have it (base64url without padding)."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class _Handler(http.server.BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        cookie = SimpleCookie(self.headers.get("Cookie", ""))
        person = cookie["person"].value if "person" in cookie else ""
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        provider = self.provider
        answers: dict[str, Callable[[], Answer]] = {
            "/.well-known/openid-configuration": provider.discovery,
            "/authorize": lambda: provider.authorize(query, person),
            f"{GITHUB}/authorize": lambda: provider.authorize(query, person),
            "/userinfo": lambda: provider.userinfo(token),
            f"{GITHUB_API}/user": lambda: provider.userinfo(token),
        }
        if parts.path.startswith(f"{GITHUB_API}/orgs/"):
            self.answer(*provider.membership(parts.path, token))
        else:
            self.answer(*answers.get(parts.path, lambda: (404, {}))())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {key: values[0] for key, values in parse_qs(body).items()}
        authorization = self.headers.get("Authorization", "")
        basic = authorization.removeprefix("Basic ") if authorization.startswith("Basic ") else None
        answers = {"/token": self.provider.token, f"{GITHUB}/access_token": self.provider.github_token}
        self.answer(*answers.get(self.path, lambda *_: (404, {}))(form, basic))

    def answer(self, status: int, said: Any) -> None:
        redirected = 300 <= status < 400
        body = b"" if redirected or said is None else json.dumps(said).encode()
        self.send_response(status)
        if redirected:
            self.send_header("Location", said)
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: what was asked for is in `codes` and `tokens`."""
