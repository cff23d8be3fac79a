"""The learning platforms that people can come from, and where each has what LTI 1.3 asks of it.

What the hub has to know of a platform: who signs its words (the issuer), where a browser is sent to be
recognised, and where the keys are with which the words are signed.
"""

from __future__ import annotations

from dataclasses import dataclass

BEGIN, FINISH = "/hub/lti13/oauth_login", "/hub/lti13/oauth_callback"
CONFIG, KEYS = "/hub/lti13/config", "/hub/lti13/jwks"
"""Addresses at the hub, which the platform has to know."""

LOGIN, EMAIL, SCHOOL_ID, SUBJECT = "login", "email", "school-id", "sub"
"""What of a person may open an account; the keys of `lti_launch.names_in`."""


@dataclass(frozen=True)
class Platform:
    """`issuer`, `authorize_url` and `keys_url` may hold {address} and {client}. `signed_login` tells whether
    the platform itself says people's log-in names; elsewhere a custom parameter does, which teachers of any
    course there may set. One registration of the tool may serve many `tenants`."""

    name: str
    issuer: str | None = None
    authorize_url: str | None = None
    keys_url: str | None = None
    signed_login: bool = False
    tenants: bool = False

    @property
    def needs_address(self) -> bool:
        return "{address}" in (self.issuer or "")


PLATFORMS = {
    # https://developerdocs.instructure.com/services/canvas/external-tools/lti/file.lti_launch_overview
    "canvas": Platform(
        "Canvas",
        "https://canvas.instructure.com",
        "https://sso.canvaslms.com/api/lti/authorize_redirect",
        "https://sso.canvaslms.com/api/lti/security/jwks",
    ),
    # https://docs.moodle.org/en/LTI_External_tools, and the page "Tool configuration details" in Moodle
    "moodle": Platform(
        "Moodle",
        "{address}",
        "{address}/mod/lti/auth.php",
        "{address}/mod/lti/certs.php",
        signed_login=True,
    ),
    # https://docs.anthology.com/docs/blackboard/lti/1.3/register-an-application
    "blackboard": Platform(
        "Blackboard",
        "https://blackboard.com",
        "https://developer.blackboard.com/api/v1/gateway/oidcauth",
        "https://developer.blackboard.com/api/v1/management/applications/{client}/jwks.json",
        tenants=True,
    ),
    "other": Platform("your learning platform"),
}

ENDPOINTS = ("issuer", "authorize_url", "keys_url")


def endpoints(asked) -> dict[str, str | None]:
    """Each of ENDPOINTS for `settings.lti`: what it says itself, or what is so at every such platform."""
    platform = PLATFORMS[asked.platform or "other"]
    known = {"address": (asked.address or "").rstrip("/"), "client": asked.client_id or ""}
    return {
        name: getattr(asked, name) or (getattr(platform, name) or "").format(**known) or None
        for name in ENDPOINTS
    }
