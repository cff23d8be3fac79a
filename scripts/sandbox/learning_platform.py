"""A learning platform for the sandbox: Moodle's addresses, and LTI 1.3 as far as signing in goes.

Who sits at the browser is in the cookie `person`. A link in a course (`/launch?target=…`) sends the browser
to the tool, which sends it back here to be recognised, and from here a form takes the signed words to the
tool: https://www.imsglobal.org/spec/security/v1p0/#openid_connect_launch_flow. With `fault`, the words are
wrong in one way (FAULTS, FORGERIES), for the tool to notice.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import http.server
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.acme import Identity
from sandbox.https_server import serving

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
ROLE = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
KEY = "the-key"
DEPLOYMENT, COURSE = "1", "42"
PAGE = "<!doctype html><meta charset=utf-8><title>School</title>{body}"
FORM = '<form method="post" action="{action}">{fields}</form>'
FIELD = '<input type="hidden" name="{name}" value="{value}">'
AT_ONCE = "<script>document.forms[0].submit()</script>"

Answer = tuple[int, str]


def _claims(**changes: Any) -> Callable[[dict], dict]:
    return lambda token: {**token, **changes}


def _without(name: str) -> Callable[[dict], dict]:
    return lambda token: {key: value for key, value in token.items() if key != name}


FAULTS: Mapping[str, Callable[[dict], dict]] = {
    "another tool's": _claims(aud="another-tool"),
    "several tools', none of them ours": _claims(aud=["another-tool", "a-third"], azp="another-tool"),
    "another issuer's": _claims(iss="https://moodle.evil.example"),
    "expired": lambda token: {**token, "exp": int(time.time()) - 3600, "iat": int(time.time()) - 3700},
    "of tomorrow": _claims(iat=int(time.time()) + 86400, exp=int(time.time()) + 90000),
    "never expiring": _without("exp"),
    "with a nonce of before": _claims(nonce="0" * 64),
    "without a nonce": _without("nonce"),
    "without a deployment": _without(CLAIM + "deployment_id"),
    "of another deployment": _claims(**{CLAIM + "deployment_id": "2"}),
    "of another course": _claims(**{CLAIM + "context": {"id": "43", "title": "Another course"}}),
    "without a course": _without(CLAIM + "context"),
    "of another version": _claims(**{CLAIM + "version": "1.1.0"}),
    "for deep linking": _claims(**{CLAIM + "message_type": "LtiDeepLinkingRequest"}),
    "without a name": _without(CLAIM + "ext"),
    "with a name in the wrong place": lambda token: {
        **_without(CLAIM + "ext")(token),
        CLAIM + "custom": {"login": "prof.smith"},
    },
}
FORGERIES = ("another key", "an unknown key", "no signature", "a signature with the public key")


@dataclass
class LearningPlatform:
    """In a `with` statement. `people` maps who may sit at a browser to their roles in the course; the tool is
    `client`, begins at `begin` and may have the words sent to `finish`."""

    identity: Identity
    address: str
    port: int
    client: str
    begin: str
    finish: str
    people: Mapping[str, tuple[str, ...]]
    fault: str | None = None
    sent: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._key, self._other = (rsa.generate_private_key(65537, 2048) for _ in range(2))

    @property
    def url(self) -> str:
        """The platform's address and its name as an issuer."""
        return f"https://{self.address}:{self.port}"

    def __enter__(self) -> LearningPlatform:
        handler = type("PlatformHandler", (_Handler,), {"platform": self})
        self._serving = serving(self.identity, self.address, self.port, handler)
        self._serving.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._serving.__exit__(*error)

    def keys(self) -> Answer:
        """The public half of the key (RFC 7517)."""
        numbers = self._key.public_key().public_numbers()
        n, e = (_encoded(value.to_bytes((value.bit_length() + 7) // 8)) for value in (numbers.n, numbers.e))
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY, "n": n, "e": e}
        return 200, json.dumps({"keys": [key]})

    def course(self, query: Mapping[str, str]) -> Answer:
        """A page of the course with the link's target in a frame: a button of the tool is in its middle."""
        source = html.escape(f"/launch?{urlencode(query)}")
        frame = f'<iframe src="{source}" width="800" height="230"></iframe>'
        return 200, PAGE.format(body=f"<h1>A course</h1>{frame}")

    def launch(self, query: Mapping[str, str], person: str) -> Answer:
        """Somebody followed a link in the course."""
        fields = {
            "iss": self.url,
            "client_id": self.client,
            "login_hint": person,
            "lti_message_hint": '{"cmid":7}',
            "lti_deployment_id": DEPLOYMENT,
            "target_link_uri": query.get("target", ""),
        }
        return 200, PAGE.format(body=_form(self.begin, fields) + AT_ONCE)

    def authorize(self, query: Mapping[str, str], person: str) -> Answer:
        """Send the words to the tool, as it asked: with a form, for nobody but who sits here."""
        expected = {
            "client_id": self.client,
            "redirect_uri": self.finish,
            "login_hint": person,
            "response_type": "id_token",
            "response_mode": "form_post",
            "scope": "openid",
            "prompt": "none",
            "lti_message_hint": '{"cmid":7}',
        }
        wrong = [name for name, value in expected.items() if query.get(name) != value]
        if wrong or person not in self.people:
            return 400, f"not as it should be: {wrong}, {html.escape(person)}"
        fields = {"id_token": self.words(person, query["nonce"]), "state": query["state"]}
        self.sent.append(fields)
        return 200, PAGE.format(body=_form(self.finish, fields) + AT_ONCE)

    def words(self, person: str, nonce: str) -> str:
        """What is said of a person, as a signed token that is good for a minute."""
        now = int(time.time())
        token = {
            "iss": self.url,
            "aud": self.client,
            "sub": f"number of {person}",
            "iat": now,
            "exp": now + 60,
            "nonce": nonce,
            "email": f"{person}@school.test",
            CLAIM + "version": "1.3.0",
            CLAIM + "message_type": "LtiResourceLinkRequest",
            CLAIM + "deployment_id": DEPLOYMENT,
            CLAIM + "target_link_uri": "https://anywhere.test",
            CLAIM + "resource_link": {"id": "7", "title": "An assignment"},
            CLAIM + "context": {"id": COURSE, "label": "C", "title": "A course"},
            CLAIM + "roles": [ROLE + role for role in self.people[person]],
            CLAIM + "ext": {"user_username": person, "lms": "moodle-2"},
        }
        return self.signed(FAULTS.get(self.fault or "", dict)(token))

    def signed(self, token: Mapping[str, Any]) -> str:
        """The token (RFC 7515) with a signature that is right, or a forgery."""
        header = {"alg": "RS256", "typ": "JWT", "kid": KEY}
        if self.fault == "an unknown key":
            header["kid"] = "nobody's"
        elif self.fault == "no signature":
            header["alg"] = "none"
        elif self.fault == "a signature with the public key":
            header["alg"] = "HS256"
        text = ".".join(_encoded(json.dumps(part).encode()) for part in (header, token))
        return f"{text}.{_encoded(self._signature(text.encode()))}"

    def _signature(self, text: bytes) -> bytes:
        if self.fault == "no signature":
            return b""
        if self.fault == "a signature with the public key":
            form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            return hmac.digest(self._key.public_key().public_bytes(*form), text, hashlib.sha256)
        key = self._other if self.fault in ("another key", "an unknown key") else self._key
        return key.sign(text, padding.PKCS1v15(), hashes.SHA256())


def _encoded(content: bytes) -> str:
    """As tokens have it (base64url without padding)."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _form(action: str, fields: Mapping[str, str]) -> str:
    inputs = "".join(FIELD.format(name=name, value=html.escape(value)) for name, value in fields.items())
    return FORM.format(action=html.escape(action), fields=inputs)


class _Handler(http.server.BaseHTTPRequestHandler):
    platform: LearningPlatform

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        cookie = SimpleCookie(self.headers.get("Cookie", ""))
        person = cookie["person"].value if "person" in cookie else ""
        platform = self.platform
        answers: dict[str, Callable[[], Answer]] = {
            "/mod/lti/certs.php": platform.keys,
            "/mod/lti/auth.php": lambda: platform.authorize(query, person),
            "/launch": lambda: platform.launch(query, person),
            "/course": lambda: platform.course(query),
            "/": lambda: (200, PAGE.format(body="<h1>School</h1>")),
        }
        status, text = answers.get(parts.path, lambda: (404, "nothing here"))()
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if body.startswith(b"{") else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: what was sent to the tool is in `sent`."""
